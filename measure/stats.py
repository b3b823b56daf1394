"""Medians, spreads, and bootstrap intervals of ratios, for times measured on a machine that does other things too.

A busy machine only ever adds time, in bursts, so means and standard deviations say more about the neighbours than about
the program; medians and quartiles do not mind a few bursts. How sure a ratio of medians is, is asked of the samples
themselves, by the bootstrap.
"""

from __future__ import annotations

import math
import random
import statistics
from collections.abc import Callable, Sequence

from attrs import frozen

DRAWS = 2000
"""Bootstrap resamples: the ends of a 99 % interval then rest on ten resamples each."""

CONFIDENCE = 0.99
"""Of every interval, where nothing else is said: a verdict is looked for several times, so each look is strict."""

SEED = 20_231
"""Of the bootstrap's generator: the same samples give the same interval."""


@frozen
class Interval:
    """An estimate and how far it may be off: between ``low`` and ``high`` with the asked confidence."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


@frozen
class Summary:
    """The samples of one thing, in a few numbers: median, quartiles, smallest, and how many there were."""

    median: float
    low: float
    high: float
    best: float
    count: int

    @property
    def spread(self) -> float:
        """Half the distance of the quartiles over the median: the usual distance from it, as a share."""
        return (self.high - self.low) / 2 / self.median if self.median else 0.0


def summary(samples: Sequence[float]) -> Summary:
    """Median and quartiles (linear between neighbours, as R's type 7).

    Raises
    ------
    ValueError: there are no samples.
    """
    ordered = sorted(samples)
    if not ordered:
        msg = "no samples"
        raise ValueError(msg)
    low, middle, high = (quantile(ordered, q) for q in (0.25, 0.5, 0.75))
    return Summary(middle, low, high, ordered[0], len(ordered))


def quantile(ordered: Sequence[float], q: float) -> float:
    """The value below which the share ``q`` of sorted samples lies (Hyndman and Fan 1996, type 7)."""
    at = q * (len(ordered) - 1)
    below = math.floor(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (at - below) * (ordered[above] - ordered[below])


def mad(samples: Sequence[float]) -> float:
    """The median absolute deviation from the median, times 1.4826: of normally distributed samples their standard
    deviation (Rousseeuw and Croux 1993)."""
    middle = statistics.median(samples)
    return 1.4826 * statistics.median(abs(x - middle) for x in samples)


# ---- bootstrap -----------------------------------------------------------------------------------


def resampled_median(ordered: Sequence[float], rng: random.Random) -> float:
    """The median of one bootstrap resample of sorted samples, without drawing the resample.

    Of n values drawn with replacement, the m-th smallest is the sample at the place that the m-th smallest of n
    uniform numbers points to, and that is Beta(m, n + 1 - m) distributed (Maritz and Jarrett 1978; Efron 1979). For an
    even n the
    next one follows from the first: 1 - (1 - u) * v ** (1 / (n - m)) with a uniform v.
    """
    n = len(ordered)
    m = (n + 1) // 2
    u = rng.betavariate(m, n + 1 - m)
    lower = ordered[min(int(u * n), n - 1)]
    if n % 2:
        return lower
    u = 1 - (1 - u) * rng.random() ** (1 / (n - m))
    return (lower + ordered[min(int(u * n), n - 1)]) / 2


def interval(
    value: float, draw: Callable[[random.Random], float], confidence: float = CONFIDENCE, seed: int = SEED
) -> Interval:
    """The percentile bootstrap interval (Efron and Tibshirani 1993, chapter 13) of a statistic.

    Parameters
    ----------
    value: the statistic of the samples as they are.
    draw: the statistic of one resample.
    confidence: the share of resamples between the ends.
    seed: of the generator that ``draw`` gets.
    """
    rng = random.Random(seed)
    drawn = sorted(draw(rng) for _ in range(DRAWS))
    tail = (1 - confidence) / 2
    return Interval(value, min(value, quantile(drawn, tail)), max(value, quantile(drawn, 1 - tail)))


def ratio_of_medians(
    ours: Sequence[float], floor: Sequence[float], confidence: float = CONFIDENCE, seed: int = SEED
) -> Interval:
    """How many times as long as ``floor`` does ``ours`` take? Both are resampled, independently.

    For samples taken at different times. Of a ratio of medians the percentile interval keeps its promise where
    intervals from the normal distribution do not (Kalibera and Jones 2013, section 9, for means).
    """
    a, b = sorted(ours), sorted(floor)
    return interval(
        statistics.median(a) / statistics.median(b),
        lambda rng: resampled_median(a, rng) / resampled_median(b, rng),
        confidence,
        seed,
    )


def paired_ratio(ratios: Sequence[float], confidence: float = CONFIDENCE, seed: int = SEED) -> Interval:
    """The median of ratios that were taken in one round each: what slowed the machine in a round slowed both sides."""
    ordered = sorted(ratios)
    return interval(statistics.median(ordered), lambda rng: resampled_median(ordered, rng), confidence, seed)


def grouped_ratio(
    ours: Sequence[Sequence[float]],
    floor: Sequence[Sequence[float]] = ((1.0,),),
    confidence: float = CONFIDENCE,
    seed: int = SEED,
) -> Interval:
    """A ratio of samples that come in groups, one a process: groups are resampled, then the samples within.

    Where code and data lie in memory differs from process to process and makes a program faster or slower by some per
    cent for the whole life of a process (Mytkowicz et al. 2009); samples of one process say nothing of that, so
    repetition has to begin at the level that varies (Kalibera and Jones 2013). The statistic is the median over groups
    of the groups' medians, ours over floor.
    """
    a, b = [sorted(g) for g in ours], [sorted(g) for g in floor]

    def draw(rng: random.Random) -> float:
        return _drawn(a, rng) / _drawn(b, rng)

    value = _middle(a) / _middle(b)
    return interval(value, draw, confidence, seed)


def _middle(groups: Sequence[Sequence[float]]) -> float:
    return statistics.median(statistics.median(g) for g in groups)


def _drawn(groups: Sequence[Sequence[float]], rng: random.Random) -> float:
    return statistics.median(resampled_median(g, rng) for g in rng.choices(groups, k=len(groups)))
