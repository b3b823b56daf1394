"""The expected makespan of what runs have done: passes of loops, arms, flows, attempts, and what nobody has timed."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from cflow import Engine, Retry, flow, node, parallel, sleep
from cflow.measure.nodetimes import NodeTimes
from cflow.planner.counts import block_names
from cflow.planner.plan import Plan
from cflow.planner.profile import Profile, codes


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


@flow
def loops_at_once(n: int) -> int:
    for i in parallel(range(n)):
        for j in range(3):
            look(i + j)
    return n


@flow
def loops_in_lanes(n: int) -> int:
    for i in range(n):
        for j in parallel(range(i)):
            blocks(j)
    return n


@flow
def tried(n: int) -> int:
    return shaky.options(retry=Retry(3, jitter=False))(n) + once.options(retry=2)(n)


@node(reads="e", runs="thread")
def blocks(x: int) -> int:
    return x


ATTEMPTS: list[int] = []


@node(reads="d")
async def shaky(x: int) -> int:
    ATTEMPTS.append(x)
    if len(ATTEMPTS) < 3:
        raise OSError(x)
    ATTEMPTS.clear()
    return x


@node(reads="d")
async def once(x: int) -> int:
    return x


@flow
def down_twice(n: int) -> int:
    total = 0
    for i in range(2):
        total = total + down(n)
    return total


@flow
def even(n: int) -> int:
    if n <= 0:
        return put(0)
    return odd(n - 1) + put(n)


@flow
def odd(n: int) -> int:
    if n <= 0:
        return put(1)
    return even(n - 1) + put(n)


@flow
def limited(k: int) -> list[int]:
    return [look(x) for x in parallel(range(8), limit=k)]


@flow
def limited_by_half(k: int) -> list[int]:
    return [look(x) for x in parallel(range(8), limit=k // 2)]


def known(program: Any, *args: Any) -> Profile:
    """What one run tells, where each call takes a second."""
    times = NodeTimes()
    engine = Engine(substitute=times.substitute, tally=times.blocks)
    engine.run(program, *args)
    graph = engine.compiled(program).optimized
    found = times.profile("", "", codes(graph), block_names(graph).values())
    return evolve(found, seconds=dict.fromkeys(found.seconds, 1.0))


def plan(program: Any, *args: Any) -> Plan:
    return Engine(profile=known(program, *args)).plan(program)


@pytest.mark.parametrize(
    ("program", "given", "makespan", "work"),
    [
        (loops, 8, 8.0, 9.0),
        (loops, 0, 1.0, 1.0),
        (nested, 4, 10.0, 10.0),
        (only_inner, 4, 6.0, 6.0),
        # three at a time: eight are three rounds
        (at_once, 8, 3.0, 8.0),
        (at_once, 2, 1.0, 2.0),
        (unlimited, 8, 1.0, 8.0),
        # a loop in each of four passes at once
        (loops_at_once, 4, 3.0, 12.0),
        # passes of 0, 1, 2 and 3 calls at once: the run took 3, and so would passes of 1.5 calls each
        (loops_in_lanes, 4, 4.0, 6.0),
        # each arm as often as it was taken
        (arms, 5, 5.0, 5.0),
        (arms, 3, 3.0, 3.0),
        (arms, 2, 2.0, 2.0),
        # a handler that was not needed
        (handled, 1, 1.0, 1.0),
        # two more attempts after 0.1 and 0.2 seconds, beside a call that took one
        (tried, 1, 3.3, 4.3),
        (calls_part, 8, 9.0, 9.0),
        # two flows whose calls have one id
        (calls_two, 1, 2.0, 2.0),
        # flows that call themselves, and each other
        (down, 3, 4.0, 4.0),
        (down_twice, 3, 8.0, 8.0),
        (even, 3, 4.0, 4.0),
    ],
)
def test_what_runs_have_done_is_what_counts(program: Any, given: int, makespan: float, work: float) -> None:
    found = plan(program, given)
    assert (found.makespan, found.work) == (pytest.approx(makespan), pytest.approx(work))
    assert found.counted


def test_a_flow_that_calls_itself_without_counts_is_an_average_call() -> None:
    found = Engine(profile=Profile("", "", {"put": 1.0, "look": 1.0}, {"put": 1, "look": 3})).plan(down)
    assert found.makespan is not None
    assert found.untimed == ("down",)


@pytest.mark.parametrize("limit", [1, 2, 5])
def test_a_limit_that_an_input_gives_is_that_of_the_run(limit: int) -> None:
    assert plan(limited, limit).makespan == pytest.approx({1: 8.0, 2: 4.0, 5: 2.0}[limit])
    assert plan(limited_by_half, 2 * limit).makespan == pytest.approx({1: 8.0, 2: 4.0, 5: 2.0}[limit])


def test_computing_does_not_overlap() -> None:
    made = known(at_once, 8)
    assert Engine(profile=evolve(made, busy={"look": 0.1})).plan(at_once).makespan == pytest.approx(3.0)
    found = Engine(profile=evolve(made, busy={"look": 1.0})).plan(at_once)
    assert (found.makespan, found.work) == (pytest.approx(8.0), pytest.approx(8.0))


def test_counting_changes_no_result_and_no_block_escapes_it() -> None:
    found = known(arms, 5)
    assert found.blocks == {"arms": 1, "arms/for[0]": 5, "arms/if[0]": 2, "arms/if[1]": 3}
    assert known(arms, 0).blocks == {"arms": 1, "arms/for[0]": 0, "arms/if[0]": 0, "arms/if[1]": 0}
    counted = known(loops_in_lanes, 4).blocks
    assert counted == {"loops_in_lanes": 1, "loops_in_lanes/for[0]": 4, "loops_in_lanes/each[0]": 6}


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
    assert plan(loops_in_place, 4).makespan == pytest.approx(4.0)


@flow
def pauses() -> int:
    sleep("2s")
    return look() + other()


def test_a_pause_whose_length_the_program_says_is_no_average_call() -> None:
    engine = Engine(profile=Profile("", "", {"look": 0.5}, {"look": 1}))
    found = engine.plan(pauses)
    assert (found.makespan, found.untimed) == (2.5, ("other",))


def test_what_was_not_called_is_told_apart() -> None:
    engine = Engine(profile=known(arms, 3))
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
        made = Profile("", "", {"one": 1.0, "many": 1.0}, calls)
        assert Engine(profile=made, limit=1).run(both, 1) == 2
        assert started[0] == first
