"""A busy machine, for the proof of the gate: processes that compute, fill the caches and pause, as other work does."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator

from cflow.measure.machine import cores

LONGEST = 3600
"""Seconds after which the load ends by itself, whatever became of whoever started it."""

WORK = f"""
import random, sys, time
rng = random.Random(int(sys.argv[1]))
end = time.monotonic() + {LONGEST}
big = list(range(400_000))
while time.monotonic() < end:
    until = time.monotonic() + rng.uniform(0.05, 2.0)
    while time.monotonic() < until:
        if rng.random() < 0.5:
            sum(big)
        else:
            rng.shuffle(big[:2_000])
    time.sleep(rng.uniform(0.0, 0.3))
"""


def busy() -> bool:
    """Do twice as many processes want to run as there are cores?"""
    return os.getloadavg()[0] >= 2 * cores()


@contextlib.contextmanager
def loaded() -> Iterator[int]:
    """One busy process for each core, as long as the block lasts; gives how many were started. On a machine that is
    twice as busy anyway, none."""
    started = [subprocess.Popen([sys.executable, "-c", WORK, str(n)]) for n in range(0 if busy() else cores())]
    try:
        yield len(started)
    finally:
        for process in started:
            process.terminate()
        for process in started:
            process.wait()
