#!/usr/bin/env bash
# deb.sh PACKAGE.deb
# Tries a package of Forebay in a scratch root of this Debian's own release: installs it, serves a query through it as the
# service's user with the service's own command, installs it again over a changed configuration, removes and purges it, and
# looks what stays behind. Needs root (or sudo). The bare root is kept in the tests' cache; nothing else is.
set -euo pipefail
[ $# = 1 ] || { sed -n '2,5s/^# \{0,1\}//p' "$0" >&2; exit 2; }
[ "$(id -u)" = 0 ] || exec sudo --preserve-env=FOREBAY_TEST_CACHE "$0" "$@"
package=$(realpath "$1") here=$(dirname "$(realpath "$0")")
. "$here/provision/cache.sh"

main() {
  scratch=$(mktemp -d /tmp/forebay-deb.XXXXXX)
  root=$scratch/root forebay=
  trap clean EXIT
  base=$(bare_root)
  step "a server with a replica"
  "$here/provision/replicas.sh" mariadb "$scratch/s" 1 > "$scratch/servers"
  . "$scratch/servers"
  cp -a "$base" "$root"
  everything > "$scratch/before"

  step "install"
  in_root dpkg --install /forebay.deb
  is "640 root forebay" "$(owner /etc/forebay/config.yaml)"
  is "640 root forebay" "$(owner /etc/default/forebay)"
  is "" "$(find "$root/etc/systemd" -name 'forebay*')" "not enabled by itself"
  is "" "$(chroot "$root" dpkg --verify forebay)" "installed as it was packed"
  in_root forebay check --config /etc/forebay/config.yaml > /dev/null

  step "configure and serve"
  port=$(free_port)
  sed -i "s/127.0.0.1:6033/127.0.0.1:$port/; s/127.0.0.1:3306/127.0.0.1:$PRIMARY_PORT/; s/127.0.0.1:3307/127.0.0.1:$REPLICA1_PORT/
    s/change-me/\"\${APP_DB_PASSWORD}\"/" "$root/etc/forebay/config.yaml"
  echo APP_DB_PASSWORD=secret > "$root/etc/default/forebay"
  serve
  is 42 "$(sql 'CREATE TABLE app.t (n INT); INSERT INTO app.t VALUES (42); SELECT n FROM app.t')"
  is "$(chroot "$root" id -u forebay)" "$(stat -c %u "/proc/$forebay")" "the user that it runs as"
  quit

  step "install again"
  sum=$(sha256sum "$root/etc/forebay/config.yaml")
  in_root dpkg --install /forebay.deb
  is "$sum" "$(sha256sum "$root/etc/forebay/config.yaml")" "the configuration stays as it was changed"
  is "640 root forebay" "$(owner /etc/forebay/config.yaml)"
  serve
  is 42 "$(sql 'SELECT n FROM app.t')"
  quit

  step "remove"
  in_root dpkg --remove forebay
  is "$(printf '%s\n' /etc/default/forebay /etc/forebay /etc/forebay/config.yaml /etc/forebay/rules /etc/forebay/rules/00-default.yaml)" \
    "$(changed | grep -v /systemd/)" "only the configuration stays, and what systemd's helpers keep until the purge"

  step "purge"
  in_root dpkg --purge forebay
  is "" "$(changed)" "nothing stays"
  is "forebay:x" "$(diff "$base/etc/passwd" "$root/etc/passwd" | sed -n 's/^[<>] \([^:]*:x\).*/\1/p')" "but the user"
  echo "good"
}

# The release that this machine runs, with what every Debian has and adduser; from the mirror that apt is told to use.
bare_root() {
  . /etc/os-release
  local kept=$cache/deb-root/$VERSION_CODENAME uri
  if [ ! -e "$kept/.done" ]; then
    "$here/provision/apt.sh" debootstrap
    uri=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
      awk -v r="$VERSION_CODENAME" '$2 == r && $3 == "main" && !n++ { print $1 }')
    [ -n "$uri" ] || fail "no mirror in apt's sources (apt-get update?)"
    step "a bare $VERSION_CODENAME" >&2
    rm -rf "$kept"
    mkdir -p "$kept"
    debootstrap --variant=minbase --include=adduser "$VERSION_CODENAME" "$kept" "$uri" > "$scratch/debootstrap" 2>&1 ||
      { tail -n 5 "$scratch/debootstrap" >&2; fail "no bare root"; }
    touch "$kept/.done"
  fi
  echo "$kept"
}

# A program inside, as root, seeing the package as /forebay.deb.
in_root() {
  cp "$package" "$root/forebay.deb"
  chroot "$root" env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive "$@" > "$scratch/out" 2>&1 ||
    { cat "$scratch/out" >&2; fail "$*"; }
  rm "$root/forebay.deb"
}

# What is in the root, a line each; but for dpkg's own books and log, and the accounts' and their lock.
everything() {
  (cd "$root" && find . -xdev \( -type d -printf '/%P %y %m %U:%G\n' \) -o -printf '/%P %y %m %U:%G %s\n') |
    grep -vE '^/(var/lib/dpkg|var/log|var/cache/ldconfig|run/adduser|etc/(passwd|group|shadow|gshadow|subuid|subgid)-?|etc/\.pwd\.lock)[/ ]' | LC_ALL=C sort
}
# Of those what was not there, or otherwise, or is there no more.
changed() { everything | LC_ALL=C comm -3 "$scratch/before" - | sed 's/^\t//; s/ .*//'; }

# Starts the installed service's command as systemd would: its user, its environment file, its command.
serve() {
  local unit user command
  unit=$(cd "$root" && find usr/lib/systemd lib/systemd -name forebay.service | head -n 1)
  setting() { sed -n "s/^$1=//p" "$root/$unit"; }
  user=$(setting User) command=$(setting ExecStart)
  # shellcheck disable=SC2046,SC2086
  env -i PATH="$PATH:/usr/sbin" $(cat "$root$(setting EnvironmentFile | sed 's/^-//')") chroot --userspec="$user:$(setting Group)" "$root" $command \
    > "$scratch/log" 2>&1 &
  forebay=$!
  for _ in $(seq 100); do
    ! sql 'SELECT 1' > /dev/null 2>&1 || return 0
    kill -0 "$forebay" 2> /dev/null || break
    sleep 0.1
  done
  cat "$scratch/log" >&2
  fail "it does not serve"
}

quit() {
  kill "$forebay"
  wait "$forebay" || { cat "$scratch/log" >&2; fail "it did not end well"; }
  forebay=
}

sql() { mariadb --no-defaults -h 127.0.0.1 -P "$port" -u app -psecret -BN -e "$1"; }
owner() { chroot "$root" stat -c '%a %U %G' "$1"; }
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
step() { printf '== %s\n' "$1"; }
fail() { echo "deb.sh: $1" >&2; exit 1; }
is() { # EXPECTED GOT [WHAT]
  [ "$1" = "$2" ] || fail "${3:+$3: }expected: $1
got: $2"
}
clean() {
  [ -z "$forebay" ] || kill "$forebay" 2> /dev/null || :
  [ ! -d "$scratch/s" ] || "$here/provision/replicas.sh" stop "$scratch/s" > /dev/null 2>&1 || :
  rm -rf "$scratch"
}

main
