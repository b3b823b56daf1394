"""The idempotency key of what is done once is the same in whichever run does it, until it has been undone."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make

from cflow import Engine, context, flow, node, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.store.port import SetRun
from cflow.store.tickets import commit_now
from cflow.transactional import SQLite, sweeping

KEYS: list[str] = []
STOP: list[str] = []
"""A break-off, once, when the node is called, or when it is done."""


@pytest.fixture(autouse=True)
def _fresh(tmp_path: Path) -> Iterator[None]:
    KEYS.clear()
    STOP.clear()
    LEDGER.path = str(tmp_path / "ledger.db")
    yield
    LEDGER.close()


def called(what: str) -> None:
    KEYS.append(context().key)
    if what in STOP:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")


@node(writes="w")
async def unpay(what: str) -> None:
    called(f"-{what}")
    await trio.lowlevel.checkpoint()


@node(writes="w", undo=unpay)
async def pay(what: str) -> str:
    called(what)
    await trio.lowlevel.checkpoint()
    return what


@node(reads="x")
async def boom() -> None:
    raise KeyError("wanted")


@flow
def first(day: str) -> str:
    return pay.options(once=day)("a")


@flow
def second(day: str) -> list[str]:
    """Elsewhere in another flow."""
    pay("before")
    return [pay.options(once=day)("a")]


@flow
def undone(day: str) -> None:
    with transaction():
        pay.options(once=day)("a")
        boom()


@node(writes="w")
async def items(n: int) -> AsyncIterator[int]:
    KEYS.append(context().key)
    yield n


@flow
def both(what: str) -> str:
    for _ in items(1):
        pay(f"{what}1")
    return pay(f"{what}2")


@flow
def whole(day: str) -> str:
    return both.options(once=day)("b")


@flow
def whole_too(day: str) -> str:
    pay("before")
    return both.options(once=day)("b")


def cancelled_in(engine: Engine, program: Any, what: str) -> None:
    """A run that was broken off where ``what`` is done, and is given up as it stands."""
    STOP.append(what)
    with pytest.raises(Suspended):
        engine.run(program, "mon")
    assert engine.recorder is not None
    run = engine.recorder.store.runs()[0].id
    commit_now(engine.recorder.store, [SetRun(run, "", state="cancelled")])


def test_two_runs_have_the_same_key(engines: Make) -> None:
    cancelled_in(engines(), first, "a")
    assert engines().run(second, "mon") == ["a"]
    one, before, other = KEYS
    assert one == other
    assert before.startswith("run-")


def test_so_have_the_calls_of_a_flow(engines: Make) -> None:
    cancelled_in(engines(), whole, "b2")
    assert engines().run(whole_too, "mon") == "b2"
    assert KEYS[:3] == KEYS[4:]
    assert len(set(KEYS)) == 4


def test_a_run_that_goes_on_has_it_too(engines: Make) -> None:
    engine = engines()
    STOP.append("b2")
    with pytest.raises(Suspended):
        engine.run(whole, "mon")
    assert engine.recorder is not None
    (row,) = resume(engines(), engine.recorder.store.runs()[0].id)
    assert row.state == "done"
    assert KEYS[2] == KEYS[3]  # the call that was under way
    assert len(KEYS) == 4


def test_what_was_undone_is_done_by_another_key(engines: Make) -> None:
    for _ in range(2):
        with pytest.raises(KeyError, match="wanted"):
            engines().run(undone, "mon")
    assert engines().run(first, "mon") == "a"
    assert len(set(KEYS)) == 5  # twice with its undo, and once more


@flow
def undone_too(day: str) -> None:
    """The undo is of a call in a flow, and at another place."""
    pay("before")
    with transaction():
        again = pay.options(once=day)("a")
        pay(again)
        boom()


def test_its_undo_has_a_key_of_that_name(engines: Make) -> None:
    engine = engines()
    STOP.append("-a")
    with pytest.raises(Suspended):
        engine.run(undone_too, "mon")
    assert engine.recorder is not None
    (row,) = resume(engines(), engine.recorder.store.runs()[0].id)
    assert row.state == "failed"
    _, once, plain, undo_plain, undo_once = (keys := list(dict.fromkeys(KEYS)))
    assert once.startswith("once-")
    assert undo_once == f"{once}/~undo"
    assert plain.startswith("run-")
    assert undo_plain == f"{plain}~undo"
    assert len(KEYS) == len(keys) + 1  # the undo that was under way: by the same key
    with pytest.raises(KeyError, match="wanted"):
        engines().run(undone, "mon")
    assert KEYS[-1] == f"{KEYS[-2]}/~undo"
    assert KEYS[-1] != undo_once


def test_other_names_and_other_stores_have_other_keys(engines: Make) -> None:
    for engine in (engines(), engines("elsewhere")):
        for day in ("a b", "a_b", "a~0", "a!0", "a/b", "é"):
            engine.run(first, day)
    assert len(set(KEYS)) == 12
    assert not any(" " in key or not key.isascii() for key in KEYS)


# ---- with transactional nodes ----------------------------------------------------------------------------------

LEDGER = SQLite("unset.db")


@node(transactional=LEDGER)
def unwrite(db: sqlite3.Connection, what: str) -> None:
    db.execute("INSERT INTO line VALUES (?)", (f"-{what}",))


@node(transactional=LEDGER, undo=unwrite)
def write(db: sqlite3.Connection, what: str) -> str:
    db.execute("CREATE TABLE IF NOT EXISTS line (what)")
    db.execute("INSERT INTO line VALUES (?)", (what,))
    KEYS.append(context().key)
    return what


@flow
def written(day: str) -> str:
    return write.options(once=day)("a")


@flow
def unwritten(day: str) -> None:
    with transaction():
        write.options(once=day)("a")
        boom()


def column(table: str) -> list[str]:
    reader = sqlite3.connect(LEDGER.path)
    try:
        return [row[0] for row in reader.execute(f"SELECT * FROM {table}")]
    finally:
        reader.close()


def test_who_comes_after_a_crash_has_what_was_committed(engines: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    keeps = sweeping.sweep

    def dies(*args: Any) -> int:  # right after the commit
        monkeypatch.setattr(sweeping, "sweep", keeps)
        trio.from_thread.run_sync(context()._run.journal.stop, "broken off by a test")
        return 0

    monkeypatch.setattr(sweeping, "sweep", dies)
    engine = engines()
    with pytest.raises(Suspended):
        engine.run(written, "mon")
    assert engine.recorder is not None
    run = engine.recorder.store.runs()[0].id
    commit_now(engine.recorder.store, [SetRun(run, "", state="cancelled")])
    assert engines().run(written, "mon") == "a"
    assert column("line") == ["a"]
    assert len(KEYS) == 1


def test_what_was_undone_is_written_again_and_no_result_stays(engines: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError, match="wanted"):
        engines().run(unwritten, "mon")
    assert engines().run(written, "mon") == "a"
    assert column("line") == ["a", "-a", "a"]
    monkeypatch.setattr(sweeping, "EVERY", 0)
    engine = engines("store")
    for day in ("tue", "wed"):
        engine.run(written, day)
    assert not [key for key in column("cflow_done") if "mon" in key]
    assert [key for key in column("cflow_done") if key.endswith(":wed")]
