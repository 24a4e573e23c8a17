#!/usr/bin/env bash
# A real Apache Kafka for tests, on loopback: KRaft, broker and controller in one process.
#
#   kafka.sh start [--nodes N]   starts one node, or N that form a cluster; prints host:port,…
#   kafka.sh stop                ends by pid what start started, and removes its data
#
# Environment: BITACORA_KAFKA_VERSION (4.1.0), BITACORA_KAFKA_RUN (the folder of this cluster, so that
# several may run), XDG_CACHE_HOME.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
version=${BITACORA_KAFKA_VERSION:-4.1.0}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/bitacora
jars=$cache/kafka-$version
run=${BITACORA_KAFKA_RUN:-${TMPDIR:-/tmp}/bitacora-kafka-$(id -u)}
up_within_s=120

say() { printf '%s\n' "$*" >&2; }
die() {
  say "kafka: $*"
  exit 1
}

get_jars() {
  [[ -f $jars/.complete ]] && return
  command -v mvn >/dev/null || die "Maven is needed to get Kafka $version"
  say "kafka: getting Apache Kafka $version"
  rm -rf "$jars"
  mkdir -p "$jars"
  mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies \
    -DincludeScope=runtime -DoutputDirectory="$jars" >&2 || die "Maven could not get Kafka $version"
  touch "$jars/.complete"
}

free_ports() {
  # The kernel picks them; all are held until all are known, so that no two are the same.
  python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for s in held:
    s.bind(("127.0.0.1", 0))
print(*(s.getsockname()[1] for s in held))
PYTHON
}

write_log_settings() {
  cat >"$run/log4j2.properties" <<'LOG4J'
rootLogger.level = warn
rootLogger.appenderRef.stdout.ref = STDOUT
appender.stdout.type = Console
appender.stdout.name = STDOUT
appender.stdout.layout.type = PatternLayout
appender.stdout.layout.pattern = [%d] %p %m (%c)%n
LOG4J
}

write_properties() { # node nodes broker-port controller-port voters
  local replicas=$(($2 >= 3 ? 3 : 1))
  cat >"$run/node-$1/server.properties" <<PROPERTIES
process.roles=broker,controller
node.id=$1
controller.quorum.voters=$5
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$3,CONTROLLER://127.0.0.1:$4
advertised.listeners=PLAINTEXT://127.0.0.1:$3
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

exec_java() { # node-folder class arguments…: replaces the (sub)shell, so that its pid is Java's
  local folder=$1
  shift
  exec java -Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 \
    -Dlog4j2.configurationFile="$run/log4j2.properties" -Dkafka.logs.dir="$folder" \
    -cp "$jars/*" "$@"
}

answers() { # port: the broker's listener takes connections only once the broker is up
  (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

await() { # node port
  local deadline=$((SECONDS + up_within_s)) pid
  pid=$(<"$run/node-$1/pid")
  until answers "$2"; do
    kill -0 "$pid" 2>/dev/null || {
      tail -n 20 "$run/node-$1/log" >&2
      die "node $1 died; its log is above"
    }
    ((SECONDS < deadline)) || die "node $1 is not up after $up_within_s s; see $run/node-$1/log"
    sleep 0.2
  done
}

start() {
  local nodes=1
  if [[ ${1:-} == --nodes ]]; then
    nodes=$2
  fi
  command -v java >/dev/null || die "Java 17 is needed"
  [[ ! -e $run ]] || die "$run is there already; 'stop' first, or set BITACORA_KAFKA_RUN"
  get_jars
  mkdir -p "$run"
  write_log_settings
  local ports cluster voters='' brokers='' node
  read -ra ports <<<"$(free_ports $((nodes * 2)))"
  for ((node = 0; node < nodes; ++node)); do
    voters+="${voters:+,}$node@127.0.0.1:${ports[node * 2 + 1]}"
    brokers+="${brokers:+,}127.0.0.1:${ports[node * 2]}"
  done
  cluster=$(exec_java "$run" kafka.tools.StorageTool random-uuid 2>/dev/null | tail -n 1)
  for ((node = 0; node < nodes; ++node)); do
    mkdir -p "$run/node-$node"
    write_properties "$node" "$nodes" "${ports[node * 2]}" "${ports[node * 2 + 1]}" "$voters"
    (exec_java "$run/node-$node" kafka.tools.StorageTool format -t "$cluster" \
      -c "$run/node-$node/server.properties" >"$run/node-$node/log" 2>&1) ||
      die "formatting node $node failed; see $run/node-$node/log"
    (exec_java "$run/node-$node" kafka.Kafka "$run/node-$node/server.properties" \
      >>"$run/node-$node/log" 2>&1 </dev/null) &
    echo $! >"$run/node-$node/pid"
    disown
  done
  for ((node = 0; node < nodes; ++node)); do await "$node" "${ports[node * 2]}"; done
  printf '%s\n' "$brokers"
}

stop() {
  local file pid
  for file in "$run"/node-*/pid; do
    [[ -f $file ]] || continue
    pid=$(<"$file")
    kill -CONT "$pid" 2>/dev/null || true
    kill -KILL "$pid" 2>/dev/null || true
    while kill -0 "$pid" 2>/dev/null; do sleep 0.05; done
  done
  rm -rf "$run"
}

case ${1:-} in
  start)
    shift
    start "$@"
    ;;
  stop) stop ;;
  *)
    say "usage: kafka.sh start [--nodes N] | stop"
    exit 2
    ;;
esac
