"""Timing two callables turn about in one process, until it is clear which side of a threshold their ratio lies on.

A round is one call of each, right after one another, so that what else the machine does meets both; who goes first
changes by a seeded choice, so that neither profits from what the other leaves in the caches. Looks at the verdict come
at growing
distances: each further look is a further chance to be wrong.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

from attrs import define, field, frozen

from .stats import CONFIDENCE, Interval, paired_ratio
from .verdict import Verdict, decide

Clock = Callable[[], float]


@frozen
class Bounds:
    """When to stop although nothing is clear.

    ``first``: rounds before the first look. ``most``: rounds in all. ``seconds``: of real time in all. ``growth``:
    rounds at the next look over rounds at this one.
    """

    first: int = 20
    most: int = 400
    seconds: float = 30.0
    growth: float = 1.5


@frozen
class Comparison:
    """What came out: ours over floor, the verdict on it, and how many rounds it took."""

    ratio: Interval
    verdict: Verdict
    rounds: int


@define
class Turns:
    """Rounds of two callables; ``ours`` and ``floor`` gather their seconds.

    Parameters
    ----------
    first, second: what is timed. clock: seconds; the processor's time where nothing waits, so that other processes
    count less. seed: of the order within the rounds.
    """

    first: Callable[[], object]
    second: Callable[[], object]
    clock: Clock = time.perf_counter
    seed: int = 1
    ours: list[float] = field(factory=list, init=False)
    floor: list[float] = field(factory=list, init=False)
    _rng: random.Random = field(init=False)
    _ahead: bool = field(default=True, init=False)

    def __attrs_post_init__(self) -> None:
        self._rng = random.Random(self.seed)

    def round(self) -> float:
        """One round; gives its ratio."""
        # A B B A and B A A B: each two rounds are balanced, which of the two comes is drawn.
        done = len(self.ours)
        if done % 2 == 0:
            self._ahead = self._rng.random() < 0.5
        if self._ahead == (done % 2 == 0):
            mine, theirs = self._time(self.first), self._time(self.second)
        else:
            theirs, mine = self._time(self.second), self._time(self.first)
        self.ours.append(mine)
        self.floor.append(theirs)
        return mine / theirs

    def _time(self, work: Callable[[], object]) -> float:
        began = self.clock()
        work()
        return self.clock() - began


def until_clear(
    round: Callable[[], float],
    threshold: float,
    bounds: Bounds = Bounds(),
    judge: Callable[[list[float]], Interval] | None = None,
    now: Clock = time.monotonic,
) -> Comparison:
    """Repeat rounds until the interval of their ratio lies wholly on one side of the threshold, or a bound is reached.

    Parameters
    ----------
    round: one round; gives a ratio, new over old.
    threshold: the share that may be lost; 0.1 for 10 %.
    bounds: when to give up; the verdict is then ``unclear``.
    judge: the interval of the ratios; that of their median where left out.
    now: the real time, for ``bounds.seconds``.
    """
    judge = judge or (lambda ratios: paired_ratio(ratios, CONFIDENCE))
    ratios: list[float] = []
    began = now()
    look = bounds.first
    while True:
        late = False
        while len(ratios) < look and not late:
            ratios.append(round())
            late = now() - began >= bounds.seconds
        ratio = judge(ratios)
        verdict = decide(ratio, threshold)
        if late and len(ratios) < bounds.first:
            verdict = "unclear"  # too few rounds to say anything
        if verdict != "unclear" or late or len(ratios) >= bounds.most:
            return Comparison(ratio, verdict, len(ratios))
        look = min(bounds.most, max(look + 1, int(look * bounds.growth)))
