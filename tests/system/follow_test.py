"""Followers by long poll (promise P9): each sees every event once and in the order of its stream,
whatever happens to its connections and to the servers, and however slowly it reads."""

import collections
import http.client
import json
import random
import threading
import time

from conftest import LOG
from ledger import Ledger, digest_of
from raw import address_of
from server import wait_until
from sizes import SEED, sized

FOLLOWERS = sized(short=16, full=40, long=200)
SLOW = sized(short=2, full=6, long=20)  # Of those, clients that read some answers bit by bit.
SECONDS = sized(short=10, full=300, long=3600)
KILLS = sized(short=2, full=10, long=60)
TURNED_AWAY = (409, 503, 504)  # The server does not know the position yet, or is not there yet.


class Follower:
    """Follows a topic from its beginning; only what it has read to the end moves its position."""

    def __init__(self, servers, topic, number):
        self.servers = servers
        self.topic = topic
        self.name = f"follower {number}"
        self.slow = number < SLOW
        self.random = random.Random(f"{SEED}-{number}")
        self.token = None
        self.next_version = collections.Counter()  # By stream.
        self.digests = {}  # By id.
        self.counts = collections.Counter()
        self.complaints = []
        self.connection = None
        self.stopping = False
        self.thread = threading.Thread(target=self._work, daemon=True)
        self.thread.start()

    def _work(self):
        while not self.stopping and not self.complaints:
            try:
                self._poll()
            except (OSError, http.client.HTTPException):
                self.counts["disconnects"] += 1
                self.connection = None
                time.sleep(0.01)  # The server may be down; this paces, it waits for no result.

    def _poll(self):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*address_of(self.random.choice(self.servers)), timeout=40)
        position = f"&position={self.token}" if self.token else ""
        slowly = self.slow and self.random.random() < 0.3
        limit = self.random.choice((1, 7, 100) if slowly else (1, 7, 100, 1000))
        self.connection.request("GET", f"/v1/topics/{self.topic}/events?limit={limit}{position}",
                                headers={"Prefer": "wait=5"})
        if self.random.random() < 0.05:
            raise OSError("leaves without its answer")
        answer = self.connection.getresponse()
        if self.random.random() < 0.05:
            answer.read(self.random.randrange(1, 2000))
            raise OSError("leaves in the middle of its answer")
        body = read_slowly(answer) if slowly else answer.read()
        if answer.status == 200:
            self._take(json.loads(body))
        elif answer.status in TURNED_AWAY:
            self.counts["turned away"] += 1
            self.connection = None  # Perhaps the other server knows more.
        else:
            self.complaints.append(f"{self.name}: {answer.status} {body[:300]!r}")

    def _take(self, page):
        self.counts["pages"] += 1
        for event in page["events"]:
            stream, version = event["stream"], event["version"]
            if version != self.next_version[stream]:
                self.complaints.append(f"{self.name} got {stream}@{version} where "
                                       f"{self.next_version[stream]} belongs")
                return
            self.next_version[stream] += 1
            self.digests[event["id"]] = digest_of(event["data"])
        self.token = page["next"]


def read_slowly(answer):
    """64 KiB a second at most."""
    body = b""
    while piece := answer.read(1024):
        body += piece
        time.sleep(1 / 64)  # The fault itself.
    return body


def complaints_of(followers):
    return [complaint for follower in followers for complaint in follower.complaints]


def compare(follower, ledger):
    """What it has seen against what was acknowledged, in words."""
    for append in ledger.appends.values():
        seen = follower.digests.get(append.key)
        if seen != append.digest:
            yield f"{follower.name} has {'not seen' if seen is None else 'other bytes of'} {append.key}"
    for key in follower.digests.keys() - ledger.appends.keys():
        yield f"{follower.name} has seen {key}, which was never sent"


def test_followers_miss_and_repeat_nothing(long_topic, make_server, say):
    servers = [make_server(f"node-{n}").start() for n in range(2 if LOG == "kafka" else 1)]
    ledger = Ledger.begin(servers[0], long_topic, seed=SEED)
    for server in servers:
        wait_until(lambda server=server: server.client().get(f"/v1/topics/{long_topic}").status_code == 200)
    followers = [Follower(servers, long_topic, number) for number in range(FOLLOWERS)]
    chance, begin = random.Random(SEED), time.monotonic()
    for kill in range(1, KILLS + 2):
        end = begin + SECONDS * kill / (KILLS + 1)
        wait_until(lambda end=end: time.monotonic() >= end or complaints_of(followers), SECONDS + 60)
        if kill <= KILLS:
            server = chance.choice(servers)
            server.kill()
            server.again()
    ledger.stop()
    wait_until(lambda: complaints_of(followers) or all(len(f.digests) >= ledger.acks for f in followers),
               120, "the end of the topic, by all followers")
    for follower in followers:
        follower.stopping = True
    assert complaints_of(followers) == []
    for follower in followers:
        follower.thread.join(timeout=60)
    sums = sum((follower.counts for follower in followers), collections.Counter())
    differences = [difference for follower in followers for difference in compare(follower, ledger)]
    say(f"{FOLLOWERS} followers, {SLOW} of them slow, of {ledger.acks} events for {SECONDS} s with {KILLS} kills: "
        f"{dict(sums)}, {len(differences)} differences")
    assert differences == [], differences[:10]
    assert ledger.compare() == [] and sums["disconnects"] > 0
