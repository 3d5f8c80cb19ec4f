#!/usr/bin/env bash
# node.sh DIR
# Under DIR/node_modules what tests/clients/node/package-lock.json pins (found by NODE_PATH). Safe to run again.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
dir=$1 source=$here/../clients/node
cmp -s "$source/package-lock.json" "$dir/installed.json" && exit 0
rm -rf "$dir"
mkdir -p "$dir"
cp "$source/package.json" "$source/package-lock.json" "$dir/"
(cd "$dir" && npm ci --silent --no-audit --no-fund)
cp "$source/package-lock.json" "$dir/installed.json"
