"""``runs="asyncio"``: nodes on one shared asyncio loop, cut and closed as Trio's own are."""

from __future__ import annotations

import asyncio
import contextvars
import threading
from collections.abc import AsyncIterator, Iterator

import pytest
import trio

from cflow import context, flow, node, parallel, race, sleep
from cflow.runtimes.aio import LOOP
from cflow.runtimes.port import NodeCrashed
from cflow.testing import attempt

LOG: list[str] = []
PLACE: contextvars.ContextVar[str] = contextvars.ContextVar("place", default="nowhere")


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


@pytest.fixture(autouse=True, scope="module")
def _loop_ends() -> Iterator[None]:
    yield
    LOOP.close()
    assert not [t for t in threading.enumerate() if t.name == "cflow-asyncio"]


class Broken(Exception):
    pass


@node(reads="a", runs="asyncio")
async def where() -> tuple[int, str, str]:
    await asyncio.sleep(0)
    before = PLACE.get()
    PLACE.set("inside")
    return id(asyncio.get_running_loop()), before, context().node


@node(reads="a", runs="asyncio")
async def meet(barrier: asyncio.Barrier) -> int:
    return await barrier.wait()


@node(reads="a", runs="asyncio")
async def hang(mark: str) -> str:
    LOG.append(f"{mark} begins")
    try:
        await asyncio.sleep(1000)
    finally:
        await asyncio.sleep(0)
        LOG.append(f"{mark} ends")
    return "never"


@node(reads="a", runs="asyncio")
async def fail(how: str) -> None:
    await asyncio.sleep(0)
    if how == "cancel":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(0)
    raise Broken(how)


@node(reads="a", runs="asyncio")
async def stubborn() -> str:
    try:
        await asyncio.sleep(1000)
    except asyncio.CancelledError:
        return "done all the same"
    return "?"


@node(reads="a", runs="asyncio")
async def numbers(n: int) -> AsyncIterator[int]:
    task = asyncio.current_task()
    try:
        async with asyncio.timeout(1000):
            for x in range(n):
                assert asyncio.current_task() is task
                LOG.append(f"make {x}")
                yield x
                await asyncio.sleep(0)
        raise Broken("at the end")
    finally:
        LOG.append("closed")


def test_calls_share_one_loop_and_leave_contextvars_alone() -> None:
    PLACE.set("outside")

    @flow
    def two() -> list[tuple[int, str, str]]:
        return [where() for _ in parallel(range(2), limit=2)]

    (one, before, name), (other, again, _) = two.run()
    assert one == other
    assert (before, again, name) == ("outside", "outside", "where")
    assert PLACE.get() == "outside"
    assert where()[0] == one


def test_calls_overlap() -> None:
    @flow
    def three(barrier: object) -> list[int]:
        return [meet(barrier) for _ in parallel(range(3), limit=3)]  # type: ignore[arg-type]

    assert sorted(three.run(asyncio.Barrier(3))) == [0, 1, 2]


def test_an_error_is_itself() -> None:
    with pytest.raises(Broken, match="as told"):
        fail("as told")


def test_a_task_that_something_else_cancels_has_no_result() -> None:
    with pytest.raises(NodeCrashed, match="fail has no result: its asyncio task was cancelled"):
        fail("cancel")


def test_a_timeout_cancels_the_task_and_waits_for_its_end() -> None:
    with pytest.raises(TimeoutError, match=r"hang took longer than 0\.1 s"):
        hang.options(timeout=0.1)("a")
    assert LOG == ["a begins", "a ends"]


def test_a_lost_race_cancels_it() -> None:
    @flow
    def either() -> str:
        return race(hang("a"), late())

    @node(reads="b")
    async def late() -> str:
        while not LOG:
            await trio.sleep(0.001)
        return "late"

    assert either.run() == "late"
    assert LOG == ["a begins", "a ends"]


def test_one_that_ends_well_although_it_was_cancelled_has_ended_well() -> None:
    with pytest.raises(TimeoutError):  # too late all the same
        stubborn.options(timeout=0.05)()

    async def main() -> str:
        with trio.CancelScope() as scope:
            scope.cancel()
            return await stubborn_flow.start()
        return "cut"

    @flow
    def stubborn_flow() -> str:
        return stubborn()

    assert trio.run(main) == "cut"


def test_a_stream_is_one_task_and_made_item_by_item() -> None:
    @flow
    def some(n: int) -> list[int]:
        found = []
        for x in numbers(n):
            if x == 2:
                break
            found.append(x)
        return found

    assert some.run(100) == [0, 1]
    assert LOG == ["make 0", "make 1", "make 2", "closed"]
    with pytest.raises(Broken, match="at the end"):
        some.run(1)


@node(reads="a", runs="asyncio")
async def closes_badly() -> AsyncIterator[int]:
    try:
        yield 1
        yield 2
    finally:
        raise Broken("while it was closed")


def test_what_a_stream_raises_when_it_is_closed_is_told() -> None:
    @flow
    def first() -> int:
        found = 0
        for x in closes_badly():
            found = x
            break
        return found

    with pytest.raises(Broken, match="while it was closed"):
        first.run()


def test_inside_a_host_of_asyncio_too() -> None:
    @flow
    def one() -> tuple[int, str, str]:
        return where()

    async def main() -> int:
        found = await one.start()
        return found[0]

    assert asyncio.run(main()) == where()[0]


def test_virtual_time_waits_for_it() -> None:
    @flow
    def slow() -> str:
        sleep(1000)
        return where.options(timeout=1)()[2]

    assert attempt(slow).value == "where"
