"""Expected costs in the plan: of steps, of the whole, and what a missing declaration costs."""

from __future__ import annotations

import time

import pytest
import trio

from cflow import Engine, flow, node
from cflow.planner.cost import duration


@node(reads="a")
async def look(x: int = 0) -> int:
    await trio.sleep(x)
    return x


@node
async def undeclared() -> int:
    return 1


@node(reads="c")
async def late(x: int) -> int:
    return x


@node(reads="b", runs="thread")
def blocks() -> int:
    time.sleep(0.002)
    return 1


@flow
def one_after_another() -> int:
    x = look()
    y = undeclared()
    return late(x) + y


@flow
def apart() -> int:
    x = look()
    y = late(1)
    return x + y


@flow
def nested(go: bool) -> int:
    total = 0
    for i in range(3):
        total = total + look(i)
    if go:
        total = total + apart()
    else:
        total = total + late(total)
    return total


@flow
def threads() -> int:
    return blocks() + look()


TIMES = {"look": 0.2, "undeclared": 0.3, "late": 0.1}


def test_the_makespan_follows_the_waits() -> None:
    plan = Engine(profile=TIMES).plan(one_after_another)
    assert plan.makespan == pytest.approx(0.6)
    assert plan.work == pytest.approx(0.6)
    plan = Engine(profile=TIMES).plan(apart)
    assert plan.makespan == pytest.approx(0.2)
    assert plan.work == pytest.approx(0.3)


def test_what_a_missing_declaration_costs() -> None:
    (advice,) = Engine(profile=TIMES).plan(one_after_another).advice
    assert advice.node == "undeclared"
    assert advice.saves == pytest.approx(0.3)  # it overlaps with look and late, which take as long together
    assert "saves about 300 ms of each run" in Engine(profile=TIMES).explain(one_after_another)


def test_without_times_nothing_is_claimed() -> None:
    plan = one_after_another.plan()
    assert plan.makespan is None
    assert plan.work is None
    assert plan.advice[0].saves is None
    text = one_after_another.explain()
    assert "expected to take" not in text
    assert "saves" not in text


def test_blocks_count_what_they_hold() -> None:
    plan = Engine(profile={"look": 0.2, "late": 0.1, "apart/look": 0.5, "apart/late": 0.4}).plan(nested)
    # one pass of the loop, and the longer arm
    assert plan.makespan == pytest.approx(0.2 + 0.5)
    assert plan.work == pytest.approx(0.2 + 0.9)


def test_an_unknown_step_counts_as_an_average_one() -> None:
    assert Engine(profile={"look": 0.2}).plan(one_after_another).makespan == pytest.approx(0.6)


def test_what_was_measured_stands_beside_what_is_expected() -> None:
    engine = Engine(profile={"blocks": 10.0})
    assert engine.run(threads) == 1
    (step,) = [s for s in engine.plan(threads).steps if s.id == "blocks"]
    assert step.cost == 10.0
    assert step.measured is not None
    assert 0.002 <= step.measured < 10
    assert "about 10 s (measured here: " in engine.explain(threads)
    (step,) = [s for s in Engine().plan(threads).steps if s.id == "blocks"]
    assert step.cost == step.measured


def test_costs_change_no_wait() -> None:
    for known in (one_after_another, apart, nested):
        with_times, without = Engine(profile=TIMES).plan(known), Engine().plan(known)
        assert [(s.id, s.waits, s.late) for s in with_times.steps] == [(s.id, s.waits, s.late) for s in without.steps]


@pytest.mark.parametrize(("seconds", "text"), [(2.5, "2.5 s"), (0.0123, "12.3 ms"), (4.2e-5, "42 µs"), (0.0, "0 µs")])
def test_durations_for_people(seconds: float, text: str) -> None:
    assert duration(seconds) == text
