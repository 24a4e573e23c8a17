"""Programs the suite starts and ends, and what the kernel says about them."""

import contextlib
import os
import pathlib
import select
import shutil
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/release"
RIVALS = ROOT / "bench/rivals"
# On the disk of the sources: /tmp is in memory on many machines, where a sync costs nothing.
WORK = BUILD / "bench/work"

TICKS = os.sysconf("SC_CLK_TCK")


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def fresh_directory(name):
    path = WORK / name
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


class Program:
    """A running child. Its output goes to WORK/NAME.log; it ends with SIGTERM, or SIGKILL after 20 s."""

    def __init__(self, name, command, port, environment=None):
        WORK.mkdir(parents=True, exist_ok=True)
        self.port = port
        self.log = WORK / f"{name}.log"
        with open(self.log, "wb") as log:
            self.child = subprocess.Popen(
                [str(word) for word in command], stdout=subprocess.PIPE, stderr=log,
                env={**os.environ, **(environment or {})})
        self.started = time.monotonic()

    @property
    def pid(self):
        return self.child.pid

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def wait_for_line(self, beginning, within=60):
        """The first line of stdout, which must begin so."""
        readable, _, _ = select.select([self.child.stdout], [], [], within)
        line = self.child.stdout.readline().decode() if readable else ""
        if not line.startswith(beginning):
            raise RuntimeError(f"{self.log} ends with: {self.log.read_text()[-500:]}")
        return line.strip()

    def wait_for_port(self, within=20):
        deadline = time.monotonic() + within
        while time.monotonic() < deadline and self.child.poll() is None:
            with contextlib.suppress(OSError), \
                    socket.create_connection(("127.0.0.1", self.port), timeout=1):
                return
            time.sleep(0.02)
        raise RuntimeError(f"nothing listens on {self.port}: {self.log.read_text()[-500:]}")

    def end(self, how=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(how)
            try:
                self.child.wait(20)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()
        self.child.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    # ---- What the kernel says

    def cpu_by_thread(self):
        """Seconds of CPU by thread name; threads of one name together."""
        seconds = {}
        for task in pathlib.Path(f"/proc/{self.pid}/task").iterdir():
            with contextlib.suppress(OSError):
                name, _, rest = (task / "stat").read_text().partition("(")[2].rpartition(")")
                fields = rest.split()
                spent = (int(fields[11]) + int(fields[12])) / TICKS
                seconds[name] = seconds.get(name, 0) + spent
        return seconds

    def wait_until_quiet(self, within=300):
        """Until it takes less than a twentieth of a core: what it does behind its answers is done."""
        deadline = time.monotonic() + within
        spent = sum(self.cpu_by_thread().values())
        while time.monotonic() < deadline:
            time.sleep(0.5)
            before, spent = spent, sum(self.cpu_by_thread().values())
            if spent - before < 0.05 * 0.5:
                return
        raise RuntimeError(f"{self.log}: it does not come to rest")

    def _status(self, file, name):
        for line in pathlib.Path(f"/proc/{self.pid}/{file}").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1])
        raise KeyError(name)

    def resident_bytes(self):
        return self._status("status", "VmRSS") * 1024

    def disk_bytes_written(self):
        """What reached the block layer on its account, the page cache's writeback included."""
        return self._status("io", "write_bytes")


# ---- Ours

def bitacora(name, *flags, data=None):
    """`bitacora serve` on a port of its own with a fresh directory, or with `data`."""
    directory = data or fresh_directory(name) / "data"
    port = free_port()
    program = Program(name, [BUILD / "cli/bitacora", "serve", "--listen", f"127.0.0.1:{port}",
                             "--data", directory, *flags], port)
    program.data = directory
    program.wait_for_line("listening on ")
    return program


def on_our_http(name, *how):
    port = free_port()
    program = Program(name, [BUILD / "bench" / name, port, *how], port)
    program.wait_for_line("listening on ")
    return program


def http_hello():
    return on_our_http("http_hello")


def bare_store(*how):
    """Our HTTP layer before a write, a produce or reads, and nothing else; see bare_store.cc."""
    return on_our_http("bare_store", *how)


# ---- Others

def nginx():
    directory = fresh_directory("nginx")
    port = free_port()
    text = (RIVALS / "nginx.conf").read_text()
    (directory / "nginx.conf").write_text(
        text.replace("PORT", str(port)).replace("DIRECTORY", str(directory)))
    binary = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
    program = Program("nginx", [binary, "-p", directory, "-c", directory / "nginx.conf",
                                "-e", "stderr"], port)
    program.wait_for_port()
    return program


def go_hello():
    """One processor for Go as there is one worker thread for the others."""
    port = free_port()
    program = Program("go_hello", [BUILD / "bench/go_hello", port], port, {"GOMAXPROCS": "1"})
    program.wait_for_port()
    return program


def pistache_hello():
    port = free_port()
    program = Program("pistache_hello", [BUILD / "bench/pistache_hello", port], port)
    program.wait_for_port()
    return program


# ---- Kafka

KAFKA = ROOT / "deploy/kafka/kafka.sh"
WARM_UP_TOPIC = "warm-up"  # Of 8 partitions; no server of ours knows it.
# As Kafka's own kafka-run-class.sh starts it.
KAFKA_JAVA = ("-server -Xms1g -Xmx1g -XX:+UseG1GC -XX:MaxGCPauseMillis=20 "
              "-XX:InitiatingHeapOccupancyPercent=35 -XX:+ExplicitGCInvokesConcurrent")


def start_kafka():
    run = WORK / "kafka"
    if run.exists():
        stop_kafka()
    return output_of([KAFKA, "start"], {"BITACORA_KAFKA_RUN": str(run),
                                        "BITACORA_KAFKA_JAVA": KAFKA_JAVA}).strip()


def stop_kafka():
    subprocess.run([KAFKA, "stop"], check=False,
                   env={**os.environ, "BITACORA_KAFKA_RUN": str(WORK / "kafka")})


def output_of(command, environment=None, within=900):
    return subprocess.run([str(word) for word in command], check=True, timeout=within,
                          stdout=subprocess.PIPE, text=True,
                          env={**os.environ, **(environment or {})}).stdout
