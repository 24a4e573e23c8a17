"""How much the tests with faults do, and on which seed.

BITACORA_TEST_SIZE=short|full|long; BITACORA_TEST_SEED repeats what a failure has printed.
"""

import os
import secrets

SIZE = os.environ.get("BITACORA_TEST_SIZE") or "short"
SEED = int(os.environ.get("BITACORA_TEST_SEED") or secrets.randbits(32))


def sized(short, full, long):
    return {"short": short, "full": full, "long": long}[SIZE]
