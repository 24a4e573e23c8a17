"""Appends, against what the disk, the broker and the HTTP layer allow."""

import json
import urllib.request

import programs
from compare import Aim, CpuMeter, lines_of, take_turns
from load import wrk

EVENT_BYTES = 256
STREAMS = 1000
TOPIC = "bench"


def make_topic(server, partitions=8):
    request = urllib.request.Request(
        f"{server.url}/v1/topics/{TOPIC}", method="PUT",
        data=json.dumps({"partitions": partitions}).encode(),
        headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30):
        pass


def append_rate(server, connections, seconds):
    return wrk(server.url, connections, seconds, "append",
               (TOPIC, EVENT_BYTES, STREAMS)).per_second


def synced_writes(threads, seconds, batch=1):
    """Values of EVENT_BYTES a second that RocksDB writes and syncs, `batch` of them at a time."""
    directory = programs.fresh_directory("synced_writes")
    return float(programs.output_of([programs.BUILD / "bench/synced_writes", directory, threads,
                                     seconds, EVENT_BYTES, batch]))


def append_embedded(run):
    lines = []
    with programs.bitacora("append_embedded") as server:
        make_topic(server)
        for connections in (32, 256):
            meter = CpuMeter(server)

            def ours(connections=connections, meter=meter):
                return meter.during(lambda: append_rate(server, connections, run.seconds),
                                    run.seconds)

            def limit():
                return max(synced_writes(threads, run.seconds) for threads in (1, 8, 32, 256))

            figures = take_turns(run.rounds, {"Bitacora": ours, "RocksDB, synced": limit})
            lines += lines_of(
                f"append one event of {EVENT_BYTES} B, embedded, {connections} connections",
                "events/s", figures, [Aim("Bitacora", "RocksDB, synced", 0.8)],
                [meter.note("an event")])
    return lines
