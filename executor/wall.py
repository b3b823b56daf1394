"""The time that timers of recorded runs go by: the wall's, for they outlive the process and its clocks."""

from __future__ import annotations

import sys
import time

from .late import trio

EPOCH = 1_700_000_000.0
"""Where virtual time begins."""


def wall() -> float:
    """Epoch seconds; on a loop whose clock a test turns, that clock's."""
    testing = sys.modules.get("trio.testing")
    if testing is not None:
        clock = trio.lowlevel.current_clock()
        if isinstance(clock, testing.MockClock):
            return EPOCH + float(trio.current_time())
    return time.time()
