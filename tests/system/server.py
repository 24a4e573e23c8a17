"""A server under test, started and ended by its process id, and clients of it."""

import json
import os
import pathlib
import queue
import re
import shutil
import signal
import subprocess
import threading
import time

import requests

from validate import Contract

PROGRAM = os.environ.get("BITACORA_PROGRAM", "bitacora")
CONTRACT = Contract.load()


def wait_until(condition, seconds=30, what="it"):
    """Waits for a condition, never for a time; its value."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"{what} did not happen within {seconds} s"
        time.sleep(0.01)


def environment():
    """Without proxies, and without settings of the one who runs the tests; but with the promise that
    the program is to break, where tests/mutations has chosen one."""
    return {name: value for name, value in os.environ.items()
            if "proxy" not in name.lower()
            and (not name.startswith("BITACORA_") or name == "BITACORA_MUTATION")}


class Server:
    """`bitacora serve` over one data directory; may be ended and started again."""

    def __init__(self, data, kafka=None, flags=()):
        self.data = pathlib.Path(data)
        self.arguments = ["--data", str(self.data), *flags]
        if kafka:
            self.arguments += ["--kafka", kafka]
        self.variables = {}  # Of its environment, besides ours.
        self.descriptors = None  # How many it may open: a number, or "soft:hard".
        self.process = None
        self.crashes = []  # Signals that ended it, other than those it was sent here.
        self.url = None
        self.log = self.data.parent / (self.data.name + ".log")

    def start(self, listen="127.0.0.1:0", seconds=60, ready_within=300):
        """Returns once the server says that it is ready: on a Kafka that others use too, once it has
        folded all that they left there."""
        self.listen(listen, seconds)
        wait_until(lambda: self.ready() or self.process.poll() is not None, ready_within,
                   "ready")
        assert self.process.poll() is None, self.log_tail()
        return self

    def listen(self, listen="127.0.0.1:0", seconds=60):
        """Returns as soon as the server can be asked."""
        limited = ["prlimit", f"--nofile={self.descriptors}"] if self.descriptors else []
        self.process = subprocess.Popen(
            [*limited, PROGRAM, "serve", "--listen", listen, *self.arguments],
            stdout=subprocess.PIPE, stderr=open(self.log, "ab"), encoding="utf-8",
            env={**environment(), **self.variables})
        line = self._first_line(seconds)
        match = re.fullmatch(r"listening on (http://\S+)\n", line)
        assert match, f"first line on stdout: {line!r}; log: {self.log_tail()}"
        self.url = match.group(1)

    def _first_line(self, seconds):
        lines = queue.Queue()
        reader = threading.Thread(target=lambda: lines.put(self.process.stdout.readline()),
                                  daemon=True)
        reader.start()
        try:
            return lines.get(timeout=seconds)
        except queue.Empty:
            self.kill()
            raise AssertionError(f"nothing on stdout within {seconds} s: {self.log_tail()}") from None

    def ready(self):
        try:
            return requests.get(self.url + "/readyz", timeout=5,
                                proxies={"http": None}).status_code == 200
        except requests.RequestException:
            return False

    def again(self):
        """Starts where it was: clients keep their URL."""
        return self.start(listen=self.address)

    @property
    def address(self):
        return self.url.removeprefix("http://")

    def kill(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        elif self.process and not self.process.stdout.closed and self.process.returncode < 0:
            self.crashes.append(signal.Signals(-self.process.returncode).name)
        self._reap()

    def terminate(self, seconds=25):
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=seconds)
        self._reap()
        return code

    def _reap(self):
        if self.process:
            self.process.wait(timeout=30)
            self.process.stdout.close()

    def forget_state(self):
        """Deletes what must come back by itself."""
        shutil.rmtree(self.data / "state")

    def log_tail(self):
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def client(self, check=True):
        return Client(self, check)

    def metric(self, name):
        """The value of a metric without labels."""
        text = self.client(check=False).get("/metrics").text
        return float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE).group(1))

    def run(self, *arguments, stdin=None, seconds=120):
        """A finished subcommand of the program, as a client of this server."""
        return subprocess.run([PROGRAM, *arguments], capture_output=True, encoding="utf-8",
                              timeout=seconds, input=stdin if stdin is not None else "",
                              env={**environment(), "BITACORA_SERVER": self.url})


class Client:
    """Holds every answer to the contract. One for each thread."""

    def __init__(self, server, check=True):
        self.server = server
        self.check = check
        self.session = requests.Session()
        self.session.trust_env = False

    def request(self, method, path, body=None, headers=None, timeout=70):
        headers = dict(headers or {})
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
            headers.setdefault("Content-Type", "application/json")
        if isinstance(body, str):
            body = body.encode()
        answer = self.session.request(method, self.server.url + path, data=body, headers=headers,
                                      timeout=timeout, allow_redirects=False)
        if self.check:
            CONTRACT.check(method, path, answer.status_code, answer.headers, answer.content)
        return answer

    def get(self, path, **headers):
        return self.request("GET", path, headers=fields(headers))

    def put(self, path, body, **headers):
        return self.request("PUT", path, body, fields(headers))

    def post(self, path, body, **headers):
        return self.request("POST", path, body, fields(headers))

    def append(self, topic, stream, body, **headers):
        return self.post(f"/v1/topics/{topic}/streams/{stream}/events", body, **headers)


def fields(names):
    """If_Match="…" as {"If-Match": "…"}."""
    return {name.replace("_", "-"): value for name, value in names.items()}


def problem_of(answer):
    return answer.json()["type"].removeprefix("urn:bitacora:problem:")
