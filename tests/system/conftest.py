"""What the system tests share: a server on the log that BITACORA_TEST_LOG names, and topics."""

import os
import uuid

import pytest

from server import Server

KAFKA = os.environ.get("BITACORA_TEST_KAFKA")
LOG = os.environ.get("BITACORA_TEST_LOG") or "embedded"
SKIPPED = 77


def pytest_sessionstart(session):
    if LOG == "kafka" and not KAFKA:
        if os.environ.get("CI") == "true":
            pytest.exit("there is no broker (BITACORA_TEST_KAFKA), and CI needs one", returncode=1)
        pytest.exit("skipped: there is no broker (BITACORA_TEST_KAFKA)", returncode=SKIPPED)


@pytest.fixture
def make_server(tmp_path):
    """Makes servers that are not started yet, on the log under test, and ends them."""
    made = []

    def make(name="data", flags=()):
        server = Server(tmp_path / name, KAFKA if LOG == "kafka" else None, flags)
        made.append(server)
        return server

    yield make
    for server in made:
        server.kill()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of a file that leave it running."""
    running = Server(tmp_path_factory.mktemp("server") / "data", KAFKA if LOG == "kafka" else None)
    running.start()
    yield running
    running.kill()


@pytest.fixture
def client(server):
    return server.client()


def unique(prefix):
    return f"{prefix}-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def topic(client):
    """An owned topic of three partitions."""
    name = unique("topic")
    assert client.put(f"/v1/topics/{name}", {"partitions": 3}).status_code == 201
    return name
