"""An append id means one thing for as long as its stream: every copy gets the first answer, in
parallel, after kills, from either of two servers, and late ones of appends that were refused."""

import concurrent.futures
import http.client
import itertools
import json
import random
import threading
import time

from conftest import LOG
from raw import address_of
from server import wait_until
from sizes import SEED, sized

KEYS = sized(short=800, full=10_000, long=100_000)
KEYS_OF_A_STREAM = 4  # Three that are admitted, one that is refused.
COPIES = 5            # At most, of an append that is sent in parallel.
WORKERS = 6
BETWEEN_KILLS = sized(short=200, full=500, long=1_000)  # Keys that were decided.


class Sender:
    """Sends copies in parallel, each until it is decided."""

    def __init__(self, servers, topic):
        self.servers = servers
        self.topic = topic
        self.pool = concurrent.futures.ThreadPoolExecutor(WORKERS * COPIES)
        self.local = threading.local()
        self.in_flight = 0
        self.resent = 0
        self.lock = threading.Lock()

    def decide(self, stream, key, body, condition, copies, at):
        """The answers of all copies: status, body, and whether it was a repetition."""
        sent = [self.pool.submit(self._one, self.servers[(at + n) % len(self.servers)], stream, key, body, condition)
                for n in range(copies)]
        return [answer.result() for answer in sent]

    def _one(self, server, stream, key, body, condition):
        end = time.monotonic() + 120
        while True:
            answer = self._try(server, stream, key, body, condition)
            if answer is not None:
                return answer
            assert time.monotonic() < end, f"{stream} {key} is not decided"
            with self.lock:
                self.resent += 1
            time.sleep(0.01)  # The server is down; this paces, it waits for no result.

    def _try(self, server, stream, key, body, condition):
        connections = self.local.__dict__.setdefault("connections", {})
        connection = connections.get(server)
        try:
            if connection is None:
                connection = http.client.HTTPConnection(*address_of(server), timeout=40)
                connection.connect()
            with self.lock:
                self.in_flight += 1
            try:
                connection.request("POST", f"/v1/topics/{self.topic}/streams/{stream}/events", json.dumps(body),
                                   {"Content-Type": "application/json", "Idempotency-Key": key, **condition})
                answer = connection.getresponse()
                content = answer.read()
            finally:
                with self.lock:
                    self.in_flight -= 1
        except (OSError, http.client.HTTPException):
            connections[server] = None
            return None
        connections[server] = connection
        if answer.status in (503, 504):
            return None
        return answer.status, content, answer.headers.get("Idempotent-Replayed")


def same_answer(answers, status, servers):
    """What is wrong with copies that should have had one answer. It is the first answer of each
    server at most once: a server whose own record comes second learns the verdict from the other's."""
    if {answer[0] for answer in answers} != {status}:
        return f"statuses {[answer[0] for answer in answers]}, {answers[0][1][:200]!r}"
    if len({answer[1] for answer in answers}) != 1:
        return f"several answers: {[answer[1] for answer in answers]}"
    if sum(answer[2] is None for answer in answers) > servers:
        return "the first answer came more than once"
    return None


class Story:
    """What is done to one stream, and what each step must bring. Only this knows the stream."""

    def __init__(self, sender, stream, seed):
        self.sender = sender
        self.stream = stream
        self.random = random.Random(seed)
        self.copies = 0
        self.first_answers = {}
        self.complaints = []

    def tell(self):
        """A refused append must not come to life when its condition holds later."""
        self._send("first", 201, {"If-None-Match": "*"})
        self._send("refused", 412, {"If-Match": '"2"'})
        self._send("second", 201, {"If-Match": '"0"'})
        self._send("third", 201, {})
        self._send("refused", 412, {"If-Match": '"2"'})
        self._send("first", 201, {"If-None-Match": "*"})
        self._send("second", 422, {"If-Match": '"0"'}, data="other than the first time")
        return self

    def _send(self, key, status, condition, data=None):
        copies = self.random.randint(1, COPIES)
        self.copies += copies
        body = {"type": "T", "data": data or key, "id": key}
        answers = self.sender.decide(self.stream, key, body, condition, copies, self.random.randrange(2))
        if status == 422:
            wrong = [answer[0] for answer in answers if answer[0] != 422]
        else:
            wrong = same_answer(answers, status, len(self.sender.servers)) or self._as_before(key, answers)
        if wrong:
            self.complaints.append(f"{self.stream} {key}: {wrong}")

    def _as_before(self, key, answers):
        if key not in self.first_answers:
            self.first_answers[key] = answers[0][1]
        elif answers[0][1] != self.first_answers[key]:
            return f"now {answers[0][1]!r}, first {self.first_answers[key]!r}"
        elif any(answer[2] is None for answer in answers):
            return "a repetition does not say that it is one"
        return None


def kill_between(servers, sender, stories, done):
    """Kills a server whenever so many keys more are decided; how many kills."""
    kills, seen = 0, 0
    chosen = random.Random(SEED)
    while not done():
        wait_until(lambda: done() or len(stories) * KEYS_OF_A_STREAM >= seen + BETWEEN_KILLS, 600, "progress")
        if done():
            return kills
        seen = len(stories) * KEYS_OF_A_STREAM
        wait_until(lambda: done() or sender.in_flight >= 4, what="load")
        server = chosen.choice(servers)
        server.kill()
        kills += 1
        server.again()
    return kills


def compare(server, topic, streams):
    """Exactly the events that were admitted, each once."""
    client = server.client(check=False)
    for stream in streams:
        answer = client.get(f"/v1/topics/{topic}/streams/{stream}/events")
        ids = [event["id"] for event in answer.json()["events"]]
        if ids != ["first", "second", "third"]:
            yield f"{stream} has {ids}"
        verdict = client.get(f"/v1/topics/{topic}/streams/{stream}/appends/refused").json()
        if verdict.get("verdict") != "conflict":
            yield f"{stream}: the refused append is {verdict}"


def test_every_copy_gets_the_first_answer(long_topic, make_server, say):
    servers = [make_server(f"node-{n}").start() for n in range(2 if LOG == "kafka" else 1)]
    topic = long_topic
    assert servers[0].client().put(f"/v1/topics/{topic}", {"partitions": 4}).status_code == 201
    for server in servers:
        wait_until(lambda server=server: server.client().get(f"/v1/topics/{topic}").status_code == 200)
    sender = Sender(servers, topic)
    streams = [f"s-{n}" for n in range(KEYS // KEYS_OF_A_STREAM)]
    stories, failed = [], []
    waiting = iter(streams)
    lock = threading.Lock()

    def work():
        while True:
            with lock:
                stream = next(waiting, None)
            if stream is None:
                return
            story = Story(sender, stream, f"{SEED}-{stream}").tell()
            with lock:
                stories.append(story)

    def guarded():
        try:
            work()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=guarded, daemon=True) for _ in range(WORKERS)]
    for thread in threads:
        thread.start()
    kills = kill_between(servers, sender, stories, lambda: not any(thread.is_alive() for thread in threads))
    assert failed == []
    differences = list(itertools.chain(*(story.complaints for story in stories), compare(servers[-1], topic, streams)))
    say(f"{KEYS} keys sent in {sum(story.copies for story in stories)} copies to {len(servers)} server(s), "
        f"{sender.resent} of them again across {kills} kills: {len(differences)} differences")
    assert len(stories) == len(streams) and kills > 0
    assert differences == [], differences[:20]
