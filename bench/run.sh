#!/usr/bin/env bash
# Measures Bitacora beside its limits and its rivals. `./dev bench` calls it when everything it
# needs is installed; `bench/run.sh --help` says what it takes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
out=build/release/bench

for argument in "$@"; do
  [[ $argument != -h && $argument != --help && $argument != --list ]] ||
    exec /usr/bin/python3 bench/suite/main.py "$@"
done

{
  cmake --build build/release --target bench_suite
  # Neither needs a module from elsewhere.
  (cd bench/rivals/go_hello && GOPROXY=off go build -o "$root/$out/go_hello" .)
  (cd bench/load && GOPROXY=off go build -o "$root/$out/load" .)
} >&2
exec /usr/bin/python3 bench/suite/main.py "$@"
