"""Among ready calls the most critical goes first, then the first in the program: on few call slots, whatever kind of
call it is."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, Retry, flow, node

STARTS: list[tuple[float, str]] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    STARTS.clear()


def run(program: Any, *args: Any, **options: Any) -> tuple[Any, float]:
    """The result and the makespan in virtual seconds."""
    clock = MockClock(autojump_threshold=0)
    value = Engine(clock=clock, **options).run(program, *args)
    return value, clock.current_time()


@node(reads="world")
async def spend(name: str, seconds: float, *after: Any) -> str:
    STARTS.append((trio.current_time(), name))
    await trio.sleep(seconds)
    return name


@node(reads="world")
async def flaky(name: str, seconds: float, fails: int, *after: Any) -> str:
    STARTS.append((trio.current_time(), name))
    await trio.sleep(seconds)
    if sum(n == name for _, n in STARTS) <= fails:
        raise ValueError(name)
    return name


@flow
def chain_and_others() -> list[str]:
    o0 = spend("o0", 1)
    o1 = spend("o1", 1)
    o2 = spend("o2", 1)
    o3 = spend("o3", 1)
    o4 = spend("o4", 1)
    c0 = spend("c0", 1)
    c1 = spend("c1", 1, c0)
    c2 = spend("c2", 1, c1)
    c3 = spend("c3", 1, c2)
    c4 = spend("c4", 1, c3)
    return [o0, o1, o2, o3, o4, c4]


@flow
def chain_with_options() -> list[str]:
    o0 = spend.options(timeout=9)("o0", 1)
    o1 = spend.options(timeout=9)("o1", 1)
    o2 = spend.options(timeout=9)("o2", 1)
    o3 = spend.options(timeout=9)("o3", 1)
    o4 = spend.options(timeout=9)("o4", 1)
    c0 = spend.options(retry=2)("c0", 1)
    c1 = spend.options(retry=2)("c1", 1, c0)
    c2 = spend.options(retry=2)("c2", 1, c1)
    c3 = spend.options(retry=2)("c3", 1, c2)
    c4 = spend.options(retry=2)("c4", 1, c3)
    return [o0, o1, o2, o3, o4, c4]


@pytest.mark.parametrize("program", [chain_and_others, chain_with_options], ids=["plain", "options"])
@pytest.mark.parametrize("heard", [False, True])
def test_a_critical_chain_is_not_overtaken_when_its_link_ends(program: Any, heard: bool) -> None:
    """The slot of a link that ends goes to the next link, not to whoever waited before it became ready."""
    for _ in range(3):  # Trio shuffles
        STARTS.clear()
        value, makespan = run(program, limit=2, sinks=[lambda event: None] if heard else [])
        assert value == ["o0", "o1", "o2", "o3", "o4", "c4"]
        assert makespan == pytest.approx(5)
        assert [name for _, name in sorted(STARTS) if name[0] == "c"] == ["c0", "c1", "c2", "c3", "c4"]
        assert [at for at, name in STARTS if name[0] == "c"] == pytest.approx([0, 1, 2, 3, 4])


@pytest.mark.parametrize("heard", [False, True])
def test_equals_start_in_the_order_of_the_lines(heard: bool) -> None:
    for _ in range(3):
        STARTS.clear()
        run(chain_with_options, limit=1, sinks=[lambda event: None] if heard else [])
        assert [name for _, name in STARTS if name[0] == "o"] == ["o0", "o1", "o2", "o3", "o4"]


@flow
def unequal() -> list[str]:
    a = spend("a", 1)
    b = spend("b", 2)
    c = spend("c", 6)
    d = spend("d", 3)
    return [a, b, c, d]


def test_a_profile_decides_the_order() -> None:
    ids = [step.id for step in unequal.plan().steps if step.kind == "call"]
    profile = dict(zip(ids, (1.0, 2.0, 6.0, 3.0), strict=True))
    _, makespan = run(unequal, limit=2, profile=profile)
    assert makespan == pytest.approx(6)
    assert [name for _, name in sorted(STARTS)] == ["c", "d", "b", "a"]
    _, without = run(unequal, limit=2)
    assert without == pytest.approx(7)


def test_what_the_profile_does_not_know_counts_as_an_average_call() -> None:
    ids = [step.id for step in unequal.plan().steps if step.kind == "call"]
    run(unequal, limit=1, profile={ids[0]: 1.0, ids[2]: 6.0, "of another flow": 2.0})
    assert [name for _, name in STARTS] == ["c", "b", "d", "a"]


def test_a_profile_is_taken_when_the_engine_is_made() -> None:
    ids = [step.id for step in unequal.plan().steps if step.kind == "call"]
    profile = {ids[0]: 1.0, ids[3]: 9.0}
    engine = Engine(limit=1, profile=profile, clock=MockClock(autojump_threshold=0))
    profile.clear()
    engine.run(unequal)
    assert STARTS[0][1] == "d"


@flow
def short(name: str) -> str:
    x = spend(name + "0", 1)
    y = spend(name + "1", 1)
    return spend(name + "2", 1, x, y)


@flow
def two_flows() -> list[str]:
    a = short("a")
    b = short("b")
    c = spend("c", 1, b)
    d = spend("d", 1, c)
    e = spend("e", 1, d)
    return [a, e]


@flow
def two_flows_of_their_own() -> list[str]:
    a = short.options(timeout=99)("a")
    b = short.options(timeout=99)("b")
    c = spend("c", 1, b)
    d = spend("d", 1, c)
    e = spend("e", 1, d)
    return [a, e]


@pytest.mark.parametrize("program", [two_flows, two_flows_of_their_own], ids=["inlined", "nested"])
@pytest.mark.parametrize("heard", [False, True])
def test_calls_in_a_flow_count_what_comes_after_it(program: Any, heard: bool) -> None:
    _, makespan = run(program, limit=2, sinks=[lambda event: None] if heard else [])
    assert sorted(STARTS)[:3] == [(0, "b0"), (0, "b1"), (1, "a0")]
    assert makespan == pytest.approx(5)


@flow
def tries_again() -> list[str]:
    first = flaky.options(retry=Retry(1, backoff=1, jitter=False))("first", 1, 1)
    second = spend("second", 1)
    return [first, second]


@pytest.mark.parametrize("heard", [False, True])
def test_a_pause_between_attempts_holds_no_slot(heard: bool) -> None:
    _, makespan = run(tries_again, limit=1, sinks=[lambda event: None] if heard else [])
    assert [name for _, name in STARTS] == ["first", "second", "first"]
    assert makespan == pytest.approx(3)


@flow
def fails_while_others_queue() -> list[str]:
    a = spend("a", 1)
    b = flaky("b", 1, 9)
    c = spend("c", 1)
    d = spend("d", 1)
    return [a, b, c, d]


@flow
def caught() -> list[str]:
    try:
        found = fails_while_others_queue.options(retry=1)()
    except ValueError:
        found = []
    x = spend("x", 1, found)
    y = spend("y", 1, found)
    return [x, y, *found]


@pytest.mark.parametrize("limit", [1, 2, 3])
@pytest.mark.parametrize("heard", [False, True])
def test_what_waits_in_a_failed_block_gives_its_turn_up(limit: int, heard: bool) -> None:
    """No slot is lost and none is found: the rest of the run has exactly as many as before."""
    value, makespan = run(caught, limit=limit, sinks=[lambda event: None] if heard else [])
    assert value == ["x", "y"]
    before = min(at for at, name in STARTS if name in "xy")
    assert makespan - before == pytest.approx(2 if limit == 1 else 1)


@flow
def cut() -> list[str]:
    try:
        found = fails_while_others_queue.options(timeout=0.5)()
    except TimeoutError:
        found = []
    x = spend("x", 1, found)
    y = spend("y", 1, found)
    return [x, y, *found]


@flow
def cut_in_a_pause() -> list[str]:
    try:
        found = tries_slowly.options(timeout=2)()
    except TimeoutError:
        found = []
    x = spend("x", 1, found)
    y = spend("y", 1, found)
    return [x, y, *found]


@flow
def tries_slowly() -> list[str]:
    a = flaky.options(retry=Retry(1, backoff=100, max=60, jitter=False))("a", 1, 9)
    b = flaky.options(retry=Retry(9, backoff=10, max=60, jitter=False))("b", 0.5, 9)
    return [a, b]


@pytest.mark.parametrize("program", [cut, cut_in_a_pause])
@pytest.mark.parametrize("limit", [1, 2, 3])
def test_what_is_cut_gives_its_slot_back_once(program: Any, limit: int) -> None:
    value, makespan = run(program, limit=limit)
    assert value == ["x", "y"]
    before = min(at for at, name in STARTS if name in "xy")
    assert makespan - before == pytest.approx(2 if limit == 1 else 1)


@flow
def fails_at_last() -> list[str]:
    a = spend("a", 5)
    b = flaky("b", 1, 9)
    c = spend("c", 1)
    d = spend("d", 1)
    return [a, b, c, d]


@pytest.mark.parametrize("heard", [False, True])
def test_what_stands_in_line_does_not_start_after_a_failure(heard: bool) -> None:
    """The failure is known at once, but it may leave the block only when the earlier step has ended."""
    with pytest.raises(ValueError, match="b"):
        run(fails_at_last, limit=2, sinks=[lambda event: None] if heard else [])
    assert sorted(name for _, name in STARTS) == ["a", "b"]


@flow
def one_moment() -> list[str]:
    a = spend("a", 1)
    b = spend("b", 1)
    low0 = spend("low0", 1, a)
    low1 = spend("low1", 1, a)
    high0 = spend("high0", 1, b)
    high1 = spend("high1", 1, b)
    end0 = spend("end0", 1, high0)
    end1 = spend("end1", 1, high1)
    return [low0, low1, end0, end1]


@pytest.mark.parametrize("heard", [False, True])
def test_what_becomes_ready_in_one_moment_is_ready_before_any_of_it_starts(heard: bool) -> None:
    """Whichever of two steps that end at once is looked at first."""
    for _ in range(8):  # Trio shuffles
        STARTS.clear()
        _, makespan = run(one_moment, limit=2, sinks=[lambda event: None] if heard else [])
        assert {name for at, name in STARTS if at == 1} == {"high0", "high1"}
        assert makespan == pytest.approx(4)


@flow
def equals() -> list[str]:
    late = spend("late", 2)
    c = spend("c", 1, late)
    early = spend("early", 1)
    d = spend("d", 2, early)
    e = spend("e", 1, early)
    return [c, d, e]


def test_of_equals_the_first_line_goes_first_though_it_is_ready_last() -> None:
    ids = [step.id for step in equals.plan().steps if step.kind == "call"]
    run(equals, limit=2, profile=dict(zip(ids, (2.0, 1.0, 1.0, 2.0, 1.0), strict=True)))
    assert [name for _, name in STARTS] == ["late", "early", "d", "c", "e"]
