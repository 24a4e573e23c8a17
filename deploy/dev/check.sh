# shellcheck shell=bash
# shellcheck disable=SC2154  # The lists of packages and $root are those of ./dev.
# ./dev check. Sourced by ./dev.

# Where this branch left main, or nothing where that cannot be told.
merge_base() {
  git merge-base HEAD main 2>/dev/null || git merge-base HEAD origin/main 2>/dev/null || true
}

changed_files() { # patterns…: those that differ from main, committed or not
  local base
  base=$(merge_base)
  if [[ -z $base ]]; then
    git ls-files "$@"
  else
    git diff --name-only --diff-filter=d "$base" -- "$@"
    git ls-files --others --exclude-standard -- "$@"
  fi
}

# Each is checked through the sources that include it; clang-tidy takes sources only.
sources_including() { # headers…
  local header
  for header in "$@"; do
    header=${header#*/include/}
    git grep -lF "${header#*/src/}" -- '*.cc' || true
  done
}

sources_to_tidy() {
  if [[ ${1:-} == --all ]]; then
    git ls-files '*.cc'
  else
    local -a headers
    mapfile -t headers < <(changed_files '*.h')
    { changed_files '*.cc'; sources_including "${headers[@]}"; } | sort -u
  fi
}

# Only what the build compiles has the flags that clang-tidy needs.
known_to_build() {
  local source
  while read -r source; do
    ! grep -qF "\"file\": \"$root/$source\"" build/dev/compile_commands.json ||
      printf '%s\n' "$source"
  done
}

# Bugs, names, and the thread annotations of base/mutex.h, all in one pass of clang.
check_tidy() {
  build dev
  sources_to_tidy "$@" | known_to_build |
    xargs -r -n 1 -P "$(nproc)" clang-tidy-16 --quiet -p build/dev \
      --extra-arg=-Wthread-safety --extra-arg=-Wno-unknown-warning-option
}

check_format() {
  git ls-files -z '*.cc' '*.h' | xargs -0 clang-format-16 --dry-run -Werror
}

check_scripts() {
  { git ls-files '*.sh'; printf '%s\n' dev .ci/run; } | xargs shellcheck -x
}

check() { # [--all]
  need_packages "${build_packages[@]}" "${test_packages[@]}" "${check_packages[@]}"
  local part failed=0
  for part in format scripts source_rules tidy; do
    say "== $part"
    "check_$part" "$@" || failed=1
  done
  ((failed)) || say "all well"
  return "$failed"
}

check_source_rules() {
  /usr/bin/python3 tests/tidy/tidy.py
}
