"""What a repeated run must not decide anew: that a call was in time, that what it did once was undone."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, context, flow, node, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume

CALLS: list[str] = []
KEYS: list[str] = []
STOP: set[str] = set()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()
    KEYS.clear()
    STOP.clear()


@node(writes="file")
async def write(what: str) -> str:
    await trio.lowlevel.checkpoint()
    CALLS.append(what)
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")
    return what


def gone_on_with(engine: Engine, program: Any, stop: str) -> str:
    """The state of a run that is broken off in a write and gone on with."""
    STOP.add(stop)
    with pytest.raises(Suspended):
        engine.run(program)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    (ended,) = resume(engine, row.id)
    return ended.state


@node(pure=True)
async def quick(n: int) -> int:
    """In time at first only."""
    CALLS.append("quick")
    await (trio.lowlevel.checkpoint() if CALLS.count("quick") == 1 else trio.sleep_forever())
    return n


@flow
def in_time() -> int:
    n = quick.options(timeout=0.5)(1)
    write("a")
    write("b")
    return n


def test_a_call_that_was_in_time_was_in_time(engines: Make) -> None:
    """Made again, it would be too late, after writes that came of its having been in time."""
    assert gone_on_with(engines(), in_time, "b") == "done"
    assert CALLS == ["quick", "a", "b", "b"]


@node(writes="ledger")
async def unbook(text: str) -> None:
    CALLS.append(f"-{text}")


@node(writes="ledger", undo=unbook)
async def book(text: str) -> str:
    await trio.lowlevel.checkpoint()
    CALLS.append(text)
    KEYS.append(context().key)
    if KEYS[1:] and "fee" in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")
    return text


@node(reads="clock")
async def refuse() -> None:
    raise ValueError("refused")


@flow
def anew() -> str:
    try:
        with transaction():
            book.options(once="fee")("fee")
            refuse()
    except ValueError:
        write("undone")
    with transaction():
        return book.options(once="fee")("fee")


def test_what_was_done_anew_after_an_undo_keeps_its_key(engines: Make) -> None:
    """The undo is on record and counts once, also where the run has the key again by then."""
    engine = engines()
    assert gone_on_with(engine, anew, "fee") == "done"
    assert CALLS == ["fee", "-fee", "undone", "fee", "fee"]
    first, second, again = KEYS
    assert first != second == again
    assert engine.run(anew) == "fee"
    assert len(KEYS) == 3
