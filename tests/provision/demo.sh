#!/usr/bin/env bash
# demo.sh
# Brings what `make run` needs and is not there: a Rust toolchain, a C compiler, a database server and a client. From the
# packages of Debian or Ubuntu; on another system it says what to install by hand. Does nothing where all is there.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
# Where servers are although an ordinary user's PATH does not say so.
PATH=$PATH:/usr/sbin:/usr/local/sbin
have() { command -v "$1" > /dev/null; }

packages=()
have cc || packages+=(gcc libc6-dev)
have mariadbd || have mysqld || packages+=(mariadb-server-core)
have mariadb || have mysql || packages+=(mariadb-client-core)
[ ${#packages[@]} = 0 ] || "$here/apt.sh" "${packages[@]}"

if ! have cargo; then
  # Older releases have no such package, and their own Rust is too old.
  if have apt-cache && [ -n "$(apt-cache search --names-only '^rustup$')" ]; then
    "$here/apt.sh" rustup
    rustup default stable
  else
    echo "Rust is missing, and this system has no package of rustup: please install it from https://rustup.rs" >&2
    exit 1
  fi
fi
