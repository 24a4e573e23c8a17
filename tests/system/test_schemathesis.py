"""Requests made from the OpenAPI document by schemathesis, valid and invalid ones: no answer is a
server error, and every answer is as the document says.

It comes from PyPI into the cache directory, once. Where it cannot be had, this ends with 77.
"""

import hashlib
import os
import pathlib
import subprocess
import sys

import pytest

from conftest import SKIPPED
from server import environment

REQUIREMENTS = pathlib.Path(__file__).with_name("requirements-schemathesis.txt")
EXAMPLES = {"short": 20, "full": 100, "long": 1000}[os.environ.get("BITACORA_TEST_SIZE") or "short"]
SEED = os.environ.get("BITACORA_TEST_SEED") or "1"

# Not positive_data_acceptance: what the fields of a request demand together (a position of this
# topic, one condition of two) is more than a schema can say.
CHECKS = ["not_a_server_error", "status_code_conformance", "content_type_conformance",
          "response_headers_conformance", "response_schema_conformance", "unsupported_method",
          "allow_header_conformance", "negative_data_rejection"]


@pytest.fixture(scope="module")
def schemathesis():
    """The program, of exactly this version."""
    version = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    cache = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache")
    home = cache / "bitacora" / f"schemathesis-{version}"
    program = home / "bin" / "schemathesis"
    if not program.exists():
        for command in ([sys.executable, "-m", "venv", "--clear", home],
                        [home / "bin" / "python", "-m", "pip", "install", "-q", "-r", REQUIREMENTS]):
            made = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=600)
            if made.returncode != 0:
                pytest.exit("skipped: schemathesis cannot be had: "
                            f"{(made.stderr or made.stdout).strip()[-500:]}", returncode=SKIPPED)
    return program


def test_what_the_document_allows_and_what_not_is_answered_as_it_says(server, client, schemathesis):
    # "0" and "a" are among the first names it tries: some of its requests find something.
    for topic in ("0", "a"):
        assert client.put(f"/v1/topics/{topic}", {"partitions": 1}).status_code in (200, 201)
        client.append(topic, "0", {"type": "T", "data": {"n": 1}})
    run = subprocess.run(
        [schemathesis, "--config-file", REQUIREMENTS.with_name("schemathesis.toml"),
         "run", server.url + "/openapi.json", "--phases", "examples,coverage,fuzzing",
         "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES), "--seed", SEED,
         "--continue-on-failure", "--request-timeout", "65", "--warnings", "off", "--no-color"],
        capture_output=True, encoding="utf-8", timeout=1500, cwd=server.data.parent,
        env={**environment(), "NO_PROXY": "*", "HYPOTHESIS_STORAGE_DIRECTORY": str(server.data.parent)})
    print(run.stdout[-1500:])
    assert run.returncode == 0, run.stdout[-20000:] + run.stderr[-2000:]
    assert server.process.poll() is None
