"""From the samples of a comparison to the figures of its table: overhead over the critical path, for one unit of work.

The document that ``run.py`` writes: ``{"when", "machine", "engines": {name: {"version", "importing": [s], "starting":
[s], "why": why it did not run or None, "workloads": {name: {"units", "ideal", "small", "build": [s], "first": [s],
"times": [s], "rounds": [s], "why": why there is none or None}}}}}``; ``rounds`` holds the median of each round.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Figure:
    """Seconds a unit, beyond what no engine can avoid. ``low``, ``high``: of the medians of the rounds. ``small``: the
    workload was not of the full size."""

    median: float
    low: float
    high: float
    small: bool


def figure(entry: Mapping[str, Any]) -> Figure | None:
    """The figure of one engine and workload; None where it did not run."""
    if not entry.get("times"):
        return None

    def over(seconds: float) -> float:
        return max(seconds - entry["ideal"], 0.0) / entry["units"]

    rounds = entry.get("rounds") or entry["times"]
    return Figure(
        over(statistics.median(entry["times"])), over(min(rounds)), over(max(rounds)), bool(entry.get("small"))
    )


def cold(entry: Mapping[str, Any]) -> float | None:
    """Seconds from the definition to the end of the first run, beyond what no engine can avoid; None: did not run."""
    if not entry.get("times"):
        return None
    return max(statistics.median(entry["build"]) + statistics.median(entry["first"]) - entry["ideal"], 0.0)


def short(seconds: float) -> str:
    """Seconds for people, in two or three figures."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= size:
            value = seconds / size
            return f"{value:.0f} {unit}" if value >= 10 else f"{value:.1f} {unit}"
    return f"{seconds * 1e6:.2f} µs" if seconds >= 1e-8 or not seconds else f"{seconds * 1e9:.2g} ns"
