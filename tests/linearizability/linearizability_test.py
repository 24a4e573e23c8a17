"""Appends and reads of one stream are linearizable (promise P4), whatever is killed or stopped.

Sixteen clients use twenty streams while servers die and stand still; a checker then looks for an
order of all operations that explains every answer. One embedded server, or two on one Kafka.

BITACORA_TEST_SIZE says how many histories of how many operations, BITACORA_TEST_SEED the first's.
The file of each history stays in BITACORA_HISTORIES until the next run.
"""

import json
import os
import pathlib
import random
import signal
import time

import pytest

import checker
from conftest import LOG, SKIPPED
from history import Load
from server import wait_until
from sizes import SEED, sized

HISTORIES, OPERATIONS, FAULTS = sized((3, 2_000, 3), (10, 20_000, 6), (100, 200_000, 40))
UNANSWERED = 4       # Requests at a kill, at least.
PATIENCE = 2         # Seconds until a client turns away from a server that stands still.
PAUSE = 1.5 * PATIENCE


@pytest.fixture(scope="module", autouse=True)
def built():
    reason = checker.why_not()
    if reason:
        pytest.exit(f"skipped: {reason}", returncode=SKIPPED)


@pytest.fixture
def directory(tmp_path):
    kept = os.environ.get("BITACORA_HISTORIES")
    return pathlib.Path(kept) if kept else tmp_path


def kill(load, server):
    wait_until(lambda: load.in_flight() >= UNANSWERED or load.done(), what="load")
    server.kill()
    server.again()


def pause(_load, server):
    """Long enough that clients turn away; then it goes on with what it held."""
    server.process.send_signal(signal.SIGSTOP)
    try:
        time.sleep(PAUSE)  # The fault itself.
    finally:
        server.process.send_signal(signal.SIGCONT)


def record(servers, path, seed):
    """One history, with its faults spread over it; the load, for what it counted."""
    chance = random.Random(seed)
    topic = f"p4-{seed}-{time.time_ns()}"
    assert servers[0].client().put(f"/v1/topics/{topic}", {"partitions": 4}).status_code == 201
    for server in servers:
        wait_until(lambda: server.client().get(f"/v1/topics/{topic}").status_code == 200, what=topic)
    load = Load(servers, topic, path, OPERATIONS, seed, PATIENCE).start()
    faults = [kill, pause] if LOG == "kafka" else [kill]
    for number in range(FAULTS):
        load.wait_for(OPERATIONS * (number + 1) // (FAULTS + 1))
        faults[number % len(faults)](load, chance.choice(servers))
    load.finish()
    assert load.complaints == [], f"seed {seed}"
    return load


@pytest.fixture
def servers(make_server):
    return [make_server(f"data{number}").start() for number in range(2 if LOG == "kafka" else 1)]


def test_histories_are_linearizable_and_planted_faults_are_found(servers, directory, say):
    """The faults are planted into what was really recorded: so the checker is known to look."""
    for number in range(HISTORIES):
        seed = SEED + number
        path = directory / f"seed-{seed}.jsonl"
        load = record(servers, path, seed)
        assert load.history.unknown > 0, f"seed {seed}: no kill met an append"
        done = checker.check(path)
        say(f"seed {seed}: {done.stdout.strip()}")
        assert done.returncode == 0, f"{LOG} log, seed {seed}: {done.stdout}"
        if number == 0:
            find_planted_faults(path)


def find_planted_faults(path):
    operations = [json.loads(line) for line in path.read_text().splitlines()]
    for plant in (stale_read, double_success, lost_append):
        planted = path.with_name(plant.__name__ + ".jsonl")
        plant_into = [dict(operation) for operation in operations]
        plant(plant_into)
        planted.write_text("".join(json.dumps(operation) + "\n" for operation in plant_into))
        done = checker.check(planted)
        assert done.returncode == 1 and "not linearizable" in done.stdout, \
            f"{plant.__name__} was not found: {done.stdout}"


def admitted(operations):
    return [operation for operation in operations if operation["result"] == "admitted"]


def stale_read(operations):
    """A read that does not show an append that had been answered before the read's window began."""
    appends = admitted(operations)
    for read in operations:
        if read["result"] != "read" or read["final"]:
            continue
        for append in appends:
            if (append["stream"] == read["stream"] and 0 < append["first"] <= read["head"]
                    and append["return"] < read["since"]):
                read["head"] = append["first"] - 1
                read["events"] = read["events"][:max(0, append["first"] - read["from"])]
                read["seen"] = 0
                return
    pytest.fail("no read to make stale")


def double_success(operations):
    """Two appends that both met the same expected version."""
    append = next(append for append in admitted(operations) if append["expected"].isdigit())
    operations.append({**append, "body": "planted", "key": ""})


def lost_append(operations):
    """An acknowledged append that is not there in the end."""
    read = next(read for read in operations if read["result"] == "read" and read["final"])
    append = next(append for append in admitted(operations) if append["stream"] == read["stream"])
    read["events"] = [event for event in read["events"]
                      if event.rpartition("/")[0] != append["body"]]
    read["head"] = len(read["events"]) - 1
    read["seen"] = 0

