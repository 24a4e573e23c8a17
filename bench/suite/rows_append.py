"""Appends, against what the disk, the broker and the HTTP layer allow."""

import json
import urllib.request

import programs
from compare import Aim, CpuMeter, lines_of, take_turns
from load import load, wrk

EVENT_BYTES = 256
BULK_EVENTS = 100
STREAMS = 1000
TOPIC = "bench"


def make_topic(server, topic=TOPIC, partitions=8):
    request = urllib.request.Request(
        f"{server.url}/v1/topics/{topic}", method="PUT",
        data=json.dumps({"partitions": partitions}).encode(),
        headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=30):
        pass


def append_rate(server, connections, seconds):
    return wrk(server.url, connections, seconds, "append",
               (TOPIC, EVENT_BYTES, STREAMS)).per_second


def bulk_rate(server, topic, seconds):
    """Events a second, 8 connections."""
    return BULK_EVENTS * wrk(server.url, 8, seconds, "bulk",
                             (topic, EVENT_BYTES, BULK_EVENTS)).per_second


def array_rate(server, topic, seconds):
    """Events a second, 8 connections; those of a request are one append to one stream."""
    return BULK_EVENTS * wrk(server.url, 8, seconds, "array",
                             (topic, EVENT_BYTES, BULK_EVENTS)).per_second


def synced_writes(threads, seconds, batch=1, rows=()):
    """Values of EVENT_BYTES a second that RocksDB writes and syncs, `batch` of them at a time.
    `rows`: also two rows for each."""
    directory = programs.fresh_directory("synced_writes")
    return float(programs.output_of([programs.BUILD / "bench/synced_writes", directory, threads,
                                     seconds, EVENT_BYTES, batch, *rows]))


def kafka_client(what, brokers, topic, partitions, seconds, record_bytes=EVENT_BYTES, rate=0):
    """In a topic that it makes itself, so that no server of ours folds what is in it."""
    return json.loads(programs.output_of(
        [programs.BUILD / "bench/kafka_client", what, brokers, topic, partitions, seconds,
         record_bytes, rate]))


# RocksDB, where it also keeps what an event store has to find again: an id and a place of each event.
WITH_ROWS = "RocksDB, synced, and two rows each"
# The floor of a row: the same requests without an event store behind them.
FLOOR = "without a store"


def synced_file():
    return programs.bare_store("synced", programs.fresh_directory("bare_store") / "appended")


def read_back(brokers, records=1):
    return programs.bare_store("read-back", brokers, programs.WARM_UP_TOPIC, records)


def append_embedded(run):
    lines = []
    with programs.bitacora("append_embedded") as server, synced_file() as bare:
        make_topic(server)
        # One connection is one writer; more may be any number of them.
        for connections, writers in ((1, (1,)), (32, (1, 8, 32, 256)), (256, (1, 8, 32, 256))):
            meter = CpuMeter(server)

            def ours(connections=connections, meter=meter):
                return meter.during(lambda: append_rate(server, connections, run.seconds),
                                    run.seconds)

            def limit(rows=(), writers=writers):
                return max(synced_writes(threads, run.seconds, rows=rows) for threads in writers)

            figures = take_turns(run.rounds, {
                "Bitacora": ours, "RocksDB, synced": limit,
                WITH_ROWS: lambda limit=limit: limit(("rows",)),
                FLOOR: lambda connections=connections: append_rate(bare, connections, run.seconds)})
            lines += lines_of(
                f"append one event of {EVENT_BYTES} B, embedded, {connections} "
                f"connection{'s' if connections > 1 else ''}",
                "events/s", figures,
                [Aim("Bitacora", rival, 0.8, floor=FLOOR) for rival in ("RocksDB, synced", WITH_ROWS)],
                [meter.note("an event")])
    return lines


def append_kafka(run):
    with programs.bitacora("append_kafka", "--kafka", run.kafka()) as server, \
            programs.http_hello() as bare, read_back(run.kafka()) as floor:
        make_topic(server, run.topic)
        meter = CpuMeter(server)

        def rate(program):
            return wrk(program.url, 256, run.seconds, "append",
                       (run.topic, EVENT_BYTES, STREAMS)).per_second

        figures = take_turns(run.rounds, {
            "Bitacora": lambda: meter.during(lambda: rate(server), run.seconds),
            "bare handler": lambda: rate(bare),
            FLOOR: lambda: rate(floor)})
        return lines_of(f"append one event of {EVENT_BYTES} B, Kafka, 256 connections", "events/s",
                        figures, [Aim("Bitacora", "bare handler", 0.6, floor=FLOOR)],
                        [meter.note("an event")])


def latency_kafka(run):
    """Appends, open loop, at a fifth of the rate that 32 closed connections reach; latency counts
    from when each was due. librdkafka both as one record after the other, which no stall of the
    broker's meets more than once, and at the same rate in open loop."""
    brokers = run.kafka()
    with programs.bitacora("latency_kafka", "--kafka", brokers) as server, \
            read_back(brokers) as floor:
        make_topic(server, run.topic)
        full = wrk(server.url, 32, run.seconds, "append", (run.topic, EVENT_BYTES, STREAMS))
        rate = max(10, int(full.per_second / 5))
        ours, loop, steady, bare = [], [], [], []
        meter = CpuMeter(server)

        def steadily(program, found):
            found.append(load("append", f"127.0.0.1:{program.port}", run.topic, EVENT_BYTES, rate,
                              run.seconds, 32))
            return rate

        def measure_ours():
            meter.during(lambda: steadily(server, ours), run.seconds)
            return ours[-1]["p50_us"]

        def measure_floor():
            steadily(floor, bare)
            return bare[-1]["p50_us"]

        def measure_loop():
            loop.append(kafka_client("read-back", brokers, run.topic + "-loop", 1, run.seconds))
            return loop[-1]["p50_us"]

        def measure_steady():
            steady.append(kafka_client("read-back", brokers, run.topic + "-steady", 8, run.seconds,
                                       rate=rate))
            return steady[-1]["p50_us"]

        take_turns(run.rounds, {"Bitacora": measure_ours, "loop": measure_loop,
                                "steady": measure_steady, FLOOR: measure_floor})
        lines = []
        for share in ("p50", "p99"):
            rivals = {"librdkafka, in a loop": loop, "librdkafka, at that rate": steady}
            figures = {"Bitacora": ours, FLOOR: bare} | rivals
            figures = {name: [found[f"{share}_us"] for found in all]
                       for name, all in figures.items()}
            lines += lines_of(f"latency of one append at {rate}/s, Kafka, {share}", "µs", figures,
                              [Aim("Bitacora", name, 1.5, at_most=True, floor=FLOOR)
                               for name in rivals],
                              [meter.note("an append")] if share == "p50" else [])
        return lines


# The two forms a request of many events has: each for a stream of its own, an append and a record
# each; or all for one stream, one append and one record.
BULK_FORMS = ((f"bulk append, {BULK_EVENTS} events a request", bulk_rate),
              (f"{BULK_EVENTS} events a request to one stream", array_rate))


def bulk_embedded(run):
    lines = []
    with programs.bitacora("bulk_embedded") as server, synced_file() as bare:
        make_topic(server)
        for work, rate in BULK_FORMS:
            meter = CpuMeter(server)

            def ours(rate=rate, meter=meter):
                return meter.during(lambda: rate(server, TOPIC, run.seconds), run.seconds)

            subjects = {
                "Bitacora": ours,
                "RocksDB, synced batches": lambda: synced_writes(8, run.seconds, BULK_EVENTS)}
            if rate is bulk_rate:  # Events of one append need no rows of their own.
                subjects[WITH_ROWS] = lambda: synced_writes(8, run.seconds, BULK_EVENTS, ("rows",))
            rivals = list(subjects)[1:]
            figures = take_turns(run.rounds, subjects | {
                FLOOR: lambda rate=rate: rate(bare, TOPIC, run.seconds)})
            lines += lines_of(f"{work}, embedded, 8 connections", "events/s", figures,
                              [Aim("Bitacora", rival, 0.6, floor=FLOOR) for rival in rivals],
                              [meter.note("an event")])
    return lines


def bulk_kafka(run):
    """librdkafka produces the same records: one an event, or one a request."""
    brokers = run.kafka()
    lines = []
    with programs.bitacora("bulk_kafka", "--kafka", brokers) as server:
        make_topic(server, run.topic)
        for (work, rate), events_a_record in zip(BULK_FORMS, (1, BULK_EVENTS)):
            meter = CpuMeter(server)

            def ours(rate=rate, meter=meter):
                return meter.during(lambda: rate(server, run.topic, run.seconds), run.seconds)

            def limit(events=events_a_record):
                return events * kafka_client("produce", brokers, run.topic + "-limit", 8, run.seconds,
                                             events * EVENT_BYTES)["per_second"]

            with read_back(brokers, BULK_EVENTS // events_a_record) as bare:
                figures = take_turns(run.rounds, {
                    "Bitacora": ours, "librdkafka": limit,
                    FLOOR: lambda rate=rate, bare=bare: rate(bare, run.topic, run.seconds)})
            lines += lines_of(f"{work}, Kafka, 8 connections", "events/s", figures,
                              [Aim("Bitacora", "librdkafka", 0.6, floor=FLOOR)],
                              [meter.note("an event")])
    return lines
