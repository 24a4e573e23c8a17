"""Servers, fixtures, and the rule on when a test is skipped are those of tests/system."""

import importlib.util
import pathlib
import sys

SYSTEM = pathlib.Path(__file__).resolve().parents[1] / "system"
sys.path.insert(0, str(SYSTEM))

_spec = importlib.util.spec_from_file_location("system_conftest", SYSTEM / "conftest.py")
_system = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_system)

LOG = _system.LOG
SKIPPED = _system.SKIPPED
make_server = _system.make_server
say = _system.say
pytest_sessionstart = _system.pytest_sessionstart
pytest_sessionfinish = _system.pytest_sessionfinish
