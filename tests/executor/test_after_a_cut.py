"""Once a timeout has struck, a race is decided or a run is cancelled, nothing starts in what was cut; what had to be
waited for counts: its name is seen, its undo is owed."""

from __future__ import annotations

import contextlib
import time
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, collect, flow, node, parallel, race, transaction

LOG: list[str] = []
SCOPES: list[trio.CancelScope] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    SCOPES.clear()


@node(writes="w")
async def undo(x: str) -> None:
    LOG.append(f"undo {x}")


@node(writes="w", undo=undo, runs="thread")
def stubborn(x: str) -> str:
    """A writer in a thread that lasts until it is cut, and then completes."""
    with contextlib.suppress(trio.Cancelled):
        while True:
            trio.from_thread.check_cancelled()
            time.sleep(0.001)
    LOG.append(x)
    return x


@node(writes="w", undo=undo)
async def shielded(x: str) -> str:
    """The same on the loop."""
    LOG.append(f"{x} begins")
    with trio.CancelScope(shield=True):
        await trio.sleep(5)
    LOG.append(x)
    return x


@node(writes="w", undo=undo)
async def write(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w", undo=undo, runs="loop")
def write_in_place(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="w", undo=undo, runs="loop")
def cut_me(x: str) -> str:
    """A quick writer during which somebody else cuts the run."""
    LOG.append(x)
    SCOPES[0].cancel()
    return x


@node(reads="r")
async def look(length: float = 0.0) -> int:
    await trio.sleep(length)
    return 1


@node(writes="log")
async def close(x: str | None) -> None:
    LOG.append(f"close {x}")


async def _cancelled(program: Any, after: float) -> None:
    with trio.move_on_after(after) as scope:
        SCOPES.append(scope)
        await Engine().start(program)


def cancelled(program: Any, after: float = 1.0) -> list[str]:
    trio.run(_cancelled, program, after, clock=MockClock(autojump_threshold=0))
    return LOG


def timed_out(program: Any) -> list[str]:
    with pytest.raises(TimeoutError):
        Engine(clock=MockClock(autojump_threshold=0)).run(program)
    return LOG


# ---- nothing starts ------------------------------------------------------------------------------


@flow
def a_transaction() -> str:
    with transaction(timeout=1):
        stubborn("a")
        write("b")
    return "ok"


@flow
def in_place() -> str:
    with transaction(timeout=1):
        stubborn("a")
        write_in_place("b")
    return "ok"


@flow
def beside_a_read() -> str:
    with transaction(timeout=1):
        x = look(0.5)
        stubborn("a")
        write_in_place("b")
        write(f"{x}")
    return "ok"


@flow
def in_a_loop() -> None:
    with transaction(timeout=1):
        for i in range(3):
            if i:
                write("b")
            stubborn("a")


@flow
def in_a_loop_that_goes_on() -> None:
    with transaction(timeout=1):
        for i in range(3):
            if i == 0:
                stubborn("a")
                continue
            write("b")


@flow
def in_passes() -> None:
    with transaction(timeout=1):
        for i in parallel(range(3), limit=1):
            if i:
                write("b")
            else:
                stubborn("a")


@flow
def sub() -> str:
    return stubborn("a")


@flow
def after_a_flow() -> None:
    with transaction(timeout=1):
        sub()
        write("b")


@flow
def after_arms() -> None:
    with transaction(timeout=1):
        with parallel():
            stubborn("a")
            look()
        write("b")


@flow
def after_a_branch() -> None:
    with transaction(timeout=1):
        if look():
            stubborn("a")
        write("b")


@flow
def with_a_default() -> None:
    with transaction(timeout=1):
        stubborn.options(default="x")("a")
        write("b")


PROGRAMS = [
    a_transaction,
    in_place,
    beside_a_read,
    in_a_loop,
    in_a_loop_that_goes_on,
    in_passes,
    after_a_flow,
    after_arms,
    after_a_branch,
    with_a_default,
]


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_starts_after_a_timeout(program: Any) -> None:
    assert timed_out(program) == ["a", "undo a"]


@flow
def arm() -> str:
    stubborn("a")
    return write("b")


@flow
def a_race() -> str:
    with transaction():
        race(arm(), close_soon())
    return "ok"


@flow
def close_soon() -> str:
    look(1.0)
    return "fast"


def test_nothing_starts_once_a_race_is_decided() -> None:
    assert Engine(clock=MockClock(autojump_threshold=0)).run(a_race) == "ok"
    assert LOG == ["a", "undo a"]


@flow
def decided_at_once() -> str:
    return race(write("a"), write("b"))


def test_an_arm_that_has_not_begun_when_the_race_is_decided_never_begins() -> None:
    assert Engine(clock=MockClock(autojump_threshold=0)).run(decided_at_once) == "a"
    assert LOG == ["a"]


@flow
def behind_a_finally() -> None:
    try:
        look()
    finally:
        shielded("a")
    write("b")


def test_nothing_starts_when_the_cut_came_during_a_finally() -> None:
    assert cancelled(behind_a_finally) == ["a begins", "a"]


@flow
def behind_collected_failures() -> list[str]:
    done = collect(failing(x) for x in parallel(["a", "b"], limit=1))
    return done.ok


@node(writes="w", runs="thread")
def failing(x: str) -> str:
    stubborn.fn(x)
    raise ValueError(x)


def test_an_error_after_the_cut_is_not_for_the_next_pass() -> None:
    assert cancelled(behind_collected_failures) == ["a"]


# ---- names ---------------------------------------------------------------------------------------


@flow
def late_result() -> None:
    conn = None
    try:
        conn = stubborn("a")
        write("b")
    finally:
        close(conn)


@flow
def late_result_beside_a_read() -> None:
    conn = None
    try:
        x = look()
        conn = stubborn("a")
        write(f"{x}")
    finally:
        close(conn)


@flow
def late_result_of_a_flow() -> None:
    conn = None
    try:
        conn = sub()
        write("b")
    finally:
        close(conn)


@flow
def cut_in_place() -> None:
    conn = None
    try:
        conn = cut_me("a")
        write("b")
    finally:
        close(conn)


@flow
def cut_in_place_beside_a_read() -> None:
    conn = None
    try:
        look()
        conn = cut_me("a")
        look(5.0)
    finally:
        close(conn)


@pytest.mark.parametrize(
    "program", [late_result, late_result_beside_a_read, late_result_of_a_flow, cut_in_place, cut_in_place_beside_a_read]
)
def test_what_was_waited_for_has_its_name(program: Any) -> None:
    assert cancelled(program) == ["a", "close a"]


@flow
def last_in_a_transaction() -> str:
    with transaction():
        write("first")
        return shielded("last")


@flow
def last_in_a_thread() -> str:
    with transaction():
        write("first")
        return stubborn("last")


@pytest.mark.parametrize("program", [last_in_a_transaction, last_in_a_thread])
def test_a_transaction_that_was_cut_in_its_last_step_does_not_commit(program: Any) -> None:
    async def main() -> bool:
        with trio.move_on_after(0.05) as scope:
            await Engine().start(program)
        return scope.cancelled_caught

    assert trio.run(main, clock=MockClock(autojump_threshold=0) if program is last_in_a_transaction else None)
    assert [x for x in LOG if "begins" not in x] == ["first", "last", "undo last", "undo first"]


@node(writes="world")
async def held(x: int) -> int:
    """The first cannot be cut, the others wait."""
    with trio.CancelScope(shield=x == 0):
        await trio.sleep(2 if x == 0 else 10)
    return x


@flow
def some_cut() -> list[int]:
    return [held(x) for x in parallel(range(3))]


def test_passes_that_were_cut_are_missed_though_the_first_came_to_its_end() -> None:
    """They end without a word, while the task that opened the loop is behind a shield."""

    async def main() -> list[int] | None:
        with trio.move_on_after(1):
            return await some_cut.start()
        return None

    assert trio.run(main, clock=MockClock(autojump_threshold=0)) is None
