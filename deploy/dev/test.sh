# shellcheck shell=bash
# shellcheck disable=SC2154  # The lists of packages and $root are those of ./dev.
# ./dev test. Sourced by ./dev.

# A broker for the tests that need one, unless the caller has one. It ends with the script.
started_kafka=
start_kafka() {
  [[ -z ${BITACORA_TEST_KAFKA:-} ]] || return 0
  local brokers
  started_kafka=$(mktemp -d "${TMPDIR:-/tmp}/bitacora-test-XXXXXX")
  trap stop_kafka EXIT
  if brokers=$(BITACORA_KAFKA_RUN=$started_kafka/kafka deploy/kafka/kafka.sh start); then
    export BITACORA_TEST_KAFKA=$brokers
  fi
}
stop_kafka() {
  BITACORA_KAFKA_RUN=$started_kafka/kafka deploy/kafka/kafka.sh stop
  rm -rf "$started_kafka"
}

# Everything ctest prints goes through, but its summary: that is kept in $1, to be the last words.
keep_summary() { # file
  awk -v summary="$1" '
    BEGIN { printf "" > summary }
    /^[0-9]+% tests passed, / { held = 1 }
    held { print > summary; next }
    { print; fflush() }'
}

# ctest with the tests of one preset; its summary and its report stay in $results.
run_ctest() { # preset arguments…
  local preset=$1
  shift
  say "== tests of the $preset build"
  ctest --preset "$preset" -j 3 --timeout 600 --output-junit "$results/$preset.xml" \
    --test-output-size-passed 65536 "$@" | keep_summary "$results/$preset.summary"
}

# Tests that were left out, and tests that left themselves out, each with its reason.
list_skipped() { # arguments…
  python3 deploy/dev/skipped.py "$results"/*.xml
  [[ -z ${BITACORA_TEST_KAFKA:-} && $preset != tsan ]] || return 0
  say "not run: these need a Kafka, and none could be started (why is further up)"
  ctest --preset "$preset" -N -L broker "$@" | sed -n 's/^ *Test *#[0-9]*: /  /p'
}

# Each promise broken on purpose, which its own test must notice. A build of its own.
run_mutations() { # arguments…
  build mutations mutation_tests
  run_ctest mutations -L mutation "${without[@]}" "$@"
}

# Everything with threads under ThreadSanitizer, the server with the embedded log too.
run_tsan() { # arguments…
  build tsan sanitized_tests
  run_ctest tsan -L 'unit|component' -LE 'broker|drill' "$@"
}

print_results() { # arguments…
  local each
  list_skipped "$@"
  for each in asan tsan mutations dev; do
    [[ -f $results/$each.summary ]] || continue
    printf '\n== tests of the %s build' "$each"
    cat "$results/$each.summary"
  done
}

tests() { # [--full|--long|--mutations|--tsan] ctest's arguments…
  export BITACORA_TEST_SIZE=short
  local preset=dev
  case ${1:-} in
    --full | --long)
      BITACORA_TEST_SIZE=${1#--}
      shift
      ;;
    --mutations | --tsan)
      preset=${1#--}
      shift
      ;;
  esac
  need_packages "${build_packages[@]}" "${kafka_packages[@]}" "${test_packages[@]}"
  local results=$root/build/test-results failed=0
  local -a without=()
  rm -rf "$results"
  mkdir -p "$results"
  [[ $preset != dev ]] || build dev
  [[ $preset == tsan ]] || start_kafka
  if [[ -z ${BITACORA_TEST_KAFKA:-} && $preset != tsan ]]; then
    [[ ${CI:-} != true ]] || {
      say "no Kafka could be started (why is above); with CI=true that is a failure"
      exit 1
    }
    without=(-LE broker)
  fi
  # Arguments mean that somebody looks for one thing: then the other builds are left out.
  if [[ $preset == dev ]] && (($# == 0)); then
    build asan sanitized_tests
    run_ctest asan -L 'unit|component' -LE 'broker|drill|system' || failed=1
    [[ $BITACORA_TEST_SIZE == short ]] || run_mutations || failed=1
    [[ $BITACORA_TEST_SIZE != long ]] || run_tsan || failed=1
  fi
  case $preset in
    dev) run_ctest dev "${without[@]}" "$@" || failed=1 ;;
    mutations) run_mutations "$@" || failed=1 ;;
    tsan) run_tsan "$@" || failed=1 ;;
  esac
  print_results "$@"
  return "$failed"
}
