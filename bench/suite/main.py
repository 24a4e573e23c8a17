"""`./dev bench`: measures rows of bench/RESULTS.md and writes it."""

import argparse
import dataclasses
import subprocess
import time

import programs
import report
import rows_append
import rows_http
from compare import say

ROWS = {
    "http": ("The HTTP layer alone", rows_http.bare_handler),
    "append-embedded": ("Appending, embedded log", rows_append.append_embedded),
}


@dataclasses.dataclass
class Run:
    rounds: int
    seconds: int
    events: int


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
    results = programs.BUILD / "bench/results"
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True,
                            text=True, cwd=programs.ROOT, check=False).stdout.strip()
    for row in options.rows or ROWS:
        title, measure = ROWS[row]
        say(f"== {row}: {title}")
        about = (f"{run.rounds} rounds of {run.seconds} s, at {commit}, "
                 f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC")
        lines = measure(run)
        report.keep(results, row, lines, about)
        print(report.table(lines), flush=True)
        for note in dict.fromkeys(note for line in lines for note in line.notes):
            print(note, flush=True)
    report.write(results, {name: title for name, (title, _) in ROWS.items()})


if __name__ == "__main__":
    main()
