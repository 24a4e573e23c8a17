"""Each promise is broken on purpose, and the test that holds it must say so: by its own check, not by
a crash, and not by waiting in vain. Unbroken, the same program passes the same test.

Whatever is not noticed here is a test that is too weak.
"""

import dataclasses
import json
import os
import pathlib
import re
import subprocess
import sys
import xml.etree.ElementTree

import pytest

TESTS = pathlib.Path(__file__).resolve().parents[1]
PROGRAMS = {name: os.environ.get(f"BITACORA_{name.upper()}", name)
            for name in ("simulation_test", "embedded_log_damage_test")}
SKIPPED = 77


@dataclasses.dataclass
class Check:
    """A test that holds a promise, and words of its own that it fails with when that is broken."""
    test: str  # FILE::TEST of pytest below tests/, or PROGRAM:FILTER of GoogleTest.
    words: str  # A regular expression.
    log: str = "embedded"
    lives: bool = False  # What it checks is that the server lives on: then a crash is what it finds.
    seconds: int = 600


PROMISES = {
    "P1": Check("system/power_cut_test.py::test_power_cuts_lose_nothing",
                r"was acknowledged and is lost|was told version \d"),
    "P2": Check("system/kafka_faults_test.py::test_fewer_copies_than_the_topic_wants_take_nothing",
                r"too few have taken an append", log="kafka"),
    "P3": Check("system/kill_test.py::test_kills_lose_and_repeat_nothing", r"was told version \d"),
    "P4": Check("linearizability/linearizability_test.py"
                "::test_histories_are_linearizable_and_planted_faults_are_found", r"is not linearizable"),
    "P5": Check("system/append_ids_test.py::test_every_copy_gets_the_first_answer",
                r"s-\d+ (first|second|third|refused): (statuses|several answers|now)|s-\d+ has \["),
    "P6": Check("system/unknown_test.py::test_what_is_unknown_is_said_and_settled_by_its_key",
                r"was there, and all its answers were refusals"),
    "P8": Check("simulation_test:*TheCore*/0", r"a document too many or too few|the document of \S+ is"),
    "P9": Check("system/follow_test.py::test_followers_miss_and_repeat_nothing",
                r"follower \d+ got \S+ where \d+ belongs"),
    "P10": Check("system/verify_test.py::test_every_planted_fault_is_found",
                 r"the digests of what is kept and what is right are equal"),
    "P11": Check("embedded_log_damage_test:ADamagedLog.IsRefused*", r"silently different"),
    "P12": Check("system/disk_full_test.py::test_filled_by_somebody_else",
                 r"== \(507, 'disk-full'\)|a full disk has ended the server", lives=True),
    "P13": Check("system/drain_test.py::test_sigterm_under_load_answers_what_it_took",
                 r"got no answer|the connection of .* is gone"),
    "P14": Check("system/test_hostile_load.py::test_more_than_can_be_done_is_shed[reads]", r"nothing was shed"),
    "P15": Check("system/test_hostile.py::test_a_broken_request_gets_one_answer_and_nothing_behind_it_is_run",
                 r"one broken request was answered as"),
}
# On the other log, where the promise is kept in another place or by more than one server.
for name in ("P4", "P6"):
    PROMISES[f"{name}-kafka"] = dataclasses.replace(PROMISES[name], log="kafka")
# What a test says that has found no fault, only something that did not go on.
NO_CHECK = re.compile(r"did not happen within|nothing on stdout within|first line on stdout|Timeout|"
                      r"ConnectionError|ConnectionRefusedError|crashed: ")


class Outcome:
    """How one run of a test has ended."""

    def __init__(self, code, failures, output):
        self.code = code
        self.failures = failures  # The words of each.
        self.output = output

    def passed(self):
        return self.code == 0 and not self.failures

    def complains(self):
        return self.code == 1 and bool(self.failures)

    def __str__(self):
        return f"exit code {self.code}; failures {self.failures}; output: {self.output[-3000:]}"


def run(check, directory, mutation):
    environment = {**os.environ, "BITACORA_TEST_SIZE": "short", "BITACORA_TEST_LOG": check.log}
    environment.pop("BITACORA_MUTATION", None)
    if mutation:
        environment["BITACORA_MUTATION"] = mutation
    report = directory / f"report-{mutation or 'none'}"
    program = check.test.partition(":")[0]
    if program in PROGRAMS:
        command = [PROGRAMS[program], f"--gtest_filter={check.test.partition(':')[2]}", f"--gtest_output=json:{report}"]
    else:
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", f"--junitxml={report}",
                   f"--basetemp={directory / 'work'}", str(TESTS / check.test)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          encoding="utf-8", errors="replace", timeout=check.seconds, check=False)
    failures = []
    if report.exists():
        failures = failures_of_gtest(report) if program in PROGRAMS else failures_of_pytest(report)
    return Outcome(done.returncode, failures, done.stdout)


def failures_of_pytest(report):
    cases = xml.etree.ElementTree.parse(report).getroot().iter("testcase")
    return [failure.get("message") for case in cases for failure in (*case.iter("failure"), *case.iter("error"))]


def failures_of_gtest(report):
    suites = json.loads(report.read_text())["testsuites"]
    return [failure["failure"] for suite in suites for case in suite["testsuite"]
            for failure in case.get("failures", [])]


@pytest.mark.parametrize("promise", PROMISES)
def test_a_broken_promise_is_noticed(promise, tmp_path, capsys):
    check = PROMISES[promise]
    sound = run(check, tmp_path, None)
    if sound.code == SKIPPED:
        pytest.skip(sound.output.strip().splitlines()[-1])
    assert sound.passed(), f"{check.test} fails with nothing broken: {sound}"
    broken = run(check, tmp_path, promise.partition("-")[0])
    assert not broken.passed(), f"{check.test} did not notice that {promise} was broken"
    assert broken.complains(), f"{check.test} did not end as a test does: {broken}"
    own = [words for words in broken.failures if re.search(check.words, words)]
    others = [words for words in broken.failures if words not in own and NO_CHECK.search(words)
              and not (check.lives and "crashed: " in words)]
    assert own and not others, f"{check.test} failed otherwise than by its own check: {broken}"
    with capsys.disabled():
        print(f"\n{promise} broken: {check.test} says: {re.search(check.words, own[0]).group()!r}", end="")
