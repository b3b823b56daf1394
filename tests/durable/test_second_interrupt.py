"""A second interrupt breaks off what a cancelled run owes. On record that is not forgotten: the run is parked."""

from __future__ import annotations

import logging

import pytest
import trio
from engines_kit import Make

from cflow import Engine, context, flow, node, transaction
from cflow.runs.cancel import cancel
from cflow.runs.resume import find, resume

LOG: list[str] = []
TWICE: set[str] = set()


@pytest.fixture
def engine(engines: Make) -> Engine:
    LOG.clear()
    TWICE.clear()
    return engines()


@node(writes="w")
async def release(what: str) -> None:
    LOG.append(f"-{what}")
    if what in TWICE:
        TWICE.clear()
        context()._run.interrupt()
    await trio.lowlevel.checkpoint()
    LOG.append(f"--{what}")


@node(writes="w", undo=release)
async def reserve(what: str) -> str:
    await trio.lowlevel.checkpoint()
    LOG.append(what)
    return what


@node(writes="w")
async def interrupt() -> None:
    context()._run.interrupt()
    await trio.lowlevel.checkpoint()


@node(writes="w")
async def note(what: str) -> None:
    LOG.append(what)
    if what in TWICE:
        TWICE.clear()
        context()._run.interrupt()
    await trio.lowlevel.checkpoint()


@flow
def three() -> str:
    with transaction():
        reserve("a")
        with transaction():
            reserve("b")
            reserve("c")
            interrupt()
    return "done"


@flow
def at_last() -> str:
    try:
        interrupt()
    finally:
        note("first")
        note("second")
    return "done"


def broken_off(engine: Engine, run: object) -> str:
    with pytest.raises(KeyboardInterrupt):
        engine.run(run)  # type: ignore[arg-type]
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    assert row.state == "parked"
    assert row.reason.startswith("it was interrupted a second time")
    assert f"cflow resume {row.id}" in row.reason
    return row.id


@pytest.mark.parametrize("at", ["c", "b", "a"])
def test_the_undos_that_are_left_are_run_when_it_goes_on(
    engine: Engine, at: str, caplog: pytest.LogCaptureFixture
) -> None:
    TWICE.add(at)
    with caplog.at_level(logging.WARNING):
        run = broken_off(engine, three)
    assert run in caplog.text
    assert f"--{at}" not in LOG
    done = [what for what in "cba" if f"--{what}" in LOG]
    LOG.clear()
    (row,) = resume(engine, run)
    assert row.state == "cancelled"
    assert [line for line in LOG if line.startswith("--")] == [f"--{what}" for what in "cba" if what not in done]


def test_a_person_can_leave_them(engine: Engine) -> None:
    TWICE.add("b")
    run = broken_off(engine, three)
    LOG.clear()
    assert cancel(engine, run, undo=False).state == "cancelled"
    assert LOG == []


def test_a_finally_that_was_cut_goes_on_where_it_stood(engine: Engine) -> None:
    TWICE.add("second")
    run = broken_off(engine, at_last)
    assert LOG == ["first", "second"]
    (row,) = resume(engine, run)
    assert row.state == "cancelled"
    assert LOG == ["first", "second", "second"]


def test_where_nothing_is_owed_it_is_cancelled_at_once(engine: Engine) -> None:
    @flow
    def twice() -> str:
        interrupt()
        return "done"

    with pytest.raises(KeyboardInterrupt):
        engine.run(twice)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    assert find(engine.recorder.store, row.id).state == "cancelled"
