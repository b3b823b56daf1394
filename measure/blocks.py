"""Counting the blocks that a run enters."""

from __future__ import annotations

import threading
from collections import Counter

from attrs import define, field


@define
class Blocks:
    """A :class:`~cflow.planner.counts.Tally`. ``entered``: how often, by name. ``limits``: of loops whose passes
    overlap, the last that was told."""

    entered: Counter[str] = field(factory=Counter)
    limits: dict[str, int] = field(factory=dict)
    _lock: threading.Lock = field(factory=threading.Lock, repr=False, eq=False)

    def enter(self, block: str) -> None:
        """A run enters a block; from any thread."""
        with self._lock:
            self.entered[block] += 1

    def limit(self, block: str, passes: int | None) -> None:
        """So many passes of a loop may overlap."""
        if isinstance(passes, int) and passes > 0:  # the run refuses any other
            self.limits[block] = passes
