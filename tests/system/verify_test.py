"""`bitacora verify` finds every fault planted in a read model while the server was stopped, names
where it is, and never sounds a false alarm."""

import json
import os
import random
import shutil
import subprocess

from conftest import unique
from ledger import Ledger
from sizes import SEED, sized

TOOL = os.environ.get("BITACORA_READ_MODEL_FAULTS_TOOL", "read_model_faults_tool")
OF_EACH = sized(short=2, full=10, long=100)
UNDER_LOAD = sized(short=2, full=10, long=100)
STREAMS = 100


def verify(server, topic):
    """The exit code and the report."""
    done = server.run("verify", "--topic", topic, "--json")
    assert done.returncode in (0, 1) and done.stdout, (done.returncode, done.stderr)
    return done.returncode, json.loads(done.stdout), done.stderr


def filled(server):
    client = server.start().client()
    topic = unique("t")
    assert client.put(f"/v1/topics/{topic}", {"partitions": 3}).status_code == 201
    for n in range(3 * STREAMS):
        answer = client.append(topic, f"s-{n % STREAMS}", {"type": "T", "data": {"n": n}})
        assert answer.status_code == 201
    last = answer.headers["Bitacora-Position"]
    read = client.get(f"/v1/read-models/{topic}.latest", Bitacora_At_Least=last, Prefer="wait=30")
    assert read.status_code == 200
    return topic


def plant(server, topic, fault, seed):
    """Partition and key of what was damaged."""
    done = subprocess.run([TOOL, str(server.data / "state" / "read_models"), f"{topic}.latest", fault,
                           str(seed)], capture_output=True, encoding="utf-8", timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    partition, _, key = done.stdout.rstrip("\n").partition(" ")
    return int(partition), key or None


def test_every_planted_fault_is_found(make_server, say, tmp_path):
    server = make_server()
    topic = filled(server)
    seeds = random.Random(SEED)
    assert server.terminate() == 0
    sound = tmp_path / "sound"
    shutil.copytree(server.data / "state", sound)
    for fault in ("byte", "row", "offset", "cursor"):
        for _ in range(OF_EACH):
            partition, key = plant(server, topic, fault, seeds.getrandbits(63))
            server.again()
            code, report, said = verify(server, topic)
            assert (code, report["state"]) == (1, "different"), (fault, partition, key, report)
            places = [(difference["partition"], difference.get("key")) for difference in report["differences"]]
            assert places == [(partition, key)], (fault, partition, key, report)
            assert key is None or f'"{key}"' in said, said
            differing = [p for p in report["partitions"] if not p["equal"]]
            assert [p["partition"] for p in differing] == [partition], report
            if fault in ("byte", "row"):  # Digests tell documents apart, also for who has only those.
                assert differing[0]["recomputed"] != differing[0]["rebuilt"], \
                    f"{fault}: the digests of what is kept and what is right are equal"
            assert server.terminate() == 0
            server.forget_state()
            shutil.copytree(sound, server.data / "state")
        server.again()
        code, report, said = verify(server, topic)
        assert (code, report["state"]) == (0, "equal"), (report, said)
        assert server.terminate() == 0
        say(f"{OF_EACH} of {OF_EACH} planted faults of the kind '{fault}' found and named; equal without")


def test_no_false_alarm_while_clients_write(long_topic, make_server, say):
    server = make_server().start()
    ledger = Ledger.begin(server, long_topic, seed=SEED)
    ledger.wait_for(200)
    for number in range(1, UNDER_LOAD + 1):
        before = ledger.acks
        code, report, said = verify(server, ledger.topic)
        assert (code, report["state"]) == (0, "equal"), (report, said)
        ledger.wait_for(max(1, before + 50 - ledger.acks))
    ledger.stop()
    say(f"{number} times equal while {ledger.acks} events were written")
    assert ledger.compare() == []
