"""P14: three times as many appends as the server can do, due whether or not it answers. What it does
not take it leaves with TCP or refuses, and says when to come again; what it took is there; and it
holds no more than before. Times are printed, never asserted: machines differ.
"""

import json
import pathlib
import shutil
import subprocess
import threading

import pytest

from sizes import SIZE, sized
from test_hostile_load import Held, expect_back

SECONDS = sized(short=5, full=120, long=3600)
FACTOR = 3
CONNECTIONS = 200
EVENT_BYTES = 256
SAMPLE_EVERY = 1.0
SLOPE_MAX = 1 / 600  # MiB a second, once caches are full: half of a long run.
LOAD = pathlib.Path(__file__).resolve().parents[2] / "bench/load"


@pytest.fixture(scope="module")
def load(tmp_path_factory):
    if not shutil.which("go"):
        pytest.skip("Go is not installed (Debian's golang-go)")
    program = tmp_path_factory.mktemp("load") / "load"
    built = subprocess.run(["go", "build", "-buildvcs=false", "-o", str(program), "."], cwd=LOAD,
                           capture_output=True, encoding="utf-8", timeout=600, check=False)
    assert built.returncode == 0, built.stderr
    return program


class Samples:
    """The server's memory, once a second, until stopped."""

    def __init__(self, server):
        self.server = server
        self.mib = []
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ending.wait(SAMPLE_EVERY):
            self.mib.append(Held(self.server).memory_mib)

    def end(self):
        self.ending.set()
        self.thread.join()
        return self.mib

    def slope(self):
        """MiB a second over the second half, by least squares."""
        half = self.mib[len(self.mib) // 2:]
        times = [i * SAMPLE_EVERY for i in range(len(half))]
        mean_time, mean = sum(times) / len(times), sum(half) / len(half)
        above = sum((t - mean_time) * (m - mean) for t, m in zip(times, half))
        return above / (sum((t - mean_time) ** 2 for t in times) or 1)


def test_overload_is_shed_and_leaves_nothing_behind(long_topic, make_server, load, say):
    server = make_server().start()
    topic = long_topic
    client = server.client()
    assert client.put(f"/v1/topics/{topic}", {"partitions": 4}).status_code == 201
    assert client.append(topic, "warm", {"type": "T", "data": 1}).status_code == 201
    client.session.close()
    before = Held(server)

    samples = Samples(server)
    address = server.url.removeprefix("http://")
    ran = subprocess.run([load, "overload", address, topic, str(EVENT_BYTES), str(FACTOR), str(SECONDS),
                          str(CONNECTIONS)], capture_output=True, encoding="utf-8", check=False,
                         timeout=SECONDS + 120)
    samples.end()
    assert ran.returncode == 0, ran.stderr
    found = json.loads(ran.stdout)
    accepted, idle = found["accepted"], found["before"]
    say(f"{found['capacity']:.0f} appends/s alone; {found['due']} due in {SECONDS} s, {found['sent']} sent: "
        f"{accepted['per_second']:.0f}/s accepted, {found['refused']} refused, {found['undecided']} undecided; "
        f"p99 {accepted['p99_us'] / 1000:.1f} ms, at a fifth of the rate {idle['p99_us'] / 1000:.1f} ms; "
        f"memory {before.memory_mib} to {max(samples.mib)} MiB"
        + (f", {samples.slope() * 600:+.1f} MiB in 10 min at the end" if SIZE != "short" else ""))

    assert not found["other"], found["other"]
    assert accepted["per_second"] > 0
    events = server.client().get(f"/v1/topics/{topic}").json()["events"] - 1
    assert found["admitted"] <= events <= found["admitted"] + found["undecided"]
    if SIZE == "long":
        assert samples.slope() <= SLOPE_MAX
    expect_back(server, before, "overload")
