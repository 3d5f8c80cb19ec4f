#!/usr/bin/env bash
# rust.sh DIR
# DIR/clients: sqlx and diesel as tests/clients/rust uses them (needs cargo and MariaDB's C library). A crate outside of
# Forebay's own build, compiled once. Safe to run again.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")")
dir=$1 source=$here/../clients/rust
stamp=$(cat "$0" "$source"/Cargo.* "$source"/src/* | sha256sum)
[ "$(cat "$dir/compiled" 2> /dev/null || :)" != "$stamp" ] || exit 0
mkdir -p "$dir"
cargo build --quiet --locked --manifest-path "$source/Cargo.toml" --target-dir "$dir/target"
mv "$dir/target/debug/forebay-rust-clients" "$dir/clients"
rm -rf "$dir/target"
echo "$stamp" > "$dir/compiled"
