"""The time that timers of recorded runs go by: the wall's, for they outlive the process and its clocks."""

from __future__ import annotations

import sys
import time

from .late import trio

EPOCH = 1_700_000_000.0
"""Where virtual time begins."""


def virtual() -> bool:
    """Does this loop have a clock that a test turns?"""
    testing = sys.modules.get("trio.testing")  # nobody has such a clock without it
    return testing is not None and isinstance(trio.lowlevel.current_clock(), testing.MockClock)


def wall() -> float:
    """Epoch seconds; on a loop whose clock a test turns, that clock's."""
    return EPOCH + float(trio.current_time()) if virtual() else time.time()
