"""Only the build with BITACORA_MUTATIONS has programs that can be made to break a promise."""

import os
import pathlib
import subprocess

import pytest

PROGRAM = pathlib.Path(os.environ["BITACORA_PROGRAM"])
RELEASE = pathlib.Path(os.environ["BITACORA_RELEASE_PROGRAM"])
MUTATIONS = os.environ["BITACORA_MUTATIONS"] == "1"
VARIABLE = b"BITACORA_MUTATION"  # Read by whatever can be broken; see base/mutation.h.


def test_the_program_can_be_broken_in_the_one_build_for_it_only():
    assert (VARIABLE in PROGRAM.read_bytes()) == MUTATIONS


@pytest.mark.skipif(not RELEASE.exists(), reason="there is no release build")
def test_what_users_run_cannot_be_broken():
    assert VARIABLE not in RELEASE.read_bytes()


@pytest.mark.skipif(not MUTATIONS, reason="nothing reads the variable")
@pytest.mark.parametrize("name", ["P0", "P7", "p1", "P1 "])
def test_a_mutation_that_is_none_ends_the_process(name):
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, encoding="utf-8", timeout=30,
                          env={**os.environ, VARIABLE.decode(): name}, check=False)
    assert done.returncode == 2 and name in done.stderr, done
