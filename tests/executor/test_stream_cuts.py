"""A stream that is cut, or that fails: who ends first, and with what error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from cflow import Engine, buffered, flow, node, parallel, timeout

LOG: list[str] = []


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()


@node(writes="w")
async def shielded(x: str) -> str:
    """A writer that cannot be cut."""
    LOG.append(f"{x} begins")
    with trio.CancelScope(shield=True):
        await trio.sleep(5)
    LOG.append(x)
    return x


@node(writes="w")
async def write(x: str) -> str:
    LOG.append(x)
    return x


@node(writes="log")
async def close(x: str) -> None:
    LOG.append(f"close {x}")


async def _cancelled(program: Any) -> None:
    with trio.move_on_after(1):
        await Engine().start(program)


def cancelled(program: Any) -> list[str]:
    trio.run(_cancelled, program, clock=MockClock(autojump_threshold=0))
    return LOG


@flow
def source() -> Iterator[str]:
    try:
        for x in ["a", "b", "c"]:
            yield f"{x}"
    finally:
        close("source")


@flow
def cut_in_its_consumer() -> None:
    for x in source():
        shielded(x)


@flow
def cut_in_its_passes() -> None:
    for x in parallel(source(), limit=1):
        shielded(x)


@flow
def cut_behind_a_buffer() -> None:
    for x in buffered(source(), 1):
        shielded(x)


@pytest.mark.parametrize("program", [cut_in_its_consumer, cut_in_its_passes, cut_behind_a_buffer])
def test_a_stream_flow_ends_after_its_consumer(program: Any) -> None:
    assert cancelled(program) == ["a begins", "a", "close source"]


@flow
def slow_source() -> Iterator[str]:
    try:
        yield shielded("item")
    finally:
        close("source")


@flow
def cut_in_its_source() -> None:
    try:
        for x in slow_source():
            write(x)
    finally:
        close("consumer")


def test_a_consumer_ends_after_the_stream_flow_that_was_cut() -> None:
    assert cancelled(cut_in_its_source) == ["item begins", "item", "close source", "close consumer"]


@flow
def with_a_clock_of_its_own() -> Iterator[str]:
    try:
        with timeout(1):
            yield "a"
            yield "b"
    except TimeoutError:
        close("source")
        yield "late"


@flow
def slow_consumer() -> None:
    for x in with_a_clock_of_its_own():
        shielded(x)


def test_a_timeout_in_a_stream_flow_waits_for_the_next_ask() -> None:
    Engine(clock=MockClock(autojump_threshold=0)).run(slow_consumer)
    assert LOG == ["a begins", "a", "close source", "late begins", "late"]


@node(reads="s")
async def two_errors() -> AsyncIterator[int]:
    yield 1
    raise ExceptionGroup("two things", [ValueError("a"), TypeError("b")])


@flow
def buffered_errors() -> None:
    for _ in buffered(two_errors(), 2):
        pass


@flow
def errors_in_the_body() -> None:
    for x in buffered(source(), 2):
        two_things(x)


@node(writes="w")
async def two_things(x: str) -> None:
    raise ExceptionGroup("two things", [ValueError(x), TypeError(x)])


@pytest.mark.parametrize("program", [buffered_errors, errors_in_the_body])
def test_a_group_that_a_node_raises_is_kept(program: Any) -> None:
    with pytest.raises(ExceptionGroup, match="two things") as caught:
        Engine(clock=MockClock(autojump_threshold=0)).run(program)
    assert [type(e) for e in caught.value.exceptions] == [ValueError, TypeError]
