"""The HTTP layer with nothing behind it."""

import programs
from compare import Aim, CpuMeter, lines_of, take_turns
from load import wrk


def bare_handler(run):
    lines = []
    with programs.http_hello() as ours, programs.nginx() as nginx, \
            programs.pistache_hello() as pistache, programs.go_hello() as go:
        for connections in (32, 256):
            meter = CpuMeter(ours)

            def rate(program, connections=connections):
                return wrk(program.url + "/", connections, run.seconds).per_second

            figures = take_turns(run.rounds, {
                "http_hello": lambda: meter.during(lambda: rate(ours), run.seconds),
                "nginx": lambda: rate(nginx),
                "Go": lambda: rate(go),
                "Pistache": lambda: rate(pistache)})
            lines += lines_of(
                f"bare handler, {connections} connections", "requests/s", figures,
                [Aim("http_hello", "nginx", 0.3), Aim("http_hello", "Pistache", 1.2),
                 Aim("http_hello", "Go", 0.8)], [meter.note("a request")])
    return lines
