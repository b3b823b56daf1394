"""After every way in which a run can end, nothing of it is left: no task, no call in a thread, no child process."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import trio
import trio.testing

import cflow
from cflow import flow, node, parallel, race, timeout, transaction


class Living:
    """How many calls of the nodes below are in progress, and how many streams are open."""

    def __init__(self) -> None:
        self.calls = 0
        self.streams = 0
        self.log: list[str] = []

    def __enter__(self) -> None:
        self.calls += 1

    def __exit__(self, *exc: object) -> None:
        self.calls -= 1


LIVING = Living()


class Broken(Exception):
    pass


@node(reads="x")
async def read(n: float) -> float:
    with LIVING:
        await trio.sleep(n)
        return n


@node(reads="y")
async def fail(n: float) -> float:
    with LIVING:
        await trio.sleep(n)
        raise Broken(n)


@node(writes="w")
async def unwrite(n: float) -> None:
    with LIVING:
        await trio.sleep(1)
        LIVING.log.append(f"undone {n}")


@node(writes="w", undo=unwrite)
async def write(n: float) -> float:
    with LIVING:
        await trio.sleep(n)
        LIVING.log.append(f"wrote {n}")
        return n


@node(reads="s")
async def endless() -> AsyncIterator[int]:
    LIVING.streams += 1
    try:
        i = 0
        while True:
            await trio.sleep(1)
            yield i
            i += 1
    finally:
        LIVING.streams -= 1


@flow
def fan(n: int) -> int:
    return len([read(x % 7) for x in parallel(range(n), limit=50)])


@flow
def success() -> float:
    a = read(2)
    b = read(1)
    write(1)
    return a + b + fan(100)


@flow
def failure() -> float:
    a = read(2)
    b = fan(100)
    c = fail(1)
    d = read(100)
    return a + b + c + d


@flow
def late() -> float:
    with timeout(5):
        a = fan(1000)
        b = read(100)
    return a + b


@flow
def racing() -> float:
    return race(read(1), fan(1000), write(50), fail(0.5))


@flow
def rolled_back() -> float:
    with transaction():
        write(1)
        write(2)
        return fail(1)


@flow
def broken_stream() -> int:
    last = 0
    for i in endless():
        last = i
        if i == 3:
            break
    return last


@flow
def failing_stream() -> int:
    last = 0
    for i in endless():
        last = i
        if i == 3:
            fail(0)
    return last


@flow
def first_three() -> list[float]:
    return [read(x) for x in parallel(range(100), limit=100, take=3)]


@flow
def in_parallel() -> float:
    with parallel():
        a = read(100)
        b = fail(50)
        c = fan(1000)
    return a + b + c


@flow
def nested(n: int) -> float:
    if n == 0:
        return fail(3)
    a = read(n)
    return a + nested(n - 1)


def children() -> set[str]:
    found: set[str] = set()
    for path in Path("/proc/self/task").glob("*/children"):
        found.update(path.read_text().split())
    return found


async def tasks_after(body: Callable[[Any], Any]) -> int:
    """How many more tasks live after ``body(engine)`` than before it."""
    engine = cflow.Engine()
    before = trio.lowlevel.current_statistics().tasks_living
    await body(engine)
    # What ends now may take a turn of the loop to be gone from the books.
    for _ in range(5):
        await trio.lowlevel.checkpoint()
    return trio.lowlevel.current_statistics().tasks_living - before


def hold(body: Callable[[Any], Any]) -> None:
    LIVING.__init__()  # type: ignore[misc]
    processes = children()
    assert trio.run(tasks_after, body, clock=trio.testing.MockClock(autojump_threshold=0)) == 0
    assert LIVING.calls == 0
    assert LIVING.streams == 0
    assert children() == processes


@pytest.mark.parametrize(
    ("program", "inputs", "error"),
    [
        (success, {}, None),
        (failure, {}, Broken),
        (late, {}, TimeoutError),
        (racing, {}, None),
        (rolled_back, {}, Broken),
        (broken_stream, {}, None),
        (failing_stream, {}, Broken),
        (first_three, {}, None),
        (in_parallel, {}, Broken),
        (nested, {"n": 20}, Broken),
    ],
    ids=lambda p: getattr(p, "__name__", ""),
)
def test_nothing_is_left_when_a_run_has_ended(
    program: Any, inputs: dict[str, Any], error: type[Exception] | None
) -> None:
    async def body(engine: Any) -> None:
        if error is None:
            await engine.start(program, **inputs)
        else:
            with pytest.raises(error):
                await engine.start(program, **inputs)

    hold(body)


@pytest.mark.parametrize(
    "program", [success, failure, racing, rolled_back, broken_stream, in_parallel], ids=lambda p: p.__name__
)
@pytest.mark.parametrize("at", [0.1, 1.5, 2.5])
def test_nothing_is_left_when_a_run_is_cancelled(program: Any, at: float) -> None:
    async def body(engine: Any) -> None:
        with trio.move_on_after(at):
            try:
                await engine.start(program)
            except Broken:
                pass

    hold(body)


def test_cancelled_in_a_transaction_everything_done_is_undone() -> None:
    async def body(engine: Any) -> None:
        with trio.move_on_after(2.5) as scope:
            await engine.start(rolled_back)
        assert scope.cancelled_caught

    hold(body)
    assert LIVING.log == ["wrote 1", "undone 1"]


def test_many_runs_at_once_leave_nothing() -> None:
    async def body(engine: Any) -> None:
        async def one(program: Any) -> None:
            with trio.move_on_after(4):
                try:
                    await engine.start(program)
                except Broken:
                    pass

        async with trio.open_nursery() as nursery:
            for program in (success, failure, racing, rolled_back, in_parallel) * 10:
                nursery.start_soon(one, program)

    hold(body)


# ---- threads -------------------------------------------------------------------------------------

RELEASE = threading.Event()
INSIDE = 0


@node(reads="x", runs="thread")
def blocking(seconds: float) -> int:
    global INSIDE
    INSIDE += 1
    try:
        RELEASE.wait(seconds)
        return 1
    finally:
        INSIDE -= 1


@node(writes="x", runs="thread")
def blocking_write(seconds: float) -> int:
    return blocking.fn(seconds)


@flow
def threads(n: int) -> int:
    return len([blocking(0.01) for _ in parallel(range(n), limit=8)])


@flow
def stuck_writer() -> int:
    with timeout(0.05):
        return blocking_write(0.2)


@flow
def stuck_reader() -> int:
    with timeout(0.05):
        return blocking(30)


def test_no_thread_is_busy_after_a_run() -> None:
    assert threads.run(40) == 40
    assert INSIDE == 0


def test_a_writer_in_a_thread_is_waited_for() -> None:
    with pytest.raises(TimeoutError):
        stuck_writer.run()
    assert INSIDE == 0


def test_a_reader_stuck_in_a_thread_is_left_behind_and_nothing_else() -> None:
    try:
        with pytest.raises(TimeoutError):
            stuck_reader.run()
        assert INSIDE == 1
    finally:
        RELEASE.set()
