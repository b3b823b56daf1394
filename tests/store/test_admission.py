"""The rules of queues, in virtual time: shares, no waiting for ever, limits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings, strategies as st
from queue_model import Line, window

from cflow.store.admission import AGING, Head, next_of, places, round_of

KEYS = st.sampled_from("abc")


# ---- how many ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("concurrency", "taken", "rate", "starts", "expected"),
    [
        (None, 5, "", (), math.inf),
        (3, 0, "", (), 3),
        (3, 2, "", (), 1),
        (3, 4, "", (), 0),  # it was more before
        (None, 0, "2/s", (), 2),
        (None, 0, "2/s", (99.5,), 1),
        (None, 0, "2/s", (99.5, 99.9), 0),
        (None, 0, "2/s", (99.0, 99.5), 1),  # a period later there is a place again
        (1, 0, "2/s", (), 1),
        (5, 0, "2/s", (99.9,), 1),
        (None, 0, "2/s", (100.7, 100.8), 0),  # the clock was set back a little
        (None, 0, "2/s", (3700.0, 3700.5), 2),  # by an hour: nobody waits for that
    ],
)
def test_places(concurrency: int | None, taken: int, rate: str, starts: tuple[float, ...], expected: float) -> None:
    assert places(concurrency, taken, rate, starts, 100.0) == expected


@settings(deadline=None)
@given(
    calls=st.integers(1, 5),
    period=st.integers(1, 20),
    steps=st.lists(st.tuples(st.integers(0, 15), st.integers(1, 4)), max_size=60),
)
def test_a_rate_is_never_exceeded_and_always_used(calls: int, period: int, steps: list[tuple[int, int]]) -> None:
    """In every period, not only in those that begin with a full hour; and who may begin, begins."""
    starts: list[float] = []
    now = 0.0
    for pause, wanted in steps:
        now += pause
        begin = min(wanted, places(None, 0, f"{calls}/{period}s", starts[-calls:], now))
        starts += [now] * int(begin)
        assert window(starts, now, period) <= calls
        assert begin == wanted or window(starts, now, period) == calls
    assert all(window(starts, start, period) <= calls for start in starts)


# ---- who ---------------------------------------------------------------------------------------------------------


def test_keys_take_turns_however_many_runs_one_has() -> None:
    line = Line()
    for number in range(5):
        line.join(f"big{number}", key="big")
    line.join("small0", key="small")
    line.join("small1", key="small")
    assert [line.next() for _ in range(7)] == ["big0", "small0", "big1", "small1", "big2", "big3", "big4"]


def test_who_comes_late_begins_with_the_others_and_has_nothing_in_reserve() -> None:
    line = Line()
    for number in range(6):
        line.join(f"a{number}", key="a")
    assert [line.next() for _ in range(3)] == ["a0", "a1", "a2"]
    for number in range(3):
        line.join(f"b{number}", key="b")
    assert [line.next() for _ in range(6)] == ["a3", "b0", "a4", "b1", "a5", "b2"]


@settings(deadline=None)
@given(st.lists(st.one_of(KEYS, st.none()), max_size=200))
def test_of_keys_that_wait_all_the_time_each_has_its_share(steps: list[str | None]) -> None:
    """A letter joins the line, None is a free place. Between any two moments between which two keys waited all the
    while, they have begun equally often, but for two: theorem 1 of start-time fair queueing."""
    line = Line()
    history: list[tuple[dict[str, int], set[str]]] = []
    begun = dict.fromkeys("abc", 0)
    for step in steps:
        if step is not None:
            line.join(f"{step}{line.count}", key=step)
        elif line.turns:
            begun[line.next()[0]] += 1
        history.append((dict(begun), {turn.key for turn in line.turns}))
    for one, other in ("ab", "ac", "bc"):
        start = 0
        for number, (counts, waiting) in enumerate(history):
            if not {one, other} <= waiting:
                start = number + 1
                continue
            for earlier, _ in history[start:number]:
                assert abs((counts[one] - earlier[one]) - (counts[other] - earlier[other])) <= 2


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), KEYS, st.floats(0, 100), st.booleans()), max_size=100))
def test_those_of_one_key_and_priority_begin_in_the_order_in_which_they_came(
    steps: list[tuple[int, str, float, bool]],
) -> None:
    line = Line()
    begun: list[str] = []
    came: dict[tuple[int, str], list[str]] = {}
    now = 0.0
    for priority, key, pause, joins in steps:
        now += pause
        if joins:
            run = f"{priority}{key}{line.count}"
            line.join(run, priority, key, now)
            came.setdefault((priority, key), []).append(run)
        elif line.turns:
            begun.append(line.next())
    for (priority, key), runs in came.items():
        own = [run for run in begun if run.startswith(f"{priority}{key}")]
        assert own == runs[: len(own)]


def test_the_higher_priority_begins_first() -> None:
    line = Line()
    for number, priority in enumerate((0, 5, -1, 5, 9)):
        line.join(f"{priority}.{number}", priority)
    assert [line.next() for _ in range(5)] == ["9.4", "5.1", "5.3", "0.0", "-1.2"]


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 3), st.floats(2.0, 30.0))
def test_nobody_waits_for_ever(step: int, pause: float) -> None:
    """Against a flood of a higher priority that leaves no place unused: all that begin before it came at most a minute
    a step of priority after it."""
    line = Line()
    line.join("low", 0, "low", 0.0)
    came = {}
    now, begun = 0.0, ""
    while begun != "low":
        for _ in range(2):  # more come than begin
            now += pause / 2
            came[line.count] = now
            line.join(f"high{line.count}", step, "high", now)
        begun = line.next()
        if begun != "low":
            assert came[int(begun.removeprefix("high"))] <= AGING * step
        assert line.count < 10_000


def test_who_is_in_front_of_whom_does_not_change_with_time() -> None:
    """So the line needs no sorting anew: only who is in front of each priority is looked at."""
    heads = [Head(0, 0.0, 1), Head(1, 59.0, 2), Head(2, 121.0, 3)]
    assert next_of(heads).run == 2
    assert next_of([heads[0], heads[2]]).run == 1
    assert next_of([Head(0, 0.0, 2), Head(1, AGING, 1)]).run == 1  # as good: the older one


def test_rounds_begin_anew_where_nobody_waits() -> None:
    assert round_of(None, None) == 0
    assert round_of(7, None) == 7
    assert round_of(7, 9) == 10
