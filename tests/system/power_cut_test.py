"""Power cuts under load on the embedded log, which survives them. A single broker does not."""

import pytest

from conftest import end_all, unique
from ledger import History, Ledger
from server import Server, problem_of, wait_until
from sizes import SEED, sized

POWER_CUTS = sized(short=1, full=5, long=50)
BETWEEN_CUTS = 1000  # Acknowledgements, at least.
UNANSWERED = 4       # Appends, at each cut, at least.
FLAGS = ["--free-bytes-min", "1048576"]  # The disk is a small one.


@pytest.fixture
def make_server(disk, tmp_path):
    """Makes servers on a disk whose power can be cut; what they say is kept elsewhere."""
    made = []

    def make():
        server = Server(disk.mount_point / "data", flags=FLAGS)
        server.log = tmp_path / "server.log"
        made.append(server)
        return server

    yield make
    end_all(made)


def cut_power(disk, ledger, meanwhile=lambda: None):
    """Power goes and comes back while clients write; how many appends were unanswered. `meanwhile`
    is what happens when the disk is gone and the server is not."""
    before = ledger.unanswered
    wait_until(lambda: ledger.in_flight() >= UNANSWERED, what="load")
    with ledger.hearing_nothing():  # A machine without power says nothing either: see Disk.cut.
        disk.cut()
        meanwhile()
        ledger.server.kill()
        wait_until(lambda: ledger.in_flight() == 0, what="the end of all connections")
    disk.back()
    ledger.server.again()
    return ledger.unanswered - before


def test_power_cuts_lose_nothing(disk, make_server, say):
    server = make_server().start()
    ledger = Ledger.begin(server, unique("ledger"), seed=SEED)
    history = History(server, ledger.topic)
    for number in range(1, POWER_CUTS + 1):
        ledger.wait_for(BETWEEN_CUTS)
        say(f"power cut {number} of {POWER_CUTS}: {cut_power(disk, ledger)} appends unanswered")
        history.follow()
    ledger.wait_for(BETWEEN_CUTS)
    ledger.stop()
    differences = ledger.compare() + history.compare()
    say(f"{POWER_CUTS} power cuts, {ledger.acks} acknowledged appends, {len(differences)} differences")
    assert differences == []
    verified = server.run("verify", "--topic", ledger.topic)
    assert verified.returncode == 0, verified.stdout + verified.stderr


def test_a_disk_that_is_gone_refuses_appends_and_ends_nothing(disk, make_server, say):
    server = make_server().start()
    ledger = Ledger.begin(server, unique("ledger"), seed=SEED)
    ledger.wait_for(BETWEEN_CUTS)

    def refused():
        answer = server.client().append(ledger.topic, "refused", {"type": "T", "data": 1})
        return answer.status_code == 503 and problem_of(answer) == "log-unavailable"

    def goes_on():
        wait_until(refused, what="a refusal")
        for _ in range(20):
            assert refused() and server.client().get("/livez").status_code == 200
        assert server.process.poll() is None

    cut_power(disk, ledger, goes_on)
    ledger.wait_for(100)
    ledger.stop()
    differences = ledger.compare()
    say(f"a disk that was gone: {ledger.acks} acknowledged appends, {len(differences)} differences")
    assert differences == []
    assert server.client().get(f"/v1/topics/{ledger.topic}/streams/refused/events").status_code == 404


def test_a_topic_outlives_a_power_cut_right_after_its_making(disk, make_server, say):
    server = make_server().start()
    topics = [unique("topic") for _ in range(sized(short=1, full=5, long=50))]
    for topic in topics:
        assert server.client().put(f"/v1/topics/{topic}", {"partitions": 3}).status_code == 201
        disk.cut()
        server.kill()
        disk.back()
        server.again()
        assert server.client().append(topic, "s", {"type": "T", "data": 1}).status_code == 201
    listed = [topic["name"] for topic in server.client().get("/v1/topics").json()["topics"]]
    assert listed == sorted(topics)
    say(f"{len(topics)} power cuts, each right after a topic was made: none lost")
