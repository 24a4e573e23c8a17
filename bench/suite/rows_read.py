"""Reads, against the HTTP layer giving as many bytes, and against reading the log for nothing."""

import json
import shutil
import signal
import time
import urllib.error
import urllib.request

import programs
from compare import Aim, CpuMeter, bounded, lines_of, take_turns
from load import load, wrk
from rows_append import EVENT_BYTES, FLOOR, TOPIC, make_topic


def get(server, path, fields=None, within=120):
    request = urllib.request.Request(server.url + path, headers=fields or {})
    with urllib.request.urlopen(request, timeout=within) as answer:
        return answer.read()


FILLED_STREAMS = 10_000  # Filling goes round them.


def fill(server, topic, events):
    return load("fill", f"127.0.0.1:{server.port}", topic, EVENT_BYTES, events)


def wait_until_folded(server, topic):
    """Until the read model of the topic shows all that is in the topic now."""
    end = json.loads(get(server, f"/v1/topics/{topic}/events?position=latest&limit=1"))["next"]
    path = f"/v1/read-models/{topic}.latest?limit=1"
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        try:
            get(server, path, {"Bitacora-At-Least": end, "Prefer": "wait=30"})
            return
        except urllib.error.HTTPError as error:
            if error.code not in (404, 503):
                raise
            time.sleep(0.05)
    raise RuntimeError("the read model does not catch up")


def reads(run):
    with programs.bitacora("reads") as server, programs.http_hello() as bare, \
            programs.bare_store("read", programs.fresh_directory("bare_store") / "read",
                                run.events, run.events // FILLED_STREAMS) as floor:
        make_topic(server)
        fill(server, TOPIC, run.events)
        wait_until_folded(server, TOPIC)
        server.wait_until_quiet()
        per_stream = run.events // FILLED_STREAMS
        lines = []
        for work, before, behind, aim, has_floor in (
                (f"read a stream of {per_stream} events", f"/v1/topics/{TOPIC}/streams/stream-",
                 "/events?limit=100", 0.5, True),
                ("one document", f"/v1/read-models/{TOPIC}.latest/stream-", "", 0.8, False)):
            size = len(get(server, f"{before}77{behind}"))
            meter = CpuMeter(server)

            def ours(before=before, behind=behind):
                return wrk(server.url, 32, run.seconds, "get_many",
                           (before, behind, FILLED_STREAMS)).per_second

            subjects = {
                "Bitacora": lambda ours=ours, meter=meter: meter.during(ours, run.seconds),
                "bare handler": lambda size=size: wrk(bare.url, 32, run.seconds, "get_many",
                                                      (f"/{size}/", "", FILLED_STREAMS)).per_second}
            if has_floor:
                subjects[FLOOR] = lambda: wrk(floor.url, 32, run.seconds).per_second
            figures = take_turns(run.rounds, subjects)
            lines += lines_of(f"{work}, {size:,} bytes, 32 connections", "requests/s", figures,
                              [Aim("Bitacora", "bare handler", aim, floor=FLOOR if has_floor else None)],
                              [meter.note("a request")])
        return lines


def follow(run):
    brokers = run.kafka()
    with programs.bitacora("follow", "--kafka", brokers) as server:
        make_topic(server, run.topic)
        fill(server, run.topic, run.events)
        wait_until_folded(server, run.topic)
        server.wait_until_quiet()
        meter = CpuMeter(server)

        def ours():
            begun = time.monotonic()
            met = meter.during(lambda: load("follow", f"127.0.0.1:{server.port}", run.topic,
                                            run.events)["events"], 1)
            return met / (time.monotonic() - begun)

        def kcat():
            begun = time.monotonic()
            programs.output_of(["sh", "-c", "exec kcat -C -b \"$0\" -t \"$1\" -o beginning -e -q "
                                ">/dev/null", brokers, run.topic])
            return run.events / (time.monotonic() - begun)

        figures = take_turns(min(run.rounds, 3), {"Bitacora": ours, "kcat": kcat})
        return lines_of(f"follow {run.events:,} events by pages of 1,000, Kafka", "events/s",
                        figures, [Aim("Bitacora", "kcat", 0.5)], [meter.note("an event")])


def log_read(kind, where, topic):
    return json.loads(programs.output_of(
        [programs.BUILD / "bench/log_read", kind, where, topic]))["per_second"]


def rebuild(run):
    """The server is started without its read models; the time from its start to a complete `latest`
    counts."""
    lines = []
    for kind in ("embedded", "Kafka"):
        flags = ("--kafka", run.kafka()) if kind == "Kafka" else ()
        topic = run.topic if kind == "Kafka" else TOPIC
        with programs.bitacora("rebuild", *flags) as server:
            make_topic(server, topic)
            fill(server, topic, run.events)
            wait_until_folded(server, topic)
            data = server.data
        threads = []

        def ours(data=data, flags=flags, topic=topic, threads=threads):
            shutil.rmtree(data / "state/read_models")
            begun = time.monotonic()
            with programs.bitacora("rebuild", *flags, data=data) as again:
                wait_until_folded(again, topic)
                spent = time.monotonic() - begun
                threads.append(again.cpu_by_thread())
            return run.events / spent

        def limit(kind=kind, data=data, topic=topic):
            return log_read("kafka" if kind == "Kafka" else "embedded",
                            run.kafka() if kind == "Kafka" else data / "log", topic)

        figures = take_turns(min(run.rounds, 3), {"Bitacora": ours, "the log, read": limit})
        busiest = sorted(threads[-1].items(), key=lambda entry: -entry[1])[:5]
        lines += lines_of(f"rebuild latest from {run.events:,} events, {kind}", "events/s", figures,
                          [Aim("Bitacora", "the log, read", 0.4)],
                          ["CPU of one rebuild, s, by thread: " +
                           ", ".join(f"{name} {spent:.1f}" for name, spent in busiest)])
    return lines


def start(run):
    with programs.bitacora("start") as server:
        make_topic(server)
        fill(server, TOPIC, run.events)
        server.end(signal.SIGKILL)
        data = server.data
    seconds = []
    for _ in range(run.rounds):
        begun = time.monotonic()
        with programs.bitacora("start", data=data) as again:
            while True:
                try:
                    get(again, "/readyz")
                    break
                except urllib.error.HTTPError:
                    time.sleep(0.005)
            seconds.append(time.monotonic() - begun)
            again.end(signal.SIGKILL)
    return [bounded(f"start after {run.events:,} events and kill -9", "s", seconds, 1.0)]
