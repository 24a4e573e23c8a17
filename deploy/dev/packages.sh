# shellcheck shell=bash
# shellcheck disable=SC2034  # The lists are used by ./dev.
# What Debian must provide, and how it gets there. Sourced by ./dev.

# To build the program.
build_packages=(
  g++ cmake ninja-build pkg-config   # compiler and build
  ccache                             # a second build takes seconds
  librdkafka-dev                     # Kafka
  librocksdb-dev                     # embedded log, state, read models
  libpistache-dev rapidjson-dev      # HTTP
  nlohmann-json3-dev                 # JSON
  libcli11-dev libtomlplusplus-dev   # flags and configuration file
  libspdlog-dev                      # the program's log
  libssl-dev                         # SHA-256, randomness
  libcurl4-openssl-dev               # the client subcommands
  prometheus-cpp-dev                 # metrics
)
# To run the tests, on top.
test_packages=(
  libgtest-dev libgmock-dev                             # unit and component tests
  python3 python3-pytest python3-jsonschema python3-requests  # tests of the running server
  openjdk-17-jre-headless maven                         # a real Kafka
  curl e2fsprogs iproute2 iptables procps               # examples and faults
)
# For ./dev check, on top.
check_packages=(clang-16 clang-tidy-16 clang-format-16 shellcheck)

missing_packages() { # names… : those that are not installed
  local name
  for name in "$@"; do
    dpkg-query -W -f='${Status}\n' "$name" 2>/dev/null | grep -q '^install ok installed$' ||
      printf '%s\n' "$name"
  done
}

# Java and Maven may come from elsewhere than Debian; what counts is that they are there.
java_is_there() {
  command -v java >/dev/null && java -version 2>&1 |
    awk -F'[".]' '/version/ { exit !($2 >= 17) }'
}

without_what_is_there() { # names…
  local name
  for name in "$@"; do
    case $name in
      openjdk-17-jre-headless) java_is_there && continue ;;
      maven) command -v mvn >/dev/null && continue ;;
    esac
    printf '%s\n' "$name"
  done
}

install_packages() { # names…
  local -a wanted missing
  mapfile -t wanted < <(without_what_is_there "$@")
  if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    tools_are_there && return
    say "this system is not Debian; install what these packages of Debian 12 hold:"
    say "  ${wanted[*]}"
    exit 2
  fi
  mapfile -t missing < <(missing_packages "${wanted[@]}")
  ((${#missing[@]})) || return 0
  local -a as_root=()
  if (($(id -u) != 0)); then
    if ! command -v sudo >/dev/null || ! sudo -n true 2>/dev/null; then
      say "packages are missing, and installing them needs root. Please run:"
      say "  sudo apt-get install --no-install-recommends ${missing[*]}"
      exit 2
    fi
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local -a apt=("${as_root[@]}" apt-get -q -y -o Dpkg::Use-Pty=0)
  "${apt[@]}" update >&2
  "${apt[@]}" install --no-install-recommends "${missing[@]}" >&2
}

tools_are_there() {
  command -v g++ >/dev/null && command -v cmake >/dev/null && command -v ninja >/dev/null
}
