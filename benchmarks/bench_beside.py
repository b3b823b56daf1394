"""Timing a program beside its floor: turn about, in one process, so that what else the machine does hits both.

Absolute times move with the machine; the ratio of the medians is what is kept. Nothing here asserts on a time.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from attrs import define, field

from cflow.measure.stats import paired_ratio


@define
class Beside:
    """One program and its floor.

    Parameters
    ----------
    benchmark: pytest-benchmark's fixture, which keeps our own times. units: what a time is divided by. aim: what is
    aimed at, in words: ``<= 1 us``, ``<= 1 us more``, ``<= 1.2x``, ``<= 2 s`` or nothing. clock: the same that the
    benchmark uses; the processor's time where nothing waits, so that other processes count less.
    """

    benchmark: Any
    name: str
    units: int = 1
    aim: str = ""
    extra: dict[str, Any] = field(factory=dict)
    clock: Callable[[], float] = time.process_time

    def run(self, ours: Callable[[], object], floor: Callable[[], object] | None, rounds: int = 15) -> None:
        """Time ``ours`` and ``floor`` in turns."""
        theirs: list[float] = []

        def before() -> None:
            if floor is not None:
                began = self.clock()
                floor()
                theirs.append(self.clock() - began)

        self.benchmark.pedantic(ours, setup=before, rounds=rounds)
        stats = self.benchmark.stats
        if stats is None:  # --benchmark-disable: run once, nothing measured
            return
        times = list(stats.stats.data)
        kept = {"what": self.name, "units": self.units, "aim": self.aim, "ours": statistics.median(times), **self.extra}
        kept["best"] = min(times)
        if theirs:
            kept["floor"] = statistics.median(theirs)
            kept["ratio"] = kept["ours"] / kept["floor"]
            kept["best_ratio"] = min(times) / min(theirs)
            within = paired_ratio([a / b for a, b in zip(times, theirs, strict=True)])
            kept["interval"] = [within.low, within.high]
        self.benchmark.extra_info.update(kept)


def once(work: Callable[[], object]) -> float:
    """The seconds of processor time of one call."""
    began = time.process_time()
    work()
    return time.process_time() - began
