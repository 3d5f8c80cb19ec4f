#!/usr/bin/env bash
# replicas.sh mysql|mariadb DIR N [BASEPORT]  start one primary and N replicas
# replicas.sh stop DIR                        end exactly those, and wait for it
# replicas.sh delay DIR I SECONDS             set replica I's delay (0: none)
# replicas.sh sql DIR primary|I [CLIENT ARGS] a root client on one of them
# Local processes on 127.0.0.1 with their data under DIR (keep its path short:
# sockets lie there). Prints shell lines (also in DIR/env):
#   eval "$(./replicas.sh mysql DIR 2)"; echo $PRIMARY_PORT $REPLICA1_PORT
# GTID replication, ROW binlog, replicas read_only=ON; user app/secret owns the
# databases app%, root has no password. Read from the environment:
#   MYSQL_TREE  a tree made by mysql-server.sh (default: the test cache's, made if absent)
#   EXTRA       more server options for all; EXTRA_PRIMARY for the primary alone
set -euo pipefail
here=$(dirname "$(realpath "$0")")
usage() { sed -n '2,13s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ $# -ge 2 ] || usage
cmd=$1; mkdir -p "$2"; dir=$(realpath "$2")

stop() {
  [ -f "$dir/env" ] || return 0
  local pid pids=()
  for pid in $(sed -n 's/^[A-Z0-9]*_PID=//p' "$dir/env"); do
    # Only a process that still serves this very directory.
    if [ -r "/proc/$pid/cmdline" ] && tr '\0' '\n' < "/proc/$pid/cmdline" | grep -q -- "^--datadir=$dir/"; then
      kill "$pid" && pids+=("$pid")
    fi
  done
  for pid in "${pids[@]}"; do
    for _ in $(seq 300); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    ! kill -0 "$pid" 2>/dev/null || kill -9 "$pid"
  done
  mv "$dir/env" "$dir/env.stopped"
}

client() { # NAME [ARGS]: root on DIR/NAME's socket
  local name=$1; shift
  "$CLIENT" --no-defaults -uroot -S "$dir/$name/s" "$@"
}

case $cmd in
  stop) stop; exit 0 ;;
  delay|sql)
    [ $# -ge 3 ] || usage
    . "$dir/env"
    if [ "$cmd" = delay ]; then
      client "replica$3" -e "$(if [ "$KIND" = mysql ]
        then echo "STOP REPLICA SQL_THREAD; CHANGE REPLICATION SOURCE TO SOURCE_DELAY=$4; START REPLICA"
        else echo "STOP SLAVE; CHANGE MASTER TO MASTER_DELAY=$4; START SLAVE"; fi)"
    else
      who=$3; [ "$who" = primary ] || who=replica$who
      shift 3; client "$who" "$@"
    fi
    exit 0 ;;
  mysql|mariadb) [ $# -ge 3 ] || usage; n=$3 ;;
  *) usage ;;
esac
stop

free() { ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2>/dev/null; }
base=${4:-}
if [ -z "$base" ]; then
  for _ in $(seq 50); do
    base=$((20000 + RANDOM % 12000)) ok=1
    for i in $(seq 0 "$n"); do free $((base + i)) || ok=0; done
    [ $ok = 0 ] || break
  done
fi
for i in $(seq 0 "$n"); do
  free $((base + i)) || { echo "replicas: port $((base + i)) is taken" >&2; exit 1; }
done
rm -rf "$dir"/primary "$dir"/replica[0-9]* "$dir/seed" "$dir/tls" "$dir/tmp"
# A starting MariaDB removes all temporary tables that it finds, another server's too.
mkdir "$dir/tmp"; export TMPDIR="$dir/tmp"

common=(--bind-address=127.0.0.1 --log-bin=binlog --binlog-format=ROW --sync-binlog=0
  --innodb-buffer-pool-size=32M --innodb-flush-log-at-trx-commit=2 --innodb-use-native-aio=0 --max-connections=300
  --local-infile=1 --max-allowed-packet=64M --max-relay-log-size=64M
  --performance-schema=OFF)
if [ "$cmd" = mysql ]; then
  . "$here/cache.sh"
  tree=${MYSQL_TREE:-$cache/mysql}
  [ -x "$tree/bin/mysqld" ] || "$here/mysql-server.sh" "$tree" >&2
  SERVER=$(realpath "$tree")/bin/mysqld CLIENT=$(realpath "$tree")/bin/mysql
  "$SERVER" --initialize-insecure --datadir="$dir/seed" > "$dir/init.log" 2>&1 || { cat "$dir/init.log" >&2; exit 1; }
  rm -f "$dir/seed/auto.cnf"   # else all servers would have one UUID
  common+=(--gtid-mode=ON --enforce-gtid-consistency=ON --mysqlx=OFF)
else
  # The -core packages bring no service, no system instance and no /etc/mysql.
  command -v mariadbd mariadb-install-db mariadb > /dev/null || "$here/apt.sh" mariadb-server-core mariadb-client-core
  SERVER=$(command -v mariadbd) CLIENT=$(command -v mariadb)
  mariadb-install-db --no-defaults --auth-root-authentication-method=normal --skip-test-db \
    --user="$(id -un)" --datadir="$dir/seed" > "$dir/init.log" 2>&1 || { cat "$dir/init.log" >&2; exit 1; }
  mkdir "$dir/tls"   # MariaDB makes its own certificates only from 11.4 on
  openssl req -x509 -newkey rsa:2048 -nodes -days 3650 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$dir/tls/key.pem" -out "$dir/tls/cert.pem" 2> /dev/null
  common+=(--user="$(id -un)" --log-slave-updates --gtid-strict-mode=ON
    --ssl-cert="$dir/tls/cert.pem" --ssl-key="$dir/tls/key.pem" --ssl-ca="$dir/tls/cert.pem")
fi

start() { # NAME ID PORT [OPTIONS]
  local name=$1 id=$2 port=$3; shift 3
  mkdir "$dir/$name" "$dir/$name/tmp"; cp -a "$dir/seed" "$dir/$name/data"
  setsid "$SERVER" --no-defaults "${common[@]}" --datadir="$dir/$name/data" --tmpdir="$dir/$name/tmp" --server-id="$id" --port="$port" \
    --socket="$dir/$name/s" --pid-file="$dir/$name/pid" "$@" < /dev/null > "$dir/$name/log" 2>&1 &
  printf '%s_PORT=%s\n%s_SOCKET=%s\n%s_PID=%s\n' "${name^^}" "$port" "${name^^}" "$dir/$name/s" "${name^^}" $! >> "$dir/env"
}
ready() {
  for _ in $(seq 600); do
    ! client "$1" -e 'SELECT 1' > /dev/null 2>&1 || return 0
    kill -0 $! 2>/dev/null || break
    sleep 0.1
  done
  echo "replicas: $1 did not start:" >&2; tail -5 "$dir/$1/log" >&2; stop; exit 1
}

printf 'KIND=%s\nSERVER=%s\nCLIENT=%s\nREPLICAS=%s\nDB_USER=app\nDB_PASSWORD=secret\nMONITOR_USER=monitor\nMONITOR_PASSWORD=secret\n' \
  "$cmd" "$SERVER" "$CLIENT" "$n" > "$dir/env"
# shellcheck disable=SC2086
start primary 1 "$base" ${EXTRA:-} ${EXTRA_PRIMARY:-}; ready primary
for i in $(seq "$n"); do
  # shellcheck disable=SC2086
  start "replica$i" $((i + 1)) $((base + i)) --read-only=ON --relay-log=relay ${EXTRA:-}
done
client primary -e "
  CREATE USER app@'%' IDENTIFIED BY 'secret', monitor@'%' IDENTIFIED BY 'secret', repl@'127.0.0.1' IDENTIFIED BY 'secret', repl@'localhost' IDENTIFIED BY 'secret';
  GRANT ALL ON \`app%\`.* TO app@'%'; CREATE DATABASE app;
  GRANT REPLICATION SLAVE ON *.* TO repl@'127.0.0.1', repl@'localhost', monitor@'%'; GRANT SHOW VIEW, TRIGGER ON *.* TO monitor@'%';
  GRANT REPLICATION CLIENT$([ "$cmd" = mysql ] || echo ', SLAVE MONITOR') ON *.* TO monitor@'%', app@'%'"
for i in $(seq "$n"); do
  ready "replica$i"
  if [ "$cmd" = mysql ]; then
    client "replica$i" -e "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=$base, SOURCE_USER='repl',
      SOURCE_PASSWORD='secret', SOURCE_AUTO_POSITION=1, SOURCE_SSL=1, SOURCE_CONNECT_RETRY=1; START REPLICA"
  else
    client "replica$i" -e "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=$base, MASTER_USER='repl',
      MASTER_PASSWORD='secret', MASTER_USE_GTID=slave_pos, MASTER_CONNECT_RETRY=1; START SLAVE"
  fi
done
if [ "$cmd" = mysql ]; then
  gtid=$(client primary -NBe 'SELECT @@gtid_executed' | tr -d '\n') wait="SELECT WAIT_FOR_EXECUTED_GTID_SET('$gtid', 30)"
else
  gtid=$(client primary -NBe 'SELECT @@gtid_binlog_pos') wait="SELECT MASTER_GTID_WAIT('$gtid', 30)"
fi
for i in $(seq "$n"); do
  [ "$(client "replica$i" -NBe "$wait")" = 0 ] || { echo "replicas: replica$i does not follow" >&2; stop; exit 1; }
done
rm -rf "$dir/seed"
cat "$dir/env"
