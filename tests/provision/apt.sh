#!/usr/bin/env bash
# apt.sh PACKAGE...
# Installs those of Debian's (or Ubuntu's) packages that are missing. Says nothing when there is nothing to do.
# Needs root or sudo only then; on another system it says what to install by hand.
set -euo pipefail
[ $# -ge 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }

missing=()
if command -v dpkg-query > /dev/null; then
  for package; do
    [ "$(dpkg-query -W -f '${Status}' "$package" 2> /dev/null)" = "install ok installed" ] || missing+=("$package")
  done
else
  missing=("$@")
fi
[ ${#missing[@]} -gt 0 ] || exit 0

if ! command -v apt-get > /dev/null; then
  echo "This is no Debian or Ubuntu: please install what these packages hold with your system's own package manager: ${missing[*]}" >&2
  exit 1
fi
root=()
if [ "$(id -u)" != 0 ]; then
  if ! command -v sudo > /dev/null; then
    echo "Not root and no sudo here. Please have installed: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
  fi
  root=(sudo)
fi

echo "installing ${missing[*]}" >&2
log=$(mktemp)
trap 'rm -f "$log"' EXIT
run() {
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" > "$log" 2>&1
}
# The lists may be old or absent: try with them, then with fresh ones.
run install -y --no-install-recommends "${missing[@]}" ||
  { run update && run install -y --no-install-recommends "${missing[@]}"; } ||
  { tail -n 20 "$log" >&2; exit 1; }
