"""Rounds go on until the verdict is clear. Time is a fake clock here, and noise comes from a seed."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import pytest

from cflow.measure.groups import Limits, until_all_clear
from cflow.measure.rounds import Bounds, Turns, until_clear


class FakeClock:
    """Time that moves only when work is done on it. ``burst``: the share of calls that a busy machine interrupts."""

    def __init__(self, seed: int, burst: float = 0.1) -> None:
        self.now = 0.0
        self.rng = random.Random(seed)
        self.burst = burst
        self.load = 1.0
        self.calls: list[str] = []

    def __call__(self) -> float:
        return self.now

    def work(self, name: str, length: float) -> None:
        self.calls.append(name)
        # Load comes and goes slowly, so that it meets both sides; bursts meet one.
        self.load = min(2.5, max(1.0, self.load + self.rng.uniform(-0.05, 0.05)))
        spent = length * self.load * (1 + self.rng.expovariate(25))
        self.now += spent * (self.rng.uniform(1.5, 4.0) if self.rng.random() < self.burst else 1.0)


def turns(seed: int, slow: float, burst: float = 0.1) -> Turns:
    clock = FakeClock(seed, burst)
    return Turns(lambda: clock.work("ours", 0.01 * slow), lambda: clock.work("floor", 0.01), clock, seed)


BOUNDS = Bounds(first=20, most=600, seconds=1e9)


@pytest.mark.parametrize("seed", range(8))
def test_unchanged_code_is_no_loss_however_busy_the_machine(seed: int) -> None:
    assert until_clear(turns(seed, 1.0).round, 0.05, BOUNDS, now=lambda: 0.0).verdict == "no loss"


@pytest.mark.parametrize("seed", range(8))
def test_a_loss_of_fifteen_per_cent_is_seen(seed: int) -> None:
    found = until_clear(turns(seed, 1.15).round, 0.05, BOUNDS, now=lambda: 0.0)
    assert found.verdict == "loss"
    assert found.ratio.value == pytest.approx(1.15, rel=0.05)


def test_a_quiet_machine_needs_few_rounds_and_a_busy_one_more() -> None:
    quiet, busy = (until_clear(turns(1, 1.0, burst).round, 0.05, BOUNDS, now=lambda: 0.0) for burst in (0.0, 0.45))
    assert quiet.rounds == BOUNDS.first < busy.rounds


def test_a_bound_ends_it_unclear() -> None:
    exactly = until_clear(turns(2, 1.05).round, 0.05, Bounds(first=20, most=40, seconds=1e9), now=lambda: 0.0)
    assert (exactly.verdict, exactly.rounds) == ("unclear", 40)


def test_the_time_is_bounded_and_too_few_rounds_say_nothing() -> None:
    seconds = iter(range(1000))
    found = until_clear(lambda: 2.0, 0.05, Bounds(first=20, most=400, seconds=5.0), now=lambda: float(next(seconds)))
    assert (found.verdict, found.rounds) == ("unclear", 5)


def test_the_turns_are_balanced_and_their_order_is_drawn() -> None:
    def order(seed: int) -> str:
        clock = FakeClock(0)
        pair = Turns(lambda: clock.work("A", 1.0), lambda: clock.work("B", 1.0), clock, seed)
        for _ in range(16):
            pair.round()
        assert len(pair.ours) == len(pair.floor) == 16
        return "".join(clock.calls)

    both = [order(3)[i : i + 4] for i in range(0, 32, 4)]
    assert set(both) == {"ABBA", "BAAB"}
    assert order(3) == order(3) != order(4)


# ---- processes -------------------------------------------------------------------------------------------


class Machine:
    """Processes that differ by a few per cent for their whole lives, as real ones do."""

    def __init__(self, seed: int, slow: Mapping[str, float], differ: float = 0.025) -> None:
        self.rng = random.Random(seed)
        self.slow = slow
        self.differ = differ
        self.asked: list[tuple[str, ...]] = []
        self.now = 0.0

    def take(self, number: int, cases: Sequence[str]) -> dict[str, list[float]]:
        self.asked.append(tuple(cases))
        self.now += 5.0
        found = {}
        for name in cases:
            here = self.slow[name] * self.rng.gauss(1.0, self.differ)
            found[name] = [here * (1 + self.rng.expovariate(12) - 1 / 12) for _ in range(40)]
        return found


LIMITS = Limits(least=3, least_loss=5, most=12, seconds=1e9)


def judged(seed: int, **slow: float) -> tuple[dict[str, str], Machine]:
    machine = Machine(seed, slow)
    outcomes = until_all_clear(list(slow), machine.take, {}, 0.05, LIMITS, now=lambda: machine.now)
    return {name: outcome.verdict for name, outcome in outcomes.items()}, machine


@pytest.mark.parametrize("seed", range(8))
def test_processes_that_differ_are_no_loss_and_a_loss_is_one(seed: int) -> None:
    verdicts, _ = judged(seed, same=1.0, lost=1.15, faster=0.8)
    assert verdicts["lost"] == "loss"
    assert verdicts["faster"] == "no loss"
    assert verdicts["same"] != "loss"


def test_what_is_clear_is_asked_no_more_and_a_loss_takes_more_processes() -> None:
    verdicts, machine = judged(1, faster=0.5, lost=2.0)
    assert verdicts == {"faster": "no loss", "lost": "loss"}
    assert machine.asked == [("faster", "lost")] * 3 + [("lost",)] * 2


@pytest.mark.parametrize(("seconds", "processes"), [(24.0, 4), (15.0, 3), (14.0, 1)])
def test_no_process_is_started_for_which_there_is_no_time(seconds: float, processes: int) -> None:
    """A process takes five seconds. Three are the least: where there is no time for them, one has shown it."""
    machine = Machine(1, {"lost": 2.0})
    limits = Limits(least=3, least_loss=5, most=12, seconds=seconds)
    outcomes = until_all_clear(["lost"], machine.take, {}, 0.05, limits, now=lambda: machine.now)
    assert len(machine.asked) == processes
    assert outcomes["lost"].verdict == "unclear"


def test_kept_ratios_are_the_floor() -> None:
    machine = Machine(1, {"a": 3.0})
    kept = {"a": [[2.9], [3.0], [3.05], [3.1]]}
    assert until_all_clear(["a"], machine.take, kept, 0.05, LIMITS, now=lambda: machine.now)["a"].verdict == "no loss"
    machine = Machine(1, {"a": 3.0})
    kept = {"a": [[2.4], [2.5], [2.5], [2.6]]}
    assert until_all_clear(["a"], machine.take, kept, 0.05, LIMITS, now=lambda: machine.now)["a"].verdict == "loss"
