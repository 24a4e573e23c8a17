"""What it takes: memory and disk."""

import time

import programs
from compare import bounded
from rows_append import EVENT_BYTES, TOPIC, make_topic
from rows_read import fill, get, wait_until_folded

MIB = 1 << 20
QUIET_SECONDS = 10
IDLE_CONNECTIONS = 5_000


def memory(run):
    with programs.bitacora("memory") as server:
        make_topic(server)
        get(server, "/readyz")
        time.sleep(QUIET_SECONDS)
        idle = server.resident_bytes()
        fill(server, TOPIC, run.events)
        wait_until_folded(server, TOPIC)
        time.sleep(QUIET_SECONDS)
        filled = server.resident_bytes()
    # Afresh: pages that the events left behind would be used again and hide the connections'.
    with programs.bitacora("memory") as server:
        get(server, "/readyz")
        time.sleep(QUIET_SECONDS)
        before = server.resident_bytes()
        clients = programs.Program(
            "idle", [programs.BUILD / "bench/load", "idle", f"127.0.0.1:{server.port}",
                     IDLE_CONNECTIONS, QUIET_SECONDS + 5], server.port)
        with clients:
            time.sleep(QUIET_SECONDS)
            each = (server.resident_bytes() - before) / IDLE_CONNECTIONS
    return [bounded("VmRSS, idle", "MiB", [idle / MIB], 60e6 / MIB),
            bounded(f"VmRSS after {run.events:,} events", "MiB", [filled / MIB], 300e6 / MIB),
            bounded(f"VmRSS of one of {IDLE_CONNECTIONS:,} idle connections", "KiB", [each / 1024],
                    20e3 / 1024)]


def disk(run):
    lines = []
    for kind in ("embedded", "Kafka"):
        flags = ("--kafka", run.kafka()) if kind == "Kafka" else ()
        topic = run.topic if kind == "Kafka" else TOPIC
        with programs.bitacora("disk", *flags) as server:
            make_topic(server, topic)
            before = server.disk_bytes_written()
            fill(server, topic, run.events)
            wait_until_folded(server, topic)
            time.sleep(QUIET_SECONDS)
            written = server.disk_bytes_written() - before
        lines.append(bounded(
            f"disk bytes written by the server per event byte, {run.events:,} events, {kind}", "",
            [written / (run.events * EVENT_BYTES)], 3.0))
    return lines
