"""Kafka that is not there: at start, and later."""

import threading

import pytest

from conftest import unique
from kafka_cluster import Cluster
from server import Server, problem_of, wait_until


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    made = Cluster(tmp_path_factory.mktemp("kafka") / "run")
    yield made.start()
    made.stop()


@pytest.fixture
def server(tmp_path, cluster):
    cluster.start_all()
    made = Server(tmp_path / "data", cluster.brokers, ["--append-timeout-ms", "5000"])
    yield made
    made.kill()


def placed(n=0):
    return {"type": "Placed", "data": {"n": n}}


def refused(answer):
    assert answer.status_code == 503, answer.text
    assert int(answer.headers["Retry-After"]) >= 1
    return problem_of(answer)


def check_away(server):
    client = server.client()
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz")
    assert (ready.status_code, ready.json()["status"]) == (503, "starting"), ready.text
    return client


def test_a_server_that_starts_before_kafka_becomes_ready_with_it(cluster, server):
    name = unique("t")
    client = server.start().client()
    assert client.put(f"/v1/topics/{name}", {"partitions": 2}).status_code == 201
    written = client.append(name, "s", placed(1), Idempotency_Key="first")
    server.kill()
    cluster.kill(0)

    server.listen()
    client = check_away(server)
    assert refused(client.append(name, "s", placed(2), Idempotency_Key="second")) in (
        "log-unavailable", "not-caught-up")
    assert refused(client.get(f"/v1/topics/{name}")) == "log-unavailable"
    assert refused(client.put(f"/v1/topics/{name}", {"partitions": 2})) == "log-unavailable"

    cluster.start_node(0)
    wait_until(server.ready, 60, "ready")
    again = client.append(name, "s", placed(1), Idempotency_Key="first")
    assert (again.status_code, again.content) == (201, written.content)
    answer = client.get(f"/v1/topics/{name}/streams/s/appends/second")
    assert (answer.status_code, problem_of(answer)) == (404, "append-unknown")
    assert client.append(name, "s", placed(2), Idempotency_Key="second").json()["version"] == 1


def test_a_server_that_never_saw_its_kafka_keeps_its_state(cluster, server):
    """Its state is of the Kafka it knew, also when it was started without meeting it."""
    name = unique("t")
    client = server.start().client()
    client.put(f"/v1/topics/{name}", {"partitions": 1})
    written = client.append(name, "s", placed(1), Idempotency_Key="first")
    server.kill()
    cluster.kill(0)
    server.listen()
    assert server.terminate() == 0
    cluster.start_node(0)
    server.again()
    again = server.client().append(name, "s", placed(1), Idempotency_Key="first")
    assert (again.status_code, again.content) == (201, written.content)


def test_appends_while_kafka_is_away_are_refused_or_undecided_and_settled_later(cluster, server):
    name = unique("t")
    client = server.start().client()
    client.put(f"/v1/topics/{name}", {"partitions": 1})
    assert client.append(name, "s", placed(0)).status_code == 201
    cluster.kill(0)
    answers = []
    asking = [threading.Thread(target=lambda n=n: answers.append(
        (n, server.client().append(name, "s", placed(n), Idempotency_Key=f"k-{n}")))) for n in range(8)]
    for thread in asking:
        thread.start()
    for thread in asking:
        thread.join()
    for n, answer in answers:
        assert answer.status_code in (503, 504), answer.text
        assert "Retry-After" in answer.headers
    # Once the node knows, it says so at once, and nothing is written.
    wait_until(lambda: refused_at_once(client, name), 60)
    assert client.get(f"/v1/topics/{name}/streams/s/events").status_code == 200, "reads go on"

    cluster.start_node(0)
    wait_until(lambda: client.append(name, "other", placed()).status_code == 201, 60)
    for n, _ in answers:
        assert client.append(name, "s", placed(n), Idempotency_Key=f"k-{n}").status_code == 201
    events = client.get(f"/v1/topics/{name}/streams/s/events").json()["events"]
    assert [event["version"] for event in events] == list(range(9))
    assert sorted(event["data"]["n"] for event in events) == [0, *range(8)]


def refused_at_once(client, name):
    answer = client.append(name, "probe", placed(), Idempotency_Key="probe")
    if answer.status_code == 504:
        return False
    return refused(answer) == "log-unavailable"
