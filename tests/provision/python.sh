#!/usr/bin/env bash
# python.sh DIR
# A Python environment with what tests/clients/python/requirements.txt pins. Safe to run again.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
dir=$1 pins=$here/../clients/python/requirements.txt
cmp -s "$pins" "$dir/installed.txt" && exit 0
rm -rf "$dir"
python3 -m venv "$dir"
"$dir/bin/pip" install --quiet --disable-pip-version-check --requirement "$pins"
cp "$pins" "$dir/installed.txt"
