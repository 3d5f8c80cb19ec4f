#!/usr/bin/env bash
# run.sh [ARGUMENT OF cargo test...]
# All tests. What failed is said once more at the very end, with why: a long log is read from there.
#
# The end-to-end tests run real servers, several tests at once; on a busy machine a server may take longer than any test allows
# for. So a few that fail get one more chance, one after the other with the machine to themselves. What passes then is named as
# FLAKY, with its first failure, and wants a look all the same; what fails again, or more than a few, or any unit test, is a failure.
set -uo pipefail
cd "$(dirname "$(realpath "$0")")/.."
mkdir -p target
log=target/tests.log
few=3

# The names that libtest lists behind its last "failures:".
failed() { awk '/^failures:$/ { list = 1; next } /^test result:/ { list = 0 } list && /^    [^ ]+$/ { print $1 }' "$1" | sort -u; }

# What a test said when it failed: its panics, with some lines after each.
why() {
  awk -v name="$2" '
    /^---- .* stdout ----$/ { mine = ($2 == name); left = 0 }
    /^failures:$/ { mine = 0 }
    mine && / panicked at / { left = 16 }
    mine && left-- > 0 { print "    " substr($0, 1, 1000) }' "$1"
}

cargo test --no-fail-fast "$@" 2>&1 | tee "$log"
status=${PIPESTATUS[0]}
mapfile -t names < <(failed "$log")
# Anything else than tests of that one binary that failed is what it is: an error of the compiler, a unit test, a crash.
targets=$(sed -n 's/^    `\(.*\)`$/\1/p' "$log")
if [[ $status != 0 && $targets == "--test it" && ${#names[@]} -ge 1 && ${#names[@]} -le $few ]]; then
  printf '\n== once more, alone: %s\n' "${names[*]}"
  again=target/tests-again.log
  cargo test --test it -- --exact --test-threads=1 "${names[@]}" 2>&1 | tee "$again"
  status=${PIPESTATUS[0]}
  mapfile -t still < <(failed "$again")
  [[ $status == 0 || ${#still[@]} -gt 0 ]] || still=("${names[@]}")
else
  again=$log
  still=("${names[@]}")
fi

for name in "${names[@]}"; do
  case " ${still[*]} " in
    *" $name "*) printf '\nFAILED %s\n' "$name"; why "$again" "$name" ;;
    *) printf '\nFLAKY %s: failed among all, passed alone\n' "$name"; why "$log" "$name" ;;
  esac
done
exit "$status"
