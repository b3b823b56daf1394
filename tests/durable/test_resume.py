"""Recorded runs and going on with them, inside one process: a run is broken off by stopping its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio

import cflow
from cflow import Engine, context, flow, node, parallel, race, sleep, transaction, wait_signal
from cflow.executor.suspended import Suspended
from cflow.runs.resume import find, resume
from cflow.store.encoding import NotStorable
from cflow.store.tickets import commit_now

DONE: list[str] = []
STOP: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def fresh() -> None:
    DONE.clear()
    STOP.clear()


def _stop_here(what: str) -> None:
    if STOP.get("at") == what:
        STOP.clear()
        state = context()._run
        state.journal.stop("broken off by a test")


@node(writes="file")
async def write(what: str) -> str:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    _stop_here(what)
    return what


@node(writes="file")
async def unwrite(what: str) -> None:
    await trio.lowlevel.checkpoint()
    DONE.append(f"-{what}")
    _stop_here(f"-{what}")


@node(writes="file", undo=unwrite)
async def book(what: str) -> str:
    return await write.fn(what)


@node(reads="file")
async def slow(what: str) -> str:
    await trio.sleep(5)
    return what


def result(engine: Engine, run: Any, *args: Any) -> Any:
    """What a run gives that is broken off where ``STOP`` says, and gone on with."""
    with pytest.raises(Suspended):
        engine.run(run, *args)
    recorder = engine.recorder
    assert recorder is not None
    (row,) = recorder.store.runs()
    assert row.state == "parked"
    assert row.reason == "broken off by a test"
    resume(engine, row.id)
    row = find(recorder.store, row.id)
    assert row.state == "done", row.reason
    return recorder.codec(engine.compiled(run), {}).decode(row.result or b"")


@flow
def three() -> list[str]:
    a = write("a")
    b = write("b")
    c = write("c")
    return [a, b, c]


def test_what_was_done_is_not_done_again(engine: Engine) -> None:
    STOP["at"] = "b"
    assert result(engine, three) == ["a", "b", "c"]
    # The run was broken off while `b` was under way: its completion is not on record.
    assert DONE == ["a", "b", "b", "c"]


@flow
def arms() -> str:
    try:
        with transaction():
            with cflow.parallel():
                book("x")
                [write(f"y{i}") for i in range(3)]
            raise ValueError("no")
    except ValueError:
        return write("after")


@pytest.mark.parametrize("at", ["y1", "-x", "after"])
def test_undos_are_run_once(engine: Engine, at: str) -> None:
    STOP["at"] = at
    assert result(engine, arms) == "after"
    assert sorted(set(DONE)) == ["-x", "after", "x", "y0", "y1", "y2"]
    assert len(DONE) == 7  # the one that was under way is made again


@flow
def raced() -> str:
    won = race(book("quick"), slow("slow"))
    return write(won)


def test_the_winner_of_a_race_stays_the_winner(engine: Engine) -> None:
    assert engine.run(raced) == "quick"
    assert DONE == ["quick", "quick"]


@flow
def passes() -> list[str]:
    return [write(f"p{i}") for i in parallel(range(8), limit=1)]


def test_a_loop_goes_on_at_its_pass(engine: Engine) -> None:
    STOP["at"] = "p5"
    assert result(engine, passes) == [f"p{i}" for i in range(8)]
    assert DONE == [f"p{i}" for i in range(6)] + ["p5", "p6", "p7"]


@flow
def waits() -> str:
    sleep("10ms")
    answer = wait_signal("go", 1, timeout="20ms", default="nobody")
    return write(answer)


def test_waits_are_on_record(engine: Engine) -> None:
    STOP["at"] = "nobody"
    assert result(engine, waits) == "nobody"
    assert DONE == ["nobody", "nobody"]


@node(reads="x")
def unstorable() -> Any:
    return iter([1])


@flow
def bad() -> int:
    unstorable()
    return 1


def test_what_cannot_be_stored_is_told(engine: Engine) -> None:
    with pytest.raises(NotStorable):
        engine.run(bad)


@node(writes="file")
async def writes_unstorable() -> Any:
    DONE.append("done")
    return iter([1])


@flow
def bad_write() -> str:
    try:
        writes_unstorable()
    except Exception:
        return write("told")
    return "not told"


def test_a_write_whose_result_cannot_be_stored_is_not_done_again(engine: Engine) -> None:
    STOP["at"] = "told"
    assert result(engine, bad_write) == "told"
    assert DONE == ["done", "told", "told"]


def test_what_cannot_go_on_is_parked_and_others_go_on(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run whose program is gone waits for a person; it keeps nobody else from going on."""
    file = tmp_path / "gone.cflow"
    file.write_text('flow gone(n: int) -> str:\n    sleep(1ms)\n    return wait_signal("never")\n')
    recorder = engine.recorder
    assert recorder is not None
    module = engine.load(file)
    begun = recorder.started(engine, engine.compiled(module.gone), module.gone.source, {"n": 1})
    assert begun.recording is not None
    commit_now(recorder.store, begun.recording.keeper.unit(0, []))
    recorder.programs.clear()  # nobody in this process works on it
    monkeypatch.setattr("cflow.runs.programs._SEEN", {})
    file.unlink()
    STOP["at"] = "b"
    with pytest.raises(Suspended):
        engine.run(three)
    ids = {row.flow: row.id for row in recorder.store.runs()}
    assert [row.state for row in resume(engine, ids["gone"])] == ["parked"]
    assert "is not there" in find(recorder.store, ids["gone"]).reason
    monkeypatch.undo()
    assert [row.state for row in resume(engine, ids["three"])] == ["done"]


@flow
def keyed() -> str:
    return key_of()


@node(writes="x", retry=2)
def key_of() -> str:
    DONE.append(context().key)
    if len(DONE) < 3:
        raise OSError
    return context().key


def test_attempts_share_a_key(engine: Engine) -> None:
    key = engine.run(keyed)
    assert DONE == [key] * 3
    assert key.endswith("/key_of")


def test_a_pure_flow_is_recorded_too(engine: Engine) -> None:
    module = cflow.loads("flow twice(n: int) -> int:\n    return n * 2\n")
    assert engine.run(module.twice, 4) == 8
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    assert (row.flow, row.state, row.entries) == ("twice", "done", 0)
