"""The checker's own tests: small histories whose verdict anybody can tell."""

import pytest

import checker
from conftest import SKIPPED

def test_the_checkers_own_tests_pass():
    reason = checker.why_not()
    if reason:
        pytest.exit(f"skipped: {reason}", returncode=SKIPPED)
    done = checker.go("test", "./...")
    assert done.returncode == 0, done.stdout + done.stderr
