"""Runs that kill their process: after some times nobody goes on with them by itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from attrs import evolve
from engines_kit import Make

from cflow import Engine, context, flow, node
from cflow.executor.suspended import Suspended
from cflow.runs.recorder import Recorder
from cflow.runs.resume import VAIN, find, reopened, resume, take
from cflow.store import keeper
from cflow.store.keeper import read_journal
from cflow.store.port import SetRun
from cflow.store.rows import NOWHERE, RunRow
from cflow.store.tickets import commit_now

DONE: list[str] = []
STOP: set[str] = set()


@node(writes="file")
async def write(what: str) -> str:
    DONE.append(what)
    if what in STOP:
        context()._run.journal.stop("broken off by a test")
    return what


@flow
def two() -> str:
    write("a")
    return write("b")


@pytest.fixture
def engine(engines: Make) -> Engine:
    DONE.clear()
    STOP.clear()
    return engines()


@pytest.fixture
def recorder(engine: Engine) -> Recorder:
    assert engine.recorder is not None
    return engine.recorder


@pytest.fixture
def died(engine: Engine, recorder: Recorder) -> RunRow:
    """A run that was under way in a process that has died."""
    STOP.add("b")
    with pytest.raises(Suspended):
        engine.run(two)
    (row,) = recorder.store.runs()
    take(recorder, row)
    return dies(recorder, row)


def dies(recorder: Recorder, row: RunRow) -> RunRow:
    commit_now(recorder.store, [SetRun(row.id, recorder.owner.id, new_owner=NOWHERE)])
    return find(recorder.store, row.id)


def killing(engine: Engine, recorder: Recorder, row: RunRow, times: int) -> RunRow:
    """Go on with a run in processes that die before anything new is on record."""
    for _ in range(times):
        assert reopened(engine, recorder, take(recorder, row)) is not None
        row = dies(recorder, row)
    return row


def test_it_is_parked_and_tried_again_on_request(engine: Engine, recorder: Recorder, died: RunRow) -> None:
    row = killing(engine, recorder, died, VAIN)
    assert reopened(engine, recorder, take(recorder, row)) is None
    row = find(recorder.store, row.id)
    assert (row.state, row.owner) == ("parked", NOWHERE)
    assert f"it was gone on with {VAIN} times in a row" in row.reason
    assert resume(engine) == []
    STOP.clear()
    DONE.clear()
    (row,) = resume(engine, row.id)
    assert row.state == "done"
    assert DONE == ["b"]


def test_on_request_it_has_all_its_tries_again(engine: Engine, recorder: Recorder, died: RunRow) -> None:
    row = killing(engine, recorder, died, VAIN)
    assert reopened(engine, recorder, take(recorder, row)) is None
    row = find(recorder.store, row.id)
    assert reopened(engine, recorder, take(recorder, row, asked=True)) is not None
    row = killing(engine, recorder, dies(recorder, row), VAIN)
    assert reopened(engine, recorder, take(recorder, row)) is None


def test_what_is_new_begins_the_count_anew(engine: Engine, recorder: Recorder, died: RunRow) -> None:
    row = killing(engine, recorder, died, VAIN)
    STOP.clear()
    STOP.add("c")
    past = read_journal(recorder.store, row.id)
    assert (past.vain, [entry.key for entry in past.entries], past.total) == (VAIN, ["write"], VAIN + 1)
    unit = keeper.RunKeeper(recorder.store, recorder.inbox.values, row.id, recorder.owner.id)
    row = evolve(row, owner=NOWHERE)
    take(recorder, row, asked=True)
    from cflow.executor.entries import DONE as GAVE, Entry

    commit_now(recorder.store, unit.unit(past.total + 1, [unit.encoded(Entry("write_2", GAVE, "b"))]))
    row = dies(recorder, row)
    assert read_journal(recorder.store, row.id).vain == 0
    DONE.clear()
    (row,) = resume(engine)
    assert row.state == "done"
    assert DONE == []


def test_a_process_that_had_lived_for_long_does_not_count(
    engine: Engine, recorder: Recorder, died: RunRow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper, "SOON", 0.0)
    row = killing(engine, recorder, died, VAIN + 3)
    assert read_journal(recorder.store, row.id).vain == 1


KILLS = """
import os, signal, sys
from cflow import Engine, flow, node
from cflow.runs.resume import resume

@node(writes="x")
def kills() -> None:
    os.kill(os.getpid(), signal.SIGKILL)

@flow
def killer() -> str:
    kills()
    return "never"

engine = Engine(store=sys.argv[1])
if sys.argv[2] == "run":
    engine.run(killer)
else:
    print([row.state for row in resume(engine)])
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs SIGKILL")
def test_a_node_that_kills_its_process(tmp_path: Path) -> None:
    program = tmp_path / "kills.py"
    program.write_text(KILLS)

    def process(what: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, str(program), str(tmp_path / "store"), what]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60)

    assert process("run").returncode == -9
    for _ in range(VAIN):
        assert process("resume").returncode == -9
    assert process("resume").stdout == "['parked']\n"
    assert process("resume").stdout == "[]\n"
