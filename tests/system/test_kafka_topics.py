"""Topics of a Kafka that others use too: adopted ones, made owned, and owned ones that were damaged.
"""

import datetime

import pytest

from conftest import KAFKA, unique
from kafka_broker import OWNED, Broker
from server import problem_of, wait_until

UNLIMITED = {name.replace(".", "_"): value for name, value in OWNED.items()}


@pytest.fixture(scope="module")
def broker():
    made = Broker(KAFKA)
    yield made
    made.close()


@pytest.fixture
def adopted(broker):
    """Somebody else's topic of two partitions, with three records."""
    name = unique("adopted")
    broker.make(name, partitions=2)
    broker.produce(name, 0, [("k-1", "one"), ("k-2", '{"n":2}')])
    broker.produce(name, 1, [(None, "three")])
    yield name
    broker.delete(name)


def placed(n=0):
    return {"type": "Placed", "data": {"n": n}}


def page(client, topic, query=""):
    answer = client.get(f"/v1/topics/{topic}/events{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def places(found):
    return sorted((event["partition"], int(event["offset"])) for event in found["events"])


# ---- Adopted

def test_an_adopted_topic_is_read_record_by_record(client, adopted):
    found = page(client, adopted)
    assert places(found) == [(0, 0), (0, 1), (1, 0)]
    assert page(client, adopted, f"?position={found['next']}")["events"] == []
    assert all("version" not in event for event in found["events"])


def test_an_adopted_topic_is_described(client, adopted):
    topic = client.get(f"/v1/topics/{adopted}").json()
    assert (topic["kind"], topic["partitions"], topic["events"]) == ("adopted", 2, 3)


def test_the_events_of_an_adopted_topic_are_those_that_are_left(client, broker, adopted):
    broker.delete_records(adopted, 0, before=1)
    assert client.get(f"/v1/topics/{adopted}").json()["events"] == 2
    assert places(page(client, adopted)) == [(0, 1), (1, 0)]


def test_an_adopted_topic_is_read_page_by_page(client, adopted):
    seen, query = [], "?limit=1"
    while True:
        found = page(client, adopted, query)
        if not found["events"]:
            break
        seen += places(found)
        query = f"?limit=1&position={found['next']}"
    assert sorted(seen) == [(0, 0), (0, 1), (1, 0)]


def test_a_reader_waits_for_what_others_write(client, broker, adopted):
    end = page(client, adopted, "?position=latest")["next"]
    broker.produce(adopted, 1, [("k-9", "late")])
    answer = client.get(f"/v1/topics/{adopted}/events?position={end}", Prefer="wait=20")
    assert places(answer.json()) == [(1, 1)]


def test_since_begins_at_a_time(client, broker, adopted):
    between = datetime.datetime.now(datetime.timezone.utc)
    wait_until(lambda: datetime.datetime.now(datetime.timezone.utc) - between
               > datetime.timedelta(milliseconds=20))
    broker.produce(adopted, 0, [("k-1", "later")])
    since = (between + datetime.timedelta(milliseconds=10)).isoformat().replace("+00:00", "Z")
    assert places(page(client, adopted, f"?since={since}")) == [(0, 2)]
    assert page(client, adopted, "?since=2100-01-01T00:00:00Z")["events"] == []


def test_nothing_is_appended_to_an_adopted_topic(client, adopted):
    answer = client.append(adopted, "s", placed())
    assert (answer.status_code, problem_of(answer)) == (409, "topic-not-owned")
    assert len(page(client, adopted)["events"]) == 3


def test_an_adopted_topic_has_a_latest_by_record_key(client, broker, adopted):
    path = f"/v1/read-models/{adopted}.latest"
    wait_until(lambda: client.get(f"{path}/k-2").status_code == 200)
    broker.produce(adopted, 0, [("k-2", '{"n":3}')])
    wait_until(lambda: client.get(f"{path}/k-2").json()["event"].get("data") == {"n": 3})
    assert [found["key"] for found in client.get(path).json()["documents"]] == ["k-1", "k-2"]


# ---- Made owned

def test_an_empty_topic_can_become_owned(client, broker):
    name = unique("empty")
    broker.make(name, partitions=2, **UNLIMITED)
    answer = client.put(f"/v1/topics/{name}", {"kind": "owned"})
    assert (answer.status_code, answer.json()["kind"]) == (201, "owned"), answer.text
    assert client.append(name, "s", placed()).json()["version"] == 0
    assert client.put(f"/v1/topics/{name}", {"kind": "owned"}).status_code == 200


def test_a_topic_with_records_cannot_become_owned(client, adopted):
    answer = client.put(f"/v1/topics/{adopted}", {"kind": "owned"})
    assert answer.status_code == 409
    assert client.get(f"/v1/topics/{adopted}").json()["kind"] == "adopted"


def test_a_topic_that_forgets_cannot_become_owned(client, broker):
    name = unique("forgetful")
    broker.make(name, retention_ms="60000")
    answer = client.put(f"/v1/topics/{name}", {"kind": "owned"})
    assert (answer.status_code, problem_of(answer)) == (409, "unsafe-settings")
    assert "retention.ms=60000" in answer.json()["detail"]


def test_a_topic_that_was_emptied_can_become_owned(client, broker, make_server):
    """Its records begin at an offset beyond zero, also for a node that folds it anew."""
    name = unique("emptied")
    broker.make(name, partitions=1, **UNLIMITED)
    broker.produce(name, 0, [("k", "old"), ("k", "older")])
    broker.delete_records(name, 0, before=2)
    assert client.put(f"/v1/topics/{name}", {"kind": "owned"}).status_code == 201
    assert client.append(name, "s", placed()).json()["version"] == 0
    assert len(page(client, name)["events"]) == 1
    wait_until(lambda: client.get(f"/v1/read-models/{name}.latest/s").status_code == 200)
    other = make_server("other").start().client()
    assert other.append(name, "s", placed()).json()["version"] == 1


# ---- Damaged

def fill(server, topic, events=3):
    """What is in it is also known to a node that was killed, and to which the log does not say it
    any more."""
    client = server.client()
    assert client.put(f"/v1/topics/{topic}", {"partitions": 1}).status_code == 201
    for n in range(events):
        assert client.append(topic, "s", placed(n)).status_code == 201
    wait_until(lambda: server.metric("bitacora_state_unwritten_records") == 0)


def expect_read_only(client, topic, problem, status=503):
    answer = client.append(topic, "s", placed())
    assert (answer.status_code, problem_of(answer)) == (status, problem), answer.text
    assert [e["version"] for e in client.get(f"/v1/topics/{topic}/streams/s/events").json()["events"]] \
        == [0, 1, 2]


def test_a_lost_head_is_found_at_start(broker, make_server):
    server = make_server().start()
    topic = unique("t")
    fill(server, topic)
    server.kill()
    broker.delete_records(topic, 0, before=2)
    server.again()
    expect_read_only(server.client(), topic, "log-head-lost")


def test_records_deleted_to_the_end_are_a_lost_head(broker, make_server):
    server = make_server().start()
    topic = unique("t")
    fill(server, topic)
    server.kill()
    broker.delete_records(topic, 0, before=4)
    server.again()
    expect_read_only(server.client(), topic, "log-head-lost")


def test_settings_that_lose_events_are_found_at_start_and_may_be_mended(broker, make_server):
    server = make_server().start()
    topic = unique("t")
    fill(server, topic)
    server.kill()
    broker.set(topic, {**OWNED, "retention.ms": "86400000"})
    server.again()
    expect_read_only(server.client(), topic, "unsafe-settings", status=409)
    assert server.ready()
    broker.set(topic, OWNED)
    wait_until(lambda: server.client().append(topic, "s", placed()).status_code == 201, 90)


def test_a_topic_deleted_and_made_anew_is_another(broker, make_server):
    server = make_server().start()
    client = server.client()
    topic = unique("t")
    fill(server, topic)
    old = page(client, topic)["next"]
    broker.delete(topic)
    wait_until(lambda: client.append(topic, "s", placed()).status_code != 201)
    other = make_server("other").start().client()
    assert other.put(f"/v1/topics/{topic}", {"partitions": 1}).status_code == 201
    assert other.append(topic, "s", placed()).json()["version"] == 0

    client = server.client()  # The old connection has been idle for as long as the other's start took.

    def goes_on():
        answer = client.append(topic, "s", placed())
        return answer.status_code == 201 and answer

    # The node that knew the old one finds out with its next look at the log's topics.
    assert wait_until(goes_on, 120).json()["version"] >= 1
    answer = client.get(f"/v1/topics/{topic}/events?position={old}")
    assert (answer.status_code, problem_of(answer)) == (410, "position-from-another-log")
