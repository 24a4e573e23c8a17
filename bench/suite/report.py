"""RESULTS.md and its chart, from the lines of all rows measured so far."""

import dataclasses
import json
import os
import pathlib
import platform
import re

from compare import Line, Spread

BENCH = pathlib.Path(__file__).resolve().parents[1]
KEPT = BENCH / "results"
HEAD = """# Speed

Written by `./dev bench`; the words of each section are from `bench/words`. Every figure is the median of its rounds (of three where
a million events are read, of one for memory and disk; `--rounds` and `--seconds` are as each section says), with the
lowest and the highest behind it. In a round the subjects take turns on the same machine, and give one ratio: a
busy machine slows all of them, so ratios count and rates do not.

"Without a store" is the same load on our HTTP layer with nothing behind it but the write, the produce and its read-back (no
verdict is known before), or the reads ([bare_store.cc](bare_store/bare_store.cc)): no JSON, no ids, no streams, no verdicts.
Behind its figure is its ratio to what stands beside us: where that misses an aim, no event store behind this HTTP layer
meets it on these cores. "And two rows each" is RocksDB that also keeps what an event store has to find again, an id and a
place of each event, in a second database that is not synced ([synced_writes.cc](rivals/synced_writes.cc)): no HTTP and no
JSON either.

"""


def machine():
    model = re.search(r"model name\s*: (.*)", pathlib.Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return (f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), "
            f"{memory:.0f} GiB of memory, Linux {platform.release().split('-')[0]}. "
            "Load generator, rivals and server share them.")


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def spread(figure):
    return f"{number(figure.median)} ({number(figure.low)}–{number(figure.high)})"


def table(lines):
    has_floor = any(line.floor_figure for line in lines)
    heads = ["work", "Bitacora", "beside it", "ratio", "aim", ""]
    if has_floor:
        heads.append("without a store")
    text = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for line in lines:
        theirs = f"{line.against}: {spread(line.their_figure)}" if line.their_figure else "–"
        ratio = f"{line.ratio.median:.2f} ({line.ratio.low:.2f}–{line.ratio.high:.2f})"
        aim = f"{'≤' if line.at_most else '≥'} {line.aim:g}"
        if not line.their_figure:
            aim = f"≤ {line.against.removeprefix('bound ')}"
        cells = [line.work, f"{spread(line.our_figure)} {line.unit}", theirs, ratio, aim,
                 "met" if line.met else "**missed**"]
        if has_floor:
            cells.append(f"{spread(line.floor_figure)}: {line.floor_ratio.median:.2f}"
                         if line.floor_figure else "–")
        text.append("| " + " | ".join(cells) + " |")
    return "\n".join(text) + "\n"


# ---- The chart: one bar a line, its length how far the aim is met

ROW, LEFT, WIDTH, MOST = 22, 430, 420, 2.0


def reach(line):
    """1 is the aim itself; more is better."""
    if line.at_most:
        return line.aim / line.ratio.median if line.ratio.median else MOST
    return line.ratio.median / line.aim


def chart(lines):
    height = ROW * len(lines) + 50
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 60}" '
             f'height="{height}" font-family="sans-serif" font-size="12">',
             '<rect width="100%" height="100%" fill="white"/>']
    for i, line in enumerate(lines):
        y = 10 + ROW * i
        length = min(reach(line), MOST) / MOST * WIDTH
        colour = "#3a7d44" if line.met else "#c8553d"
        label = line.work if not line.their_figure else f"{line.work} / {line.against}"
        parts.append(f'<text x="{LEFT - 8}" y="{y + 14}" text-anchor="end">{label}</text>')
        parts.append(f'<rect x="{LEFT}" y="{y + 3}" width="{length:.0f}" height="{ROW - 7}" '
                     f'fill="{colour}"/>')
        parts.append(f'<text x="{LEFT + length + 5:.0f}" y="{y + 14}">{reach(line):.2f}</text>')
    aim = LEFT + WIDTH / MOST
    parts.append(f'<line x1="{aim}" y1="6" x2="{aim}" y2="{height - 32}" stroke="black" '
                 'stroke-dasharray="4 3"/>')
    parts.append(f'<text x="{aim}" y="{height - 14}" text-anchor="middle">the aim</text></svg>')
    return "\n".join(parts) + "\n"


# ---- Kept beside the report, so that a row measured alone does not lose the others

def keep(row, lines, about):
    KEPT.mkdir(parents=True, exist_ok=True)
    (KEPT / f"{row}.json").write_text(json.dumps(
        {"about": about, "lines": [dataclasses.asdict(line) for line in lines]}, indent=1) + "\n")


def kept(row):
    path = KEPT / f"{row}.json"
    if not path.exists():
        return None, []
    found = json.loads(path.read_text())
    lines = []
    for entry in found["lines"]:
        for name in ("our_figure", "their_figure", "ratio", "floor_figure", "floor_ratio"):
            entry[name] = Spread(**entry[name]) if entry.get(name) else None
        lines.append(Line(**entry))
    return found["about"], lines


def write(rows):
    """`rows`: titles by name, in the order of the report."""
    sections, everything, missing = [], [], []
    for row, title in rows.items():
        about, lines = kept(row)
        if not lines:
            missing.append(title)
            continue
        everything += lines
        words = BENCH / "words" / f"{row}.md"
        notes = dict.fromkeys(f"- {line.work}: {note}." for line in lines for note in line.notes)
        sections.append("\n".join(
            [f"## {title}", "", f"`./dev bench {row}`, {about}.", "", table(lines), *notes, "",
             words.read_text() if words.exists() else ""]))
    text = HEAD + machine() + "\n\n![How far each aim is met](results.svg)\n\n"
    if missing:
        text += "Not measured yet: " + "; ".join(missing) + ".\n\n"
    (BENCH / "RESULTS.md").write_text(text + "\n".join(sections).rstrip() + "\n")
    (BENCH / "results.svg").write_text(chart(everything))
