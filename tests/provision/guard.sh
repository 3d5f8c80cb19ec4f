#!/usr/bin/env bash
# guard.sh
# Ends what a test run started, however that run ends: it waits for its standard input to close, which the kernel does
# for a process that dies, and then goes through the lines it has read:
#   servers DIR        end the servers that replicas.sh started there, and remove DIR
#   process PID WORD   end PID if WORD is among its arguments (the id may belong to somebody else by then)
#   folder DIR         remove DIR
set -uo pipefail
here=$(dirname "$(realpath "$0")")
trap '' INT TERM HUP
# Held as long as there is something left to end: settled.sh waits for it.
. "$here/cache.sh"
exec 8> "$cache/.guard.lock"
flock --shared 8

lines=()
while IFS= read -r line; do lines+=("$line"); done
# The last comes first: servers are ended before the folder goes that says which they are.
for ((i = ${#lines[@]} - 1; i >= 0; i--)); do
  line=${lines[$i]}
  read -r verb first second <<< "$line"
  case $verb in
    process)
      if tr '\0' '\n' < "/proc/$first/cmdline" 2> /dev/null | grep -qxF -- "$second"; then kill -9 "$first"; fi ;;
    servers) "$here/replicas.sh" stop "$first" > /dev/null 2>&1 8>&-; rm -rf "$first" ;;
    folder) rm -rf "$first" ;;
  esac
done
