"""Errors that are no failures (exits, cancellation, groups) on their way out of every kind of block."""

from __future__ import annotations

import sys
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, collect, flow, node, parallel, race


@node(reads="r")
async def read(x: Any, after: float = 0) -> Any:
    await trio.sleep(after)
    return x


@node(reads="r")
def leaves_in_a_thread(x: int) -> int:
    sys.exit(x)


@node(reads="r")
async def leaves_on_the_loop(x: int) -> int:
    sys.exit(x)


@node(reads="r", runs="loop")
def leaves_in_place(x: int) -> int:
    sys.exit(x)


@flow
def in_a_table(x: int) -> int:
    a = read(1)
    b = read(2)
    try:
        c = leaves_in_a_thread(x)
    except ValueError:
        c = 0
    return a + b + c


@flow
def in_passes(x: int) -> Any:
    return collect(leaves_on_the_loop(y) for y in parallel([x, x], limit=2))


@flow
def in_lanes(x: int) -> Any:
    return collect(leaves_in_a_thread(y) for y in parallel([x, x], limit=2))


@flow
def in_arms(x: int) -> Any:
    with parallel():
        a = leaves_in_place(x)
        b = read(1, 5)
    return a + b


@flow
def in_a_race(x: int) -> Any:
    return race(leaves_on_the_loop(x), read(1, 5))


@flow
def under_a_default(x: int) -> Any:
    return leaves_on_the_loop.options(default=1, retry=3)(x)


@pytest.mark.parametrize("program", [in_a_table, in_passes, in_lanes, in_arms, in_a_race, under_a_default])
def test_an_exit_is_an_exit(program: Any) -> None:
    with pytest.raises(SystemExit) as caught:
        Engine(clock=MockClock(autojump_threshold=0)).run(program, 3)
    assert caught.value.code == 3


@node(reads="r")
async def groups(x: int) -> int:
    async def one(error: BaseException) -> None:
        raise error

    async with trio.open_nursery() as nursery:
        nursery.start_soon(one, ValueError(x))
        nursery.start_soon(one, KeyError(x))
    return x


@flow
def raises_a_group(x: int) -> int:
    a = read(1)
    b = read(2)
    return groups(a + b + x)


def test_a_group_of_a_node_is_its_own_error() -> None:
    with pytest.raises(ExceptionGroup) as caught:
        raises_a_group.run(1)
    assert caught.value.__cflow__.node == "groups"  # type: ignore[attr-defined]


@node(reads="r")
async def cuts_its_own(x: int) -> int:
    with trio.CancelScope() as scope:
        scope.cancel()
        await trio.sleep(1)
    with trio.move_on_after(1):
        await trio.sleep(5)
    return x


@flow
def cuts(xs: list[int]) -> list[int]:
    a = cuts_its_own(1)
    b = cuts_its_own(2)
    return [a, b, *[cuts_its_own(x) for x in parallel(xs)]]


def test_a_node_may_cancel_its_own_work() -> None:
    assert Engine(clock=MockClock(autojump_threshold=0)).run(cuts, [3, 4]) == [1, 2, 3, 4]


LOG: list[int] = []


@node(writes="w")
def put(x: int) -> int:
    LOG.append(x)
    if x == 0:
        GO.append(1)
        while not STOP:
            pass
    return x


GO: list[int] = []
STOP: list[int] = []


@flow
def puts(xs: list[int]) -> Any:
    return collect(put(x) for x in parallel(xs, limit=1))


def test_cancelled_lanes_of_writers_end_the_run() -> None:
    found: list[Any] = []

    async def main() -> None:
        async with trio.open_nursery() as nursery:

            async def one() -> None:
                found.append(await puts.start([0, 1, 2, 3]))

            nursery.start_soon(one)
            while not GO:
                await trio.sleep(0.001)
            nursery.cancel_scope.cancel()
            STOP.append(1)

    trio.run(main)
    assert found == []
    assert LOG == [0]
