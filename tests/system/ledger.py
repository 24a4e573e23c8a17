"""Clients under a server that dies, and a ledger outside it of what they sent and were told."""

import collections
import contextlib
import hashlib
import http.client
import json
import random
import threading
import time

from server import wait_until

STREAMS = 3  # Of each client; nobody else writes to them.


class Append:
    def __init__(self, stream, sequence, payload):
        self.stream = stream
        self.sequence = sequence
        self.key = f"{stream}-{sequence}"
        self.payload = payload
        self.digest = digest_of(payload)
        self.may_be_there = False  # One of its copies had no answer, or was told "unknown".
        self.version = None  # Once acknowledged.


def digest_of(payload):
    return hashlib.sha256(payload.encode()).hexdigest()


class Client:
    """Appends one event after another, to each of its streams in turn.

    An append that was not answered is sent again with its key, until it is: so every append of the
    ledger is decided in the end, and none may be there twice.
    """

    def __init__(self, ledger, number):
        self.ledger = ledger
        self.random = random.Random(f"{ledger.seed}-{number}")
        self.streams = [f"c{number}-{n}" for n in range(STREAMS)]
        self.sequence = 0
        self.connection = None
        self.in_flight = False
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self):
        while not self.ledger.stopping:
            time.sleep(self.ledger.pace)
            stream = self.streams[self.sequence % STREAMS]
            payload = self.random.randbytes(self.random.randrange(1, 200)).hex()
            append = Append(stream, self.sequence // STREAMS, payload)
            self.sequence += 1
            self.ledger.sent(append)
            while not self._try(append):
                if self.ledger.abandoned:
                    return
                time.sleep(0.005)  # The server is down; this paces, it waits for no result.

    def _try(self, append):
        """True once it is decided."""
        host, port = self.ledger.server.url.removeprefix("http://").rsplit(":", 1)
        try:
            if self.connection is None:
                self.connection = http.client.HTTPConnection(host, int(port), timeout=30)
                self.connection.connect()
            self.in_flight = True
            self.connection.request(
                "POST", f"/v1/topics/{self.ledger.topic}/streams/{append.stream}/events",
                json.dumps({"type": "T", "data": append.payload, "id": append.key}),
                {"Content-Type": "application/json", "Idempotency-Key": append.key})
            answer = self.connection.getresponse()
            body = answer.read()
            if self.ledger.deaf:
                raise http.client.HTTPException("nobody hears it")
            self.in_flight = False
        except (OSError, http.client.HTTPException):
            if self.in_flight:
                append.may_be_there = True
                self.ledger.lost()
            self.in_flight = False
            self.connection = None
            return False
        self.ledger.answered(answer.status)
        if answer.status == 201:
            if answer.headers.get("Idempotent-Replayed") and not append.may_be_there:
                self.ledger.complain(f"{append.key} was there, and all its answers were refusals")
            self.ledger.acknowledged(append, json.loads(body))
            return True
        append.may_be_there |= answer.status == 504
        # Without a time to come again it is final: the partition is read-only from here on.
        if answer.status in (503, 504) and answer.headers.get("Retry-After"):
            time.sleep(0.05)  # Paces; the server would rather have a second.
            return False
        self.ledger.complain(f"{append.key}: {answer.status} {body[:300]!r}")
        time.sleep(0.05)  # Paces, as above.
        return True


class Ledger:
    def __init__(self, server, topic, clients=8, seed=1):
        self.server = server
        self.topic = topic
        self.seed = seed
        self.pace = 0  # Seconds that each client rests between its appends.
        self.stopping = False
        self.abandoned = False
        self.deaf = False
        self.appends = {}
        self.acks = 0
        self.unanswered = 0
        self.answers = collections.Counter()  # By status.
        self.complaints = []
        self._lock = threading.Lock()
        self.clients = [Client(self, n) for n in range(clients)]

    @classmethod
    def begin(cls, server, topic, seed, clients=8, partitions=4):
        """Makes the topic, and lets clients append to it."""
        assert server.client().put(f"/v1/topics/{topic}", {"partitions": partitions}).status_code == 201
        return cls(server, topic, clients, seed).start()

    def start(self):
        for client in self.clients:
            client.thread.start()
        return self

    def stop(self):
        """Once every append is decided."""
        self.stopping = True
        self.join()

    def abandon(self):
        """Appends that are not decided are not sent again."""
        self.stopping = self.abandoned = True

    def join(self):
        for client in self.clients:
            client.thread.join(timeout=60)
        self.abandoned = True
        alive = [client for client in self.clients if client.thread.is_alive()]
        assert not alive, f"{len(alive)} clients have an append that is not decided"

    def in_flight(self):
        return sum(client.in_flight for client in self.clients)

    # ---- Told by clients

    def sent(self, append):
        with self._lock:
            self.appends[append.key] = append

    def answered(self, status):
        with self._lock:
            self.answers[status] += 1

    def acknowledged(self, append, answer):
        with self._lock:
            self.acks += 1
            if answer["firstVersion"] != append.sequence:
                self.complaints.append(f"{append.key} was told version {answer['firstVersion']}")
            append.version = answer["firstVersion"]

    def lost(self):
        with self._lock:
            self.unanswered += 1

    def complain(self, what):
        with self._lock:
            self.complaints.append(what)

    # ---- The check

    @contextlib.contextmanager
    def hearing_nothing(self):
        """Answers that come meanwhile are as lost as those of a server that died before."""
        self.deaf = True
        yield
        self.deaf = False

    @contextlib.contextmanager
    def going_slowly(self):
        """The clients go on, and leave the processors to what is measured against them."""
        self.pace = 0.05
        yield
        self.pace = 0

    def wait_for(self, more, seconds=120):
        """Until so many more appends are acknowledged; what clients complain of ends it."""
        enough = self.acks + more
        wait_until(lambda: self.acks >= enough or self.complaints, seconds, f"{more} acknowledgements")
        assert self.complaints == [], self.complaints[:5]

    def compare(self):
        """Every difference between the ledger and the server's streams, in words. Clients must have
        stopped."""
        differences = list(self.complaints)
        reader = self.server.client(check=False)
        seen = 0
        for client in self.clients:
            for stream in client.streams:
                events = read_stream(reader, self.topic, stream)
                seen += len(events)
                differences += self._compare_stream(stream, events)
        acknowledged = sum(append.version is not None for append in self.appends.values())
        if seen != acknowledged:
            differences.append(f"{seen} events for {acknowledged} acknowledged appends")
        return differences

    def _compare_stream(self, stream, events):
        for version, event in enumerate(events):
            append = self.appends.get(event["id"])
            if event["version"] != version:
                yield f"{stream} has version {event['version']} where {version} belongs"
            elif append is None:
                yield f"{stream}@{version} was never sent: {event['id']}"
            elif (append.stream, append.sequence) != (stream, version):
                yield f"{stream}@{version} is {event['id']}"
            elif digest_of(event["data"]) != append.digest:
                yield f"{stream}@{version} has changed"
        told = [a.sequence for a in self.appends.values() if a.stream == stream and a.version is not None]
        for sequence in sorted(told)[len(events):]:
            yield f"{stream}-{sequence} was acknowledged and is lost"


class History:
    """A topic as one reader has seen it, page by page: what stood at a place must stand there for
    good, and places only grow."""

    def __init__(self, server, topic):
        self.server = server
        self.topic = topic
        self.token = None
        self.seen = []  # (partition, offset, index), digest of the event
        self.last = {}
        self.complaints = []

    def follow(self):
        """From where it was up to the end."""
        for place, digest in self._read(self.token):
            partition, *behind = place
            if behind <= self.last.get(partition, [-1, -1]):
                self.complaints.append(f"{place} came after {self.last[partition]}")
            self.last[partition] = behind
            self.seen.append((place, digest))

    def compare(self):
        """Follows to the end and reads everything again: the differences, in words."""
        self.follow()
        again = dict(self._read(None, keep=False))
        seen = dict(self.seen)
        differences = [f"{place} has changed" for place in seen if again.get(place) != seen[place]]
        differences += [f"{place} was passed over" for place in again if place not in seen]
        return self.complaints + differences

    def _read(self, token, keep=True):
        client = self.server.client(check=False)
        while True:
            position = f"&position={token}" if token else ""
            answer = client.get(f"/v1/topics/{self.topic}/events?limit=1000{position}")
            assert answer.status_code == 200, f"what was read before cannot be read from there: {answer.text}"
            page = answer.json()
            token = page["next"]
            for event in page["events"]:
                place = (event["partition"], int(event["offset"]), event["index"])
                yield place, digest_of(json.dumps(event, sort_keys=True))
            if keep:
                self.token = token
            if not page["events"]:
                return


def read_stream(client, topic, stream):
    events, start = [], 0
    while start is not None:
        answer = client.get(f"/v1/topics/{topic}/streams/{stream}/events?limit=1000&from={start}")
        if answer.status_code in (404, 409):
            return []  # No stream; or the topic itself is lost and what has its name has none.
        assert answer.status_code == 200, answer.text
        page = answer.json()
        events += page["events"]
        start = page["next"]
    return events
