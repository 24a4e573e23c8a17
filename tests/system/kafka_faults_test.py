"""Faults of a Kafka of three brokers under load: what was acknowledged is there, once and in order."""

import random
import time

import pytest

from conftest import end_all, unique
from kafka_broker import OWNED, Broker
from kafka_cluster import Cluster
from ledger import History, Ledger
from server import Server, problem_of, wait_until
from sizes import SEED, sized

FAULTS = {"kill": sized(1, 5, 100), "stop": sized(0, 2, 30), "cut": sized(0, 1, 30)}
FAULT_S = 20      # How long a broker stands still or is cut off.
BETWEEN = 200     # Acknowledgements between two faults, at least.
UNANSWERED = 4    # Appends, when a fault begins, at least.
PARTITIONS = 4


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("kafka") / "run", nodes=3, apart=FAULTS["cut"] > 0)
    try:
        yield made.start()
    finally:
        made.stop()


@pytest.fixture
def broker(cluster):
    made = Broker(cluster.brokers)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path, cluster):
    made = Server(tmp_path / "data", cluster.brokers)
    yield made.start()
    end_all([made])


class Faults:
    """Of a node that leads; each ends with all three brokers in sync again."""

    def __init__(self, cluster, broker, ledger, say):
        self.cluster, self.broker, self.ledger, self.say = cluster, broker, ledger, say
        self.random = random.Random(SEED)

    def run(self, after_each):
        order = [fault for fault, count in FAULTS.items() for _ in range(count)]
        self.random.shuffle(order)
        for fault in order:
            self.ledger.wait_for(BETWEEN)
            wait_until(lambda: self.ledger.in_flight() >= UNANSWERED, what="load")
            node = self.random.choice(wait_until(lambda: self.broker.leaders(self.ledger.topic), 120, "leaders"))
            begin, acks, in_flight = time.monotonic(), self.ledger.acks, self.ledger.in_flight()
            getattr(self, fault)(node)
            wait_until(lambda: self.broker.in_sync(self.ledger.topic) == [3] * PARTITIONS, 120,
                       "all replicas in sync")
            self.say(f"{fault} of node {node}: {in_flight} appends unanswered, "
                     f"{self.ledger.acks - acks} acknowledged in the {time.monotonic() - begin:.0f} s "
                     "until all were in sync")
            after_each()
        self.ledger.wait_for(BETWEEN)

    def kill(self, node):
        self.cluster.kill(node)
        self.ledger.wait_for(BETWEEN)  # By the two that are left.
        self.cluster.start_node(node)

    def stop(self, node):
        self.cluster.pause(node)
        time.sleep(FAULT_S)  # The fault itself; nothing is waited for.
        self.cluster.resume(node)

    def cut(self, node):
        self.cluster.cut(node)
        time.sleep(FAULT_S)  # As above.
        self.cluster.heal(node)


def metric(client, name):
    return int(sum(float(line.rpartition(" ")[2])
                   for line in client.get("/metrics").text.splitlines() if line.startswith(name)))


def test_losing_a_broker_loses_and_repeats_nothing(cluster, broker, server, tmp_path, say):
    ledger = Ledger.begin(server, unique("faults"), seed=SEED, partitions=PARTITIONS)
    client = server.client()
    assert client.get(f"/v1/topics/{ledger.topic}").json()["durability"] == "replicated"
    history = History(server, ledger.topic)
    Faults(cluster, broker, ledger, say).run(history.follow)
    ledger.stop()
    differences = ledger.compare() + history.compare()
    unknown = 'bitacora_kafka_appends_total{outcome="unknown"}'
    say(f"{ledger.acks} acknowledged appends, {ledger.unanswered} without an answer, "
        f"{metric(client, unknown)} unknown to a producer, "
        f"{metric(client, 'bitacora_kafka_producers_replaced_total')} producers replaced, "
        f"{len(differences)} differences")
    assert differences == []
    verified = server.run("verify", "--topic", ledger.topic)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    # A node that knows nothing yet reads the same.
    ledger.server = Server(tmp_path / "other", cluster.brokers).start()
    try:
        assert ledger.compare() == []
    finally:
        ledger.server.kill()


def refused_by_kafka(answer):
    """Not by a fold that waits for a record too few have, which it cannot read."""
    return answer.status_code == 503 and problem_of(answer) == "log-unavailable"


def test_fewer_copies_than_the_topic_wants_take_nothing(cluster, broker, server, say):
    """With fewer replicas in sync than min.insync.replicas an append is refused and not written. A
    leader that took it would not show it to readers either, so that no answer depends on this
    alone; but it could be there later, or be lost, as the leader fares."""
    client = server.client()
    topic = unique("copies")
    assert client.put(f"/v1/topics/{topic}", {"partitions": 1}).status_code == 201
    assert client.append(topic, "s", {"type": "T", "data": 0}).status_code == 201
    broker.set(topic, {**OWNED, "min.insync.replicas": "3"})
    leaders = wait_until(lambda: broker.leaders(topic), 120, "leaders")
    follower = next(node for node in range(3) if node not in leaders)
    cluster.kill(follower)
    try:
        wait_until(lambda: broker.in_sync(topic) == [2], 120, "two replicas in sync")
        for key in ("few-1", "few-2", "few-3"):
            answer = client.append(topic, "s", {"type": "T", "data": 1}, Idempotency_Key=key)
            if refused_by_kafka(answer):
                break
    finally:
        cluster.start_node(follower)
    # 504, which may be there later, only where a try was under way when the producer's time was up: not thrice.
    assert refused_by_kafka(answer), f"too few have taken an append: {answer.text}"
    wait_until(lambda: broker.in_sync(topic) == [3], 120, "all replicas in sync")
    verdict = client.get(f"/v1/topics/{topic}/streams/s/appends/{key}")
    assert verdict.status_code == 404, f"too few have taken an append: {verdict.text}"
    say(f"two of three wanted copies: {answer.status_code}, and nothing was written")
