#!/usr/bin/env bash
# mariadb-plugins.sh DIR
# Puts the loadable plugins of this system's MariaDB (client_ed25519's server side and others) under DIR, for
# `mariadbd --plugin-dir=DIR`. They come out of the package mariadb-server, which is not installed: it brings a service.
# Safe to run again.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1"; dir=$(realpath "$1")
[ ! -e "$dir/auth_ed25519.so" ] || exit 0

# Where the whole server is installed they are there already.
for installed in /usr/lib/mysql/plugin /usr/lib64/mysql/plugin /usr/lib64/mariadb/plugin; do
  [ ! -e "$installed/auth_ed25519.so" ] || { cp "$installed"/*.so "$dir"; exit 0; }
done
command -v apt-get > /dev/null || { echo "mariadb-plugins: no auth_ed25519.so and no apt-get here" >&2; exit 1; }

# The very version that runs, or what there is.
version=$(dpkg-query -W -f '${Version}' mariadb-server-core)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
root=()
[ "$(id -u)" = 0 ] || root=(sudo)
download() { apt-get -q -o Acquire::Retries=3 -o APT::Sandbox::User="$(id -un)" download "$1"; }
download "mariadb-server=$version" || { "${root[@]}" apt-get -q update && download "mariadb-server=$version"; } || download mariadb-server
mkdir tree
dpkg-deb --fsys-tarfile mariadb-server_*.deb | tar -x -C tree --wildcards './usr/lib/mysql/plugin/*.so'
# The one that is looked for goes last: it says that all are there.
find tree -name '*.so' ! -name auth_ed25519.so -exec mv -t "$dir" {} +
mv tree/usr/lib/mysql/plugin/auth_ed25519.so "$dir"
