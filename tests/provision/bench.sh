#!/usr/bin/env bash
# bench.sh
# Brings what `make bench` needs and is not there: MariaDB, sysbench, HAProxy and strace from the system's packages; under
# $FOREBAY_TEST_CACHE (default: target/provision) a Python environment that can draw. Prints that environment's Python.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/cache.sh"
pins=$here/../../benches/requirements.txt

packages=(mariadb-server-core mariadb-client-core sysbench haproxy strace)
python3 -c 'import venv, ensurepip' 2> /dev/null || packages+=(python3 python3-venv)
"$here/apt.sh" "${packages[@]}"

dir=$cache/bench
if ! cmp -s "$pins" "$dir/installed.txt"; then
  rm -rf "$dir"
  python3 -m venv "$dir"
  "$dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
  cp "$pins" "$dir/installed.txt"
fi
echo "$dir/bin/python3"
