#!/usr/bin/env bash
# cargo-deb.sh
# Brings what `make deb` needs and is not there: cargo-deb, under $FOREBAY_TEST_CACHE (default: target/provision), and from the
# system's packages what finds out which libraries a program needs. Prints the folder that cargo-deb is in.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/cache.sh"
version=3.8.0

"$here/apt.sh" dpkg-dev
dir=$cache/cargo-deb
if [ "$(cat "$dir/version" 2> /dev/null || :)" != $version ]; then
  exec 9> "$cache/.cargo-deb.lock"
  flock 9
  cargo install --quiet --locked --force --version $version --root "$dir" cargo-deb >&2 9>&-
  echo $version > "$dir/version"
fi
echo "$dir/bin"
