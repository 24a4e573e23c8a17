"""`./dev bench`: measures rows of bench/RESULTS.md and writes it."""

import argparse
import dataclasses
import subprocess
import time

import programs
import report
import rows_append
import rows_http
import rows_read
import rows_size
from compare import say

ROWS = {
    "http": ("The HTTP layer alone", rows_http.bare_handler),
    "append-embedded": ("Appending, embedded log", rows_append.append_embedded),
    "append-kafka": ("Appending, Kafka", rows_append.append_kafka),
    "latency-kafka": ("Latency of an append, Kafka", rows_append.latency_kafka),
    "bulk-embedded": ("Appending many at a time, embedded log", rows_append.bulk_embedded),
    "bulk-kafka": ("Appending many at a time, Kafka", rows_append.bulk_kafka),
    "reads": ("Reading", rows_read.reads),
    "follow": ("Following", rows_read.follow),
    "rebuild": ("Rebuilding a read model", rows_read.rebuild),
    "start": ("Starting", rows_read.start),
    "memory": ("Memory", rows_size.memory),
    "disk": ("Disk", rows_size.disk),
}


KAFKA_WARM_UP_S = 10


@dataclasses.dataclass
class Run:
    rounds: int
    seconds: int
    events: int
    kafka_brokers: str | None = None
    topic: str = "bench"

    def kafka(self):
        """Host and port of a Kafka of the row's own, started when it first needs one: in one that it
        shared, a server would fold what the rows before have left. Java has compiled what writing
        and reading takes: until it has, that takes the broker several times as long."""
        if self.kafka_brokers is None:
            self.kafka_brokers = programs.start_kafka()
            for work in ("read-back", "produce"):
                rows_append.kafka_client(work, self.kafka_brokers, programs.WARM_UP_TOPIC, 8,
                                         KAFKA_WARM_UP_S)
        return self.kafka_brokers

    def end_row(self):
        if self.kafka_brokers is not None:
            programs.stop_kafka()
        self.kafka_brokers = None


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description=__doc__)
    parser.add_argument("rows", nargs="*", metavar="ROW", help="these rows only; see --list")
    parser.add_argument("--quick", action="store_true",
                        help="3 rounds of 2 s and 100,000 events, instead of 5 of 5 s and a million")
    parser.add_argument("--list", action="store_true", help="the rows there are")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=int)
    parser.add_argument("--events", type=int)
    options = parser.parse_args()
    unknown = [row for row in options.rows if row not in ROWS]
    if unknown:
        parser.error(f"there is no row '{unknown[0]}'; there are: {', '.join(ROWS)}")
    return options


def main():
    options = arguments()
    if options.list:
        for name, (title, _) in ROWS.items():
            print(f"{name:24} {title}")
        return
    run = Run(options.rounds or (3 if options.quick else 5),
              options.seconds or (2 if options.quick else 5),
              options.events or (100_000 if options.quick else 1_000_000))
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True, cwd=programs.ROOT, check=False).stdout.strip()
    for row in options.rows or ROWS:
        title, measure = ROWS[row]
        say(f"== {row}: {title}")
        about = (f"{run.rounds} rounds of {run.seconds} s, at {commit}, "
                 f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")
        try:
            lines = measure(run)
        finally:
            run.end_row()
        report.keep(row, lines, about)
        print(report.table(lines), flush=True)
        for note in dict.fromkeys(note for line in lines for note in line.notes):
            print(note, flush=True)
    report.write({name: title for name, (title, _) in ROWS.items()})


if __name__ == "__main__":
    main()
