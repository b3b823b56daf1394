"""Cancelling runs that are on record: what they owe is undone, and nothing new begins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make
from waiting_kit import Popen, until

from cflow import Engine, context, flow, node, parallel, transaction
from cflow.cli.main import main
from cflow.executor.suspended import Suspended
from cflow.runs.cancel import ASKED, cancel
from cflow.runs.resume import resume
from cflow.store.failures import Over
from cflow.store.keeper import read_journal
from cflow.store.place import open_store
from cflow.store.port import BeginRun, Send
from cflow.store.rows import RunRow, Signal
from cflow.store.tickets import commit_now

DONE: list[str] = []
STOP: list[str] = []


@pytest.fixture
def engine(engines: Make) -> Engine:
    DONE.clear()
    STOP.clear()
    return engines()


@node(writes="file")
async def write(what: str) -> str:
    DONE.append(what)  # before any checkpoint
    if what in STOP:
        STOP.remove(what)
        context()._run.journal.stop("broken off by a test")
    await trio.lowlevel.checkpoint()
    return what


@node(writes="file")
async def unbook(what: str) -> None:
    DONE.append(f"-{what}")
    if f"-{what}" in STOP:
        STOP.remove(f"-{what}")
        context()._run.journal.stop("broken off by a test")
        await trio.lowlevel.checkpoint()
    if what == "bad":
        raise OSError("cannot be undone")


@node(writes="file", undo=unbook)
async def book(what: str) -> str:
    return await write.fn(what)


def broken(engine: Engine, run: Any, at: str, *args: Any) -> str:
    """The id of a run that was broken off."""
    STOP.append(at)
    with pytest.raises(Suspended):
        engine.run(run, *args)
    assert engine.recorder is not None
    return engine.recorder.store.runs()[0].id


@flow
def trip(first: str) -> str:
    with transaction():
        book(first)
        book("hotel")
        write("mail")
        write("never")
    return "done"


def test_what_a_run_owes_is_undone_and_nothing_new_begins(engine: Engine) -> None:
    run = broken(engine, trip, "mail", "flight")
    row = cancel(engine, run)
    assert (row.state, row.owner) == ("cancelled", "")
    # `mail` was under way: it is not on record as done, and is not begun again.
    assert DONE == ["flight", "hotel", "mail", "-hotel", "-flight"]


def test_without_undos_it_is_only_marked(engine: Engine) -> None:
    run = broken(engine, trip, "mail", "flight")
    row = cancel(engine, run, undo=False)
    assert (row.state, row.reason) == ("cancelled", "cancelled; undos that it may owe were not run")
    assert DONE == ["flight", "hotel", "mail"]


def test_an_undo_that_fails_parks_the_run(engine: Engine) -> None:
    row = cancel(engine, broken(engine, trip, "mail", "bad"))
    assert row.state == "parked"
    assert "cannot be undone" in row.reason
    assert DONE[-2:] == ["-hotel", "-bad"]
    (row,) = resume(engine, row.id, skip_undo=True)
    assert row.state == "failed"
    assert b"these undos failed" in (row.error or b"")


@flow
def arms() -> None:
    for x in parallel(range(3)):
        write(f"a{x}")
        write(f"b{x}")


def test_no_arm_begins_anything_new(engine: Engine) -> None:
    run = broken(engine, arms, "b1")
    before = list(DONE)
    assert cancel(engine, run).state == "cancelled"
    assert before == DONE


def test_a_run_that_recorded_nothing(engine: Engine) -> None:
    run = broken(engine, trip, "flight", "flight")
    assert cancel(engine, run).state == "cancelled"
    assert DONE == ["flight"]


def test_one_that_is_over_is_not_cancelled(engine: Engine) -> None:
    run = broken(engine, trip, "mail", "flight")
    cancel(engine, run)
    with pytest.raises(Over, match="it is cancelled"):
        cancel(engine, run)


def test_one_that_was_never_begun(engine: Engine) -> None:
    assert engine.recorder is not None
    commit_now(engine.recorder.store, [BeginRun(RunRow("run-q", "f", "gone.cflow:f", "none", "queued", 1.0))])
    row = cancel(engine, "run-q")
    assert (row.state, row.reason) == ("cancelled", "")


def test_a_run_whose_process_died_before_it_heard_is_cancelled_by_who_goes_on(engine: Engine) -> None:
    run = broken(engine, trip, "mail", "flight")
    assert engine.recorder is not None
    commit_now(engine.recorder.store, [Send(Signal(ASKED, b"\xc0", b"\xc0", run, unique=ASKED))])
    (row,) = resume(engine, run)
    assert row.state == "cancelled"
    assert DONE == ["flight", "hotel", "mail", "-hotel", "-flight"]


@flow
def long() -> None:
    with transaction():
        book("one")
        book("two")
        book("three")
        write("mail")


def test_that_it_was_cancelled_is_on_record_once(engine: Engine) -> None:
    """Also where the undos are broken off, and the run is gone on with."""
    run = broken(engine, long, "mail")
    for undo in ("-two", "-one"):
        STOP.append(undo)
        assert cancel(engine, run).state == "parked"
    assert engine.recorder is not None
    (row,) = resume(engine, run)
    assert row.state == "cancelled"
    # Those that were under way are run again.
    assert DONE == ["one", "two", "three", "mail", "-three", "-two", "-two", "-one", "-one"]
    keys = [entry.key for entry in read_journal(engine.recorder.store, run).entries]
    assert keys.count("!cancelled") == 1


CHILD = """
import sys
from cflow import Engine, flow, node, transaction, wait_signal

@node(writes="file")
async def unbook(what: str) -> None:
    print(f"-{what}", flush=True)

@node(writes="file", undo=unbook)
async def book(what: str) -> str:
    print(what, flush=True)
    return what

@flow
def waits() -> str:
    with transaction():
        book("room")
        return wait_signal("never")

try:
    Engine(store=sys.argv[1]).run(waits)
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_a_run_of_another_process_is_asked_to_end(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], popen: Popen
) -> None:
    (tmp_path / "child.py").write_text(CHILD)
    store = str(tmp_path / "store")
    child = popen([sys.executable, str(tmp_path / "child.py"), store], stdout=subprocess.PIPE, env={**os.environ})
    assert child.stdout is not None
    assert child.stdout.readline() == "room\n"
    # It waits when what it has booked is on disk.
    reader = open_store(store, readonly=True)
    row = until(lambda: next((row for row in reader.runs() if row.entries), None))
    reader.close()
    assert main(["cancel", row.id, "--store", store]) == 0
    assert "its process was asked to end it" in capsys.readouterr().out
    assert child.communicate()[0] == "-room\ninterrupted\n"
    assert main(["runs", "--store", store, "--json", "--state", "cancelled"]) == 0
    assert json.loads(capsys.readouterr().out)["id"] == row.id
