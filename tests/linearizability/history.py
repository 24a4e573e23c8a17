"""Clients that append to and read the same streams, and the history of what they were told.

A history is a file of JSON lines; checker/history.go says what each member means.
"""

import http.client
import json
import random
import threading
import time

from server import wait_until

CLIENTS = 16
STREAMS = 20
BATCH_MAX = 20
NOT_DONE = (429, 503, 507)  # Nothing was written; such a request leaves no trace.


class Lost(Exception):
    """Nobody answered. `sent` is whether the server may have got the request."""

    def __init__(self, sent):
        super().__init__(sent)
        self.sent = sent


class Stream:
    """What clients know of one stream, shared by all of them: mostly right, sometimes late."""

    def __init__(self, name):
        self.name = name
        self.head = -1
        # Of the latest append that was admitted: when it was sent, the position it got, and how many
        # events the stream had there. One value, so that no reader mixes two appends.
        self.known = (0, None, 0)
        self.keyed = []  # Requests with a key, to repeat.


class History:
    """Thread-safe."""

    def __init__(self, path):
        self.path = path
        self._file = open(path, "w", encoding="utf-8")
        self._lock = threading.Lock()
        self.operations = 0
        self.unknown = 0

    def add(self, operation):
        with self._lock:
            self._file.write(json.dumps(operation) + "\n")
            self.operations += 1
            self.unknown += operation["result"] == "unknown"

    def close(self):
        self._file.close()


class Client:
    """One request after the other, to any of the servers."""

    def __init__(self, load, number):
        self.load = load
        self.number = number
        self.random = random.Random(f"{load.seed}-{number}")
        self.sequence = 0
        self.connections = {}
        self.in_flight = False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self):
        try:
            while not self.load.stopping and self.load.history.operations < self.load.target:
                self._one()
        except Exception as error:  # pylint: disable=broad-except
            self.load.complaints.append(f"client {self.number}: {error!r}")

    def _one(self):
        stream = self.random.choice(self.load.streams)
        server = self.random.choice(self.load.servers)
        try:
            if self.random.random() < 0.35:
                self.read(server, stream)
            else:
                self.append(server, stream, self._command(stream))
        except Lost:
            time.sleep(0.01)  # The server may be down; this paces, it waits for no result.

    def _command(self, stream):
        chance = self.random.random()
        if stream.keyed and chance < 0.1:
            command = dict(self.random.choice(stream.keyed[-20:]))
            if chance < 0.01:  # The same key for something else.
                command["body"] = self._body()
            return command
        version = stream.head if chance < 0.7 else stream.head - 1
        expected = self.random.choices(
            ["", "new", "exists", str(max(version, 0))], [25, 3, 7, 65])[0]
        if stream.head < 0:
            expected = self.random.choice(["", "new", "exists"])
        count = 1 if self.random.random() < 0.7 else self.random.randint(2, BATCH_MAX)
        body = self._body()
        command = {"body": body, "expected": expected, "count": count, "key": ""}
        if self.random.random() < 0.4:
            command["key"] = f"key-{body}"
            stream.keyed.append(command)
        return command

    def _body(self):
        self.sequence += 1
        return f"{self.number}-{self.sequence}"

    def append(self, server, stream, command):
        """Its line in the history, or None where the server did nothing."""
        operation = {**command, "stream": stream.name, "call": time.monotonic_ns()}
        events = [{"type": "Tested", "id": f"{command['body']}/{index}", "data": index}
                  for index in range(command["count"])]
        try:
            answer = self._request(server, "POST", stream, "", json.dumps(events),
                                   append_headers(command))
        except Lost as lost:
            if lost.sent:
                self.load.history.add({**operation, "result": "unknown"})
            raise
        operation["return"] = time.monotonic_ns()
        if answer.status in NOT_DONE:
            return None
        body = json.loads(answer.content)
        if answer.status == 201:
            operation.update(result="admitted", first=body["firstVersion"])
            if not answer.headers.get("Idempotent-Replayed"):
                learn(stream, body["version"], answer.headers.get("Bitacora-Position"),
                      operation["call"])
        elif answer.status == 412:
            current = body["currentVersion"]
            operation.update(result="conflict", head=-1 if current is None else current)
            stream.head = max(stream.head, operation["head"])
        elif answer.status == 422:
            operation.update(result="reused")
        elif answer.status == 504:
            operation.update(result="unknown")
        else:
            raise AssertionError(f"{answer.status} {body}")
        self.load.history.add(operation)
        return operation

    def read(self, server, stream, start=None, final=False):
        """The end of the stream, or all of it."""
        headers = {}
        since, position, seen = stream.known
        if self.load.lagging and position:
            headers = {"Bitacora-At-Least": position}
        if start is None:
            start = max(0, stream.head - self.random.randint(0, 10))
        call = time.monotonic_ns()
        events, head, at = [], -1, start
        while at is not None:
            answer = self._request(server, "GET", stream, f"?from={at}&limit=1000", None, headers)
            if answer.status in NOT_DONE or answer.status == 504:
                return None
            if answer.status == 404:
                break
            assert answer.status == 200, answer.content
            page = json.loads(answer.content)
            if at == start:  # Whatever comes behind that head came later.
                head = int(answer.headers["ETag"].strip('"'))
            events += [event["id"] for event in page["events"] if event["version"] <= head]
            at = page["next"] if final else None
        operation = {"stream": stream.name, "result": "read", "call": call,
                     "return": time.monotonic_ns(), "from": start, "head": head, "events": events,
                     "since": since if self.load.lagging else call, "final": final,
                     "seen": seen if headers else 0}
        self.load.history.add(operation)
        stream.head = max(stream.head, head)
        return operation

    def _request(self, server, method, stream, query, body, headers):
        connection = self.connections.pop(server, None)
        sent = False
        try:
            if connection is None:
                host, port = server.url.removeprefix("http://").rsplit(":", 1)
                connection = http.client.HTTPConnection(host, int(port), timeout=self.load.patience)
                connection.connect()
            self.in_flight = sent = True
            connection.request(
                method, f"/v1/topics/{self.load.topic}/streams/{stream.name}/events{query}", body,
                {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            answer.content = answer.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Lost(sent) from error
        finally:
            self.in_flight = False
        self.connections[server] = connection
        return answer


def append_headers(command):
    headers = {}
    expected = command["expected"]
    if expected == "new":
        headers["If-None-Match"] = "*"
    elif expected == "exists":
        headers["If-Match"] = "*"
    elif expected:
        headers["If-Match"] = f'"{expected}"'
    if command["key"]:
        headers["Idempotency-Key"] = command["key"]
    return headers


def learn(stream, head, position, since):
    """Of an append that was just admitted."""
    if head > stream.head:
        stream.head = head
    if head + 1 > stream.known[2]:
        stream.known = (since, position, head + 1)


class Load:
    """Clients at work on a topic that they alone use."""

    def __init__(self, servers, topic, path, target, seed, patience=30):
        self.servers = servers
        self.topic = topic
        self.target = target
        self.seed = seed
        self.patience = patience  # Seconds until a client turns away.
        self.lagging = len(servers) > 1  # Then a node may not know yet what another has answered.
        self.history = History(path)
        self.streams = [Stream(f"s{number}") for number in range(STREAMS)]
        self.clients = [Client(self, number) for number in range(CLIENTS)]
        self.stopping = False
        self.complaints = []

    def start(self):
        for client in self.clients:
            client.thread.start()
        return self

    def in_flight(self):
        return sum(client.in_flight for client in self.clients)

    def done(self):
        return not any(client.thread.is_alive() for client in self.clients)

    def wait_for(self, operations, seconds=300):
        """Until the history has so many, or all."""
        wait_until(lambda: self.history.operations >= operations or self.done(), seconds,
                   f"{operations} operations")

    def finish(self, seconds=600):
        """With a last append to and a last read of each stream, which all servers must answer."""
        wait_until(self.done, seconds, "the end of the load")
        self.patience = 30  # Nothing stands still any more.
        last = Client(self, len(self.clients))
        for stream in self.streams:
            server = last.random.choice(self.servers)
            command = {"body": last._body(), "expected": "", "count": 1, "key": ""}
            wait_until(lambda: last.append(server, stream, command) is not None, 60, "the last append")
            wait_until(lambda: last.read(server, stream, 0, True) is not None, 60, "the last read")
        self.history.close()
