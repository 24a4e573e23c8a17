"""What the system tests share: a server on the log that BITACORA_TEST_LOG names, and topics."""

import contextlib
import os
import uuid

import pytest

import powercut
from kafka_broker import Broker, KafkaError
from server import Server
from sizes import SEED, SIZE

KAFKA = os.environ.get("BITACORA_TEST_KAFKA")
LOG = os.environ.get("BITACORA_TEST_LOG") or "embedded"
SKIPPED = 77


def pytest_sessionstart(session):
    # First of all, so that a run that is cut off can be repeated, too.
    session.config.get_terminal_writer().line(f"BITACORA_TEST_SIZE={SIZE} BITACORA_TEST_SEED={SEED}")
    if LOG == "kafka" and not KAFKA:
        if os.environ.get("CI") == "true":
            pytest.exit("there is no broker (BITACORA_TEST_KAFKA), and CI needs one", returncode=1)
        pytest.exit("skipped: there is no broker (BITACORA_TEST_KAFKA)", returncode=SKIPPED)


def pytest_sessionfinish(session, exitstatus):
    """A file of which every test was skipped has not passed."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if exitstatus == 0 and reporter.stats.get("skipped") and not reporter.stats.get("passed"):
        for report in reporter.stats["skipped"]:
            reporter.write_line(f"skipped: {report.nodeid}: {report.longrepr[2]}")
        session.exitstatus = SKIPPED


@pytest.fixture
def say(capsys):
    """Prints, also when the test passes: what was measured belongs to the result."""

    def line(text):
        with capsys.disabled():
            print(f"\n{LOG} log: {text}", end="", flush=True)

    return line


@pytest.fixture
def make_server(tmp_path):
    """Makes servers that are not started yet, on the log under test, and ends them."""
    made = []

    def make(name="data", flags=(), data=None):
        server = Server(data or tmp_path / name, KAFKA if LOG == "kafka" else None, flags)
        server.log = tmp_path / f"{name}.log"
        made.append(server)
        return server

    yield make
    end_all(made)


def end_all(servers):
    """Ends them; none may have ended by itself."""
    for server in servers:
        server.kill()
    crashed = {server.data.name: server.crashes for server in servers if server.crashes}
    assert crashed == {}, f"crashed: {crashed}"


@pytest.fixture
def long_topic():
    """The name of a topic for many events. No Kafka keeps them: every server that is started there
    later would have to fold them."""
    name = unique("long")
    yield name
    if LOG == "kafka":
        broker = Broker(KAFKA)
        with contextlib.suppress(KafkaError):  # It was never made.
            broker.delete(name)
        broker.close()


@pytest.fixture
def disk(tmp_path):
    """A file system of its own, whose power can be cut."""
    reason = powercut.why_not()
    if reason:
        pytest.skip(reason)
    made = powercut.Disk(tmp_path)
    yield made
    made.remove()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the tests of a file that leave it running."""
    running = Server(tmp_path_factory.mktemp("server") / "data", KAFKA if LOG == "kafka" else None)
    running.start()
    yield running
    end_all([running])


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
