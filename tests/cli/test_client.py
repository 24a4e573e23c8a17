"""The subcommands that are clients, against a server that answers as each test says."""

import json
import os
import re
import signal
import socket
import subprocess

import pytest

from fake_server import Fake, problem

PROGRAM = os.environ["BITACORA_PROGRAM"]
OK = {"Content-Type": "application/json"}
APPENDED = {"topic": "t", "stream": "s", "appendId": "k", "firstVersion": 3, "version": 3,
            "partition": 0, "offset": "9", "position": "AAAAAAA"}


@pytest.fixture
def fake():
    server = Fake()
    yield server
    server.close()


def clean_environment(server):
    environment = {k: v for k, v in os.environ.items() if "proxy" not in k.lower()}
    return {**environment, "BITACORA_SERVER": server}


def run(server, *arguments, stdin=subprocess.DEVNULL, text=None):
    """The finished program."""
    given = {"input": text} if text is not None else {"stdin": stdin}
    return subprocess.run([PROGRAM, *arguments], capture_output=True, encoding="utf-8", timeout=60,
                          env=clean_environment(server), **given)


def event(version, data="{}", **more):
    return {"specversion": "1.0", "id": "1", "source": "/x", "type": "T", "stream": "s",
            "version": version, "partition": 0, "index": 0, "offset": str(version),
            "time": "2026-03-01T12:00:00Z", "data": data, **more}


# ---- append

def test_append_sends_one_event_with_a_key_of_its_own(fake):
    fake.answers = [(201, OK, APPENDED)]
    done = run(fake.url, "append", "t", "a/b ü", "--type", "T", "--data", ' {"n": 1.50} ')
    assert (done.returncode, done.stdout) == (0, "t/a/b ü is at version 3\n")
    request, = fake.requests
    assert request["path"] == "/v1/topics/t/streams/a%2Fb%20%C3%BC/events"
    assert request["body"] == b'{"type":"T","data": {"n": 1.50} }'
    assert re.fullmatch("[0-9a-f-]{36}", request["headers"]["idempotency-key"])
    assert "if-match" not in request["headers"] and "if-none-match" not in request["headers"]


@pytest.mark.parametrize("expect, header, value", [
    ("new", "if-none-match", "*"), ("exists", "if-match", "*"), ("17", "if-match", '"17"')])
def test_append_states_its_condition(fake, expect, header, value):
    fake.answers = [(201, OK, APPENDED)]
    assert run(fake.url, "append", "t", "s", "--type", "T", "--expect", expect).returncode == 0
    assert fake.requests[0]["headers"][header] == value


def test_append_takes_data_from_a_file_and_from_stdin(fake, tmp_path):
    fake.answers = [(201, OK, APPENDED)]
    path = tmp_path / "data.json"
    path.write_text("[1]")
    assert run(fake.url, "append", "t", "s", "--type", "T", "--data", f"@{path}").returncode == 0
    assert run(fake.url, "append", "t", "s", "--type", "T", "--data", "-", text="[2]").returncode == 0
    assert [r["body"] for r in fake.requests] == [b'{"type":"T","data":[1]}', b'{"type":"T","data":[2]}']


@pytest.mark.parametrize("arguments, word", [
    (["--data", "{"], "no JSON"), (["--data", "@/nowhere"], "/nowhere"), (["--expect", "old"], "--expect"),
    (["--expect", "-1"], "--expect")])
def test_append_refuses_what_is_wrong_without_asking(fake, arguments, word):
    done = run(fake.url, "append", "t", "s", "--type", "T", *arguments)
    assert done.returncode == 2 and word in done.stderr and done.stdout == ""
    assert fake.requests == []


def test_append_says_no_where_the_stream_moved_on(fake):
    fake.answers = [problem(412, "version-conflict", appendId="k", expectedVersion=1, currentVersion=5)]
    done = run(fake.url, "append", "t", "s", "--type", "T", "--expect", "1")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == ("bitacora: Title: detail (41200 version-conflict). Read the stream again and "
                           "decide anew.\n")


@pytest.mark.parametrize("trouble", [problem(503, "overloaded"), problem(504, "append-undecided"),
                                     problem(429, "resource-exhausted"), "reset"])
def test_append_is_repeated_with_the_same_key(fake, trouble):
    fake.answers = [trouble, trouble, (201, OK, APPENDED)]
    done = run(fake.url, "append", "t", "s", "--type", "T", "--data", "1")
    assert done.returncode == 0, done.stderr
    assert len(fake.requests) == 3
    assert len({(r["headers"]["idempotency-key"], r["body"]) for r in fake.requests}) == 1


def test_append_undecided_names_the_key_to_repeat_it_with(fake):
    fake.answers = [problem(504, "append-undecided")]
    done = run(fake.url, "append", "t", "s", "--type", "T", "--key", "my-key", "--retry-for", "0")
    assert done.returncode == 7 and "--key my-key" in done.stderr


def test_append_lost_on_its_way_is_undecided(fake):
    fake.answers = ["reset"]
    assert run(fake.url, "append", "t", "s", "--type", "T", "--retry-for", "0").returncode == 7


def test_append_never_sent_is_unreachable():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = run(url, "append", "t", "s", "--type", "T")
    assert done.returncode == 6 and url in done.stderr


# ---- many lines

def accept_all(request):
    events = json.loads(request["body"])
    return 200, OK, {"results": [{"status": 201, "stream": e["stream"], "version": i, "appendId": "a"}
                                 for i, e in enumerate(events)]}


def sent_events(fake):
    return [e for r in fake.requests for e in json.loads(r["body"])]


def lines(count, streams=1):
    return "".join(json.dumps({"stream": f"s-{i % streams}", "type": "T", "data": i}) + "\n"
                   for i in range(count))


def test_lines_keep_the_order_of_their_stream(fake):
    fake.answers = [accept_all]
    done = run(fake.url, "append", "t", text=lines(1000, streams=7))
    assert (done.returncode, done.stdout) == (0, "1,000 events appended\n"), done.stderr
    events = sent_events(fake)
    assert len(events) == 1000
    for stream in range(7):
        data = [e["data"] for e in events if e["stream"] == f"s-{stream}"]
        assert data == sorted(data)
    assert all(e["specversion"] == "1.0" and e["source"] == "/v1/topics/t" for e in events)
    assert len({e["id"] for e in events}) == 1000


def test_lines_sent_again_with_their_key_are_the_same_appends(fake):
    fake.answers = [accept_all]
    for _ in range(2):
        assert run(fake.url, "append", "t", "--key", "import-7", text=lines(450, 9)).returncode == 0
    seen = {}
    for request in fake.requests:
        seen.setdefault(request["headers"]["idempotency-key"], []).append(request["body"])
    assert all(key.startswith("import-7-") for key in seen)
    assert all(len(bodies) == 2 and bodies[0] == bodies[1] for bodies in seen.values())


def test_a_group_is_repeated_while_a_line_is_told_later(fake):
    def later(request):
        status, headers, body = accept_all(request)
        body["results"][1] = problem(503, "overloaded")[2]
        return status, headers, body

    fake.answers = [later, "reset", problem(503, "overloaded"), accept_all]
    done = run(fake.url, "append", "t", text=lines(3))
    assert (done.returncode, done.stdout) == (0, "3 events appended\n"), done.stderr
    assert len({(r["headers"]["idempotency-key"], r["body"]) for r in fake.requests}) == 1
    assert len(fake.requests) == 4


def test_a_refused_line_is_named_and_the_others_go_on(fake):
    def refuse(request):
        status, headers, body = accept_all(request)
        body["results"][1] = problem(412, "version-conflict")[2]
        return status, headers, body

    fake.answers = [refuse]
    done = run(fake.url, "append", "t", "--json", text=lines(3))
    assert done.returncode == 1
    assert json.loads(done.stdout) == {"appended": 2, "refused": 1, "lines": 3}
    assert "line 2 was not appended: Title: detail" in done.stderr


def test_a_line_that_came_late_is_told(fake):
    def overtaken(request):
        status, headers, body = accept_all(request)
        body["results"][0]["version"] = 9
        return status, headers, body

    fake.answers = [overtaken]
    assert "behind later lines" in run(fake.url, "append", "t", text=lines(3)).stderr


def test_a_wrong_line_stops_the_input_and_what_came_before_is_sent(fake):
    fake.answers = [accept_all]
    done = run(fake.url, "append", "t", text=lines(2) + "{broken\n" + lines(2))
    assert (done.returncode, done.stdout) == (2, "2 events appended\n")
    assert "line 3: " in done.stderr


def test_lines_left_over_tell_how_to_go_on(fake):
    fake.answers = [problem(503, "overloaded")]
    done = run(fake.url, "append", "t", "--key", "k", "--retry-for", "0", text=lines(3))
    assert (done.returncode, done.stdout) == (6, "0 events appended\n")
    assert "--key k: nothing is appended twice" in done.stderr


def test_lines_of_a_slow_source_do_not_wait_for_more(fake):
    fake.answers = [accept_all]
    with subprocess.Popen([PROGRAM, "append", "t", "s"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                          env=clean_environment(fake.url)) as process:
        process.stdin.write(b'{"type":"T"}\n')
        process.stdin.flush()
        wait_until(lambda: len(fake.requests) == 1)
        process.stdin.close()
        assert process.wait(timeout=20) == 0


def wait_until(condition):
    import time
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not happen within 20 s"
        time.sleep(0.01)


# ---- read

def test_read_shows_all_pages_of_a_stream(fake):
    fake.answers = [(200, OK, {"events": [event(0), event(1)], "next": 2}),
                    (200, OK, {"events": [event(2)], "next": None})]
    done = run(fake.url, "read", "t", "s")
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == ["VERSION", "0", "1", "2"]
    assert [r["path"] for r in fake.requests] == [
        "/v1/topics/t/streams/s/events?limit=1000", "/v1/topics/t/streams/s/events?from=2&limit=1000"]


def test_read_asks_for_no_more_than_its_limit(fake):
    fake.answers = [(200, OK, {"events": [event(9)], "next": 8})]
    done = run(fake.url, "read", "t", "s", "--backwards", "--limit", "1", "--from", "9")
    assert done.returncode == 0 and len(fake.requests) == 1
    assert fake.requests[0]["path"] == "/v1/topics/t/streams/s/events?from=9&direction=backwards&limit=1"


def test_read_of_a_topic_passes_empty_pages_and_ends_where_nothing_moves(fake):
    fake.answers = [(200, OK, {"events": [], "next": "AAAA"}), (200, OK, {"events": [event(0)], "next": "BBBB"}),
                    (200, OK, {"events": [], "next": "BBBB"})]
    done = run(fake.url, "read", "t", "--json")
    assert done.returncode == 0
    assert [json.loads(line)["version"] for line in done.stdout.splitlines()] == [0]
    assert [r["path"].split("?")[1] for r in fake.requests] == [
        "limit=1000", "position=AAAA&limit=1000", "position=BBBB&limit=1000"]


def test_read_of_a_topic_may_start_at_a_time(fake):
    fake.answers = [(200, OK, {"events": [], "next": "AAAA"})]
    assert run(fake.url, "read", "t", "--from", "2026-03-01T00:00:00Z").returncode == 0
    assert fake.requests[0]["path"] == "/v1/topics/t/events?since=2026-03-01T00%3A00%3A00Z&limit=1000"


def test_read_never_lets_an_event_command_the_terminal(fake):
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    fake.answers = [(200, OK, {"events": [event(0, data=evil, type=evil)], "next": None})]
    for arguments in (["read", "t", "s"], ["read", "t", "s", "--json"]):
        out = run(fake.url, *arguments).stdout
        assert not set(out) & set("\x1b\x07\x9b\u202e"), repr(out)


def test_read_json_is_one_value_a_line_and_keeps_numbers(fake):
    fake.answers = [(200, OK, '{"events":[{"stream":"s","data":{\n "n": 1.500,\n "b": 12345678901234567890}}],'
                              '"next":null}')]
    assert run(fake.url, "read", "t", "s", "--json").stdout == \
        '{"stream":"s","data":{"n":1.500,"b":12345678901234567890}}\n'


def test_read_of_nothing_is_a_no(fake):
    fake.answers = [problem(404, "topic-unknown")]
    done = run(fake.url, "read", "t")
    assert done.returncode == 1 and "create-topic" in done.stderr


def test_read_of_another_server_is_told(fake):
    fake.answers = [(200, {"Content-Type": "text/html"}, "<html>")]
    done = run(fake.url, "read", "t")
    assert done.returncode == 6 and "is --server right?" in done.stderr


# ---- follow

def test_follow_survives_trouble_and_ends_with_its_position(fake):
    fake.answers = [(200, OK, {"events": [event(0)], "next": "AAAA"}), "reset", problem(503, "draining"),
                    (200, OK, {"events": [event(1)], "next": "BBBB"}), (200, OK, {"events": [], "next": "BBBB"})]
    with subprocess.Popen([PROGRAM, "follow", "t", "--type", "T", "--type", "U", "--json"],
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                          env=clean_environment(fake.url)) as process:
        versions = [json.loads(process.stdout.readline())["version"] for _ in range(2)]
        assert versions == [0, 1]
        wait_until(lambda: "position=BBBB" in fake.requests[-1]["path"])
        process.send_signal(signal.SIGINT)
        rest, errors = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert errors.endswith("position: BBBB\n")
    assert fake.requests[0]["path"] == "/v1/topics/t/events?position=earliest&limit=1000&type=T&type=U"
    assert fake.requests[0]["headers"]["prefer"] == "wait=30"
    assert [r["path"].count("position=AAAA") for r in fake.requests[1:4]] == [1, 1, 1]


def test_follow_of_a_server_never_met_gives_up():
    done = run("http://127.0.0.1:1", "follow", "t")
    assert done.returncode == 6


def test_follow_from_another_log_is_a_no(fake):
    fake.answers = [problem(410, "position-from-another-log")]
    done = run(fake.url, "follow", "t", "--position", "AAAA")
    assert done.returncode == 1 and "earliest" in done.stderr


# ---- topics, get, version, verify

TOPIC = {"name": "t", "kind": "owned", "partitions": 2, "events": 1234, "durability": "one-disk"}
OFFSETS = [{"partition": 0, "earliest": "0", "latest": "7"}]


def test_topics_lists_and_shows(fake):
    fake.answers = [(200, OK, {"topics": [TOPIC]}), (200, OK, {**TOPIC, "offsets": OFFSETS})]
    listed = run(fake.url, "topics")
    assert listed.stdout.splitlines() == ["TOPIC  KIND   PARTITIONS  EVENTS  DURABILITY  PROBLEM",
                                          "t      owned           2   1,234  one-disk"]
    shown = run(fake.url, "topics", "t")
    assert shown.stdout.splitlines()[-2:] == ["PARTITION  EARLIEST  LATEST", "        0         0       7"]


@pytest.mark.parametrize("arguments, body", [([], {}), (["--partitions", "3"], {"partitions": 3}),
                                             (["--own"], {"kind": "owned"})])
def test_create_topic_asks_for_it(fake, arguments, body):
    fake.answers = [(201, OK, {**TOPIC, "offsets": OFFSETS})]
    assert run(fake.url, "create-topic", "t", *arguments).returncode == 0
    assert (fake.requests[0]["method"], json.loads(fake.requests[0]["body"])) == ("PUT", body)


def test_get_shows_one_document_or_all_pages(fake):
    document = {"key": "a b", "version": 3, "time": "2026-03-01T12:00:00Z", "event": event(3)}
    fake.answers = [(200, OK, document), (200, OK, {"documents": [document], "next": "c"}),
                    (200, OK, {"documents": [document], "next": None})]
    assert "a b" in run(fake.url, "get", "t.latest", "a b").stdout
    assert len(run(fake.url, "get", "t.latest", "--prefix", "a&", "--json").stdout.splitlines()) == 2
    assert [r["path"] for r in fake.requests] == [
        "/v1/read-models/t.latest/a%20b", "/v1/read-models/t.latest?prefix=a%26&limit=1000",
        "/v1/read-models/t.latest?prefix=a%26&cursor=c&limit=1000"]


def test_a_read_can_demand_what_it_must_have_seen(fake):
    fake.answers = [(200, OK, {"events": [], "next": None}), (200, OK, {"documents": [], "next": None})]
    assert run(fake.url, "read", "t", "s", "--at-least", "AAAAAAA").returncode == 0
    assert run(fake.url, "get", "t.latest", "--at-least", "BBBBBBB").returncode == 0
    assert [r["headers"]["bitacora-at-least"] for r in fake.requests] == ["AAAAAAA", "BBBBBBB"]


def test_version_needs_no_server(fake):
    fake.answers = [(200, OK, {"version": "0.1.0", "rule": 1, "log": "kafka"})]
    assert "(kafka log)" in run(fake.url, "version").stdout
    alone = run("http://127.0.0.1:1", "version", "--json")
    assert alone.returncode == 0 and json.loads(alone.stdout)["server"] is None


# ---- the program

@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["read"], ["append", "t"], ["append", "t", "--data", "1"],
                                       ["read", "t", "--limit", "0"], ["read", "t", "--backwards"],
                                       ["topics", "--server", "nonsense"], ["get", "m", "k", "--prefix", "p"],
                                       ["create-topic", "t", "--partitions", "65"]])
def test_wrong_use_ends_with_2(arguments):
    given = {"text": ""} if arguments[:1] != ["append"] else {"text": "x\n"}
    done = run("http://127.0.0.1:1", *arguments, **given)
    assert done.returncode == 2 and done.stdout in ("", "0 events appended\n") and done.stderr != ""


DRILL = {"id": "d", "kind": "rebuild", "topic": "t", "records": 3, "records_total": 3, "eta_s": None}
PART = {"partition": 0, "offset": "3", "documents": 2, "kept": "a" * 64, "recomputed": "b" * 64, "rebuilt": "a" * 64,
        "equal": False}


def verified(fake, **report):
    begun = (202, {**OK, "Location": "/v1/drills/d"}, {**DRILL, "state": "running"})
    fake.answers = [begun, (200, OK, {**DRILL, **report})]
    return run(fake.url, "verify", "--topic", "t")


def test_verify_names_what_differs(fake):
    done = verified(fake, state="different", partitions=[PART], differences=[
        {"partition": 0, "key": "o 1", "what": "missing", "kept": None, "rebuilt": "{}"},
        {"partition": 0, "what": "cursor", "kept": "next 3", "rebuilt": "next 2"}])
    assert done.returncode == 1 and "DIFFERENT" in done.stdout
    assert '"o 1" is missing, the cursor of partition 0' in done.stderr


def test_verify_says_why_a_drill_failed(fake):
    done = verified(fake, state="failed", partitions=[], differences=[], error="the disk is full")
    assert done.returncode not in (0, 1) and "the disk is full" in done.stderr


@pytest.mark.parametrize("command", ["serve", "append", "read", "follow", "topics", "create-topic", "get",
                                     "verify", "version"])
def test_every_subcommand_has_an_example(command):
    done = run("http://127.0.0.1:1", command, "--help")
    assert done.returncode == 0 and f"  bitacora {command}" in done.stdout
