"""A supervisor goes on with what nobody works on, and with nothing else."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
import waiting_programs
from engines_kit import Make
from waiting_kit import Popen, effects_of, kill, start, until

from cflow import Engine, flow, node, wait_signal
from cflow.cli.main import main
from cflow.executor import underway
from cflow.runs import supervisor
from cflow.runs.resume import find, resume
from cflow.store.failures import Busy, StoreError
from cflow.store.owners import me
from cflow.store.place import open_store
from cflow.store.port import SetOwner, Store
from cflow.store.rows import RunRow
from cflow.store.tickets import commit_now

DONE: list[Any] = []
NOW: list[int] = [0, 0]
"""Calls under way, and the most there were."""


@pytest.fixture(autouse=True)
def fresh() -> None:
    DONE.clear()
    NOW[:] = [0, 0]


@pytest.fixture
def engine(engines: Make) -> Engine:
    return engines(idle=0.05)


@node(writes="file")
async def write(what: Any) -> Any:
    NOW[0] += 1
    NOW[1] = max(NOW)
    await trio.sleep(0.02)
    NOW[0] -= 1
    DONE.append(what)
    return what


GATES: list[threading.Event] = []


@node(writes="file", runs="thread")
def gate() -> str:
    DONE.append("begun")
    GATES[-1].wait(60)
    return "through"


@flow
def gated() -> str:
    return gate()


@flow
def answers(n: int) -> object:
    return write([n, wait_signal("go")])


@flow
def writes(n: int) -> object:
    return write(n)


@node(writes="file")
async def endless() -> None:
    DONE.append("begun")
    await trio.sleep_forever()


@flow
def hangs() -> None:
    endless()


def left_behind(engine: Engine, run: Any, **inputs: Any) -> str:
    """A run on record whose process is gone before it did anything: its owner's pid was used again since."""
    recorder = engine.recorder
    assert recorder is not None
    begun = recorder.started(engine, engine.compiled(run), run.source, inputs)
    assert begun.recording is not None
    from attrs import evolve

    gone = evolve(me(), born=1)
    commit_now(recorder.store, [SetOwner(gone)])
    (*head, beginning) = begun.recording.keeper.unit(0, [])
    beginning = evolve(beginning, row=evolve(beginning.row, owner=gone.id))  # type: ignore[type-var, union-attr]
    commit_now(recorder.store, [*head, beginning])
    return begun.recording.row.id


def store_of(engine: Engine) -> Store:
    assert engine.recorder is not None
    return engine.recorder.store


def states(engine: Engine) -> dict[str, str]:
    return {row.id: row.state for row in store_of(engine).runs()}


def test_runs_that_were_left_behind_are_gone_on_with(engine: Engine) -> None:
    told: list[RunRow] = []
    runs = {left_behind(engine, writes, n=n) for n in range(30)}
    with engine.supervise(at_once=4, told=told.append):
        until(lambda: len(told) == 30)
    assert set(states(engine).values()) == {"done"}
    assert {row.id for row in told} == runs
    assert sorted(DONE) == list(range(30))
    assert 1 <= NOW[1] <= 4


def test_who_is_gone_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "SLOW", 0.02)
    left_behind(engine, writes, n=1)
    assert len(store_of(engine).owners()) == 2
    with engine.supervise():
        until(lambda: set(states(engine).values()) == {"done"})
        until(lambda: [owner.born for owner in store_of(engine).owners()] == [me().born])


def test_who_lives_keeps_its_runs(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, popen: Popen
) -> None:
    """Also where it is stopped for longer than a lease: the system knows that it is there."""
    monkeypatch.setattr(supervisor, "SLOW", 0.02)
    monkeypatch.setattr("cflow.store.owners.LEASE", 0.0)
    child = start(popen, tmp_path / "store", tmp_path / "effects", "run", "asks")
    until(lambda: any(row.entries > 1 for row in store_of(engine).runs()))
    os.kill(child.pid, signal.SIGSTOP)
    with engine.supervise():
        time.sleep(0.5)
        (row,) = store_of(engine).runs()
        assert (row.state, row.resumed) == ("running", 0)
        os.kill(child.pid, signal.SIGCONT)
        engine.signal("answer", 1)
        engine.signal("answer", 2)
        assert child.communicate()[0] == '["got 2", 1]\n'
    assert find(store_of(engine), row.id).resumed == 0


def test_a_killed_process_loses_its_runs_at_once(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, popen: Popen
) -> None:
    effects = tmp_path / "effects"
    monkeypatch.setenv("EFFECTS", str(effects))
    assert waiting_programs.asks is not None  # the program is found where it is imported
    child = start(popen, tmp_path / "store", effects, "run", "asks")
    until(lambda: any(row.entries > 1 for row in store_of(engine).runs()))
    with engine.supervise():
        kill(child)
        engine.signal("answer", 1)
        until(lambda: "got 1" in effects_of(effects))
        engine.signal("answer", 2)
        until(lambda: set(states(engine).values()) == {"done"})
    assert effects_of(effects) == ["asked", "got 1", "got 2"]


def test_two_supervisors_share_what_is_there(engine: Engine, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "store", idle=0.05)
    for n in range(40):
        left_behind(engine, writes, n=n)
    with engine.supervise(at_once=3), other.supervise(at_once=3):
        until(lambda: set(states(engine).values()) == {"done"})
    assert sorted(DONE) == list(range(40))
    assert all(row.resumed == 1 for row in store_of(engine).runs())
    assert other.recorder is not None
    other.recorder.close()


def test_nobody_waits_for_what_another_one_works_on(engine: Engine, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "store")
    gate = threading.Event()
    GATES.append(gate)
    future = other.submit(gated)
    until(lambda: DONE == ["begun"])
    (run,) = states(engine)
    supervisor.supervisor_of(engine).take_up(run)
    until(lambda: len(underway._UNDERWAY) == 1)  # of the two, the one that works
    gate.set()
    assert future.result() == "through"
    assert other.recorder is not None
    other.recorder.close()


def test_nobody_waits_for_what_is_over_already(engine: Engine) -> None:
    """A run that its parent detaches again, when the process that does so has gone on with the run before."""
    run = left_behind(engine, writes, n=1)
    resume(engine, run)
    supervisor.supervisor_of(engine).take_up(run)
    until(lambda: not underway._UNDERWAY)


def test_what_is_asked_for_is_asked_again_where_the_store_does_not_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = left_behind(engine, writes, n=1)
    store, busy = store_of(engine), [Busy("locked"), Busy("locked")]
    answers = type(store).runs_by_id

    def runs_of(self: Store, ids: Sequence[str]) -> dict[str, RunRow]:
        if busy and run in ids:
            raise busy.pop()
        return answers(self, ids)

    monkeypatch.setattr(type(store), "runs_by_id", runs_of)
    supervisor.supervisor_of(engine).take_up(run)
    until(lambda: states(engine)[run] == "done")
    assert busy == []


def test_a_lock_for_a_moment_parks_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is ours by then, and its journal cannot be read: it is given up with the next sign of life."""
    run = left_behind(engine, writes, n=1)
    store, busy = store_of(engine), [Busy("locked"), Busy("locked")]

    def once(name: str) -> Any:
        was = getattr(type(store), name)

        def ask(self: Store, runs: Any, *rest: Any) -> Any:
            if busy:
                raise busy.pop()
            return was(self, runs, *rest)

        return ask

    for name in ("journals", "segments"):
        monkeypatch.setattr(type(store), name, once(name))
    with engine.supervise():
        until(lambda: states(engine)[run] not in ("running", "queued"))
    assert (busy, states(engine)) == ([], {run: "done"})


def test_who_waits_elsewhere_is_woken_here(engine: Engine, tmp_path: Path) -> None:
    """The run rests, its process dies while it does; a supervisor finds its signal."""
    run = left_behind(engine, answers, n=1)
    with engine.supervise():
        until(lambda: states(engine)[run] == "waiting")
    time.sleep(0.3)
    engine.signal("go", "now")
    time.sleep(0.6)
    assert states(engine)[run] == "waiting"  # nobody is here for it any more
    other = Engine(store=tmp_path / "store")
    with other.supervise():
        until(lambda: states(engine)[run] == "done")
    assert DONE == [[1, "now"]]
    assert other.recorder is not None
    other.recorder.close()


@pytest.mark.parametrize("interrupted", [False, True])
def test_at_the_end_runs_are_left_to_whoever_comes_next(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, interrupted: bool
) -> None:
    run = left_behind(engine, hangs)
    with contextlib.ExitStack() as ends:
        if interrupted:  # Ctrl-C, while the block ends
            ends.enter_context(pytest.raises(KeyboardInterrupt))
            pauses = iter([KeyboardInterrupt])
        else:
            monkeypatch.setattr(supervisor, "PATIENCE", 0.2)
            pauses = iter([])
        with engine.supervise():
            until(lambda: DONE)

            def sleep(seconds: float) -> None:
                for error in pauses:
                    raise error
                time.sleep(seconds)

            monkeypatch.setattr(supervisor, "time", types.SimpleNamespace(**{**vars(time), "sleep": sleep}))
    until(lambda: find(store_of(engine), run).state == "waiting")  # the block waits no longer than its patience
    row = find(store_of(engine), run)
    assert row.owner == ""
    assert row.wake is not None
    assert row.wake <= time.time()
    assert DONE == ["begun"]


def test_what_cannot_go_on_is_parked_and_told(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[RunRow] = []
    run = left_behind(engine, writes, n=1)
    monkeypatch.setattr("cflow.runs.programs._SEEN", {})
    monkeypatch.setattr("cflow.runs.programs._imported", lambda path: None)
    with engine.supervise(told=told.append):
        until(lambda: told)
    assert [(row.id, row.state) for row in told] == [(run, "parked")]


def test_without_a_store_there_is_nothing_to_supervise() -> None:
    with pytest.raises(StoreError, match="no store"), Engine().supervise():
        pass


@pytest.mark.parametrize("kind", ["watch", "supervise"])
def test_a_watching_process_goes_on_with_runs(kind: str, tmp_path: Path, popen: Popen) -> None:
    store, effects = tmp_path / "store", tmp_path / "effects"
    child = start(popen, store, effects, "run", "naps", HANGS_AT="after")
    until(lambda: effects_of(effects))
    with_it = open_store(store, readonly=True)
    until(lambda: any(row.entries > 1 for row in with_it.runs()))  # else it is done again
    if kind == "watch":
        watching = popen(
            [sys.executable, "-m", "cflow", "resume", "--watch", "--store", str(store)],
            stdout=subprocess.PIPE,
            env={**os.environ, "EFFECTS": str(effects)},
        )
    else:
        watching = start(popen, store, effects, "supervise")
    kill(child)
    until(lambda: effects_of(effects) == ["before", "after"])
    until(lambda: with_it.runs()[0].state == "done")
    (row,) = with_it.runs()
    with_it.close()
    if kind == "watch":
        assert watching.stdout is not None
        assert watching.stdout.readline() == f"{row.id}  done       naps\n"
        watching.send_signal(signal.SIGINT)
    out, _ = watching.communicate()
    assert watching.returncode == 0, out


def test_a_resumed_run_that_waits_is_left_waiting(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = tmp_path / "ask.cflow", tmp_path / "store"
    file.write_text('flow ask() -> bool:\n    return wait_signal("answer")\n')
    with_it = Engine(store=store)
    loaded = with_it.load(file)
    run = left_behind(with_it, loaded.ask)
    assert main(["resume", "--store", str(store)]) == 0
    assert capsys.readouterr().out == f"{run}  waiting    ask\n"
    assert main(["signal", run, "answer", "true", "--store", str(store)]) == 0
    assert main(["resume", "--store", str(store)]) == 0
    assert capsys.readouterr().out == f"{run}  done       ask\n"
    assert with_it.recorder is not None
    with_it.recorder.close()


def test_threads_end_with_their_work(engine: Engine) -> None:
    future = engine.submit(answers, 1)
    until(lambda: "waiting" in states(engine).values())
    engine.signal("go")
    future.result(30)
    until(lambda: not any(t.name in ("cflow-supervisor", "cflow-inbox") for t in threading.enumerate()))
