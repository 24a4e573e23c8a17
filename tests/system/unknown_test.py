"""A log that does not answer (promise P6): what is unknown is said as unknown, never as refused, and
repeating it with its key settles it. On the embedded log a disk fails every sync; on Kafka the one
broker stands still, with what was sent to it."""

import os
import time

import pytest

from conftest import LOG, end_all, unique
from kafka_cluster import Cluster
from ledger import History, Ledger
from server import Server, wait_until
from sizes import SEED, sized

LIBRARY = os.environ.get("BITACORA_FAILING_SYNC_LIBRARY", "libfailing_sync.so")
ROUNDS = sized(short=2 if LOG == "embedded" else 1, full=5, long=50)
WRITERS = 100


class FailingSyncs:
    append_timeout_s = 3

    def __init__(self, tmp_path):
        self.file = tmp_path / "syncs-fail"
        self.brokers = None
        self.variables = {"LD_PRELOAD": LIBRARY, "FAILING_SYNC": str(self.file)}

    def begin(self):
        self.file.touch()

    def end(self):
        self.file.unlink()

    def close(self):
        pass


class StoppedBroker:
    append_timeout_s = 15  # More than the 10 s for which a producer keeps a record.

    def __init__(self, tmp_path):
        self.cluster = Cluster(tmp_path / "kafka").start()
        self.brokers = self.cluster.brokers
        self.variables = {}

    def begin(self):
        self.cluster.pause(0)

    def end(self):
        self.cluster.resume(0)

    def close(self):
        self.cluster.stop()


@pytest.fixture
def trouble(tmp_path):
    made = FailingSyncs(tmp_path) if LOG == "embedded" else StoppedBroker(tmp_path)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path, trouble):
    made = Server(tmp_path / "data", trouble.brokers, ["--append-timeout-ms", str(trouble.append_timeout_s * 1000)])
    made.variables = trouble.variables
    yield made.start()
    end_all([made])


def one_round(trouble, ledger):
    """How many answers said unknown, and later."""
    ledger.wait_for(2 * WRITERS)
    unknown, refused = ledger.answers[504], ledger.answers[503]
    wait_until(lambda: ledger.in_flight() >= WRITERS // 2, what="load")
    trouble.begin()
    # Longer than any append may wait: whoever was told something else by then was told wrong.
    patience = 2 * trouble.append_timeout_s
    end = time.monotonic() + patience
    wait_until(lambda: ledger.answers[504] > unknown or time.monotonic() > end, 2 * patience)
    trouble.end()
    ledger.wait_for(2 * WRITERS)
    return ledger.answers[504] - unknown, ledger.answers[503] - refused


def test_what_is_unknown_is_said_and_settled_by_its_key(trouble, server, say):
    ledger = Ledger.begin(server, unique("ledger"), seed=SEED, clients=WRITERS)
    history = History(server, ledger.topic)
    for number in range(1, ROUNDS + 1):
        unknown, refused = one_round(trouble, ledger)
        say(f"round {number} of {ROUNDS}: {unknown} answers 504, {refused} answers 503")
        history.follow()
    ledger.stop()
    differences = ledger.compare() + history.compare()
    say(f"{WRITERS} writers, {ledger.acks} acknowledged appends, {len(differences)} differences")
    assert differences == []
    # Nobody was told anything but done, later, or unknown.
    assert set(ledger.answers) - {503} == {201, 504}
    server.kill()
    server.again()
    assert ledger.compare() == []
