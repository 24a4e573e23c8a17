"""Side by side: the subjects of a row take turns, so that a busy moment of the machine falls on all
of them, and each round gives one ratio."""

import dataclasses
import statistics
import sys


@dataclasses.dataclass
class Aim:
    """`ours` against `against`: at least, or where less is better at most, this ratio. `floor`: what
    the same request takes without an event store behind it, which no such store gets below."""
    ours: str
    against: str
    ratio: float
    at_most: bool = False
    floor: str | None = None


@dataclasses.dataclass
class Spread:
    median: float
    low: float
    high: float

    @staticmethod
    def of(values):
        return Spread(statistics.median(values), min(values), max(values))


@dataclasses.dataclass
class Line:
    """One comparison, or a figure against a fixed bound: then `against` is empty."""
    work: str
    ours: str
    against: str
    unit: str
    our_figure: Spread
    their_figure: Spread | None
    ratio: Spread
    aim: float
    at_most: bool
    notes: list = dataclasses.field(default_factory=list)
    floor_figure: Spread | None = None
    floor_ratio: Spread | None = None

    @property
    def met(self):
        return self.ratio.median <= self.aim if self.at_most else self.ratio.median >= self.aim


def say(text):
    print(text, file=sys.stderr, flush=True)


def take_turns(rounds, subjects):
    """`subjects`: by name, functions that measure once. Every other round goes backwards, so that
    none is always measured behind the same one."""
    figures = {name: [] for name in subjects}
    order = list(subjects)
    for turn in range(rounds):
        for name in order if turn % 2 == 0 else reversed(order):
            figures[name].append(subjects[name]())
            say(f"    {name}: {figures[name][-1]:,.2f}")
    return figures


def ratios(figures, these, those):
    return Spread.of([one / other for one, other in zip(figures[these], figures[those])])


def lines_of(work, unit, figures, aims, notes=()):
    lines = []
    for aim in aims:
        line = Line(work, aim.ours, aim.against, unit, Spread.of(figures[aim.ours]),
                    Spread.of(figures[aim.against]), ratios(figures, aim.ours, aim.against),
                    aim.ratio, aim.at_most, list(notes))
        if aim.floor:
            line.floor_figure = Spread.of(figures[aim.floor])
            line.floor_ratio = ratios(figures, aim.floor, aim.against)
        lines.append(line)
    return lines


def bounded(work, unit, values, bound, notes=()):
    """A figure that has nothing beside it but its bound; as a ratio, its share of the bound."""
    spread = Spread.of(values)
    share = Spread(spread.median / bound, spread.low / bound, spread.high / bound)
    return Line(work, "Bitacora", f"bound {bound:g}", unit, spread, None, share, 1.0, True,
                list(notes))


class CpuMeter:
    """CPU by thread of a program, over all its turns: what one unit of work costs it."""

    def __init__(self, program):
        self.program = program
        self.seconds = {}
        self.units = 0.0

    def during(self, measure, seconds):
        """Runs `measure`, which gives units a second."""
        before = self.program.cpu_by_thread()
        rate = measure()
        for name, spent in self.program.cpu_by_thread().items():
            self.seconds[name] = self.seconds.get(name, 0) + spent - before.get(name, 0)
        self.units += rate * seconds
        return rate

    def note(self, unit):
        shares = sorted(self.seconds.items(), key=lambda entry: -entry[1])
        spent = [f"{name} {1e6 * seconds / self.units:.1f}"
                 for name, seconds in shares if seconds > 0.01 * sum(self.seconds.values())]
        return f"CPU of the server, µs {unit}, by thread: " + ", ".join(spent)
