"""The checker of histories: built from its Go sources when it is first needed, then run."""

import os
import pathlib
import shutil
import subprocess
import tempfile

SOURCES = pathlib.Path(__file__).parent / "checker"
PROGRAM = pathlib.Path(os.environ.get("BITACORA_HISTORIES") or tempfile.mkdtemp()) / "checker"


def go(*arguments):
    return subprocess.run(["go", *arguments], cwd=SOURCES, capture_output=True, encoding="utf-8",
                          timeout=600, check=False)


def why_not():
    """Why there is no checker here; None once it is built."""
    if not shutil.which("go"):
        return "Go is not installed (Debian's golang-go)"
    fetched = go("mod", "download")
    if fetched.returncode:
        return f"the Go module porcupine cannot be had: {fetched.stderr.strip()[-300:]}"
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    built = go("build", "-buildvcs=false", "-o", str(PROGRAM), ".")
    assert built.returncode == 0, built.stderr
    return None


def check(*histories, seconds=120):
    """The finished checker: it ends with 0 where all histories are linearizable, else with 1."""
    done = subprocess.run([PROGRAM, "--seconds", str(seconds), *map(str, histories)],
                          capture_output=True, encoding="utf-8", check=False,
                          timeout=60 + 2 * seconds * len(histories))
    assert done.returncode in (0, 1), done.stderr
    return done
