#!/usr/bin/env bash
# all.sh
# Brings everything that the tests need, and does nothing where it is there already: MariaDB with its clients and
# sysbench from the system's packages; under $FOREBAY_TEST_CACHE (default: target/provision) a MySQL 9.7 tree, MariaDB's
# plugins, PHP with Laravel, a Python environment, node modules, and clients in Perl, Ruby, Go, Java and Rust. Prints the
# folder.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/cache.sh"
exec 9> "$cache/.all.lock"
flock 9

packages=(mariadb-server-core mariadb-client-core mariadb-client sysbench openssl)
command -v node > /dev/null || packages+=(nodejs)
command -v npm > /dev/null || packages+=(npm)
python3 -c 'import venv, ensurepip' 2> /dev/null || packages+=(python3 python3-venv)
# For drivers over MariaDB's C library, which are compiled here.
packages+=(libmariadb-dev pkg-config gcc libc6-dev)
python3 -c 'import sysconfig; open(sysconfig.get_path("include") + "/Python.h")' 2> /dev/null || packages+=(python3-dev)
command -v javac > /dev/null || packages+=(default-jdk-headless)
"$here/apt.sh" "${packages[@]}"

# What operators read the slow log and sit at the admin port with; without them those tests are skipped.
"$here/apt.sh" percona-toolkit || echo "no percona-toolkit: pt-query-digest reads no slow log" >&2
"$here/apt.sh" mycli || echo "no mycli: it does not visit the admin port" >&2

# A service that listens nowhere; without it one test says that it is skipped.
"$here/apt.sh" haproxy || echo "no haproxy: the tests behind it are skipped" >&2
# A browser for the dashboard; the same.
"$here/apt.sh" chromium chromium-driver || echo "no chromium: the dashboard's test is skipped" >&2

# Each by its own process, since they mostly wait for the network; a failing one shows its log.
names=() pids=()
job() { # NAME PROGRAM [ARGS]
  local name=$1; shift
  "$@" > "$cache/$name.log" 2>&1 9>&- &
  names+=("$name") pids+=($!)
}
[ -x "$cache/mysql/bin/mysqld" ] || job mysql env ROUTER=0 "$here/mysql-server.sh" "$cache/mysql"
[ -e "$cache/laravel/app/check.php" ] || job laravel "$here/laravel.sh" "$cache/laravel"
job plugins "$here/mariadb-plugins.sh" "$cache/mariadb-plugins"
job python "$here/python.sh" "$cache/python"
job node "$here/node.sh" "$cache/node"
job clients "$here/clients.sh" "$cache/clients"
job rust "$here/rust.sh" "$cache/rust"

failed=0
for i in "${!pids[@]}"; do
  wait "${pids[$i]}" || { failed=1; echo "provisioning ${names[$i]} failed:" >&2; tail -n 20 "$cache/${names[$i]}.log" >&2; }
done
[ $failed = 0 ] || exit 1
echo "$cache"
