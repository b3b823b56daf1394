"""How far the nodes of a run say they are, and who hears of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .run import Run

OFTEN = 0.05
"""Seconds between two events of one node: it may say how far it is with every item."""


class Progress(dict[str, tuple[float, float]]):
    """By the operation's id, done and total. What is put there is told to the run's listeners, in the thread that puts
    it there, but not more often than anybody can look."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run
        self._told: dict[str, float] = {}

    def __setitem__(self, node: str, how_far: tuple[float, float]) -> None:
        super().__setitem__(node, how_far)
        sinks = self._run.sinks
        if sinks is None:
            return
        now, (done, total) = time.monotonic(), how_far
        if done >= total or now - self._told.get(node, 0.0) >= OFTEN:
            self._told[node] = now
            sinks.emit("node", "progress", self._run.id, node, progress=how_far)
