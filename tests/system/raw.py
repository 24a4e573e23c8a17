"""HTTP written by hand: bytes to a server as they are, and its answers taken apart strictly."""

import socket

from server import CONTRACT
from validate import parse_json

# Nothing of this may be in an answer: it is the libraries', or of the machine.
INSIDES = [b"std::", b"basic_string", b"stoull", b"rocksdb", b"RocksDB", b"RD_KAFKA", b"rdkafka",
           b"librdkafka", b"nlohmann", b"json.exception", b"Pistache", b"/usr/", b"/tmp/", b".cc:",
           b"bad_alloc", b"what()"]


def address_of(server):
    host, port = server.url.removeprefix("http://").rsplit(":", 1)
    return host, int(port)


class Answer:
    def __init__(self, head, body):
        status_line, *lines = head.decode("latin-1").split("\r\n")
        version, status, _ = status_line.split(" ", 2)
        assert version == "HTTP/1.1", status_line
        self.status = int(status)
        self.fields = {}
        for line in lines:
            name, value = line.split(": ", 1)
            assert name.lower() not in self.fields, f"{name} comes twice"
            self.fields[name.lower()] = value
        self.body = body

    def closes(self):
        return self.fields.get("connection") == "close"

    def problem(self):
        return self.json()["type"].removeprefix("urn:bitacora:problem:")

    def json(self):
        return parse_json(self.body.decode("utf-8"))


class Connection:
    """One connection; every wait of it ends after `seconds`, with an exception."""

    def __init__(self, server, seconds=20):
        self.socket = socket.create_connection(address_of(server), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, *pieces):
        """False where the server has closed meanwhile: then its answer is still to be read."""
        try:
            for piece in pieces:
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def receive(self, method="GET"):
        """The next answer that is not 1xx; None where the server has closed instead."""
        while b"\r\n\r\n" not in self.received:
            if not self._more():
                assert not self.received, f"cut short: {self.received[:200]!r}"
                return None
        head, _, self.received = self.received.partition(b"\r\n\r\n")
        answer = Answer(head, b"")
        if answer.status < 200:
            return self.receive(method)
        length = int(answer.fields.get("content-length", 0))
        if method == "HEAD" or answer.status in (204, 304):
            length = 0
        while len(self.received) < length:
            assert self._more(), f"body cut short: {self.received[:200]!r}"
        answer.body, self.received = self.received[:length], self.received[length:]
        check_words(answer)
        return answer

    def receive_all(self):
        """All answers until the server closes."""
        answers = []
        while (answer := self.receive()) is not None:
            answers.append(answer)
        return answers

    def _more(self):
        try:
            chunk = self.socket.recv(1 << 16)
        except ConnectionResetError:
            chunk = b""
        self.received += chunk
        return bool(chunk)


def check_words(answer):
    whole = answer.body + repr(answer.fields).encode()
    for word in INSIDES:
        assert word not in whole, f"{word} in {answer.status} {answer.body[:500]!r}"


def ask(server, method, target, body=None, fields=(), check=True):
    """One request on a connection of its own, as it is; its answer, held to the contract."""
    lines = [f"{method} {target} HTTP/1.1", "Host: x", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in dict(fields).items()]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    head = "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape")
    with Connection(server) as connection:
        connection.send(head + (body or b""))
        answer = connection.receive(method)
        assert answer is not None, f"no answer to {method} {target[:200]!r}"
        assert connection.receive() is None, "a second answer to one request"
    if check:
        CONTRACT.check(method, target, answer.status, answer.fields, answer.body)
    return answer
