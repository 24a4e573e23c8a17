"""Kills under load: every acknowledged append is there once, in order, unchanged, and what was read
once never changes."""

from ledger import History, Ledger
from server import wait_until
from sizes import SEED, sized

KILLS = sized(short=3, full=30, long=300)
BETWEEN_KILLS = 1000  # Acknowledgements, at least.
UNANSWERED = 4        # Appends, at each kill, at least.
ACKNOWLEDGED = sized(short=0, full=100_000, long=100_000)  # In all, at least.


def kill_when_busy(ledger):
    """Kills while at least UNANSWERED appends are unanswered; how many were. Appends that are
    answered between the look and the signal make it a kill that does not count."""
    while True:
        before = ledger.unanswered
        wait_until(lambda: ledger.in_flight() >= UNANSWERED, what="load")
        ledger.server.kill()
        # Whoever had sent an append finds out by itself.
        wait_until(lambda: ledger.in_flight() == 0, what="the end of all connections")
        ledger.server.again()
        if ledger.unanswered - before >= UNANSWERED:
            return ledger.unanswered - before


def test_kills_lose_and_repeat_nothing(long_topic, make_server, say):
    server = make_server().start()
    ledger = Ledger.begin(server, long_topic, seed=SEED)
    history = History(server, ledger.topic)
    for number in range(1, KILLS + 1):
        acknowledged = ledger.acks
        ledger.wait_for(BETWEEN_KILLS)
        between = ledger.acks - acknowledged
        unanswered = kill_when_busy(ledger)
        say(f"kill {number} of {KILLS}: {unanswered} appends unanswered, {between} acknowledged before")
        history.follow()
        # While the clients go on: what a kill left of a read model agrees with itself and the log.
        with ledger.going_slowly():
            verified = server.run("verify", "--topic", ledger.topic, seconds=600)
        assert ledger.complaints == [], ledger.complaints[:5]
        assert verified.returncode == 0, verified.stdout + verified.stderr
    ledger.wait_for(max(BETWEEN_KILLS, ACKNOWLEDGED - ledger.acks), seconds=1200)
    ledger.stop()
    differences = ledger.compare() + history.compare()
    say(f"{KILLS} kills, {ledger.acks} acknowledged appends, {ledger.unanswered} sent again, "
        f"{len(differences)} differences")
    assert differences == []
    verified = server.run("verify", "--topic", ledger.topic, seconds=600)
    assert verified.returncode == 0, verified.stdout + verified.stderr
