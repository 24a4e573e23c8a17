"""Kills and power cuts under load: every acknowledged append is there once, in order, unchanged.

BITACORA_KILLS and BITACORA_POWER_CUTS say how many (30 and 3), BITACORA_SEED what the clients send.
"""

import os

import pytest

import powercut
from conftest import LOG, unique
from ledger import Ledger
from server import Server, wait_until

KILLS = int(os.environ.get("BITACORA_KILLS") or 30)
POWER_CUTS = int(os.environ.get("BITACORA_POWER_CUTS") or 3)
SEED = int(os.environ.get("BITACORA_SEED") or 1)
BETWEEN_KILLS = 1000  # Acknowledgements, at least.
UNANSWERED = 4        # Appends, at each kill, at least.


def begin(server):
    topic = unique("ledger")
    assert server.client().put(f"/v1/topics/{topic}", {"partitions": 4}).status_code == 201
    return Ledger(server, topic, clients=8, seed=SEED).start()


def kill_when_busy(ledger):
    """Kills while at least UNANSWERED appends are unanswered; how many were."""
    while True:
        before = ledger.unanswered
        wait_until(lambda: ledger.in_flight() >= UNANSWERED, what="load")
        ledger.server.kill()
        # Whoever had sent an append finds out by itself.
        wait_until(lambda: ledger.in_flight() == 0, what="the end of all connections")
        ledger.server.again()
        if ledger.unanswered - before >= UNANSWERED:
            return ledger.unanswered - before


def test_kills_lose_and_repeat_nothing(make_server, capsys):
    server = make_server().start()
    ledger = begin(server)
    unanswered, between = [], []
    for _ in range(KILLS):
        acks = ledger.acks
        ledger.wait_for(BETWEEN_KILLS)
        between.append(ledger.acks - acks)
        unanswered.append(kill_when_busy(ledger))
    ledger.wait_for(BETWEEN_KILLS)
    ledger.stop()
    with capsys.disabled():
        print(f"\n{LOG} log: {KILLS} kills, {ledger.acks} acknowledged appends, seed {SEED}; "
              f"unanswered at a kill: {min(unanswered)} to {max(unanswered)}; "
              f"acknowledged between kills: {min(between)} to {max(between)}")
    assert ledger.compare() == []
    done = server.run("verify", "--topic", ledger.topic)
    assert done.returncode == 0, done.stdout + done.stderr


def cut_power(disk, ledger):
    """Power goes and comes back while clients write."""
    wait_until(lambda: ledger.in_flight() >= UNANSWERED, what="load")
    disk.cut()
    ledger.server.kill()
    disk.back()
    ledger.server.again()


@pytest.fixture
def disk(tmp_path):
    reason = powercut.why_not()
    if reason:
        pytest.skip(reason)
    made = powercut.Disk(tmp_path)
    yield made
    made.remove()


def power_cuts(disk, flags, rounds):
    """The differences after so many power cuts."""
    server = Server(disk.mount_point / "data", flags=["--free-bytes-min", "1048576", *flags])
    server.log = disk.image.parent / "server.log"
    try:
        ledger = begin(server.start())
        for _ in range(rounds):
            ledger.wait_for(BETWEEN_KILLS)
            cut_power(disk, ledger)
        ledger.wait_for(100)
        ledger.stop()
        return ledger, ledger.compare()
    finally:
        server.kill()


@pytest.mark.skipif(LOG != "embedded", reason="of the embedded log; a single broker does not survive it")
def test_power_cuts_lose_nothing(disk, capsys):
    ledger, differences = power_cuts(disk, [], POWER_CUTS)
    with capsys.disabled():
        print(f"\n{POWER_CUTS} power cuts, {ledger.acks} acknowledged appends, seed {SEED}")
    assert differences == []


@pytest.mark.skipif(LOG != "embedded", reason="of the embedded log")
def test_without_syncing_power_cuts_do_lose(disk, capsys):
    """Shows that the test above would notice: without its sync the log loses what it acknowledged."""
    server = Server(disk.mount_point / "data", flags=["--free-bytes-min", "1048576", "--no-sync"])
    server.log = disk.image.parent / "server.log"
    try:
        ledger = begin(server.start())
        ledger.wait_for(BETWEEN_KILLS)
        wait_until(lambda: ledger.in_flight() >= UNANSWERED, what="load")
        ledger.stopping = ledger.abandoned = True
        disk.cut()
        server.kill()
        for client in ledger.clients:
            client.thread.join(timeout=60)
        disk.back()
        server.forget_state()  # It may have kept more than the log; the log is the truth.
        server.again()
        lost = len(ledger.compare())
    finally:
        server.kill()
    with capsys.disabled():
        print(f"\nwithout syncing: {lost} differences after one power cut")
    assert lost > 0
