#!/usr/bin/env bash
# clients.sh DIR
# Clients in other languages, from Debian's newest packages without installing anything: DIR/bin/{perl,ruby,mydumper,myloader}
# with their drivers, and what is compiled of tests/clients: DIR/bin/go-check, DIR/java (needs javac). Safe to run again.
set -euo pipefail
[ $# -eq 1 ] || { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
here=$(dirname "$(realpath "$0")")
mkdir -p "$1"; dir=$(realpath "$1") source=$here/../clients

# No debconf, ucf, ...: those are for installing; the Java runtime is the machine's.
SKIP="debconf ucf psmisc procps sensible-utils java-common default-jre-headless" \
  "$here/debtree.sh" "$dir" sid perl libdbd-mariadb-perl libdbd-mysql-perl ruby ruby-mysql2 mydumper libmariadb-java \
  golang-go golang-github-go-sql-driver-mysql-dev

stamp=$(cat "$0" "$dir/packages.txt" "$source"/go/* "$source"/java/* | sha256sum)
[ "$(cat "$dir/compiled" 2> /dev/null || :)" != "$stamp" ] || exit 0
usr=$dir/root/usr

wrap() { bash "$here/debtree.sh" --wrap "$dir" "$@"; }
wrap perl.real usr/bin/perl
wrap ruby.real "usr/bin/$(readlink "$usr/bin/ruby")"
wrap mydumper.real usr/bin/mydumper
wrap myloader.real usr/bin/myloader
# Where the interpreters look for their own files, and MariaDB's C library for its plugins, is fixed when they are compiled.
launcher() { # NAME [FIXED ARGS...]
  local name=$1; shift
  cat > "$dir/bin/$name" <<WRAP
#!/bin/sh
here=\$(dirname "\$(readlink -f "\$0")"); usr=\${here%/bin}/root/usr
lib=\$(dirname "\$(echo "\$usr"/lib/*/libmariadb.so.3)")
export MARIADB_PLUGIN_DIR="\$lib/libmariadb3/plugin"
export PERL5LIB="\$(echo "\$lib"/perl5/5.*):\$usr/share/perl5:\$lib/perl-base:\$(echo "\$lib"/perl/5.*.*):\$(echo "\$usr"/share/perl/5.*.*)"
export RUBYLIB="\$usr/lib/ruby/vendor_ruby:\$(echo "\$lib"/ruby/vendor_ruby/3.*):\$(echo "\$usr"/lib/ruby/3.*):\$(echo "\$lib"/ruby/3.*)"
exec "\$here/$name.real" $* "\$@"
WRAP
  chmod 755 "$dir/bin/$name"
}
launcher perl
launcher ruby --disable-gems
launcher mydumper
launcher myloader

go=$(echo "$usr"/lib/go-1.*)
(cd "$source/go" && GO111MODULE=off GOPATH=$usr/share/gocode GOROOT=$go GOCACHE=$dir/go-cache GOFLAGS= CGO_ENABLED=0 \
  "$go/bin/go" build -o "$dir/bin/go-check" .)
rm -rf "$dir/go-cache" "$dir/java"
javac -cp "$usr/share/java/mariadb-java-client.jar" -d "$dir/java" "$source/java/Check.java"
echo "$stamp" > "$dir/compiled"
