"""The expected makespan with the calls that runs have made: passes of loops, arms, flows, and what nobody has timed."""

from __future__ import annotations

from typing import Any

import pytest

from cflow import Engine, flow, node, parallel, sleep
from cflow.planner.plan import Plan
from cflow.planner.profile import Profile


@node(reads="a")
async def look(x: int = 0) -> int:
    return x


@node(reads="b")
async def other(x: int = 0) -> int:
    return x


@node(writes="c")
async def put(x: int) -> int:
    return x


@flow
def loops(n: int) -> int:
    total = 0
    for i in range(n):
        total = total + put(i)
    return total + look()


@flow
def nested(n: int) -> int:
    total = 0
    for i in range(n):
        total = total + put(i)
        for j in range(i):
            total = total + put(j)
    return total


@flow
def only_inner(n: int) -> int:
    total = 0
    for i in range(n):
        for j in range(i):
            total = total + put(j)
    return total


@flow
def at_once(n: int) -> list[int]:
    return [look(x) for x in parallel(range(n), limit=3)]


@flow
def unlimited(n: int) -> list[int]:
    return [look(x) for x in parallel(range(n))]


@flow
def arms(n: int) -> int:
    total = 0
    for i in range(n):
        if i > 2:
            total = total + put(i)
        else:
            total = total + look(i)
    return total


@flow
def handled(n: int) -> int:
    try:
        x = look(n)
    except ValueError:
        x = other(n)
    return x


@flow(timeout="1h")
def part(n: int) -> int:
    return put(n)


@flow
def calls_part(n: int) -> int:
    total = part(n)
    for i in range(n):
        total = total + part(i)
    return total


@flow(timeout="2h")
def second(n: int) -> int:
    return put(n)


@flow
def calls_two(n: int) -> int:
    return part(n) + second(n)


@flow
def down(n: int) -> int:
    if n <= 0:
        return put(0)
    return down(n - 1) + look(n)


def plan(program: Any, calls: dict[str, float]) -> Plan:
    """The plan where each call takes a second, and runs have made it so often."""
    return Engine(profile=Profile("", "", dict.fromkeys(calls, 1.0), calls)).plan(program)


@pytest.mark.parametrize(
    ("program", "calls", "makespan", "work"),
    [
        (loops, {"put": 8, "look": 1}, 8.0, 9.0),
        (loops, {"put": 0, "look": 1}, 1.0, 1.0),
        (nested, {"put": 4, "put_2": 6}, 10.0, 10.0),
        # how often the outer loop passes nobody knows: all of it is the same
        (only_inner, {"put": 6}, 6.0, 6.0),
        # three at a time: eight are three rounds
        (at_once, {"look": 8}, 3.0, 8.0),
        (at_once, {"look": 2}, 1.0, 2.0),
        (unlimited, {"look": 8}, 1.0, 8.0),
        # each arm as often as it was taken; of a branch that was never taken the one way, the other counts
        (arms, {"put": 2, "look": 3}, 5.0, 5.0),
        (arms, {"look": 3}, 3.0, 3.0),
        # a handler that was not needed
        (handled, {"look": 1}, 1.0, 1.0),
        (handled, {"look": 1, "other": 0.5}, 1.5, 1.5),
        # a call that is tried again
        (loops, {"put": 8, "look": 2.5}, 8.0, 10.5),
    ],
)
def test_what_runs_have_called_is_what_counts(
    program: Any, calls: dict[str, float], makespan: float, work: float
) -> None:
    found = plan(program, calls)
    assert (found.makespan, found.work) == (pytest.approx(makespan), pytest.approx(work))
    assert found.counted


def test_a_flow_that_is_called_here_and_there() -> None:
    assert plan(calls_part, {"put": 9}).makespan == pytest.approx(9.0)


def test_flows_whose_calls_have_one_id() -> None:
    """Only the sum of their calls is known."""
    found = plan(calls_two, {"put": 6})
    assert found.work == pytest.approx(6.0)


def test_a_flow_that_calls_itself_ends() -> None:
    found = plan(down, {"put": 1, "look": 3})
    assert found.makespan is not None
    assert found.untimed == ("down",), "taken for an average call"


def test_without_counts_a_loop_is_one_pass() -> None:
    found = Engine(profile={"put": 1.0, "look": 1.0}).plan(loops)
    assert (found.makespan, found.counted) == (1.0, False)
    assert "(a loop counts one pass)" in Engine(profile={"put": 1.0, "look": 1.0}).explain(loops)


def test_what_has_no_time_is_told_with_what_it_is_taken_as() -> None:
    engine = Engine(profile=Profile("", "", {"put": 0.5}, {"put": 8}))
    found = engine.plan(loops)
    assert (found.untimed, found.unmade, found.usual) == (("look",), (), 0.5)
    assert "1 step (look) has no time, taken as the average of the others, 500 ms\n" in engine.explain(loops) + "\n"


@node(reads="d", runs="loop")
def in_place(x: int) -> int:
    return x


@flow
def loops_in_place(n: int) -> int:
    total = 0
    for i in range(n):
        total = total + in_place(i)
    return total


def test_a_loop_in_which_nothing_waits_takes_time_too() -> None:
    assert plan(loops_in_place, {"in_place": 4}).makespan == pytest.approx(4.0)


@flow
def pauses() -> int:
    sleep("2s")
    return look() + other()


def test_a_pause_whose_length_the_program_says_is_no_average_call() -> None:
    engine = Engine(profile=Profile("", "", {"look": 0.5}, {"look": 1}))
    found = engine.plan(pauses)
    assert (found.makespan, found.untimed) == (2.5, ("other",))


def test_what_was_not_called_is_told_apart() -> None:
    engine = Engine(profile=Profile("", "", {"look": 0.5}, {"look": 3}))
    found = engine.plan(arms)
    assert (found.untimed, found.unmade) == ((), ("put",))
    assert "1 step (put) has not been called in earlier runs, taken as nothing" in engine.explain(arms)


def test_a_longer_loop_goes_first() -> None:
    """The priority of ready calls follows the counts too."""
    started: list[str] = []

    @node(reads="a")
    async def one(x: int) -> int:
        started.append("one")
        return x

    @node(reads="b")
    async def many(x: int) -> int:
        started.append("many")
        return x

    @flow
    def both(n: int) -> int:
        a = one(1)
        b = many(1)
        return a + b

    for calls, first in (({"one": 1, "many": 9}, "many"), ({"one": 9, "many": 1}, "one")):
        started.clear()
        known = Profile("", "", {"one": 1.0, "many": 1.0}, calls)
        assert Engine(profile=known, limit=1).run(both, 1) == 2
        assert started[0] == first
