"""What the processes of ``test_runtimes`` do: in a module of its own, which worker processes can import."""

from __future__ import annotations

import numpy as np


def plus_one(x: int) -> int:
    """Next to nothing."""
    return x + 1


def work(n: int) -> int:
    """About half a millisecond."""
    total = 0
    for x in range(n):
        total += x * x
    return total


def halved(values: np.ndarray) -> np.ndarray:
    """As much back as came."""
    return values * 0.5
