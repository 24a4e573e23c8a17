"""A long log and a kill: the next start replays its end only, and a drill over all of it is equal."""

import json
import time

from sizes import sized

EVENTS = sized(short=30_000, full=1_000_000, long=1_000_000)
OF_A_REQUEST = 1000
REPLAYED_MAX = 10_000
STREAMS = 1000
CLOUD_EVENTS = {"Content_Type": "application/cloudevents-batch+json"}


def batch(first):
    """Appends of one event each, to many streams."""
    return json.dumps([{"specversion": "1.0", "id": f"e-{n}", "source": "/s", "type": "T", "stream": f"s-{n % STREAMS}",
                        "data": {"n": n}} for n in range(first, first + OF_A_REQUEST)])


def test_a_start_after_a_kill_replays_little(long_topic, make_server, say):
    server = make_server().start()
    client = server.client(check=False)
    topic = long_topic
    assert client.put(f"/v1/topics/{topic}", {"partitions": 4}).status_code == 201
    began = time.monotonic()
    for first in range(0, EVENTS, OF_A_REQUEST):
        while True:
            answer = client.post(f"/v1/topics/{topic}/events", batch(first), Idempotency_Key=f"b-{first}", **CLOUD_EVENTS)
            if answer.status_code in (429, 503, 504):
                continue
            assert answer.status_code == 200, answer.text[:500]
            results = answer.json()["results"]
            # Those that are to come later are in the same request, with the same keys, once more.
            if not {result["status"] for result in results} & {503, 504}:
                break
        assert {result["status"] for result in results} == {201}, [r for r in results if r["status"] != 201][:2]
    rate = EVENTS / (time.monotonic() - began)
    server.kill()
    began = time.monotonic()
    server.again()
    ready = time.monotonic() - began
    replayed = server.metric("bitacora_start_replayed_records")
    say(f"{EVENTS} events appended at {rate:.0f}/s, then a kill: ready after {ready:.1f} s, {replayed:.0f} records replayed")
    assert replayed <= REPLAYED_MAX
    assert client.get(f"/v1/topics/{topic}").json()["events"] == EVENTS
    last = client.get(f"/v1/topics/{topic}/streams/s-7/events?direction=backwards&limit=1").json()["events"][0]
    assert (last["version"], last["data"]) == (EVENTS // STREAMS - 1, {"n": EVENTS - STREAMS + 7})
    began = time.monotonic()
    verified = server.run("verify", "--topic", topic, seconds=1800)
    say(f"verify of {EVENTS} events: {time.monotonic() - began:.1f} s")
    assert verified.returncode == 0, verified.stdout + verified.stderr
