"""A write whose result cannot be stored has been done: its undo is owed, also by the process that goes on."""

from __future__ import annotations

from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, Retry, context, flow, node, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.store.unstorable import NotStorable

LOG: list[str] = []
STOP: list[str] = []


@pytest.fixture(autouse=True)
def fresh() -> None:
    LOG.clear()
    STOP.clear()


class Open:
    """Something that cannot be stored."""

    def __init__(self, name: str) -> None:
        self.name = name


def noted(what: str) -> None:
    LOG.append(what)
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")


@node(writes="w")
async def close(name: str) -> None:
    await trio.lowlevel.checkpoint()
    noted(f"-{name}")


@node(writes="w")
async def close_it(it: Open) -> None:
    await trio.lowlevel.checkpoint()
    noted(f"-{it.name}")


@node(writes="w")
async def opens(name: str) -> Any:
    await trio.lowlevel.checkpoint()
    noted(name)
    return Open(name)


@node(writes="w")
async def opens_late(name: str) -> Any:
    noted(name)
    with trio.CancelScope(shield=True):
        await trio.sleep(0.05)
    return Open(name)


@node(writes="w", undo=close)
async def begins(name: str) -> str:
    await trio.lowlevel.checkpoint()
    noted(name)
    return name


@node(writes="w")
async def after() -> None:
    await trio.lowlevel.checkpoint()
    noted("after")


@flow
def by_name(name: str) -> None:
    try:
        with transaction():
            opens.options(undo=lambda it: close(name))(name)
    finally:
        after()


@flow
def by_value(name: str) -> None:
    try:
        with transaction():
            begins("first")
            opens.options(undo=close_it)(name)
    finally:
        after()


@flow
def too_late(name: str) -> None:
    try:
        with transaction():
            opens_late.options(undo=lambda it: close(name), timeout=0.01, retry=Retry(1, max=0.001))(name)
    finally:
        after()


def broken(engine: Engine, program: Any, at: str) -> str:
    STOP.append(at)
    with pytest.raises((Suspended, NotStorable)):
        engine.run(program, "a")
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    LOG.clear()
    return str(row.id)


def test_the_undo_is_run_by_who_goes_on(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    run = broken(engines(), by_name, "-a")  # in the undo
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["-a", "after"])
    assert caplog.messages == []


def test_attempts_that_were_too_late_owe_theirs(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    run = broken(engines(), too_late, "-a")
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["-a", "-a", "after"])
    assert caplog.messages == []


def test_one_that_needs_what_cannot_be_stored_is_left_to_a_person(engines: Make) -> None:
    run = broken(engines(), by_value, "-a")
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("parked", [])
    assert "could not be stored" in row.reason
    assert "close of begins" in row.reason  # what is left after it
    (row,) = resume(engines(), run, skip_undo=True)
    assert (row.state, LOG) == ("failed", ["-first", "after"])


def test_one_that_was_run_is_not_asked_for(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    run = broken(engines(), by_value, "after")
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["after"])
    assert caplog.messages == []
