"""A disk whose syncs fail, on the embedded log: what is unknown is said as unknown, and repeating it
with its key settles it."""

import os
import time

from conftest import unique
from ledger import History, Ledger
from server import wait_until
from sizes import SEED, sized

LIBRARY = os.environ.get("BITACORA_FAILING_SYNC_LIBRARY", "libfailing_sync.so")
ROUNDS = sized(short=2, full=5, long=50)
WRITERS = 100
APPEND_TIMEOUT_S = 3
PATIENCE_S = 3 * APPEND_TIMEOUT_S


def test_appends_of_a_failing_disk_are_settled_by_their_keys(make_server, tmp_path, say):
    failing = tmp_path / "syncs-fail"
    server = make_server(flags=["--append-timeout-ms", str(APPEND_TIMEOUT_S * 1000)])
    server.variables = {"LD_PRELOAD": LIBRARY, "FAILING_SYNC": str(failing)}
    ledger = Ledger.begin(server.start(), unique("ledger"), seed=SEED, clients=WRITERS)
    history = History(server, ledger.topic)
    for number in range(1, ROUNDS + 1):
        ledger.wait_for(2 * WRITERS)
        unknown, refused, healed = ledger.answers[504], ledger.answers[503], server.metric("bitacora_log_heals_total")
        failing.touch()
        # Longer than any append may wait: whoever was told something else by then was told wrong.
        end = time.monotonic() + PATIENCE_S
        wait_until(lambda: ledger.answers[504] > unknown or time.monotonic() > end, 2 * PATIENCE_S)
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
    assert set(ledger.answers) - {503} == {201, 504}
    server.kill()
    server.again()
    assert ledger.compare() == []
