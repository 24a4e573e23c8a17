# shellcheck shell=bash
# shellcheck disable=SC2034  # The lists are used by ./dev and its other parts.
# What Debian 12 must provide, and how it gets there. Sourced by ./dev.

# To build the program.
build_packages=(
  g++ cmake ninja-build pkg-config # compiler and build
  ccache                           # a second build takes seconds
  librdkafka-dev                   # Kafka
  librocksdb-dev                   # embedded log, stream store, read models
  libpistache-dev rapidjson-dev    # HTTP; a header of the former includes the latter
  nlohmann-json3-dev               # JSON
  libcli11-dev libtomlplusplus-dev # flags, and the configuration file
  libspdlog-dev                    # the program's own log
  libssl-dev                       # SHA-256, randomness
  libcurl4-openssl-dev             # the subcommands that are clients
  prometheus-cpp-dev               # metrics
  curl                             # what `./dev run` says to try, and the example
  libjemalloc-dev                  # the server's allocator
)
# For ./dev kafka.
kafka_packages=(
  openjdk-17-jre-headless # runs it
  maven                   # fetches it
  python3                 # finds free ports
)
# To run the tests, on top of both.
test_packages=(
  libgtest-dev libgmock-dev                          # unit and component tests
  python3-pytest python3-jsonschema python3-requests # tests of the running server
  python3-venv                                       # requests made from the OpenAPI document
  e2fsprogs mount                                    # power cuts: ext4 on a loop device
  iproute2 iptables                                  # networks that fail
  procps                                             # what a process uses
  golang-go                                          # the checker of histories
)
# For ./dev check, on top.
check_packages=(
  git                           # which files are ours, which have changed
  clang-16                      # thread annotations
  clang-tidy-16 clang-format-16 # bugs and names; layout
  shellcheck                    # scripts
)
# For ./dev bench, on top.
bench_packages=(
  wrk                                # load
  nginx-light golang-go              # other HTTP servers
  openjdk-17-jre-headless maven curl # a real Kafka
  kcat                               # what follows it
  python3                            # the suite
)

# Asked once for all: a process for each would be most of the time that a later start takes.
missing_packages() { # names… : those that are not installed
  {
    dpkg-query -W -f='has ${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || true
    printf 'wants %s\n' "$@"
  } | awk '
    $1 == "has" && $3 == "installed" { has[$2] = 1 }
    $1 == "wants" && !($2 in has) { print $2 }'
}

java_is_17() {
  java -version 2>&1 | awk -F'[".]' '/version/ { exit !($2 >= 17) }'
}

# Java, Maven and Go may come from elsewhere than Debian.
not_from_elsewhere() { # names…
  local name
  for name in "$@"; do
    case $name in
      openjdk-17-jre-headless) ! command -v java >/dev/null || ! java_is_17 || continue ;;
      maven) ! command -v mvn >/dev/null || continue ;;
      golang-go) ! command -v go >/dev/null || continue ;;
    esac
    printf '%s\n' "$name"
  done
}

is_debian() {
  grep -qs '^ID=debian$' /etc/os-release
}

# Makes sure that these packages are there; without root it says what is missing and ends with 2.
need_packages() { # names…
  local -a wanted missing
  [[ -z ${BITACORA_SKIP_INSTALL:-} ]] || return 0
  if ! is_debian; then
    say "this system is not Debian; what is needed is in these packages of Debian 12:"
    say "  $*"
    say "with BITACORA_SKIP_INSTALL=1 they are taken to be there"
    exit 2
  fi
  mapfile -t missing < <(missing_packages "$@")
  ((${#missing[@]})) || return 0
  mapfile -t wanted < <(not_from_elsewhere "${missing[@]}")
  ((${#wanted[@]})) || return 0
  install_packages "${wanted[@]}"
}

install_packages() { # names…
  local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o Dpkg::Use-Pty=0)
  local -a install=(install --no-install-recommends "$@")
  if (($(id -u) != 0)); then
    # Where nobody can type a password, sudo helps only if it asks for none.
    if ! command -v sudo >/dev/null || { [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; }; then
      say "packages are missing, and installing them needs root. Please run:"
      say "  apt-get update && apt-get install --no-install-recommends $*"
      exit 2
    fi
    apt=(sudo "${apt[@]}")
  fi
  say "installing $*"
  # The lists are fetched anew only if they do not know these packages, or know them no longer.
  if "${apt[@]}" --simulate "${install[@]}" &>/dev/null && "${apt[@]}" "${install[@]}" >&2; then
    return 0
  fi
  "${apt[@]}" update >&2
  "${apt[@]}" "${install[@]}" >&2
}
