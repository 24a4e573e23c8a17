#!/usr/bin/env bash
# A real Apache Kafka for tests, on this machine: KRaft, broker and controller in one process.
#
#   kafka.sh start [--nodes N] [--apart]
#                                starts one node, or N that form a cluster; prints host:port,…
#                                apart: each in a network namespace of its own (needs root)
#   kafka.sh stop                ends by pid what start started, and removes its data
#   kafka.sh kill-node I         kill -9 of node I (from 0); its data stay
#   kafka.sh start-node I        starts it again, on the same port and data
#   kafka.sh cut-node I          drops whatever node I sends and is sent; it was started apart
#   kafka.sh heal-node I         ends that
#
# Environment: BITACORA_KAFKA_VERSION (4.1.0, or 3.9.1), BITACORA_KAFKA_RUN (the folder of this
# cluster, so that several may run; it must not exist before start), BITACORA_KAFKA_JAVA (flags of
# Java's; what is there unless given starts fast, and serves at half the speed of Java's usual
# compiler), XDG_CACHE_HOME.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${BITACORA_KAFKA_VERSION:-4.1.0}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bitacora
jars=$cache/kafka-$version
run=${BITACORA_KAFKA_RUN:-${TMPDIR:-/tmp}/bitacora-kafka-$(id -u)}
java_flags=${BITACORA_KAFKA_JAVA:--Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1}
up_within_s=120

say() { printf 'kafka: %s\n' "$*" >&2; }
die() {
  say "$*"
  exit 1
}
usage() {
  say "usage: kafka.sh start [--nodes N] [--apart] | stop | kill-node I | start-node I |" \
    "cut-node I | heal-node I"
  exit 2
}

# Kafka and what it runs with, from Maven's repository, once a version. Two that start at once
# fetch it once, and a fetch that was cut off is not taken for a whole one.
get_jars() {
  [[ ! -d $jars ]] || return 0
  command -v mvn >/dev/null || die "Maven is needed to get Apache Kafka $version"
  mkdir -p "$cache"
  exec 9>"$cache/kafka.lock"
  flock 9
  if [[ ! -d $jars ]]; then
    say "getting Apache Kafka $version"
    rm -rf "$jars.part"
    mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies \
      -DincludeScope=runtime -DoutputDirectory="$jars.part" &>"$jars.log" || {
      cat "$jars.log" >&2
      die "Maven could not get Apache Kafka $version; why is above"
    }
    mv "$jars.part" "$jars"
  fi
  exec 9>&-
}

# Ports nobody listens on, from below the range out of which the kernel serves outgoing
# connections: those could be taken again before the broker binds, seconds from now.
free_ports() { # count
  python3 - "$1" <<'PYTHON'
import random, socket, sys

with open("/proc/sys/net/ipv4/ip_local_port_range") as range_file:
    end = int(range_file.read().split()[0])
held = []
for port in random.sample(range(max(1024, end - 12000), end), 4000):
    if len(held) == int(sys.argv[1]):
        break
    listener = socket.socket()
    try:
        listener.bind(("127.0.0.1", port))
        held.append(listener)
    except OSError:
        pass
print(*(listener.getsockname()[1] for listener in held))
PYTHON
}

# A bridge, and a network namespace on it for each node: its name is in $run/network.
lay_network() { # nodes
  local node network
  [[ $(id -u) == 0 ]] || die "--apart needs root: each node gets a network namespace"
  until network=bk$((RANDOM % 250 + 1)) && ip link add "$network" type bridge 2>/dev/null; do
    ip link show "$network" >/dev/null 2>&1 || die "no bridge can be made; has this kernel any?"
  done
  echo "$network" >"$run/network"
  ip address add "10.213.${network#bk}.1/24" dev "$network"
  ip link set "$network" up
  for ((node = 0; node < $1; ++node)); do
    ip netns add "$network-$node"
    ip link add "$network-$node" type veth peer name eth0 netns "$network-$node"
    ip link set "$network-$node" master "$network" up
    ip -n "$network-$node" address add "$(host_of "$node")/24" dev eth0
    ip -n "$network-$node" link set eth0 up
    ip -n "$network-$node" link set lo up
  done
}

remove_network() {
  local network folder
  [[ -f $run/network ]] || return 0
  network=$(<"$run/network")
  for folder in /run/netns/"$network"-*; do
    [[ -e $folder ]] || continue
    ip link delete "${folder##*/}" || true  # Not left to the namespace, which goes when it likes.
    ip netns delete "${folder##*/}"
  done
  ip link delete "$network"
}

is_apart() { [[ -f $run/network ]]; }

host_of() { # node
  local network
  is_apart || {
    echo 127.0.0.1
    return
  }
  network=$(<"$run/network")
  echo "10.213.${network#bk}.$(($1 + 2))"
}

# What begins a command that runs where node I is. Not `ip netns exec`, which gives it a copy of all
# mounts: a disk that somebody unmounts meanwhile would stay in use.
where_of() { # node
  ! is_apart || printf 'nsenter\n--net=/run/netns/%s\n--\n' "$(<"$run/network")-$1"
}

cut_node() { # node
  local where chain
  is_apart || die "only nodes that were started with --apart can be cut off"
  mapfile -t where < <(where_of "$1")
  for chain in INPUT OUTPUT; do "${where[@]}" iptables -A "$chain" -j DROP; done
}

heal_node() { # node
  local where
  is_apart || die "only nodes that were started with --apart can be cut off"
  mapfile -t where < <(where_of "$1")
  "${where[@]}" iptables -F
}

# 16 random bytes as Kafka writes them; the tool takes a leading dash for an option.
cluster_id() {
  printf 'B'
  head -c 16 /dev/urandom | base64 | tr '+/' '-_' | cut -c 2-22
}

# Warnings, and the line that says a node is up.
write_log_settings() {
  cat >"$run/log4j2.properties" <<'LOG4J'
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = STDOUT
logger.server.name = kafka.server.KafkaRaftServer
logger.server.level = info
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
LOG4J
}

write_properties() { # node nodes broker-port controller-port voters
  local replicas=$(($2 >= 3 ? 3 : 1)) host
  host=$(host_of "$1")
  cat >"$run/node-$1/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$5
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://$host:$3,CONTROLLER://$host:$4
advertised.listeners=PLAINTEXT://$host:$3
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs=$run/node-$1/data
auto.create.topics.enable=false
default.replication.factor=$replicas
offsets.topic.replication.factor=$replicas
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=$((replicas > 1 ? 2 : 1))
transaction.state.log.num.partitions=4
group.initial.rebalance.delay.ms=0
PROPERTIES
}

# Replaces the (sub)shell by Java, in a session of its own: the caller's Ctrl-C is not the broker's.
exec_java() { # node class arguments…
  local where
  mapfile -t where < <(where_of "$1")
  shift
  # shellcheck disable=SC2086 # flags, one word each
  exec "${where[@]}" setsid java $java_flags \
    -Dlog4j2.configurationFile="$run/log4j2.properties" -cp "$jars/*" "$@"
}

format_node() { # node cluster
  (exec_java "$1" kafka.tools.StorageTool format -t "$2" -c "$run/node-$1/server.properties" \
    >"$run/node-$1/log" 2>&1) || {
    cat "$run/node-$1/log" >&2
    die "node $1 could not be formatted; why is above"
  }
}

launch_node() { # node
  local folder=$run/node-$1
  wc -l <"$folder/log" >"$folder/log-begin"
  (exec_java "$1" kafka.Kafka "$folder/server.properties" >>"$folder/log" 2>&1 </dev/null) &
  echo $! >"$folder/pid"
  disown
}

# A port that accepts is not enough: a broker opens it before the controller counts it in, and a
# topic with three replicas made then is refused. It logs this line after that.
is_up() { # node
  tail -n "+$(($(<"$run/node-$1/log-begin") + 1))" "$run/node-$1/log" |
    grep -q 'Kafka Server started'
}

await_node() { # node
  local deadline=$((SECONDS + up_within_s))
  until is_up "$1"; do
    # Not is_running: a moment ago it was a copy of this shell, which does not look like a node yet.
    kill -0 "$(<"$run/node-$1/pid")" 2>/dev/null || {
      tail -n 20 "$run/node-$1/log" >&2
      die "node $1 died; its log is above"
    }
    ((SECONDS < deadline)) || {
      tail -n 20 "$run/node-$1/log" >&2
      die "node $1 is not up after $up_within_s s; its log is above"
    }
    sleep 0.1
  done
}

# Whether node I runs. A number that meanwhile belongs to another process does not count.
is_running() { # node
  local pid_file=$run/node-$1/pid
  [[ -f $pid_file ]] && grep -qsF "$run/" "/proc/$(<"$pid_file")/cmdline"
}

kill_node() { # node
  local pid
  is_running "$1" || return 0
  pid=$(<"$run/node-$1/pid")
  kill -KILL "$pid" 2>/dev/null || true
  while is_running "$1"; do sleep 0.05; done
}

start() { # nodes apart
  local nodes=$1 ports voters='' brokers='' node cluster
  command -v java >/dev/null || die "Java 17 is needed"
  get_jars
  # Not -p: whoever made it before us keeps it.
  mkdir "$run" || die "$run is there already; 'stop' first, or set BITACORA_KAFKA_RUN"
  trap stop EXIT
  [[ -z $2 ]] || lay_network "$nodes"
  write_log_settings
  read -ra ports <<<"$(free_ports $((nodes * 2)))"
  for ((node = 0; node < nodes; ++node)); do
    voters+="${voters:+,}$node@$(host_of "$node"):${ports[node * 2 + 1]}"
    brokers+="${brokers:+,}$(host_of "$node"):${ports[node * 2]}"
  done
  cluster=$(cluster_id)
  for ((node = 0; node < nodes; ++node)); do
    mkdir "$run/node-$node"
    write_properties "$node" "$nodes" "${ports[node * 2]}" "${ports[node * 2 + 1]}" "$voters"
    format_node "$node" "$cluster"
  done
  for ((node = 0; node < nodes; ++node)); do launch_node "$node"; done
  for ((node = 0; node < nodes; ++node)); do await_node "$node"; done
  trap - EXIT
  printf '%s\n' "$brokers"
}

stop() {
  local folder
  for folder in "$run"/node-*; do
    [[ ! -d $folder ]] || kill_node "${folder##*/node-}"
  done
  remove_network
  rm -rf "$run"
}

known_node() { # node
  [[ ${1:-} =~ ^[0-9]+$ && -d $run/node-$1 ]] || die "there is no node '${1:-}' in $run"
}

start_as_told() { # [--nodes N] [--apart]
  local nodes=1 apart=''
  while (($# > 0)); do
    case $1 in
      --nodes)
        [[ ${2:-} =~ ^[1-9]$ ]] || usage
        nodes=$2
        shift
        ;;
      --apart) apart=yes ;;
      *) usage ;;
    esac
    shift
  done
  start "$nodes" "$apart"
}

main() {
  case ${1:-}:${2:-} in
    start:*) start_as_told "${@:2}" ;;
    stop:) stop ;;
    kill-node:*)
      known_node "${2:-}"
      kill_node "$2"
      ;;
    start-node:*)
      known_node "${2:-}"
      ! is_running "$2" || die "node $2 runs already"
      launch_node "$2"
      await_node "$2"
      ;;
    cut-node:*)
      known_node "${2:-}"
      cut_node "$2"
      ;;
    heal-node:*)
      known_node "${2:-}"
      heal_node "$2"
      ;;
    *) usage ;;
  esac
}

main "$@"
