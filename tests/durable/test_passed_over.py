"""A repetition that stands still goes on as soon as it can be seen to: nobody waits for a clock."""

from __future__ import annotations

import math
import threading
from typing import Any

import pytest

from cflow import Engine, context, flow, node, parallel
from cflow.executor import watch
from cflow.executor.entries import CUT, DONE, Entry
from cflow.executor.suspended import Suspended
from cflow.runs.resume import find, resume
from cflow.store.keeper import RunKeeper
from cflow.store.rows import NOWHERE
from cflow.store.tickets import commit_now

CALLED: list[str] = []
STOP: set[str] = set()


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLED.clear()
    STOP.clear()
    monkeypatch.setattr(watch, "STUCK", math.inf)


@node(writes="file")
async def write(what: str) -> str:
    CALLED.append(what)
    if what in STOP:
        STOP.discard(what)
        context()._run.journal.stop("broken off by a test")
    return what


@flow
def two() -> str:
    write("a")
    return write("b")


@flow
def arms() -> list[str]:
    return [write(f"p{i}") for i in parallel(range(3))] + [write("b")]


def left(engine: Engine, program: Any, *entries: Entry) -> str:
    """A run that was broken off in ``b``, with further entries on record."""
    STOP.add("b")
    with pytest.raises(Suspended):
        engine.run(program)
    recorder = engine.recorder
    assert recorder is not None
    (row,) = recorder.store.runs()
    keeper = RunKeeper(recorder.store, recorder.inbox.values, row.id, NOWHERE)
    commit_now(recorder.store, keeper.unit(row.entries, [keeper.encoded(entry) for entry in entries]))
    return row.id


def goes_on(engine: Engine, run: str) -> None:
    CALLED.clear()
    going = threading.Thread(target=resume, args=(engine, run), daemon=True)
    going.start()
    going.join(60)
    assert not going.is_alive(), "it waits for ever"
    assert engine.recorder is not None
    assert find(engine.recorder.store, run).state == "done"
    assert CALLED == ["b"]


@pytest.mark.parametrize("program", [two, arms], ids=lambda f: f.source.name)
def test_decisions_that_nobody_comes_to_again(program: Any, engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    """They were of what something else has cut before it came to them."""
    goes_on(engine, left(engine, program, *(Entry(f"race_{i}=", CUT, 0) for i in range(30))))
    assert not caplog.records


def test_what_does_not_fit(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    goes_on(engine, left(engine, two, Entry("gone", DONE, 1)))
    assert "does not fit what it does now" in caplog.text
