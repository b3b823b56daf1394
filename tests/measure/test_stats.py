"""Medians, quartiles, and bootstrap intervals that keep their promise."""

from __future__ import annotations

import random
import statistics

import pytest

from cflow.measure.stats import (
    Interval,
    grouped_ratio,
    interval,
    mad,
    paired_ratio,
    quantile,
    ratio_of_medians,
    resampled_median,
    summary,
)
from cflow.measure.verdict import decide


@pytest.mark.parametrize(
    ("samples", "median", "low", "high"),
    [([3.0], 3.0, 3.0, 3.0), ([1, 2, 3, 4], 2.5, 1.75, 3.25), ([5, 1, 4, 2, 3], 3, 2, 4)],
)
def test_median_and_quartiles(samples: list[float], median: float, low: float, high: float) -> None:
    found = summary(samples)
    assert (found.median, found.low, found.high, found.best, found.count) == (
        median,
        low,
        high,
        min(samples),
        len(samples),
    )


def test_no_samples_have_no_median() -> None:
    with pytest.raises(ValueError, match="no samples"):
        summary([])


def test_quantiles_agree_with_the_library() -> None:
    rng = random.Random(1)
    ordered = sorted(rng.random() for _ in range(101))
    theirs = statistics.quantiles(ordered, n=4, method="inclusive")
    assert [quantile(ordered, q) for q in (0.25, 0.5, 0.75)] == pytest.approx(theirs)


def test_mad_of_normal_samples_is_their_deviation_and_bursts_do_not_move_it() -> None:
    rng = random.Random(2)
    samples = [rng.gauss(10.0, 2.0) for _ in range(4000)]
    assert mad(samples) == pytest.approx(2.0, rel=0.06)
    assert mad([*samples[:3600], *[1e6] * 400]) == pytest.approx(2.0, rel=0.25)


@pytest.mark.parametrize("n", [1, 2, 3, 8, 25])
def test_the_median_of_a_resample_without_the_resample(n: int) -> None:
    """Against resamples that are really drawn: the same mean, the same spread."""
    ordered = sorted(random.Random(3).random() for _ in range(n))
    rng = random.Random(4)
    quick = [resampled_median(ordered, rng) for _ in range(4000)]
    drawn = [statistics.median(rng.choices(ordered, k=n)) for _ in range(4000)]
    assert statistics.fmean(quick) == pytest.approx(statistics.fmean(drawn), abs=0.015)
    assert statistics.pstdev(quick) == pytest.approx(statistics.pstdev(drawn), abs=0.015)


def noisy(rng: random.Random, length: float) -> float:
    """A time on a busy machine: a little noise, and bursts that only add."""
    return length * (1 + rng.expovariate(30)) * (rng.uniform(1.2, 3.0) if rng.random() < 0.1 else 1.0)


def test_intervals_hold_the_true_ratio_about_as_often_as_they_say() -> None:
    rng = random.Random(5)
    held = 0
    for _ in range(60):
        ours = [noisy(rng, 1.2) for _ in range(40)]
        floor = [noisy(rng, 1.0) for _ in range(40)]
        found = ratio_of_medians(ours, floor, confidence=0.95)
        held += found.low <= 1.2 <= found.high
    assert 52 <= held <= 60


def test_the_same_samples_give_the_same_interval() -> None:
    assert paired_ratio([1.0, 1.1, 0.9, 1.3]) == paired_ratio([1.0, 1.1, 0.9, 1.3])
    assert interval(1.0, lambda rng: rng.random(), seed=1) != interval(1.0, lambda rng: rng.random(), seed=2)


def test_more_samples_and_less_noise_make_the_interval_narrow() -> None:
    rng = random.Random(6)
    few, many = ([noisy(rng, 1.0) for _ in range(n)] for n in (10, 400))
    wide, narrow = paired_ratio(few), paired_ratio(many)
    assert narrow.high - narrow.low < wide.high - wide.low


def test_groups_count_not_samples() -> None:
    """A thousand samples of two processes that differ say no more than two processes do."""
    found = grouped_ratio([[1.0] * 500, [1.1] * 500])
    assert (found.low, found.high) == (1.0, 1.1)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.06, 1.2, "loss"),
        (0.9, 1.04, "no loss"),
        (0.9, 1.06, "unclear"),
        (1.05, 1.2, "unclear"),
        (0.5, 0.6, "no loss"),
    ],
)
def test_an_interval_decides_where_it_lies_wholly_on_one_side(low: float, high: float, verdict: str) -> None:
    assert decide(Interval((low + high) / 2, low, high), 0.05) == verdict
