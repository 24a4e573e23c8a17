"""What keeps a server from starting: one clear sentence, and the exit code that scripts rely on."""

import random
import subprocess

import pytest

from conftest import LOG, unique
from server import PROGRAM, environment
from sizes import SEED

IN_USE = 3
DAMAGED = 5
USAGE = 2


def refused(*arguments, listen="127.0.0.1:0"):
    """The exit code and the sentence of a server that does not start."""
    done = subprocess.run([PROGRAM, "serve", "--listen", listen, *arguments], capture_output=True,
                          encoding="utf-8", timeout=60, env=environment())
    assert done.stdout == "" and done.returncode > 0, (done.returncode, done.stdout, done.stderr[-2000:])
    said = done.stderr.rstrip("\n").split("\n")
    assert said[-1].startswith("bitacora: "), done.stderr[-2000:]
    assert len([line for line in said if line.startswith("bitacora: ")]) == 1, done.stderr[-2000:]
    for inside in ("rocksdb::", "std::", "terminate called", "Assertion"):
        assert inside not in said[-1], said[-1]
    return done.returncode, said[-1]


def filled(server, events=50):
    """Started, filled with a topic, and ended as by a power failure: all of the state is in its write-ahead log."""
    client = server.start().client()
    topic = unique("t")
    assert client.put(f"/v1/topics/{topic}", {"partitions": 1}).status_code == 201
    for n in range(events):
        assert client.append(topic, f"s-{n % 5}", {"type": "T", "data": "x" * 100}).status_code == 201
    return topic


def test_a_directory_in_use(make_server):
    server = make_server().start()
    code, sentence = refused(*server.arguments)
    assert code == IN_USE and f"{server.data} is in use" in sentence


def test_a_port_in_use(make_server, tmp_path):
    server = make_server().start()
    code, sentence = refused("--data", str(tmp_path / "other"), listen=server.url.removeprefix("http://"))
    assert code == USAGE and server.url.rsplit(":", 1)[1] in sentence


def test_an_unknown_key_of_the_file(tmp_path):
    (tmp_path / "config.toml").write_text('lissten = "127.0.0.1:0"\n')
    done = subprocess.run([PROGRAM, "serve", "--config", str(tmp_path / "config.toml")], capture_output=True,
                          encoding="utf-8", timeout=60, env=environment())
    assert done.returncode == USAGE and "lissten" in done.stderr


@pytest.mark.skipif(LOG != "embedded", reason="of the embedded log")
def test_a_directory_of_the_embedded_log_is_not_for_kafka(make_server):
    server = make_server().start()
    server.terminate()
    code, sentence = refused("--data", str(server.data), "--kafka", "127.0.0.1:1")
    assert code == IN_USE and str(server.data) in sentence and "--kafka" in sentence


@pytest.mark.skipif(LOG != "kafka", reason="of the log on Kafka")
def test_a_directory_of_a_node_on_kafka_is_not_for_an_embedded_log(make_server):
    server = make_server().start()
    server.terminate()
    code, sentence = refused("--data", str(server.data))
    assert code == IN_USE and str(server.data) in sentence and "--kafka" in sentence


def test_a_directory_of_a_newer_release(make_server):
    server = make_server().start()
    server.terminate()
    format_file = server.data / "FORMAT"
    format_file.write_text(format_file.read_text().replace("bitacora 1", "bitacora 2"))
    code, sentence = refused(*server.arguments)
    assert code == USAGE and "newer release" in sentence


@pytest.mark.skipif(LOG != "embedded", reason="of the embedded log; Kafka's files are Kafka's")
def test_a_damaged_log_is_named_and_not_opened(make_server):
    server = make_server()
    filled(server)
    server.kill()
    file = max((server.data / "log").rglob("*.log"), key=lambda path: path.stat().st_size)
    content = bytearray(file.read_bytes())
    written = len(content.rstrip(b"\0"))  # Behind it is space the file was given ahead.
    content[random.Random(SEED).randrange(written // 4, written // 2)] ^= 0x10
    file.write_bytes(content)
    code, sentence = refused(*server.arguments)
    assert code == DAMAGED and file.name in sentence


@pytest.mark.skipif(LOG != "embedded", reason="of the embedded log; Kafka's files are Kafka's")
def test_a_log_that_lost_a_file_is_not_opened(make_server):
    server = make_server()
    filled(server)
    server.kill()
    for file in (server.data / "log").rglob("*.log"):
        file.unlink()
    code, sentence = refused(*server.arguments)
    assert code == DAMAGED and str(server.data / "log") in sentence


def test_damaged_state_is_made_anew(make_server):
    """State is not the truth: it needs no sentence, and no answer changes."""
    server = make_server()
    topic = filled(server)
    before = server.client().get(f"/v1/topics/{topic}/events?limit=1000").content
    server.kill()
    damaged = 0
    for file in (server.data / "state").rglob("*.log"):
        content = bytearray(file.read_bytes())
        damaged += len(content)
        content[len(content) // 3:len(content) // 2] = bytes(len(content) // 2 - len(content) // 3)
        file.write_bytes(content)
    assert damaged
    server.again()
    assert server.client().get(f"/v1/topics/{topic}/events?limit=1000").content == before
