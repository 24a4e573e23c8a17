"""A disk whose syncs fail, on the embedded log: what is unknown is said as unknown, and repeating it
with its key settles it."""

import os

from conftest import unique
from ledger import History, Ledger
from server import wait_until
from sizes import SEED, sized

LIBRARY = os.environ.get("BITACORA_FAILING_SYNC_LIBRARY", "libfailing_sync.so")
ROUNDS = sized(short=2, full=5, long=50)
WRITERS = 100


def test_appends_of_a_failing_disk_are_settled_by_their_keys(make_server, tmp_path, say):
    failing = tmp_path / "syncs-fail"
    server = make_server()
    server.variables = {"LD_PRELOAD": LIBRARY, "FAILING_SYNC": str(failing)}
    ledger = Ledger.begin(server.start(), unique("ledger"), seed=SEED, clients=WRITERS)
    history = History(server, ledger.topic)
    for number in range(1, ROUNDS + 1):
        ledger.wait_for(2 * WRITERS)
        unknown, refused, healed = ledger.answers[504], ledger.answers[503], server.metric("bitacora_log_heals_total")
        failing.touch()
        wait_until(lambda: ledger.answers[504] > unknown, what="an append of which it is not known")
        failing.unlink()
        ledger.wait_for(2 * WRITERS)
        say(f"round {number} of {ROUNDS}: {ledger.answers[504] - unknown} answers 504, "
            f"{ledger.answers[503] - refused} answers 503, log opened again "
            f"{server.metric('bitacora_log_heals_total') - healed:.0f} times")
        history.follow()
    ledger.stop()
    differences = ledger.compare() + history.compare()
    say(f"{WRITERS} writers, {ledger.acks} acknowledged appends, {len(differences)} differences")
    assert differences == []
    # Nobody was told anything but done, later, or unknown.
    assert set(ledger.answers) == {201, 503, 504} or set(ledger.answers) == {201, 504}
    server.kill()
    server.again()
    assert ledger.compare() == []
