"""The time limit of a stream, in a run that is broken off: that it was over is on record, and what was cut stays so."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
import trio
from engines_kit import Make
from trio.testing import MockClock

from cflow import context, flow, node, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume

LOG: list[str] = []
STOP: list[str] = []


@pytest.fixture
def engines(engines: Make) -> Make:
    LOG.clear()
    STOP.clear()
    return lambda: engines(clock=MockClock())  # it stands still


def noted(what: str) -> None:
    LOG.append(what)
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")


async def until_over() -> None:
    LOG.append("waits")
    if LOG.count("waits") == 1:
        hour_later()
        await trio.sleep_forever()


def hour_later() -> None:
    clock = trio.lowlevel.current_clock()
    assert isinstance(clock, MockClock)
    clock.jump(3600)


@node(writes="w")
async def unwrite(what: str) -> None:
    await trio.lowlevel.checkpoint()
    noted(f"-{what}")


@node(writes="w", undo=unwrite)
async def write(what: str) -> str:
    await trio.lowlevel.checkpoint()
    noted(what)
    return what


@node(reads="w")
async def waits() -> None:
    """Until its time is over, the first time."""
    await until_over()


@flow
def live() -> Iterator[str]:
    yield write("a")
    with transaction():
        write("b")
        write("c")
        waits()
    yield "not cut"


@flow(timeout=60)
def headed() -> Iterator[str]:
    yield write("a")
    with transaction():
        write("b")
        write("c")
        waits()
    yield "not cut"


@flow
def over_live() -> str:
    try:
        for item in live.options(timeout=60)():
            write(f"got {item}")
    except TimeoutError:
        return write("over")
    return "never cut"


@flow
def over_headed() -> str:
    try:
        for item in headed():
            write(f"got {item}")
    except TimeoutError:
        return write("over")
    return "never cut"


@node(reads="x")
async def items() -> AsyncIterator[str]:
    yield "1"
    await until_over()
    yield "2"


@flow
def over_items() -> str:
    try:
        for item in items.options(timeout=60)():
            write(f"got {item}")
    except TimeoutError:
        return write("over")
    return "never cut"


CUT = ["a", "got a", "b", "c", "waits", "-c", "-b", "over"]


@pytest.mark.parametrize("program", [over_live, over_headed])
@pytest.mark.parametrize("at", CUT[5:])
def test_what_was_cut_stays_so(program: Any, at: str, engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    engine = engines()
    STOP.append(at)
    with pytest.raises(Suspended):
        engine.run(program)
    assert engine.recorder is not None
    (run,) = engine.recorder.store.runs()
    assert CUT[: CUT.index(at) + 1] == LOG
    (row,) = resume(engines(), run.id)
    assert (row.state, row.result) == ("done", b"\xa4over")
    assert LOG == [*CUT[: CUT.index(at) + 1], *CUT[CUT.index(at) :]]  # what was under way is made again
    assert caplog.messages == []


def test_so_does_the_stream_of_a_node(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    engine = engines()
    STOP.append("over")
    with pytest.raises(Suspended):
        engine.run(over_items)
    assert engine.recorder is not None
    (run,) = engine.recorder.store.runs()
    (row,) = resume(engines(), run.id)
    assert (row.state, row.result) == ("done", b"\xa4over")
    assert LOG == ["got 1", "waits", "over", "over"]
    assert caplog.messages == []


def test_the_reader_is_not_cut(engines: Make) -> None:
    @node(writes="w")
    async def slow(item: str) -> str:
        hour_later()
        await trio.lowlevel.checkpoint()
        LOG.append(item)
        return item

    @flow
    def reads() -> list[str]:
        out = []
        try:
            for item in live.options(timeout=60)():
                out.append(slow(item))
        except TimeoutError:
            out.append("over")
        return out

    assert engines().run(reads) == ["a", "over"]
