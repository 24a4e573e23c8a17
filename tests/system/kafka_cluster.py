"""A Kafka of a test's own, whose nodes may be ended, stopped and cut off."""

import os
import pathlib
import signal
import subprocess

SCRIPT = pathlib.Path(__file__).resolve().parents[2] / "deploy" / "kafka" / "kafka.sh"


class Cluster:
    """`nodes` brokers under `folder`, which must not exist. Nodes count from 0. Apart: each in a
    network namespace of its own, which takes root."""

    def __init__(self, folder, nodes=1, apart=False):
        self.folder = pathlib.Path(folder)
        self.nodes = nodes
        self.apart = apart
        self.brokers = None
        self.paused = set()
        self.dead = set()

    def start(self):
        self.brokers = self._script(
            "start", "--nodes", str(self.nodes), *(["--apart"] if self.apart else [])).strip()
        return self

    def stop(self):
        for node in list(self.paused):
            self.resume(node)
        if self.folder.exists():
            self._script("stop")

    def kill(self, node):
        self.paused.discard(node)
        self._script("kill-node", str(node))
        self.dead.add(node)

    def start_node(self, node):
        self._script("start-node", str(node))
        self.dead.discard(node)

    def start_all(self):
        """What a test that failed has left dead."""
        for node in list(self.dead):
            self.start_node(node)

    def pause(self, node):
        os.kill(self._pid(node), signal.SIGSTOP)
        self.paused.add(node)

    def resume(self, node):
        os.kill(self._pid(node), signal.SIGCONT)
        self.paused.discard(node)

    def cut(self, node):
        self._script("cut-node", str(node))

    def heal(self, node):
        self._script("heal-node", str(node))

    def _pid(self, node):
        return int((self.folder / f"node-{node}" / "pid").read_text())

    def _script(self, *arguments):
        # Not a pipe for stderr: a broker that inherited it would keep the reader waiting.
        with open(self.folder.parent / (self.folder.name + ".log"), "a+", encoding="utf-8") as log:
            done = subprocess.run([SCRIPT, *arguments], stdout=subprocess.PIPE, stderr=log,
                                  encoding="utf-8", timeout=300,
                                  env={**os.environ, "BITACORA_KAFKA_RUN": str(self.folder)})
            log.seek(0)
            assert done.returncode == 0, log.read()[-2000:]
        return done.stdout
