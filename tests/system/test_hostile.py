"""Requests that mean harm, or nothing at all, sent to a running server: each gets one answer of the
contract, says nothing of the server's insides, changes nothing, and harms nobody else.

What the framer and the HTTP layer do alone is in tests/api; here it is the whole program.
"""

import json
import os
import random
import re
import urllib.parse

import pytest

from conftest import unique
from raw import Connection, ask
from server import CONTRACT, problem_of

SIZE = {"short": 1, "full": 4, "long": 16}[os.environ.get("BITACORA_TEST_SIZE") or "short"]
SEED = int(os.environ.get("BITACORA_TEST_SEED") or 20240229)

JSON = {"Content-Type": "application/json"}
STRUCTURED = {"Content-Type": "application/cloudevents+json"}
BATCH = {"Content-Type": "application/cloudevents-batch+json"}
EVENT = b'{"type":"T","data":1}'


@pytest.fixture(autouse=True)
def unharmed(server):
    """After each test: the same process, ready, without a bug of its own in its log."""
    process = server.process.pid
    written = server.log.stat().st_size if server.log.exists() else 0
    yield
    assert server.process.poll() is None and server.process.pid == process, server.log_tail()
    assert server.ready()
    with open(server.log, "rb") as log:
        log.seek(written)
        words = log.read().decode(errors="replace")
    for bug in ("internal error", "a handler threw", "not in the table", "runtime error:", "Sanitizer"):
        assert bug not in words, words[-2000:]


def append_request(topic, stream, fields="", body=EVENT):
    head = (f"POST /v1/topics/{topic}/streams/{stream}/events HTTP/1.1\r\nHost: x\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n{fields}\r\n")
    return head.encode() + body


def versions_of(client, topic, stream):
    answer = client.get(f"/v1/topics/{topic}/streams/{stream}/events?limit=1000")
    return [event["version"] for event in answer.json()["events"]] if answer.status_code == 200 else []


# ---- Framing

GET = b"GET /v1/version HTTP/1.1\r\n"
POST = b"POST /v1/topics/t/streams/s/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
BROKEN = {
    "no host": (GET + b"\r\n", 400),
    "two hosts": (GET + b"Host: x\r\nHost: x\r\n\r\n", 400),
    "a list of hosts": (GET + b"Host: a, b\r\n\r\n", 400),
    "host with a path": (GET + b"Host: x/y\r\n\r\n", 400),
    "host with a user": (GET + b"Host: a@x\r\n\r\n", 400),
    "bare LF behind the request line": (b"GET /v1/version HTTP/1.1\nHost: x\r\n\r\n", 400),
    "bare LF behind a field": (GET + b"Host: x\nA: b\r\n\r\n", 400),
    "bare CR in a value": (GET + b"Host: x\r\nA: b\rc\r\n\r\n", 400),
    "NUL in a value": (GET + b"Host: x\r\nA: b\0c\r\n\r\n", 400),
    "NUL in the target": (b"GET /v1/ver\0sion HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "obs-fold": (GET + b"Host: x\r\nA: b\r\n c\r\n\r\n", 400),
    "obs-fold with a tab": (GET + b"Host: x\r\nA: b\r\n\tc\r\n\r\n", 400),
    "fold before the first field": (GET + b" Host: x\r\n\r\n", 400),
    "space before the colon": (GET + b"Host : x\r\n\r\n", 400),
    "field without a name": (GET + b"Host: x\r\n: y\r\n\r\n", 400),
    "field without a colon": (GET + b"Host: x\r\nabc\r\n\r\n", 400),
    "name with a space": (GET + b"Host: x\r\nA b: c\r\n\r\n", 400),
    "name with a quote": (GET + b"Host: x\r\nA\"b: c\r\n\r\n", 400),
    "name beyond ASCII": (GET + b"Host: x\r\n\xc3\xa9: c\r\n\r\n", 400),
    "two spaces": (b"GET  /v1/version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tab instead of a space": (b"GET\t/v1/version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "no version": (b"GET /v1/version\r\nHost: x\r\n\r\n", 400),
    "half a version": (b"GET /v1/version HTTP/1.\r\nHost: x\r\n\r\n", 400),
    "a version in lower case": (b"GET /v1/version http/1.1\r\nHost: x\r\n\r\n", 400),
    "version 0.9": (b"GET /v1/version HTTP/0.9\r\nHost: x\r\n\r\n", 505),
    "version 2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", 400),
    "method with a slash": (b"G/T /v1/version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a tunnel": (b"CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n", 501),
    "target without a slash": (b"GET v1/version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "target with a fragment": (b"GET /v1/version#x HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "target beyond ASCII": (b"GET /\xc3\xa9 HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "a star to GET": (b"GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "another scheme": (b"GET ftp://x/v1/version HTTP/1.1\r\nHost: x\r\n\r\n", 400),
    "two equal lengths": (POST + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\n1", 400),
    "two lengths": (POST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n1", 400),
    "a list of lengths": (POST + b"Content-Length: 1, 1\r\n\r\n1", 400),
    "length +1": (POST + b"Content-Length: +1\r\n\r\n1", 400),
    "length -1": (POST + b"Content-Length: -1\r\n\r\n1", 400),
    "length 0x1": (POST + b"Content-Length: 0x1\r\n\r\n1", 400),
    "length 1 2": (POST + b"Content-Length: 1 2\r\n\r\n1", 400),
    "no digits of a length": (POST + b"Content-Length:\r\n\r\n", 400),
    "length of 2^64": (POST + b"Content-Length: 18446744073709551616\r\n\r\n", (400, 413)),
    "length of a terabyte": (POST + b"Content-Length: 1099511627776\r\n\r\n", 413),
    "length and coding": (POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "coding and length": (POST + b"Transfer-Encoding: chunked\r\nContent-Length: 6\r\n\r\n0\r\n\r\n", 400),
    "two codings": (POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", (400, 501)),
    "a list of codings": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
    "chunked and then not": (POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", (400, 501)),
    "an unknown coding": (POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 501),
    "a coding hidden by a control": (POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", 400),
    "a coding in HTTP/1.0": (CHUNKED.replace(b"HTTP/1.1", b"HTTP/1.0") + b"0\r\n\r\n", (400, 501)),
    "chunk of no size": (CHUNKED + b"\r\n", 400),
    "chunk of size 0x1": (CHUNKED + b"0x1\r\n1\r\n0\r\n\r\n", 400),
    "chunk of size -1": (CHUNKED + b"-1\r\n1\r\n0\r\n\r\n", 400),
    "chunk of size ' 1'": (CHUNKED + b" 1\r\n1\r\n0\r\n\r\n", 400),
    "chunk of 2^64 bytes": (CHUNKED + b"10000000000000000\r\n1\r\n0\r\n\r\n", (400, 413)),
    "chunk of 2^64 - 1 bytes": (CHUNKED + b"ffffffffffffffff\r\n1\r\n", 413),
    "chunk longer than it says": (CHUNKED + b"1\r\n12\r\n0\r\n\r\n", 400),
    "chunk size before a bare LF": (CHUNKED + b"1\n1\r\n0\r\n\r\n", 400),
    "chunk before a bare LF": (CHUNKED + b"1\r\n1\n0\r\n\r\n", 400),
    "trailer that is no field": (CHUNKED + b"1\r\n1\r\n0\r\nno field\r\n\r\n", 400),
    "unknown expectation": (POST + b"Expect: 200-ok\r\nContent-Length: 1\r\n\r\n1", 417),
}


def send_broken(server, pieces, statuses):
    with Connection(server) as connection:
        connection.send(*pieces)
        answers = connection.receive_all()
    assert len(answers) == 1, f"one broken request was answered as {[answer.status for answer in answers]}"
    answer = answers[0]
    assert answer.status in statuses
    assert answer.closes()
    CONTRACT.check("GET", "/v1/version", answer.status, answer.fields, answer.body)


@pytest.mark.parametrize("case", BROKEN)
def test_a_broken_request_gets_one_answer_and_nothing_behind_it_is_run(server, client, topic, case):
    request, statuses = BROKEN[case]
    statuses = statuses if isinstance(statuses, tuple) else (statuses,)
    smuggled = append_request(topic, "smuggled")
    whole = request + smuggled
    send_broken(server, [whole], statuses)
    send_broken(server, [bytes([byte]) for byte in request] + [smuggled], statuses)
    for split in range(1, len(request), 1 if SIZE > 1 else max(1, len(request) // 4)):
        send_broken(server, [request[:split], request[split:] + smuggled], statuses)
    assert versions_of(client, topic, "smuggled") == []


def test_a_413_runs_nothing_of_the_body(server, client, topic):
    body = append_request(topic, "smuggled") * 50
    for frame in (b"Content-Length: 8388609\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n800001\r\n"):
        send_broken(server, [POST + frame + body], (413,))
    assert versions_of(client, topic, "smuggled") == []


def test_an_append_may_be_split_anywhere(server, client, topic):
    body = b'e\r\n{"type":"T","d\r\n7;x="y"\r\nata":1}\r\n0\r\nA: b\r\n\r\n'
    chunked = (f"POST /v1/topics/{topic}/streams/split/events HTTP/1.1\r\nHost: x\r\n"
               "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n").encode() + body
    versions = 0
    with Connection(server) as connection:
        for request in (chunked, append_request(topic, "split")):
            for split in range(1, len(request), 1 if SIZE > 1 else 3):
                connection.send(request[:split])
                connection.send(request[split:])
                answer = connection.receive()
                assert (answer.status, answer.json()["version"]) == (201, versions), (split, answer.body)
                versions += 1
    assert versions_of(client, topic, "split")[:1000] == list(range(versions))[:1000]


def test_pipelined_appends_are_answered_in_their_order(server, topic):
    count = 200
    requests = b"".join(append_request(topic, "row", f"Idempotency-Key: k{i}\r\n") for i in range(count))
    with Connection(server) as connection:
        connection.send(requests)
        answers = [connection.receive() for _ in range(count)]
    assert [answer.json()["appendId"] for answer in answers] == [f"k{i}" for i in range(count)]
    assert sorted(answer.json()["version"] for answer in answers) == list(range(count))


def test_answers_of_every_length_may_follow_each_other(server):
    rows = [("HEAD", "/v1/version"), ("GET", "/v1/nowhere"), ("HEAD", "/v1/topics/none"), ("OPTIONS", "/v1/topics"),
            ("TRACE", "/livez"), ("GET", "/openapi.json"), ("DELETE", "/v1/topics"), ("GET", "/livez")]
    with Connection(server) as connection:
        connection.send(b"".join(f"{method} {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() for method, path in rows))
        statuses = [connection.receive(method).status for method, _ in rows]
    assert statuses == [200, 404, 404, 204, 405, 200, 405, 200]


def test_an_expectation_is_met_only_where_the_body_is_wanted(server, topic):
    request = append_request(topic, "expected", "Expect: 100-continue\r\n")
    head, body = request[:-len(EVENT)], EVENT
    with Connection(server) as connection:
        connection.send(head)
        while b"\r\n\r\n" not in connection.received:
            assert connection._more()
        assert connection.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.send(body)
        assert connection.receive().status == 201
    with Connection(server) as connection:
        connection.send(head.replace(f"Content-Length: {len(EVENT)}".encode(), b"Content-Length: 9000000"))
        assert [answer.status for answer in connection.receive_all()] == [413]


def test_an_absolute_target_is_the_path_in_it(server):
    assert ask(server, "GET", "http://anybody.example:80/v1/version", check=False).status == 200
    assert ask(server, "GET", "http://anybody.example", check=False).status == 404
    assert ask(server, "OPTIONS", "*", check=False).status == 204


def test_limits_of_the_header_are_exact(server):
    limits = ask(server, "GET", "/v1/limits").json()
    uri, block, count = (limits[name] for name in ("uri_bytes_max", "header_bytes_max", "header_fields_max"))
    for length, status in ((uri - 1, 404), (uri, 404), (uri + 1, 414)):
        assert ask(server, "GET", "/" + "x" * (length - 1), check=False).status == status, length
    for more, status in ((-1, 200), (0, 200), (1, 431)):
        fields = {f"X-{i}": "y" for i in range(count - 2 + more)}  # Host and Connection are two
        assert ask(server, "GET", "/v1/version", fields=fields).status == status, more
    own = len("Host: x\r\nConnection: close\r\n")
    for total, status in ((block - 600, 200), (block + 600, 431)):
        assert ask(server, "GET", "/v1/version", fields={"X": "y" * (total - own)}).status == status, total


# ---- Methods, media types, parameters: on every route of the document

def path_of(template, topic):
    values = {"topic": topic, "stream": "s", "id": "nobody", "model": f"{topic}.latest", "key": "s"}
    return re.sub(r"\{(\w+)\}", lambda match: values[match.group(1)], template)


def parameters_of(method, template):
    item = CONTRACT.document["paths"][template]
    for parameter in [*item.get("parameters", []), *item[method.lower()].get("parameters", [])]:
        parameter = CONTRACT._resolve(parameter)
        yield parameter["in"], parameter["name"], CONTRACT._resolve(parameter["schema"])


OPERATIONS = [(method, template) for method, template in CONTRACT.operations() if method != "HEAD"]


@pytest.mark.parametrize("template", CONTRACT.document["paths"])
def test_only_the_methods_of_the_document_are_allowed(server, topic, template):
    allowed = {method for method, other in CONTRACT.operations() if other == template} | {"OPTIONS"}
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "TRACE", "get", "PROPFIND", "X" * 20):
        if method in allowed:
            continue
        answer = ask(server, method, path_of(template, topic), check=method.isupper())
        assert answer.status == 405, method
        assert set(answer.fields["allow"].split(", ")) == allowed
    answer = ask(server, "OPTIONS", path_of(template, topic))
    assert (answer.status, set(answer.fields["allow"].split(", "))) == (204, allowed)


@pytest.mark.parametrize("method, template", OPERATIONS)
def test_an_unknown_parameter_is_refused(server, topic, method, template):
    body = EVENT if method != "GET" else None
    for query in ("?surprise=1", "?=", "?LIMIT=1", "?limit%00=1", "?%ff=1", "?a=%", "?__proto__=1"):
        answer = ask(server, method, path_of(template, topic) + query, body, JSON)
        assert (answer.status, answer.problem()) == (400, "invalid-parameter"), query


NUMBERS = [(method, template, name) for method, template in OPERATIONS
           for where, name, schema in parameters_of(method, template)
           if where == "query" and schema.get("type") == "integer"]


@pytest.mark.parametrize("method, template, name", NUMBERS)
def test_a_number_is_digits_within_its_range(server, topic, method, template, name):
    path = path_of(template, topic)
    for value in ("-1", "9223372036854775808", "18446744073709551617", "1e3", "0x10", "", "%201", "1%20", "+1", "01",
                  "1.0", "NaN", "%EF%BC%91", "1_000", "1%00", "9" * 400):
        answer = ask(server, method, f"{path}?{name}={value}")
        assert (answer.status, answer.problem()) == (400, "invalid-parameter"), value
    answer = ask(server, method, f"{path}?{name}=1&{name}=1")
    assert (answer.status, answer.problem()) == (400, "invalid-parameter")


def test_the_document_has_numbers_to_test():
    assert {name for _, _, name in NUMBERS} >= {"limit", "from"}


@pytest.mark.parametrize("media_type", [
    None, "", "text/plain", "application/xml", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x",
    "application/jsonx", "application/json, application/json", "json", "/", "application/cloudevents", "a" * 5000,
    "\xe4/\xf6"], ids=repr)
def test_a_body_of_another_media_type_is_unsupported(server, client, topic, media_type):
    fields = {} if media_type is None else {"Content-Type": media_type}
    for method, template in OPERATIONS:
        if method == "GET":
            continue
        answer = ask(server, method, path_of(template, topic), EVENT, fields)
        assert answer.status in (400, 415), (template, answer.status, answer.body)
    assert versions_of(client, topic, "s") == []


@pytest.mark.parametrize("accept", ["image/png", "*/*;q=0", "application/json;q=0, text/*", "a" * 5000, ",;,;", "\""])
def test_what_cannot_be_made_is_not_acceptable_and_never_an_error(server, topic, accept):
    for method, template in OPERATIONS:
        if method == "GET":
            assert ask(server, method, path_of(template, topic), fields={"Accept": accept}).status < 500


def test_fields_that_come_twice_are_not_guessed_at(server, client, topic):
    for fields in ("If-Match: *\r\nIf-Match: *\r\n", "If-None-Match: *\r\nIf-None-Match: *\r\n",
                   "Idempotency-Key: a\r\nIdempotency-Key: a\r\n", "Prefer: wait=1\r\nPrefer: wait=1\r\n",
                   "Content-Type: application/json\r\n"):
        with Connection(server) as connection:
            connection.send(append_request(topic, "twice", fields))
            answer = connection.receive()
        assert answer.status in (400, 415), (fields, answer.body)
        CONTRACT.check("POST", f"/v1/topics/{topic}/streams/twice/events", answer.status, answer.fields, answer.body)
    assert versions_of(client, topic, "twice") == []


# ---- JSON

def nested(depth):
    return b"[" * depth + b"]" * depth


BOMBS = {
    "64 deep": nested(64), "65 deep": nested(65), "100,000 deep": nested(100_000),
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "open 1,000,000 deep": b"[" * 1_000_000, "330,000 empty arrays": b"[" + b"[]," * 329_999 + b"[]]",
    "a member twice": b'{"a":1,"a":2}', "a member twice, once escaped": b'{"a":1,"\\u0061":2}',
    "1e400": b"1e400", "-1e400": b"-1e400", "400 digits": b"9" * 400, "2^64": b"18446744073709551616",
    "a lone surrogate": b'"\\ud800"', "two high surrogates": b'"\\ud800\\ud800"', "not UTF-8": b'"\xff"',
    "overlong": b'"\xc0\xaf"', "a raw surrogate": b'"\xed\xa0\x80"', "a raw NUL": b'"\0"', "a raw newline": b'"\n"',
    "NaN": b"NaN", "Infinity": b"-Infinity", "a comment": b"1/**/", "a trailing comma": b"[1,]", "+1": b"+1", "01": b"01",
    "1.": b"1.", ".1": b".1", "single quotes": b"'a'", "\\x": b'"\\x41"', "\\u12": b'"\\u12"', "half a string": b'"a',
    "two values": b"1 2", "nothing": b"", "100,000 members": b"{" + b",".join(b'"%d":1' % i for i in range(100_000)) + b"}",
    "a million escapes": b'"' + b"\\u0000" * 150_000 + b'"',
}


@pytest.mark.parametrize("name", BOMBS)
def test_json_of_any_kind_is_taken_or_refused_whole(server, client, topic, name):
    bomb = BOMBS[name]
    bodies = [(JSON, bomb), (JSON, b'{"type":"T","data":' + bomb + b"}"), (JSON, b'{"type":' + bomb + b"}"),
              (JSON, b'{"type":"T","metadata":' + bomb + b"}"), (JSON, b"\xef\xbb\xbf" + bomb), (STRUCTURED, bomb),
              (STRUCTURED, b'{"specversion":"1.0","id":"1","source":"/s","type":"T","data":' + bomb + b"}"),
              (BATCH, bomb), (BATCH, b"[" + bomb + b"]"), ({**JSON, "ce-specversion": "1.0", "ce-id": "1",
                                                            "ce-source": "/s", "ce-type": "T"}, bomb)]
    written = 0
    for fields, body in bodies:
        answer = ask(server, "POST", f"/v1/topics/{topic}/streams/s/events", body, fields)
        assert answer.status in (201, 400, 413), (fields, answer.status, answer.body)
        written += answer.status == 201
        for other, method in ((f"/v1/topics/{topic}", "PUT"), (f"/v1/topics/{topic}/events", "POST"), ("/v1/drills", "POST")):
            assert ask(server, method, other, body, fields).status < 500
    # What was taken comes back.
    page = ask(server, "GET", f"/v1/topics/{topic}/streams/s/events")
    assert written == (len(page.json()["events"]) if page.status == 200 else 0)


# ---- Names

def bad_names(count):
    """Names that might lead out of a directory, end a string, or split a line; seeded."""
    rng = random.Random(SEED)
    fixed = ["", ".", "..", "%2e", "%2e%2e", "%2e%2e%2f%2e%2e%2fetc%2fpasswd", "..%2f" * 30, "%5c..%5c", "%00", "a%00b",
             "%0a", "a%0d%0aX-Injected:%201", "%7f", "%1b[31m", "%c0%ae%c0%ae", "%c0%af", "%e0%80%af", "%ff", "%fe%ff",
             "%ed%a0%80", "%f4%90%80%80", "%c3", "%e2%82", "a" * 201, "%c3%a9" * 101, "%", "%2", "%zz", "%%", "%u0041",
             "__consumer_offsets", "bitacora.groups", "%5f%5fx", "a%2fb", "a%20b", "a%2500", "con", "-", "~", "*", "$(id)",
             "%3cscript%3e", "%22", "'%20or%20'1'%3d'1", "%7b%7d", "%e2%80%ae", "%ef%bb%bf", "%f0%9f%92%a9" * 51]
    for name in fixed:
        yield name
    alphabet = ["%00", "%0a", "%0d", "%2f", "%2e", "..", "%ff", "%c0", "%80", "%f0", "%9f", "a", "%", "%2", "~", "%7f", "%5c",
                "%25", "+", "&", "=", "%22", "%e2%80%a8", "x" * 60]
    for _ in range(count - len(fixed)):
        yield "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 8)))


NAMED = ["/v1/topics/{}", "/v1/topics/{}/events", "/v1/topics/{}/streams/s/events", "/v1/topics/TOPIC/streams/{}/events",
         "/v1/topics/TOPIC/streams/s/appends/{}", "/v1/read-models/{}", "/v1/read-models/{}/k", "/v1/read-models/TOPIC.latest/{}",
         "/v1/drills/{}", "/v1/topics/TOPIC/events?stream={}", "/v1/topics/TOPIC/events?position={}",
         "/v1/topics/TOPIC/events?since={}", "/v1/read-models/TOPIC.latest?prefix={}", "/v1/read-models/TOPIC.latest?cursor={}",
         "/{}", "/v1/{}"]


def files_beside(directory):
    """Whatever is around a directory, but not in it."""
    return sorted(str(path) for path in directory.parent.rglob("*") if directory not in path.parents)


class KeptConnection:
    """Request after request on one connection, and a new one behind an answer that closes it."""

    def __init__(self, server):
        self.server = server
        self.connection = None

    def exchange(self, request):
        self.connection = self.connection or Connection(self.server)
        self.connection.send(request)
        answer = self.connection.receive()
        if answer.closes():
            self.connection.close()
            self.connection = None
        return answer


def test_bad_names_lead_nowhere(server, topic):
    beside = files_beside(server.data)
    connection = KeptConnection(server)
    for name in bad_names(500 * SIZE):
        for template in NAMED:
            target = template.replace("TOPIC", topic).format(name)
            answer = connection.exchange(f"GET {target} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert answer.status in (200, 400, 404, 409, 410), (target, answer.status, answer.body)
            CONTRACT.check("GET", target, answer.status, answer.fields, answer.body)
            assert "x-injected" not in answer.fields
    assert files_beside(server.data) == beside


def test_bad_names_make_nothing(server, client, topic):
    """What is refused is not there; what is taken has the name it was given, no more and no less."""
    before = {entry["name"] for entry in client.get("/v1/topics").json()["topics"]}
    connection = KeptConnection(server)
    for name in bad_names(200 * SIZE):
        answer = connection.exchange(
            f"PUT /v1/topics/{name} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        assert answer.status in (200, 201, 400, 404, 405), (name, answer.body)
        if answer.status == 201:
            before.add(urllib.parse.unquote(name))
        answer = connection.exchange(append_request(topic, name))
        assert answer.status in (201, 400, 404), (name, answer.body)
        if answer.status == 201:
            assert answer.json()["stream"] == urllib.parse.unquote(name)
    assert {entry["name"] for entry in client.get("/v1/topics").json()["topics"]} == before


# ---- What clients store comes back as data, never as fields or lines

INJECTIONS = ["a\r\nX-Injected: 1", "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", "event: x\n\ndata: y", "\u2028\u2029\u0085", "\x1b[31m",
              '"; rel="next"', "\u202e", "<script>", "${jndi:x}", "\x7f\x01"]


@pytest.mark.parametrize("value", INJECTIONS, ids=ascii)
def test_stored_text_does_not_become_fields(server, client, topic, value):
    stream = "s" if any(ord(c) < 32 or ord(c) in (127, 0x85) for c in value) else value
    path = f"/v1/topics/{topic}/streams/{urllib.parse.quote(stream, safe='')}/events"
    body = json.dumps({"type": "T", "data": value, "metadata": {"note": value}}).encode()
    answer = ask(server, "POST", path, body, JSON)
    if answer.status == 400:  # an attribute without control characters, as CloudEvents has it
        assert answer.problem() == "malformed-event"
        body = json.dumps({"type": "T", "data": value}).encode()
        answer = ask(server, "POST", path, body, JSON)
    assert answer.status == 201
    assert "x-injected" not in answer.fields
    for target in (path, f"{path}?limit=1", f"/v1/topics/{topic}/events", f"/v1/read-models/{topic}.latest",
                   f"/v1/topics/{topic}"):
        page = ask(server, "GET", target)
        assert page.status == 200
        assert "x-injected" not in page.fields
    assert ask(server, "GET", path).json()["events"][0]["data"] == value


@pytest.mark.parametrize("key", ['a"b', '""""', "<>", "a;b,c", "%0d%0a", "\\", "{}", "k?x=1&y=2", "../../x"])
def test_keys_come_back_as_they_were(server, topic, key):
    answer = ask(server, "POST", f"/v1/topics/{topic}/streams/s/events", EVENT, {**JSON, "Idempotency-Key": key})
    assert answer.status == 201
    found = ask(server, "GET", answer.fields["location"])
    assert (found.status, found.json()["appendId"]) == (200, answer.json()["appendId"])


@pytest.mark.parametrize("trace", ["x" * 8000, "00-" + "0" * 32 + "-" + "0" * 16 + "-01", "\xff\xfe", '"', "a, b", ""])
def test_a_trace_context_of_any_kind_is_no_obstacle(server, topic, trace):
    fields = {**JSON, "traceparent": trace}
    assert ask(server, "POST", f"/v1/topics/{topic}/streams/s/events", EVENT, fields).status in (201, 400)


def test_headers_of_an_event_may_say_anything(server, client, topic):
    rng = random.Random(SEED)
    alphabet = [chr(c) for c in (*range(32, 127), *range(160, 256))]
    for number in range(100 * SIZE):
        fields = {"Content-Type": rng.choice(["application/json", "text/plain", "application/octet-stream"]),
                  "ce-specversion": rng.choice(["1.0", "0.3", ""]), "ce-id": "1", "ce-source": "/s", "ce-type": "T"}
        for _ in range(rng.randint(1, 5)):
            name = "ce-" + "".join(rng.choice("abz019-_") for _ in range(rng.randint(0, 30)))
            fields[name] = "".join(rng.choice(alphabet) for _ in range(rng.randint(0, 60)))
        answer = ask(server, "POST", f"/v1/topics/{topic}/streams/s{number}/events", b"1", fields)
        assert answer.status in (201, 400, 415), answer.body
        if answer.status == 201:
            assert ask(server, "GET", f"/v1/topics/{topic}/streams/s{number}/events").status == 200


def test_one_clients_key_means_nothing_elsewhere(client, topic):
    """The same key in another stream, or topic, is another append."""
    other = unique("topic")
    client.put(f"/v1/topics/{other}", {"partitions": 1})
    key = {"Content_Type": "application/json", "Idempotency_Key": "shared"}
    assert client.append(topic, "a", EVENT, **key).status_code == 201
    for where, stream in ((topic, "b"), (other, "a")):
        answer = client.append(where, stream, b'{"type":"T","data":2}', **key)
        assert (answer.status_code, answer.headers.get("Idempotent-Replayed")) == (201, None)
    assert problem_of(client.append(topic, "a", b'{"type":"T","data":3}', **key)) == "idempotency-key-reused"
