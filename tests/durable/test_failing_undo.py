"""A failing undo parks a recorded run: those that are left wait, and a person decides."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, Retry, UndoFailed, context, flow, node, transaction
from cflow.cli.main import main
from cflow.executor.suspended import Suspended
from cflow.runs.repeat import repetition
from cflow.runs.replay import agreement
from cflow.runs.resume import resume

LOG: list[str] = []
KEYS: dict[str, set[str]] = {}
"""By what is released: the idempotency keys that this was called with."""
BROKEN: set[str] = set()
STOP: set[str] = set()


@pytest.fixture(autouse=True)
def _fresh() -> None:
    LOG.clear()
    KEYS.clear()
    BROKEN.clear()
    STOP.clear()


@node(writes="w", retry=Retry(1, max=0.001))
async def release(what: str) -> None:
    await trio.lowlevel.checkpoint()
    LOG.append(f"-{what}")
    KEYS.setdefault(what, set()).add(context().key)
    if f"-{what}" in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")
    if what in BROKEN:
        raise OSError(f"{what} is out of reach")


@node(writes="w", undo=release)
async def reserve(what: str) -> str:
    await trio.lowlevel.checkpoint()
    LOG.append(what)
    return what


@node(reads="x")
async def boom() -> None:
    await trio.lowlevel.checkpoint()
    raise KeyError("wanted")


@flow
def three() -> str:
    with transaction():
        reserve("a")
        reserve("b")
        reserve("c")
        boom()
    return "done"


@flow
def give_back(what: str) -> None:
    release(f"{what}1")
    release(f"{what}2")


@flow
def by_a_flow() -> None:
    with transaction():
        reserve("a")
        reserve.options(undo=give_back)("b")
        boom()


def parked(engine: Engine, program: Any = three) -> Any:
    with pytest.raises(Suspended):
        engine.run(program)
    return row_of(engine)


def row_of(engine: Engine) -> Any:
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    return row


def error_of(engine: Engine) -> Any:
    assert engine.recorder is not None
    return engine.recorder.inbox.values.decode(row_of(engine).error)


def test_without_a_store_the_others_are_run() -> None:
    BROKEN.add("b")
    with pytest.raises(UndoFailed, match="out of reach"):
        Engine().run(three)
    assert LOG == ["a", "b", "c", "-c", "-b", "-b", "-a"]


def test_the_run_is_parked_and_says_what_is_left(engines: Make) -> None:
    BROKEN.add("b")
    row = parked(engines())
    assert row.state == "parked"
    assert LOG == ["a", "b", "c", "-c", "-b", "-b"]  # with its retries; what is left waits
    first, *left, last = row.reason.splitlines()
    assert first == "the undo release failed: OSError('b is out of reach'); left to do, in this order:"
    assert [line.partition("(")[0].split() for line in left] == [
        ["release", "of", "reserve_2"],
        ["release", "of", "reserve"],
    ]
    assert 'reserve("b")' in left[0]
    assert f"{Path(__file__).name}:" in left[1]
    assert "--skip-undo" in last


def test_resume_tries_it_again_and_goes_on(engines: Make) -> None:
    BROKEN.add("b")
    engine = engines()
    run = parked(engine).id
    LOG.clear()
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("parked", ["-b", "-b"])  # under its whole policy
    LOG.clear()
    BROKEN.clear()
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["-b", "-a"])
    assert isinstance(error_of(engine), KeyError)


def test_it_can_be_left_out(engines: Make) -> None:
    BROKEN.update("ab")
    engine = engines()
    run = parked(engine).id
    LOG.clear()
    (row,) = resume(engines(), run, skip_undo=True)
    assert (row.state, LOG) == ("parked", ["-a", "-a"])  # the next one fails, too
    assert "undo release failed: OSError('a is out of reach')" in row.reason
    LOG.clear()
    (row,) = resume(engines(), run, skip_undo=True)
    assert (row.state, LOG) == ("failed", [])
    error = error_of(engine)
    assert isinstance(error, UndoFailed)
    assert "b is out of reach" in str(error)
    assert "a is out of reach" in str(error)


def test_what_is_left_out_stays_so(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    BROKEN.add("b")
    engine = engines()
    run = parked(engine).id
    STOP.add("-a")
    (row,) = resume(engines(), run, skip_undo=True)
    assert row.state == "parked"  # broken off in the undo after it
    LOG.clear()
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["-a"])
    assert isinstance(error_of(engine), UndoFailed)
    assert caplog.messages == []


def test_a_flow_that_undoes_begins_anew(engines: Make, caplog: pytest.LogCaptureFixture) -> None:
    BROKEN.add("b2")
    engine = engines()
    run = parked(engine, by_a_flow).id
    assert LOG == ["a", "b", "-b1", "-b2", "-b2"]
    LOG.clear()
    BROKEN.clear()
    (row,) = resume(engines(), run)
    assert (row.state, LOG) == ("failed", ["-b1", "-b2", "-a"])
    assert caplog.messages == []  # the record fits


def test_the_command(engines: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    BROKEN.add("b")
    run = parked(engines()).id
    store = ["--store", str(tmp_path / "store")]
    assert main(["show", run, *store]) == 0
    assert "parked the run" in capsys.readouterr().out
    assert main(["resume", run, "--skip-undo", *store]) == 1
    assert "failed" in capsys.readouterr().out
    assert LOG[-1] == "-a"


def test_an_undo_that_is_tried_again_keeps_its_key(engines: Make) -> None:
    BROKEN.update(("b", "b2"))
    run = parked(engines()).id
    resume(engines(), run)
    BROKEN.clear()
    (row,) = resume(engines(), run)
    assert (row.state, row.reason) == ("failed", "")
    assert LOG.count("-b") == 5
    assert KEYS["b"] == {f"{run}/reserve_2~undo"}


def test_so_do_the_calls_of_an_undo_that_is_a_flow(engines: Make) -> None:
    BROKEN.add("b2")
    run = parked(engines(), by_a_flow).id
    BROKEN.clear()
    resume(engines(), run)
    assert LOG.count("-b1") == 2
    assert all(len(keys) == 1 for keys in KEYS.values()), KEYS


def test_an_undo_is_left_out_after_the_attempt_that_it_was_left_out_after(
    engines: Make, caplog: pytest.LogCaptureFixture
) -> None:
    BROKEN.add("b")
    run = parked(engines()).id
    resume(engines(), run)
    BROKEN.add("a")
    (row,) = resume(engines(), run, skip_undo=True)
    assert row.state == "parked"
    assert "the undo release failed: OSError('a is out of reach')" in row.reason
    BROKEN.clear()
    (row,) = resume(engines(), run)
    assert row.state == "failed"
    assert "does not fit" not in caplog.text
    store = engines().recorder
    assert store is not None
    found = agreement(repetition(store.store, row))
    assert (found.same, found.unused) == (True, ())
