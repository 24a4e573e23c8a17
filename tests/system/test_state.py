"""`state/` can be deleted while the server is stopped: every answer is what it was, byte for byte."""

from conftest import unique
from server import problem_of, wait_until

STREAMS = 7
MANY = 50_000  # Events, in so many streams:
MANY_STREAMS = 1_000
JSON_BATCH = "application/cloudevents-batch+json"


def conditional(topic, stream, key, **condition):
    return "POST", f"/v1/topics/{topic}/streams/{stream}/events", {"type": "T", "data": key}, {
        "Idempotency-Key": key, **condition}


def appends_of(topic):
    """Requests that leave something of everything: several events in one append, conditions that
    hold and that do not, bulk appends."""
    for n in range(60):
        yield ("POST", f"/v1/topics/{topic}/streams/s-{n % STREAMS}/events",
               [{"type": "T", "data": {"n": n}}] * (1 + n % 3), {"Idempotency-Key": f"k-{n}"})
    yield conditional(topic, "new", "k-new", **{"If-None-Match": "*"})
    yield conditional(topic, "s-0", "refused-new", **{"If-None-Match": "*"})
    yield conditional(topic, "s-1", "refused-version", **{"If-Match": '"1000"'})
    yield conditional(topic, "nothing-here", "refused-exists", **{"If-Match": "*"})
    yield ("POST", f"/v1/topics/{topic}/events",
           [{"specversion": "1.0", "id": f"b-{n}", "source": "/bulk", "type": "T", "stream": f"s-{n % STREAMS}",
             "data": n} for n in range(20)], {"Idempotency-Key": "bulk", "Content-Type": JSON_BATCH})


def answer_of(client, method, path, body=None, headers=None):
    answer = client.request(method, path, body, headers)
    fields = {name: answer.headers.get(name) for name in ("ETag", "Location", "Content-Type", "Idempotent-Replayed")}
    return answer.status_code, fields, answer.content


def repeated(client, topic):
    """Every append again, with its key: the first answer, and nothing new."""
    return {f"{method} {path} {headers['Idempotency-Key']}": answer_of(client, method, path, body, headers)
            for method, path, body, headers in appends_of(topic)}


def pages(client, first, next_of):
    """All pages of a listing."""
    path, got = first, {}
    while path:
        got[path] = answer_of(client, "GET", path)
        assert got[path][0] == 200, got[path]
        path = next_of(client.get(path).json(), first)
    return got


def next_position(page, first):
    return f"{first}&position={page['next']}" if page["events"] else None


def next_version(page, first):
    return f"{first}&from={page['next']}" if page["next"] is not None else None


def next_cursor(page, first):
    return f"{first}&cursor={page['next']}" if page["next"] is not None else None


def everything(client, topic):
    """Every answer about the topic."""
    base = f"/v1/topics/{topic}"
    names = [f"s-{n}" for n in range(STREAMS)] + ["new"]
    got = pages(client, f"{base}/events?limit=13", next_position)
    got |= pages(client, f"/v1/read-models/{topic}.latest?limit=3", next_cursor)
    for name in names:
        got |= pages(client, f"{base}/streams/{name}/events?limit=4", next_version)
        got |= pages(client, f"{base}/streams/{name}/events?limit=4&direction=backwards", next_version)
    keys = [("nothing-here", "refused-exists")]
    for _, path, _, headers in appends_of(topic):
        stream = path.split("/")[5] if "/streams/" in path else None
        if stream:
            keys.append((stream, headers["Idempotency-Key"]))
    keys += [(f"s-{n % STREAMS}", f"bulk%23{n}") for n in range(20)]
    single = [base, f"{base}/streams/nothing-here/events", f"{base}/events?type=T&stream=s-1&limit=1000",
              *[f"/v1/read-models/{topic}.latest/{name}" for name in names],
              *[f"{base}/streams/{stream}/appends/{key}" for stream, key in keys]]
    got |= {path: answer_of(client, "GET", path) for path in single}
    return got | repeated(client, topic)


def latest_is_complete(client, topic):
    answer = client.get(f"/v1/read-models/{topic}.latest?limit=1000")
    if answer.status_code != 200:
        return False
    documents = {document["key"]: document for document in answer.json()["documents"]}
    heads = [client.get(f"/v1/topics/{topic}/streams/s-{n}/events?limit=1&direction=backwards").json()["events"][0]
             for n in range(STREAMS)]
    return "new" in documents and all(
        documents.get(head["stream"], {}).get("version") == head["version"] for head in heads)


def test_deleting_state_changes_no_answer(make_server, say):
    server = make_server().start()
    client = server.client()
    topic = unique("t")
    assert client.put(f"/v1/topics/{topic}", {"partitions": 3}).status_code == 201
    statuses = [client.request(*request).status_code for request in appends_of(topic)]
    assert statuses == [201] * 61 + [412] * 3 + [200]
    wait_until(lambda: latest_is_complete(client, topic), what="the read model")
    before = everything(client, topic)
    for stop in (server.terminate, server.kill):
        stop()
        server.forget_state()
        server.again()
        wait_until(lambda: latest_is_complete(client, topic), what="the read model")
        after = everything(client, topic)
        different = [what for what in {**before, **after} if before.get(what) != after.get(what)]
        assert different == [], [(what, before.get(what), after.get(what)) for what in different[:3]]
    say(f"{len(before)} answers are what they were, after state/ was deleted twice")


def fill_with_many(client, topic):
    """So many appends that folding them takes longer than asking; what is to be read of them."""
    assert client.put(f"/v1/topics/{topic}", {"partitions": 3}).status_code == 201
    for first in range(0, MANY, 1000):
        body = [{"specversion": "1.0", "id": f"e-{n}", "source": "/s", "type": "T", "stream": f"m-{n % MANY_STREAMS}",
                 "data": n} for n in range(first, first + 1000)]
        answer = wait_until(lambda body=body, first=first: (
            a := client.post(f"/v1/topics/{topic}/events", body, Idempotency_Key=f"b-{first}", Content_Type=JSON_BATCH)
        ).status_code == 200 and a)
        assert {result["status"] for result in answer.json()["results"]} == {201}
    return [f"/v1/topics/{topic}/streams/m-{MANY_STREAMS - 1}/events?direction=backwards&limit=1",
            f"/v1/topics/{topic}/streams/m-7/events?limit=1000", f"/v1/topics/{topic}/events?limit=1000&stream=m-7",
            f"/v1/read-models/{topic}.latest?limit=1000", f"/v1/read-models/{topic}.latest/m-{MANY_STREAMS - 1}"]


def test_while_state_is_folded_anew_nobody_is_told_of_less(make_server, say):
    """Streams were unknown until they were folded, and documents those of an earlier time."""
    server = make_server().start()
    client = server.client()
    topic = unique("t")
    paths = fill_with_many(client, topic)
    client.append(topic, "m-7", {"type": "T", "data": "last"})
    latest = f"/v1/topics/{topic}/events?position=latest"
    end = client.get(latest).json()["next"]
    before = {path: client.get(path, Bitacora_At_Least=end).content for path in paths}
    server.kill()
    server.forget_state()
    server.listen(server.address)
    told, refused = {}, {}

    def all_told():
        listed = client.get("/v1/topics")
        for listing in listed.json()["topics"] if listed.status_code == 200 else []:
            is_whole = listing["events"] == MANY + 1
            assert listing["name"] != topic or is_whole or listing["problem"] == "not-caught-up", listing
        for path in {*before} - {*told}:
            answer = client.get(path, Prefer="wait=0")
            if answer.status_code == 200:
                told[path] = answer.content
            else:
                refused[path] = (answer.status_code, problem_of(answer), answer.headers.get("Retry-After"))
        return len(told) == len(before)

    wait_until(all_told)
    assert told == before
    # Asking a Kafka about its topics takes as long as folding them.
    assert refused and all(
        refusal == (503, "read-model-behind" if "read-models" in path else "not-caught-up", "1")
        for path, refusal in refused.items()), refused
    say(f"{MANY} events: {len(refused)} of {len(paths)} reads were refused for a while, and then told all")

    # Who can wait is not refused, and has all.
    server.kill()
    server.forget_state()
    server.listen(server.address)
    answer = wait_until(lambda: (a := client.get(latest)).status_code == 200 and a)
    assert answer.json() == {"events": [], "next": end}
    server.kill()
    server.forget_state()
    server.listen(server.address)
    for path in paths:
        assert client.get(path, Prefer="wait=60").content == before[path], path

    # Nor does a drill compare what is not there yet.
    server.kill()
    server.forget_state()
    server.listen(server.address)
    begun = client.post("/v1/drills", {"kind": "rebuild", "topic": topic}, Prefer="wait=60")
    assert begun.status_code == 202, begun.text
    report = wait_until(lambda: (r := client.get(begun.headers["Location"]).json())["state"] != "running" and r, 120)
    assert report["state"] == "equal" and report["records"] > MANY, report
