"""Two servers on one Kafka: either takes any append, and both say the same."""

import threading

import pytest

from conftest import unique
from ledger import Ledger
from server import problem_of, wait_until
from sizes import SEED

ROUNDS = 40


@pytest.fixture
def pair(make_server):
    return [make_server("one").start(), make_server("two").start()]


@pytest.fixture
def topic(pair):
    name = unique("shared")
    assert pair[0].client().put(f"/v1/topics/{name}", {"partitions": 3}).status_code == 201
    assert pair[1].client().get(f"/v1/topics/{name}").status_code == 200
    wait_until(pair[1].ready, what="the other server's fold at the end")
    return name


def at_once(*calls):
    """The answers of calls that begin together."""
    barrier = threading.Barrier(len(calls))
    answers = [None] * len(calls)

    def run(n):
        barrier.wait()
        answers[n] = calls[n]()

    threads = [threading.Thread(target=run, args=(n,)) for n in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def placed(n=0):
    return {"type": "Placed", "data": {"n": n}}


def stream_of(client, topic, stream, **headers):
    answer = client.get(f"/v1/topics/{topic}/streams/{stream}/events?limit=1000", **headers)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_race_for_a_version_has_one_winner(pair, topic):
    clients = [server.client() for server in pair for _ in range(2)]
    for n in range(ROUNDS):
        condition = {"If-Match": f'"{n - 1}"'} if n else {"If-None-Match": "*"}
        answers = at_once(*[
            lambda client=client, who=who: client.request(
                "POST", f"/v1/topics/{topic}/streams/race/events", placed(who), condition)
            for who, client in enumerate(clients)])
        assert sorted(a.status_code for a in answers) == [201, 412, 412, 412]
    one, two = (stream_of(client, topic, "race", Bitacora_At_Least=answers_position(answers))
                for client in clients[:3:2])
    assert one.content == two.content
    assert [event["version"] for event in one.json()["events"]] == list(range(ROUNDS))


def answers_position(answers):
    won, = [answer for answer in answers if answer.status_code == 201]
    return won.headers["Bitacora-Position"]


def test_an_id_sent_to_both_is_one_append(pair, topic):
    clients = [server.client() for server in pair for _ in range(2)]
    for n in range(ROUNDS):
        answers = at_once(*[
            lambda client=client: client.append(topic, "ids", placed(n), Idempotency_Key=f"id-{n}")
            for client in clients])
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        assert answers[0].json()["version"] == n
    assert len(stream_of(clients[0], topic, "ids").json()["events"]) == ROUNDS


def test_a_refused_id_is_refused_by_both_for_good(pair, topic):
    one, two = (server.client() for server in pair)
    refused = one.append(topic, "r", placed(), If_Match='"7"', Idempotency_Key="early")
    assert refused.status_code == 412
    for n in range(9):  # Now the version it asked for has come and gone.
        one.append(topic, "r", placed(n))
    again = two.append(topic, "r", placed(), If_Match='"7"', Idempotency_Key="early")
    assert (again.status_code, again.content) == (412, refused.content)
    assert again.headers["Idempotent-Replayed"] == "true"


def test_the_same_id_with_other_events_is_refused_by_both(pair, topic):
    one, two = (server.client() for server in pair)
    assert one.append(topic, "k", placed(1), Idempotency_Key="k").status_code == 201
    answer = two.append(topic, "k", placed(2), Idempotency_Key="k")
    assert (answer.status_code, problem_of(answer)) == (422, "idempotency-key-reused")


def test_a_topic_made_by_both_at_once_is_one(pair):
    name = unique("both")
    answers = at_once(*[lambda server=server: server.client().put(f"/v1/topics/{name}", {"partitions": 2})
                        for server in pair])
    assert sorted(a.status_code for a in answers) in ([200, 201], [201, 201])
    one, two = (server.client() for server in pair)
    position = one.append(name, "s", placed()).headers["Bitacora-Position"]
    assert two.get(f"/v1/topics/{name}/events?position={position}", Bitacora_At_Least=position) \
        .status_code == 200
    wait_until(pair[1].ready)
    assert two.append(name, "s", placed()).json()["version"] == 1


def test_a_position_of_one_is_a_position_of_the_other(pair, topic):
    one, two = (server.client() for server in pair)
    written = one.append(topic, "p", [placed(1), placed(2)])
    read = stream_of(two, topic, "p", Bitacora_At_Least=written.headers["Bitacora-Position"])
    assert [event["data"]["n"] for event in read.json()["events"]] == [1, 2]
    later = one.append(topic, "p", placed(3))
    answer = two.get(f"/v1/topics/{topic}/events?position={written.headers['Bitacora-Position']}",
                     Prefer="wait=20")
    assert [event["data"]["n"] for event in answer.json()["events"]] == [3]
    assert later.json()["version"] == 2


def heads_of(client, topic, streams):
    path = f"/v1/topics/{topic}/streams/{{}}/events?limit=1"
    return [client.get(path.format(stream)).headers.get("ETag") for stream in streams]


class Alternating:
    """A server as the ledger sees one: each client of it goes to another of them every time."""

    def __init__(self, servers):
        self.servers = servers
        self.turn = 0

    @property
    def url(self):
        self.turn += 1
        return self.servers[self.turn % len(self.servers)].url

    def client(self, check=True):
        return self.servers[0].client(check)


def test_a_killed_server_costs_the_other_nothing(pair, topic, say):
    """Clients send what was not answered again, wherever: it is there once."""
    one, two = pair
    ledger = Ledger(Alternating(pair), topic, clients=8, seed=SEED).start()
    for victim in (one, two, one):
        ledger.wait_for(300)
        wait_until(lambda: ledger.in_flight() >= 4, what="load")
        victim.kill()
        ledger.wait_for(100)  # By the other one.
        victim.again()
    ledger.wait_for(200)
    ledger.stop()
    say(f"two servers: {ledger.acks} acknowledged appends, {ledger.unanswered} without an answer")
    clients = [server.client() for server in pair]
    streams = [stream for client in ledger.clients for stream in client.streams]
    # What one has acknowledged it has folded; the other has it a moment later.
    wait_until(lambda: heads_of(clients[0], topic, streams) == heads_of(clients[1], topic, streams),
               what="the same heads on both")
    assert ledger.compare() == []
    for stream in streams:
        one_has, two_has = (stream_of(client, topic, stream).content for client in clients)
        assert one_has == two_has
    for server in pair:
        done = server.run("verify", "--topic", topic)
        assert done.returncode == 0, done.stdout + done.stderr
