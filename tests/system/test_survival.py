"""What is left after a kill, and what clients see of a restart."""

import json
import os
import pathlib
import signal
import subprocess
import threading

import pytest

from conftest import LOG, unique
from server import PROGRAM, environment, problem_of, wait_until

QUERIES = ["/v1/topics/{t}", "/v1/topics/{t}/events?limit=1000", "/v1/topics/{t}/streams/s-1/events",
           "/v1/topics/{t}/streams/s-2/events?direction=backwards&limit=3", "/v1/topics/{t}/streams/s-1/appends/k-1",
           "/v1/topics/{t}/streams/s-0/appends/refused", "/v1/read-models/{t}.latest", "/v1/read-models/{t}.latest/s-1"]


def fill(client):
    """A topic with something of everything."""
    topic = unique("t")
    client.put(f"/v1/topics/{topic}", {"partitions": 3})
    for n in range(60):
        client.append(topic, f"s-{n % 5}", [{"type": "T", "data": {"n": n}}] * (1 + n % 3), Idempotency_Key=f"k-{n}")
    seen = client.append(topic, "s-0", {"type": "T", "data": 1}, If_None_Match="*", Idempotency_Key="refused")
    assert seen.status_code == 412
    wait_until(lambda: len(client.get(f"/v1/read-models/{topic}.latest").json()["documents"]) == 5)
    return topic


def answers(client, topic):
    wait_until(lambda: client.get(f"/v1/read-models/{topic}.latest").status_code == 200)
    got = {}
    for query in QUERIES:
        path = query.format(t=topic)
        got[path] = wait_until(lambda path=path: (a := client.get(path)).status_code == 200 and a.content)
    return got


def test_a_kill_loses_nothing(make_server):
    server = make_server().start()
    client = server.client()
    topic = fill(client)
    before = answers(client, topic)
    first = client.append(topic, "s-1", {"type": "U", "data": 1}, Idempotency_Key="last")
    server.kill()
    server.again()
    again = client.append(topic, "s-1", {"type": "U", "data": 1}, Idempotency_Key="last")
    assert again.content == first.content and again.headers["Idempotent-Replayed"] == "true"
    after = answers(client, topic)
    path = f"/v1/topics/{topic}/streams/s-2/events?direction=backwards&limit=3"
    assert after[path] == before[path]


def bytes_received(client):
    """By the server, over all connections; asking adds the same number each time."""
    line, = [line for line in client.get("/metrics").text.splitlines()
             if line.startswith("bitacora_http_received_bytes_total")]
    return float(line.rsplit(" ", 1)[1])


def test_sigterm_answers_long_polls(make_server):
    server = make_server().start()
    client = server.client()
    topic = unique("t")
    client.put(f"/v1/topics/{topic}", {"partitions": 1})
    answered = []
    waiting = threading.Thread(target=lambda: answered.append(
        server.client().get(f"/v1/topics/{topic}/events", Prefer="wait=60")), daemon=True)
    first, seen = bytes_received(client), [bytes_received(client)]
    asking = seen[0] - first
    waiting.start()

    def taken():
        seen.append(bytes_received(client))
        return seen[-1] - seen[-2] > asking

    wait_until(taken, what="the long poll's arrival")
    assert server.terminate(seconds=25) == 0
    waiting.join(timeout=10)
    assert len(answered) == 1, "a request that was taken got no answer"
    assert answered[0].status_code == 200 and answered[0].json()["events"] == []


def processor_seconds(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_a_long_poll_that_waits_keeps_no_processor_busy(make_server):
    """It once read the same page again and again, since its position had moved away with the page."""
    server = make_server().start()
    client = server.client()
    topic = unique("t")
    client.put(f"/v1/topics/{topic}", {"partitions": 1})

    def processor_seconds_of_a_wait():
        before = processor_seconds(server)
        waited = client.get(f"/v1/topics/{topic}/events", Prefer="wait=2")
        assert waited.status_code == 200 and waited.json()["events"] == []
        return processor_seconds(server) - before

    # Of two seconds; it was all of them. What else the server has to do it has not three times.
    assert min(processor_seconds_of_a_wait() for _ in range(3)) < 1


def test_a_followers_token_outlives_the_server(make_server):
    server = make_server().start()
    client = server.client()
    topic = fill(client)
    token = client.get(f"/v1/topics/{topic}/events?limit=7").json()["next"]
    rest = client.get(f"/v1/topics/{topic}/events?position={token}&limit=1000").json()["events"]
    server.kill()
    server.again()
    assert client.get(f"/v1/topics/{topic}/events?position={token}&limit=1000").json()["events"] == rest


def test_the_program_follows_through_a_restart(make_server):
    server = make_server().start()
    topic = unique("t")
    assert server.run("create-topic", topic).returncode == 0
    with subprocess.Popen([PROGRAM, "follow", topic, "--json", "--server", server.url], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, encoding="utf-8", env=environment()) as follower:
        for n in range(3):
            assert server.run("append", topic, "s", "--type", "T", "--data", str(n)).returncode == 0
            assert json.loads(follower.stdout.readline())["data"] == n
            server.kill()
            server.again()
        follower.send_signal(signal.SIGINT)
        rest, errors = follower.communicate(timeout=30)
    assert (follower.returncode, rest) == (0, "") and "position: " in errors


def test_a_million_byte_import_can_be_sent_again(make_server):
    server = make_server().start()
    topic = unique("t")
    server.run("create-topic", topic)
    text = "".join(json.dumps({"stream": f"s-{n % 50}", "type": "T", "data": n}) + "\n" for n in range(5000))
    for _ in range(2):
        done = server.run("append", topic, "--key", "import", stdin=text)
        assert (done.returncode, done.stdout) == (0, "5,000 events appended\n"), done.stderr
    assert server.client().get(f"/v1/topics/{topic}").json()["events"] == 5000
    events = [json.loads(line) for line in server.run("read", topic, "s-7", "--json").stdout.splitlines()]
    assert [e["data"] for e in events] == list(range(7, 5000, 50))
