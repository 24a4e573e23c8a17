"""A full disk under the embedded log: appends are refused before it hurts, reads go on, and appends
are taken again by themselves once there is space."""

import os
import subprocess
import time

import pytest
import requests

from conftest import end_all, unique
from powercut import run
from server import PROGRAM, Server, environment, problem_of, wait_until
from sizes import sized

ROUNDS = sized(short=1, full=1, long=20)
MIB = 1 << 20
DISK = 320 * MIB
WATERMARK = 96 * MIB
PAYLOAD = "x" * 900_000
DISK_TOO_FULL = 4
BACK_WITHIN_S = 10


class SmallDisk:
    def __init__(self, path):
        self.path = path
        path.mkdir()
        run("mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(path))

    def resize(self, size):
        run("mount", "-o", f"remount,size={size}", str(self.path))

    def free(self):
        disk = os.statvfs(self.path)
        return disk.f_bavail * disk.f_frsize

    def fill(self, leaving):
        """By somebody else's file, which is returned."""
        filler = self.path / "somebody-elses"
        with open(filler, "wb") as file:
            while (room := self.free() - leaving) > 0:
                file.write(bytes(min(room, MIB)))
                file.flush()
        return filler


@pytest.fixture
def small_disk(tmp_path):
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small disk")
    disk = SmallDisk(tmp_path / "disk")
    yield disk
    subprocess.run(["umount", "-l", str(disk.path)], capture_output=True, check=False)


@pytest.fixture
def server(small_disk, tmp_path):
    made = Server(small_disk.path / "data", flags=["--free-bytes-min", str(WATERMARK)])
    made.log = tmp_path / "server.log"
    yield made.start()
    end_all([made])


class Writer:
    """One stream of large events, and what was acknowledged of it."""

    def __init__(self, server):
        self.client = server.client()
        self.topic = unique("t")
        self.acknowledged = 0
        assert self.client.put(f"/v1/topics/{self.topic}", {"partitions": 1}).status_code == 201

    def write(self):
        """True: taken; false: the disk is full."""
        try:
            answer = self.client.append(self.topic, "s", {"type": "T", "data": PAYLOAD})
        except requests.ConnectionError:
            raise AssertionError("a full disk has ended the server") from None
        if answer.status_code == 201:
            self.acknowledged += 1
            return True
        assert (answer.status_code, problem_of(answer)) == (507, "disk-full"), answer.text
        return False

    def all_there(self):
        """Every acknowledged event, read in pages."""
        seen, start = [], 0
        while start is not None:
            page = self.client.get(f"/v1/topics/{self.topic}/streams/s/events?limit=1000&from={start}").json()
            seen += [(event["version"], len(event["data"])) for event in page["events"]]
            start = page["next"]
        return seen == [(version, len(PAYLOAD)) for version in range(self.acknowledged)]


def write_again(writer):
    """Seconds until an append is taken."""
    began = time.monotonic()
    wait_until(writer.write, BACK_WITHIN_S, "an append")
    return time.monotonic() - began


def test_filled_by_the_log_itself(small_disk, server, say):
    for number in range(ROUNDS):
        writer = Writer(server)
        # A flush may still give space back after the first refusal.
        while any(writer.write() for _ in range(20)):
            pass
        assert writer.all_there() and server.ready()
        free = small_disk.free()
        small_disk.resize(DISK + (number + 1) * 2 * WATERMARK)
        seconds = write_again(writer)
        assert writer.all_there()
        say(f"full by {writer.acknowledged} events of ours with {free // MIB} MiB free: 507, reads go on; appends "
            f"taken {seconds:.1f} s after space came back; none lost")
    server.kill()
    server.again()
    assert writer.all_there()


def test_filled_by_somebody_else(small_disk, server, say):
    writer = Writer(server)
    for _ in range(ROUNDS):
        for _ in range(10):
            assert writer.write()
        filler = small_disk.fill(leaving=0)
        wait_until(lambda: not writer.write(), what="the refusal of an append")
        assert writer.all_there() and server.ready()
        filler.unlink()
        seconds = write_again(writer)
        assert writer.all_there()
        say(f"full by somebody else's file: 507, reads go on; appends taken {seconds:.1f} s after it was gone")


def test_full_at_the_start(small_disk, server, say):
    writer = Writer(server)
    for _ in range(10):
        assert writer.write()
    server.kill()
    for _ in range(ROUNDS):
        filler = small_disk.fill(leaving=16 * MIB)
        done = subprocess.run([PROGRAM, "serve", "--listen", "127.0.0.1:0", *server.arguments], capture_output=True,
                              encoding="utf-8", timeout=60, env=environment())
        sentence = done.stderr.rstrip("\n").rsplit("\n", 1)[-1]
        assert done.returncode == DISK_TOO_FULL and done.stdout == "", done.stderr
        assert str(small_disk.path) in sentence and "free" in sentence, sentence
        filler.unlink()
        say(f"full at the start: exit code 4, '{sentence}'")
    server.again()
    assert writer.all_there() and writer.write()
