"""Every route and every answer of the REST API, on a running server. Each answer is also held to the
OpenAPI document."""

import base64
import json
import threading
import urllib.parse

import pytest

from conftest import unique
from server import problem_of, wait_until

PLAIN = {"Content_Type": "application/json"}
STRUCTURED = {"Content_Type": "application/cloudevents+json"}
BATCH = {"Content_Type": "application/cloudevents-batch+json"}


def placed(n=0):
    return {"type": "Placed", "data": {"n": n}}


def cloud_event(**more):
    return {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "Placed", **more}


def read(client, topic, stream, query="", **headers):
    return client.get(f"/v1/topics/{topic}/streams/{stream}/events{query}", **headers)


def events_of(client, topic, stream, query=""):
    answer = read(client, topic, stream, query)
    assert answer.status_code == 200
    return answer.json()["events"]


def versions(answer):
    return [event["version"] for event in answer.json()["events"]]


# ---- Topics

def test_making_a_topic_again_changes_nothing(client):
    name = unique("t")
    made = client.put(f"/v1/topics/{name}", {"partitions": 3})
    assert made.status_code == 201
    assert (made.json()["kind"], made.json()["partitions"], made.json()["events"]) == ("owned", 3, 0)
    again = client.put(f"/v1/topics/{name}", {"partitions": 3})
    assert again.status_code == 200
    assert again.json() == client.get(f"/v1/topics/{name}").json()


def test_a_topic_has_eight_partitions_unless_told(client):
    assert client.put(f"/v1/topics/{unique('t')}", {}).json()["partitions"] == 8


def test_the_number_of_partitions_stays(client, topic):
    answer = client.put(f"/v1/topics/{topic}", {"partitions": 4})
    assert (answer.status_code, problem_of(answer)) == (409, "topic-exists")


def test_topics_are_listed_by_name(client, topic):
    names = [t["name"] for t in client.get("/v1/topics").json()["topics"]]
    assert topic in names and names == sorted(names)


def test_a_topic_counts_its_events(client, topic):
    client.append(topic, "a", [placed(), placed()])
    client.append(topic, "b", placed())
    assert client.get(f"/v1/topics/{topic}").json()["events"] == 3


@pytest.mark.parametrize("body", [{"partitions": 0}, {"partitions": 65}, {"partitions": "8"},
                                  {"partitions": 1.5}, {"kind": "adopted"}, {"size": 1}, [], 7])
def test_a_wrong_shape_of_a_topic_is_refused(client, body):
    assert client.put(f"/v1/topics/{unique('t')}", body).status_code == 400


@pytest.mark.parametrize("name", ["a%20b", "%2e%2e", "a%2Fb", "x" * 250, "%00", "__consumer_offsets",
                                  "bitacora.groups", "%C3%A9"], ids=lambda name: name[:9])
def test_a_wrong_name_of_a_topic_is_refused(client, name):
    assert client.put(f"/v1/topics/{name}", {}).status_code == 400


def test_an_unknown_topic_is_not_found(client):
    answer = client.get("/v1/topics/nowhere")
    assert (answer.status_code, problem_of(answer)) == (404, "topic-unknown")


# ---- Appending

def test_an_append_says_what_it_became(client, topic):
    answer = client.append(topic, "a%20b", placed(7))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["topic"], body["stream"], body["firstVersion"], body["version"]) == (topic, "a b", 0, 0)
    assert answer.headers["ETag"] == '"0"'
    assert answer.headers["Bitacora-Position"] == body["position"]
    verdict = client.get(answer.headers["Location"])
    assert verdict.json() == {"appendId": body["appendId"], "verdict": "admitted", "firstVersion": 0,
                              "version": 0, "count": 1}


def test_a_plain_event_is_completed(client, topic):
    client.append(topic, "s", {"type": "T", "data": [1], "metadata": {"who": "me", "tries": 2, "dry": True}})
    event, = events_of(client, topic, "s")
    assert (event["source"], event["subject"], event["type"]) == (f"/v1/topics/{topic}", "s", "T")
    assert (event["who"], event["tries"], event["dry"]) == ("me", 2, True)
    assert event["id"] and event["time"].endswith("Z")


def test_an_event_without_data_has_none(client, topic):
    assert client.append(topic, "s", json.dumps(cloud_event(id="mine")), **STRUCTURED).status_code == 201
    event, = events_of(client, topic, "s")
    assert event["id"] == "mine" and "data" not in event and "data_base64" not in event


def test_data_keep_their_bytes(client, topic):
    data = '{"z": 1.500,  "a":"\\u00e9", "big":12345678901234567890, "e":1E5}'
    client.append(topic, "s", f'{{"type":"T","data":{data}}}', **PLAIN)
    client.append(topic, "s", f'[{{"type":"T","data":{data}}},{{"type":"T","data":{data}}}]', **PLAIN)
    assert read(client, topic, "s").text.count(data) == 3


def test_several_events_are_one_append(client, topic):
    answer = client.append(topic, "s", [placed(0), placed(1), placed(2)])
    assert (answer.json()["firstVersion"], answer.json()["version"]) == (0, 2)
    events = events_of(client, topic, "s")
    assert [(e["version"], e["index"], e["data"]["n"]) for e in events] == [(0, 0, 0), (1, 1, 1), (2, 2, 2)]
    assert len({e["offset"] for e in events}) == 1


def test_cloudevents_in_binary_mode(client, topic):
    answer = client.append(topic, "s", b'{"n": 1.0}', Content_Type="application/json", ce_specversion="1.0",
                           ce_id="b-1", ce_source="/shop", ce_type="Placed", ce_who="me")
    assert answer.status_code == 201
    event, = events_of(client, topic, "s")
    assert (event["id"], event["source"], event["who"], event["data"]) == ("b-1", "/shop", "me", {"n": 1.0})


def test_data_that_is_no_json_comes_back_as_bytes(client, topic):
    data = bytes(range(256))
    answer = client.append(topic, "s", data, Content_Type="application/octet-stream", ce_specversion="1.0",
                           ce_id="b-2", ce_source="/shop", ce_type="Blob")
    assert answer.status_code == 201
    event, = events_of(client, topic, "s")
    assert base64.b64decode(event["data_base64"]) == data
    assert event["datacontenttype"] == "application/octet-stream"


def test_cloudevents_in_structured_and_batched_mode(client, topic):
    assert client.append(topic, "s", json.dumps(cloud_event(data=1, subject="mine")), **STRUCTURED).status_code == 201
    batch = json.dumps([cloud_event(id="2", data=2), cloud_event(id="3", data_base64="AAE=")])
    assert client.append(topic, "s", batch, **BATCH).json()["version"] == 2
    first, second, third = events_of(client, topic, "s")
    assert (first["subject"], second["subject"]) == ("mine", "s")
    assert (second["data"], third["data_base64"]) == (2, "AAE=")


def test_streams_have_names_of_any_script(client, topic):
    stream = "航海/日誌 №1?#%"
    path = urllib.parse.quote(stream, safe="")
    assert client.append(topic, path, placed()).json()["stream"] == stream
    assert events_of(client, topic, path)[0]["stream"] == stream


@pytest.mark.parametrize("stream", ["%2e", "%2e%2e", "%0a", "%00", "%7f", "%ff", "x" * 201, "%c3"], ids=lambda name: name[:9])
def test_a_wrong_name_of_a_stream_is_refused(client, topic, stream):
    assert client.append(topic, stream, placed()).status_code == 400


@pytest.mark.parametrize("path", ["%", "%2", "%zz"])
def test_a_path_that_is_no_path_is_refused(server, client, topic, path):
    answer = raw(server, f"GET /v1/topics/{topic}/streams/{path}/events HTTP/1.1")
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("headers", [{}, {"Content-Type": "text/plain"}, {"Content-Type": "application/xml"}])
def test_a_body_of_no_known_kind_is_unsupported(client, topic, headers):
    answer = client.request("POST", f"/v1/topics/{topic}/streams/s/events", b'{"type":"T","data":1}', headers)
    assert (answer.status_code, problem_of(answer)) == (415, "unsupported-media-type")


@pytest.mark.parametrize("body", [
    "", "[]", "{}", "7", "null", '{"type":"T"}', '{"type":"","data":1}', '{"type":7,"data":1}',
    '{"type":"T","data":1,"surprise":1}', '{"type":"T","data":1,"type":"U"}', '{"type":"T","data":1,"id":""}',
    '{"type":"T","data":1,"metadata":{"Upper":1}}', '{"type":"T","data":1,"metadata":{"type":"x"}}',
    '{"type":"T","data":1,"metadata":{"a":{}}}', '{"type":"T","data":1', '\ufeff{"type":"T","data":1}',
    '{"type":"T","data":1e400}', '{"type":"T","data":"\\ud800"}', '{"type":"T","data":' + "[" * 65 + "]" * 65 + "}",
    '[{"type":"T","data":1},{}]'], ids=[f"body-{n}" for n in range(20)])
def test_a_malformed_event_is_refused_and_nothing_is_written(client, topic, body):
    answer = client.append(topic, "s", body.encode("utf-8"), **PLAIN)
    assert answer.status_code == 400
    assert read(client, topic, "s").status_code == 404


@pytest.mark.parametrize("change", [{"specversion": "0.3"}, {"id": None}, {"source": ""}, {"time": "noon"},
                                    {"data": 1, "data_base64": "AA=="}, {"Upper": 1}, {"x": 1.5}, {"x": {}}])
def test_a_malformed_cloudevent_is_refused(client, topic, change):
    event = {k: v for k, v in {**cloud_event(), **change}.items() if v is not None}
    assert client.append(topic, "s", json.dumps(event), **STRUCTURED).status_code == 400


def test_an_append_to_no_topic_is_not_found(client):
    answer = client.append("nowhere", "s", placed())
    assert (answer.status_code, problem_of(answer)) == (404, "topic-unknown")


# ---- Conditions

def test_a_stream_can_be_demanded_to_be_new(client, topic):
    assert client.append(topic, "s", placed(), If_None_Match="*").status_code == 201
    answer = client.append(topic, "s", placed(), If_None_Match="*")
    assert answer.status_code == 412
    assert (answer.json()["expectedVersion"], answer.json()["currentVersion"]) == ("new", 0)


def test_a_stream_can_be_demanded_to_exist(client, topic):
    answer = client.append(topic, "s", placed(), If_Match="*")
    assert (answer.status_code, answer.json()["expectedVersion"], answer.json()["currentVersion"]) == (412, "exists", None)
    client.append(topic, "s", placed())
    assert client.append(topic, "s", placed(), If_Match="*").status_code == 201


def test_a_version_can_be_demanded(client, topic):
    client.append(topic, "s", placed())
    assert client.append(topic, "s", placed(), If_Match='"0"').status_code == 201
    answer = client.append(topic, "s", placed(), If_Match='"0"')
    assert (answer.status_code, answer.json()["expectedVersion"], answer.json()["currentVersion"]) == (412, 0, 1)
    assert versions(read(client, topic, "s")) == [0, 1]


@pytest.mark.parametrize("headers", [
    {"If_Match": 'W/"0"'}, {"If_Match": "0"}, {"If_Match": '"0", "1"'}, {"If_Match": '"x"'}, {"If_Match": '"01"'},
    {"If_Match": '"-1"'}, {"If_Match": ""}, {"If_None_Match": '"0"'}, {"If_None_Match": "*", "If_Match": "*"},
    {"If_Match": '"99999999999999999999"'}])
def test_any_other_condition_is_refused(client, topic, headers):
    client.append(topic, "s", placed())
    assert client.append(topic, "s", placed(), **headers).status_code == 400
    assert versions(read(client, topic, "s")) == [0]


# ---- Repeating

def test_a_repeated_append_gets_the_same_bytes(client, topic):
    first = client.append(topic, "s", placed(), Idempotency_Key="k")
    client.append(topic, "s", placed())
    again = client.append(topic, "s", placed(), Idempotency_Key='"k"')
    assert (again.status_code, again.content) == (first.status_code, first.content)
    assert again.headers["ETag"] == first.headers["ETag"]
    assert again.headers["Idempotent-Replayed"] == "true" and "Idempotent-Replayed" not in first.headers
    assert versions(read(client, topic, "s")) == [0, 1]


def test_a_refused_append_stays_refused(client, topic):
    refused = client.append(topic, "s", placed(), If_Match='"1"', Idempotency_Key="k")
    client.append(topic, "s", [placed(), placed()])
    again = client.append(topic, "s", placed(), If_Match='"1"', Idempotency_Key="k")
    assert (again.status_code, again.content) == (412, refused.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    verdict = client.get(f"/v1/topics/{topic}/streams/s/appends/k").json()
    assert (verdict["verdict"], verdict["version"], verdict["count"]) == ("conflict", None, 0)


@pytest.mark.parametrize("change", [{"body": placed(1)}, {"headers": {"If_Match": "*"}}])
def test_a_key_is_for_one_request_only(client, topic, change):
    client.append(topic, "s", placed(0), Idempotency_Key="k")
    answer = client.append(topic, "s", change.get("body", placed(0)), Idempotency_Key="k",
                           **change.get("headers", {}))
    assert (answer.status_code, problem_of(answer)) == (422, "idempotency-key-reused")
    assert versions(read(client, topic, "s")) == [0]


def test_a_key_belongs_to_its_stream(client, topic):
    assert client.append(topic, "a", placed(), Idempotency_Key="k").status_code == 201
    answer = client.append(topic, "b", placed(), Idempotency_Key="k")
    assert answer.status_code == 201 and "Idempotent-Replayed" not in answer.headers


def test_the_servers_own_id_is_a_key_too(client, topic):
    first = client.append(topic, "s", placed())
    again = client.append(topic, "s", placed(), Idempotency_Key=first.json()["appendId"])
    assert again.content == first.content


def test_copies_in_flight_get_one_verdict(server, topic):
    answers = []

    def send():
        answers.append(server.client().append(topic, "s", placed(), Idempotency_Key="k"))

    threads = [threading.Thread(target=send) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {a.status_code for a in answers} == {201} and len({a.content for a in answers}) == 1
    assert versions(read(server.client(), topic, "s")) == [0]


@pytest.mark.parametrize("key", ["", "a b", "x" * 129, "k#1", '""', "é".encode().decode("latin-1")], ids=lambda key: key[:9])
def test_a_wrong_key_is_refused(client, topic, key):
    assert client.append(topic, "s", placed(), Idempotency_Key=key).status_code == 400


def test_an_append_nobody_made_is_unknown(client, topic):
    client.append(topic, "s", placed())
    answer = client.get(f"/v1/topics/{topic}/streams/s/appends/nobody")
    assert (answer.status_code, problem_of(answer)) == (404, "append-unknown")


def test_an_append_may_be_answered_before_its_verdict(client, topic):
    answer = client.append(topic, "s", placed(), Prefer="respond-async")
    assert answer.status_code in (201, 202)
    verdict = wait_until(lambda: (v := client.get(answer.headers["Location"])).status_code == 200 and v.json())
    assert verdict["verdict"] == "admitted"


# ---- Bulk

def bulk(client, topic, events, **headers):
    return client.post(f"/v1/topics/{topic}/events", json.dumps(events), **BATCH, **headers)


def test_a_bulk_append_judges_each_event(client, topic):
    answer = bulk(client, topic, [cloud_event(stream="a"), cloud_event(stream="b", expectedversion="exists"),
                                  cloud_event(stream="a", expectedversion=0), cloud_event(stream="a", expectedversion="new")])
    assert answer.status_code == 200
    results = answer.json()["results"]
    assert [r["status"] for r in results] == [201, 412, 201, 412]
    assert (results[0]["version"], results[2]["version"]) == (0, 1)
    assert [e["version"] for e in events_of(client, topic, "a")] == [0, 1]
    assert "stream" not in [*cloud_event()] and events_of(client, topic, "a")[0]["subject"] == "a"
    seen = client.get(f"/v1/topics/{topic}/events", Bitacora_At_Least=answer.headers["Bitacora-Position"])
    assert len(seen.json()["events"]) == 2


def test_a_repeated_bulk_append_changes_nothing(client, topic):
    events = [cloud_event(stream=f"s-{i % 3}", data=i) for i in range(20)]
    first = bulk(client, topic, events, Idempotency_Key="K")
    again = bulk(client, topic, events, Idempotency_Key="K")
    assert again.content == first.content
    assert [r["appendId"] for r in first.json()["results"]] == [f"K#{i}" for i in range(20)]
    assert client.get(f"/v1/topics/{topic}").json()["events"] == 20
    verdict = client.get(f"/v1/topics/{topic}/streams/s-1/appends/K%231").json()
    assert (verdict["verdict"], verdict["appendId"]) == ("admitted", "K#1")


@pytest.mark.parametrize("events", [[], [cloud_event()], [cloud_event(stream="a"), cloud_event(stream="..")],
                                    [cloud_event(stream="a"), {"type": "T", "stream": "a"}],
                                    [cloud_event(stream="a", expectedversion="old")], {"type": "T"}])
def test_a_malformed_bulk_append_writes_nothing(client, topic, events):
    assert bulk(client, topic, events).status_code == 400
    assert client.get(f"/v1/topics/{topic}").json()["events"] == 0


# ---- Reading a stream

@pytest.fixture
def ten(client, topic):
    """A stream of ten events in a topic."""
    for n in range(10):
        client.append(topic, "ten", placed(n))
    return topic


def test_a_stream_is_read_in_pages(client, ten):
    first = read(client, ten, "ten", "?limit=4")
    assert (versions(first), first.json()["next"]) == ([0, 1, 2, 3], 4)
    last = read(client, ten, "ten", "?from=8&limit=4")
    assert (versions(last), last.json()["next"]) == ([8, 9], None)


def test_a_stream_is_read_backwards(client, ten):
    first = read(client, ten, "ten", "?direction=backwards&limit=3")
    assert (versions(first), first.json()["next"]) == ([9, 8, 7], 6)
    assert versions(read(client, ten, "ten", "?direction=backwards&from=1")) == [1, 0]
    assert read(client, ten, "ten", "?direction=backwards&from=1").json()["next"] is None


def test_past_the_head_there_is_nothing_yet(client, ten):
    assert read(client, ten, "ten", "?from=10").json() == {"events": [], "next": None}


def test_a_page_may_end_inside_an_append(client, topic):
    client.append(topic, "s", [placed(n) for n in range(5)])
    assert versions(read(client, topic, "s", "?limit=2")) == [0, 1]
    assert versions(read(client, topic, "s", "?from=2&limit=2")) == [2, 3]
    assert versions(read(client, topic, "s", "?direction=backwards&from=3&limit=2")) == [3, 2]


def test_a_stream_that_did_not_change_is_not_sent_again(client, ten):
    tag = read(client, ten, "ten").headers["ETag"]
    assert tag == '"9"'
    same = read(client, ten, "ten", If_None_Match=tag)
    assert (same.status_code, same.content, same.headers["ETag"]) == (304, b"", tag)
    client.append(ten, "ten", placed())
    assert read(client, ten, "ten", If_None_Match=tag).status_code == 200


def test_a_stream_comes_as_a_bare_batch(client, ten):
    answer = read(client, ten, "ten", "?limit=2", Accept="application/cloudevents-batch+json")
    assert answer.headers["Content-Type"].startswith("application/cloudevents-batch+json")
    assert [e["data"]["n"] for e in answer.json()] == [0, 1]


@pytest.mark.parametrize("query", ["?from=-1", "?from=x", "?from=", "?from=1&from=2", "?limit=0", "?limit=1001",
                                   "?limit=1e2", "?limit=0x10", "?limit=%205", "?direction=up", "?form=1", "?from=01"])
def test_a_wrong_parameter_of_a_stream_is_refused(client, ten, query):
    assert read(client, ten, "ten", query).status_code == 400


def test_what_is_not_there_is_not_found(client, topic):
    assert problem_of(read(client, topic, "nobody")) == "stream-unknown"
    assert problem_of(read(client, "nowhere", "nobody")) == "topic-unknown"


def test_what_cannot_be_made_is_not_acceptable(client, ten):
    assert read(client, ten, "ten", Accept="text/html").status_code == 406
    assert read(client, ten, "ten", Accept="*/*").status_code == 200


# ---- Reading a topic

def read_topic(client, topic, query="", **headers):
    return client.get(f"/v1/topics/{topic}/events{query}", **headers)


def all_of(client, topic, query="limit=3"):
    """All events, page by page, until a page moves no further."""
    token, events = "earliest", []
    while True:
        page = read_topic(client, topic, f"?position={token}&{query}").json()
        events += page["events"]
        if page["next"] == token:
            return events
        token = page["next"]


def test_a_topic_is_read_in_pages_in_the_order_of_each_stream(client, topic):
    for n in range(20):
        client.append(topic, f"s-{n % 4}", [placed(n), placed(n)])
    events = all_of(client, topic)
    assert len(events) == 40
    for stream in range(4):
        assert [e["version"] for e in events if e["stream"] == f"s-{stream}"] == list(range(10))
    assert {(e["partition"], e["offset"], e["index"]) for e in events} == \
        {(e["partition"], e["offset"], e["index"]) for e in all_of(client, topic, "limit=1000")}


def test_refused_appends_are_not_in_a_topic(client, topic):
    client.append(topic, "s", placed(), If_Match="*")
    client.append(topic, "s", placed(1))
    assert [e["data"]["n"] for e in all_of(client, topic)] == [1]


def test_the_latest_position_is_behind_everything(client, topic):
    client.append(topic, "s", placed())
    page = read_topic(client, topic, "?position=latest").json()
    assert page["events"] == []
    client.append(topic, "s", placed(2))
    assert [e["data"]["n"] for e in read_topic(client, topic, f"?position={page['next']}").json()["events"]] == [2]


def test_an_append_knows_the_position_behind_it(client, topic):
    client.append(topic, "s", placed(1))
    position = client.append(topic, "s", placed(2)).json()["position"]
    client.append(topic, "s", placed(3))
    events = read_topic(client, topic, f"?position={position}&stream=s").json()["events"]
    assert [e["data"]["n"] for e in events] == [3]


def test_a_topic_can_be_read_since_a_time(client, topic):
    client.append(topic, "s", placed())
    assert len(read_topic(client, topic, "?since=2001-01-01T00:00:00Z").json()["events"]) == 1
    assert read_topic(client, topic, "?since=2999-01-01T00:00:00Z").json()["events"] == []


def test_a_topic_can_be_filtered(client, topic):
    for stream in "abc":
        for kind in ("Placed", "Paid", "Sent"):
            client.append(topic, stream, {"type": kind, "data": 1})
    chosen = all_of(client, topic, "limit=2&type=Paid&type=Sent&stream=a&stream=b")
    assert sorted((e["stream"], e["type"]) for e in chosen) == [("a", "Paid"), ("a", "Sent"), ("b", "Paid"), ("b", "Sent")]
    assert all_of(client, topic, "type=paid") == []


def test_a_reader_can_wait_for_what_comes(server, client, topic):
    token = read_topic(client, topic).json()["next"]
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(read_topic(server.client(), topic, f"?position={token}", Prefer="wait=30")))
    waiting.start()
    client.append(topic, "s", placed(5))
    waiting.join(timeout=20)
    assert [e["data"]["n"] for e in answers[0].json()["events"]] == [5]


def test_a_wait_passes_over_what_does_not_match(server, client, topic):
    answers = []
    waiting = threading.Thread(
        target=lambda: answers.append(read_topic(server.client(), topic, "?type=Paid", Prefer="wait=30")))
    waiting.start()
    client.append(topic, "s", placed())
    client.append(topic, "s", {"type": "Paid", "data": 1})
    waiting.join(timeout=20)
    assert [e["type"] for e in answers[0].json()["events"]] == ["Paid"]


def test_a_wait_that_ends_empty_has_a_position(client, topic):
    token = read_topic(client, topic).json()["next"]
    answer = read_topic(client, topic, f"?position={token}", Prefer="wait=1")
    assert answer.status_code == 200 and answer.json()["events"] == [] and answer.json()["next"]


def test_a_position_of_another_topic_is_refused(client, topic):
    other = unique("t")
    client.put(f"/v1/topics/{other}", {})
    token = client.append(other, "s", placed()).json()["position"]
    answer = read_topic(client, topic, f"?position={token}")
    assert (answer.status_code, problem_of(answer)) == (410, "position-from-another-log")


@pytest.mark.parametrize("query", ["?position=", "?position=no%20token", "?position=AAAA", "?since=yesterday", "?limit=0",
                                   "?since=2026-01-01T00:00:00Z&position=earliest", "?kind=x", "?position=latest&position=latest"])
def test_a_wrong_parameter_of_a_topic_is_refused(client, topic, query):
    assert read_topic(client, topic, query).status_code == 400


@pytest.mark.parametrize("prefer", ["wait=-1", "wait=x", "wait=61", "wait=1, wait=2"])
def test_a_wrong_wait_is_refused(client, topic, prefer):
    assert read_topic(client, topic, Prefer=prefer).status_code == 400


def test_a_topic_comes_as_a_bare_batch(client, topic):
    client.append(topic, "s", placed())
    answer = read_topic(client, topic, Accept="application/cloudevents-batch+json")
    assert [e["type"] for e in answer.json()] == ["Placed"]
    assert read_topic(client, topic, f"?position={answer.headers['Bitacora-Position']}").json()["events"] == []


# ---- Reading one's own writes

def test_a_read_has_seen_what_it_is_told_to(client, topic):
    for n in range(20):
        position = client.append(topic, "s", placed(n)).headers["Bitacora-Position"]
        headers = {"Bitacora_At_Least": position}
        assert versions(read(client, topic, "s", f"?from={n}", **headers)) == [n]
        assert len(read_topic(client, topic, "?limit=1000", **headers).json()["events"]) == n + 1
        document = client.get(f"/v1/read-models/{topic}.latest/s", **headers)
        assert document.json()["version"] == n


def test_several_positions_must_all_hold(client, topic):
    positions = [client.append(topic, f"s-{n}", placed(n)).json()["position"] for n in range(5)]
    documents = client.get(f"/v1/read-models/{topic}.latest", Bitacora_At_Least=", ".join(positions))
    assert len(documents.json()["documents"]) == 5


def test_a_demand_that_makes_no_sense_is_refused(client, topic):
    client.append(topic, "s", placed())
    assert read(client, topic, "s", Bitacora_At_Least="no token").status_code == 400


# ---- The read model every topic has

def latest(client, topic, key="", query="", seen=None):
    headers = {"Bitacora_At_Least": seen} if seen else {}
    return client.get(f"/v1/read-models/{topic}.latest{key}{query}", **headers)


def test_latest_has_the_last_event_of_a_stream(client, topic):
    client.append(topic, "s", placed(1))
    seen = client.append(topic, "s", [placed(2), placed(3)]).json()["position"]
    document = latest(client, topic, "/s", seen=seen).json()
    assert (document["key"], document["version"], document["event"]["data"]) == ("s", 2, {"n": 3})
    assert document["event"] == events_of(client, topic, "s")[-1]
    assert document["time"] == document["event"]["time"]


def test_latest_is_listed_in_the_order_of_key_bytes(client, topic):
    streams = ["b", "a", "B", "é", "a-2", "a-10", "日誌"]
    for stream in streams:
        seen = client.append(topic, urllib.parse.quote(stream), placed()).json()["position"]
        wait_until(lambda seen=seen: latest(client, topic, seen=seen).status_code == 200)
    keys, cursor = [], ""
    while cursor is not None:
        page = latest(client, topic, query="?limit=3" + (f"&cursor={urllib.parse.quote(cursor)}" if cursor else "")).json()
        keys += [document["key"] for document in page["documents"]]
        cursor = page["next"]
    assert keys == sorted(streams, key=lambda s: s.encode())
    found = latest(client, topic, query="?prefix=a").json()
    assert ([d["key"] for d in found["documents"]], found["next"]) == (["a", "a-10", "a-2"], None)
    assert latest(client, topic, query="?prefix=zz").json() == {"documents": [], "next": None}


def test_latest_of_nobody_is_not_found(client, topic):
    assert problem_of(latest(client, topic, "/nobody")) == "document-unknown"
    assert problem_of(client.get("/v1/read-models/nowhere.latest/s")) in ("read-model-unknown", "topic-unknown")
    assert problem_of(client.get(f"/v1/read-models/{topic}.other")) == "read-model-unknown"


@pytest.mark.parametrize("query", ["?limit=0", "?limit=1001", "?cursor=%ff", "?cursor=!", "?index=x", "?surprise=1"])
def test_a_wrong_parameter_of_a_listing_is_refused(client, topic, query):
    assert latest(client, topic, query=query).status_code == 400


# ---- Drills

def test_a_rebuild_is_equal(client, server, topic):
    for n in range(50):
        client.append(topic, f"s-{n % 7}", placed(n))
    begun = client.post("/v1/drills", {"kind": "rebuild", "topic": topic})
    assert begun.status_code == 202
    ended = wait_until(lambda: (d := client.get(begun.headers["Location"]).json())["state"] != "running" and d,
                       what="the drill's end")
    assert ended["state"] == "equal" and ended["id"] == begun.json()["id"]
    done = server.run("verify", "--topic", topic)
    assert done.returncode == 0 and "equal" in done.stdout, done.stderr


@pytest.mark.parametrize("body, status", [({"kind": "rebuild", "topic": "nowhere"}, 404), ({"kind": "x", "topic": "t"}, 400),
                                          ({"kind": "rebuild"}, 400), ({"kind": "rebuild", "topic": "t", "x": 1}, 400)])
def test_a_drill_of_nothing_is_refused(client, body, status):
    assert client.post("/v1/drills", body).status_code == status


def test_a_drill_nobody_started_is_not_found(client):
    assert problem_of(client.get("/v1/drills/nobody")) == "drill-unknown"


# ---- The server itself

def test_it_lives_and_is_ready(client, topic):
    assert client.get("/livez").status_code == 200
    ready = client.get("/readyz").json()
    assert ready["status"] == "ready"
    assert len([p for p in ready["partitions"] if p["topic"] == topic]) == 3


def test_it_measures_itself(client):
    text = client.get("/metrics").text
    assert "\nbitacora_" in text and "# TYPE bitacora_" in text


def test_it_serves_its_contract(client):
    from validate import DOCUMENT
    assert client.get("/openapi.json").content == DOCUMENT.read_bytes()


def test_it_tells_its_version_and_limits(client):
    assert client.get("/v1/version").json()["version"]
    limits = client.get("/v1/limits").json()
    assert (limits["append_events_max"], limits["page_events_max"], limits["body_bytes_max"]) == (1000, 1000, 8 << 20)


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/nothing", "//livez", "/v2/topics"])
def test_an_unknown_path_is_not_found(client, path):
    assert client.get(path).status_code == 404


@pytest.mark.parametrize("method, path, allowed", [
    ("DELETE", "/v1/topics/t", {"GET", "HEAD", "PUT", "OPTIONS"}), ("POST", "/livez", {"GET", "HEAD", "OPTIONS"}),
    ("PATCH", "/v1/topics/t/events", {"GET", "HEAD", "POST", "OPTIONS"}), ("GET", "/v1/drills", {"POST", "OPTIONS"})])
def test_another_method_is_not_allowed(client, method, path, allowed):
    answer = client.request(method, path)
    assert answer.status_code == 405
    assert {name.strip() for name in answer.headers["Allow"].split(",")} == allowed
    assert client.request("OPTIONS", path).status_code == 204


def test_head_is_get_without_a_body(client, ten):
    got = read(client, ten, "ten")
    head = client.request("HEAD", f"/v1/topics/{ten}/streams/ten/events")
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["ETag"], head.headers["Content-Length"]) == (got.headers["ETag"], got.headers["Content-Length"])


# ---- Limits

def test_too_much_is_refused_and_nothing_is_written(client, topic):
    big = {"type": "T", "data": "x" * 1_000_000}
    assert problem_of(client.append(topic, "s", big)) == "append-too-large"
    assert problem_of(client.append(topic, "s", [placed()] * 1001)) == "too-many-events"
    assert client.append(topic, "s", [placed()] * 1000).json()["version"] == 999
    assert client.append(topic, "t", {"type": "T", "data": "x" * 900_000}).status_code == 201


def test_a_body_over_the_limit_is_refused_before_it_is_read(server):
    answer = raw(server, "POST /v1/topics/t/streams/s/events HTTP/1.1", "Content-Length: 8388609")
    assert answer.startswith(b"HTTP/1.1 413 ") and b"onnection: close" in answer


def test_a_page_ends_at_its_bytes(client, topic):
    for _ in range(6):
        client.append(topic, "s", {"type": "T", "data": "x" * 900_000})
    page = read(client, topic, "s", "?limit=1000")
    assert 1 <= len(page.json()["events"]) < 6
    assert len(page.content) < 5 << 20
    assert page.json()["next"] == len(page.json()["events"])


@pytest.mark.parametrize("line, field, status", [
    ("GET /livez HTTP/1.1", "X: " + "y" * 17_000, b"431"), ("GET /" + "x" * 9000 + " HTTP/1.1", "X: y", b"414"),
    ("GET /livez HTTP/2.0", "X: y", b"505"), ("GET /livez HTTP/1.1", "Transfer-Encoding: gzip", b"501"),
    ("POST /livez HTTP/1.1", "Expect: magic", b"417"), ("GET /livez HTTP/1.1", "Host: two", b"400")],
    ids=["header", "uri", "version", "coding", "expectation", "host"])
def test_a_request_that_is_no_request_gets_one_answer(server, line, field, status):
    answer = raw(server, line, field)
    assert answer.startswith(b"HTTP/1.1 " + status + b" ") and answer.count(b"\r\nDate: ") == 1


def raw(server, line, *header_fields):
    """All bytes the server answers to a request written by hand, until it closes."""
    import socket
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        connection.sendall("\r\n".join([line, "Host: x", *header_fields, "Connection: close", "", ""]).encode())
        answer = b""
        while chunk := connection.recv(65536):
            answer += chunk
        return answer
