"""SIGTERM under load: what was taken is answered, nothing else is, and the next start finds all of it."""

import collections
import http.client
import json
import math
import threading
import time

from conftest import LOG, unique
from raw import Connection, address_of
from server import wait_until
from sizes import sized

ROUNDS = sized(short=1, full=5, long=100)
WRITERS = 50


class Writer:
    """Appends one event after another until it is told to go away or the server has gone."""

    def __init__(self, server, topic, number, round_number):
        self.server = server
        self.path = f"/v1/topics/{topic}/streams/w-{number}/events"
        self.key = f"{round_number}-{number}"
        self.statuses = collections.Counter()
        self.acknowledged = []
        self.unanswered = None  # Key of the append without an answer, and when the server had all of it.
        self.reset = False
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        host, port = address_of(self.server)
        connection = http.client.HTTPConnection(host, port, timeout=40)
        for sequence in range(1_000_000):
            key = f"{self.key}-{sequence}"
            handed = math.inf
            try:
                if connection.sock is None:
                    connection.connect()
            except OSError:
                return  # Nobody listens: nothing was taken.
            try:
                connection.request("POST", self.path, json.dumps({"type": "T", "data": key, "id": key}),
                                   {"Content-Type": "application/json", "Idempotency-Key": key})
                handed = time.monotonic()
                answer = connection.getresponse()
                answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.unanswered = (key, handed)
                # A connection that was closed in order is RemoteDisconnected, which is one, too.
                self.reset = isinstance(error, ConnectionResetError) and not isinstance(
                    error, http.client.RemoteDisconnected)
                return
            self.statuses[answer.status] += 1
            if answer.status == 201:
                self.acknowledged.append(key)


def ids_of(client, topic):
    """Of every event of the topic."""
    ids, position = [], ""
    while True:
        page = client.get(f"/v1/topics/{topic}/events?limit=1000{position}").json()
        if not page["events"]:
            return ids
        ids += [event["id"] for event in page["events"]]
        position = f"&position={page['next']}"


def refuses_connections(server):
    try:
        Connection(server, seconds=5).close()
    except ConnectionError:  # Reset: it came while the server stopped listening.
        return True
    return False


def half_sent(server, topic, key):
    """An append of which all but the last byte is with the server, and that byte."""
    body = json.dumps({"type": "T", "data": 1, "id": key}).encode()
    head = (f"POST /v1/topics/{topic}/streams/held/events HTTP/1.1\r\nHost: x\r\nIdempotency-Key: {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n").encode()
    connection = Connection(server, seconds=40)
    assert connection.send(head + body[:-1])
    return connection, body[-1:]


def drain_once(server, topic, number):
    """One SIGTERM under load: what the writers got, and how long each part took."""
    held, last_byte = half_sent(server, topic, f"{number}-held")
    writers = [Writer(server, topic, n, number) for n in range(WRITERS)]
    wait_until(lambda: all(len(writer.acknowledged) >= 5 for writer in writers), 120, "load")
    asking = Connection(server, seconds=40)
    assert asking.send(b"GET /readyz HTTP/1.1\r\nHost: x\r\n")
    began = time.monotonic()
    server.process.terminate()
    # What was begun before keeps the server: so it can be asked while it drains.
    wait_until(lambda: refuses_connections(server), 25, "the end of listening")
    draining = time.monotonic() - began
    assert asking.send(b"\r\n"), "the connection of who had begun to ask is gone"
    answer = asking.receive()
    assert answer is not None, "who had begun to ask got no answer"
    assert (answer.status, answer.json()["status"], answer.closes()) == (503, "draining", True)
    assert held.send(last_byte), "the connection of an append that was begun is gone"
    answer = held.receive("POST")
    assert answer is not None, "an append that was begun got no answer"
    assert answer.status == 201 and answer.closes(), answer.body
    for connection in (held, asking):
        connection.close()
    code = server.process.wait(timeout=25)
    exited = time.monotonic() - began
    for writer in writers:
        writer.thread.join(timeout=40)
    assert code == 0, server.log_tail()
    return writers, began, draining, exited


def test_sigterm_under_load_answers_what_it_took(make_server, say):
    server = make_server().start()
    topic = unique("t")
    assert server.client().put(f"/v1/topics/{topic}", {"partitions": 3}).status_code == 201
    acknowledged = []
    for number in range(1, ROUNDS + 1):
        writers, began, draining, exited = drain_once(server, topic, number)
        log_size = server.log.stat().st_size
        server.again()
        replayed = server.metric("bitacora_start_replayed_records")
        ids = ids_of(server.client(check=False), topic)
        acknowledged += [key for writer in writers for key in writer.acknowledged]
        unanswered = [writer.unanswered for writer in writers if writer.unanswered]
        statuses = sum((writer.statuses for writer in writers), collections.Counter())
        say(f"SIGTERM {number} of {ROUNDS} under {WRITERS} clients: answers {dict(statuses)}, "
            f"{len(unanswered)} closed before they were taken, {sum(w.reset for w in writers)} reset; refused "
            f"connections after {draining:.2f} s, exit 0 after {exited:.2f} s; then replayed {replayed:.0f} records")
        assert set(statuses) <= {201, 503}
        # Taken is what the server has: of that, nothing may be without an answer.
        assert [key for key, _ in unanswered if key in ids] == []
        assert [key for key, handed in unanswered if handed < began] == []
        assert len(ids) == len(set(ids)) == len(acknowledged) + number
        assert set(acknowledged) <= set(ids)
        with open(server.log, "rb") as log:
            log.seek(log_size)
            lines = log.read().decode(errors="replace").splitlines()
        # Topics of other tests on the same Kafka come and go.
        ours = lines if LOG == "embedded" else [line for line in lines if topic in line]
        assert [line for line in ours if " error " in line or " warning " in line] == []
