#!/usr/bin/env bash
# settled.sh
# Waits until the guards of test runs (guard.sh) have ended what those runs started.
set -euo pipefail
. "$(dirname "$(realpath "$0")")/cache.sh"
exec 8> "$cache/.guard.lock"
flock -w 120 8
