"""Load: wrk for rates, and bench/load for what it cannot do. One thread of wrk, so that the server
has a core of two."""

import dataclasses
import json
import pathlib

from programs import BUILD, output_of

SCRIPTS = pathlib.Path(__file__).resolve().parent / "wrk"


@dataclasses.dataclass
class Load:
    per_second: float
    p50_ms: float
    p99_ms: float


def wrk(url, connections, seconds, script="get", arguments=()):
    """Closed loop over `connections`. An answer that is not 2xx, or a lost connection, is an error:
    a rate of refusals says nothing."""
    output = output_of(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s",
                        "-s", SCRIPTS / f"{script}.lua", url, "--", *arguments])
    found = json.loads(output.strip().splitlines()[-1])
    if found["refused"] or found["lost"] or found["late"]:
        raise RuntimeError(f"{url}: not all requests succeeded: {found}")
    return Load(found["requests"] / (found["us"] / 1e6), found["p50_us"] / 1e3,
                found["p99_us"] / 1e3)


def load(command, *arguments):
    """A command of bench/load."""
    return json.loads(output_of([BUILD / "bench/load", command, *arguments]))
