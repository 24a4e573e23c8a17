#!/usr/bin/env bash
# Looks for inputs that break a fuzz target: builds all with clang and libFuzzer, and runs each for
# some seconds. What it found before stays in build/fuzz/found and is where it goes on. Ends with
# 77, skipped, where the compiler is not there.
#
#   tests/fuzz/search.sh             20 s a target; BITACORA_TEST_SIZE=full: 2 min, =long: 30 min
#   tests/fuzz/search.sh 60 framer   60 s, these targets only
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

case ${BITACORA_TEST_SIZE:-short} in
  full) seconds=120 ;;
  long) seconds=1800 ;;
  *) seconds=20 ;;
esac
seconds=${1:-$seconds}

try=$(mktemp -d)
trap 'rm -rf "$try"' EXIT
cat >"$try/a.cc" <<'TARGET'
#include <cstddef>
extern "C" int LLVMFuzzerTestOneInput(const unsigned char*, std::size_t) { return 0; }
TARGET
if ! clang++-16 -fsanitize=fuzzer,address "$try/a.cc" -o "$try/a" 2>"$try/why"; then
  echo "skipped: no libFuzzer (packages clang-16 and libclang-rt-16-dev): $(head -1 "$try/why")"
  exit 77
fi

if ! { cmake --preset fuzz && cmake --build --preset fuzz; } >"$try/log" 2>&1; then
  cat "$try/log"
  exit 1
fi

targets=("${@:2}")
if ((${#targets[@]} == 0)); then
  for corpus in tests/fuzz/corpus/*/; do targets+=("$(basename "$corpus")"); done
fi
failed=0
for target in "${targets[@]}"; do
  found=build/fuzz/found/$target
  mkdir -p "$found" build/fuzz/broken
  echo "== $target, $seconds s"
  # An input that takes 5 s is a failure, too.
  build/fuzz/tests/fuzz/"fuzz_$target" -max_total_time="$seconds" -timeout=5 -rss_limit_mb=2048 \
    -artifact_prefix="build/fuzz/broken/$target-" -print_final_stats=1 \
    "$found" "tests/fuzz/corpus/$target" >"$try/log" 2>&1 || {
    failed=1
    cat "$try/log"
  }
  sed -n 's/^stat::number_of_executed_units: */  inputs: /p' "$try/log"
done
exit "$failed"
