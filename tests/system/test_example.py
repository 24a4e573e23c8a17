"""examples/orders, as its README says."""

import os
import pathlib
import subprocess

from conftest import unique
from server import PROGRAM, environment

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "examples" / "orders" / "orders.sh"


def run_script(server, topic):
    return subprocess.run([str(SCRIPT), topic], capture_output=True, encoding="utf-8", timeout=120,
                          env={**environment(), "BITACORA": os.path.abspath(PROGRAM),
                               "BITACORA_SERVER": server.url})


def test_the_orders_example_tells_its_story(server, client):
    topic = unique("orders")
    done = run_script(server, topic)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "expected 0, but the stream is at version 1 (41200 version-conflict)" in done.stdout
    assert "42200 idempotency-key-reused" in done.stdout
    assert done.stdout.count("bob-1 is at version 1\n") == 2, "a repeated request gets the same answer"

    def types(stream):
        events = client.get(f"/v1/topics/{topic}/streams/{stream}/events").json()["events"]
        return [event["type"] for event in events]

    assert types("alice-1") == ["OrderPlaced", "ItemAdded", "OrderShipped"]
    assert types("bob-1") == ["OrderPlaced", "OrderPaid", "OrderCancelled"]
    assert '"total":310.00' in client.get(f"/v1/topics/{topic}/streams/bob-1/events").text
    documents = client.get(f"/v1/read-models/{topic}.latest").json()["documents"]
    assert [(d["key"], d["version"]) for d in documents] == [("alice-1", 2), ("bob-1", 2)]


def test_the_orders_example_needs_a_server():
    done = subprocess.run([str(SCRIPT), "t"], capture_output=True, encoding="utf-8", timeout=120,
                          env={**environment(), "BITACORA": os.path.abspath(PROGRAM),
                               "BITACORA_SERVER": "http://127.0.0.1:1"})
    assert done.returncode == 6
