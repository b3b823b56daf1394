"""Signals through the store: none is lost, none counts twice, whoever is killed in between."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import trio
from waiting_kit import Popen, effects_of, kill, start, until

from cflow import Engine, context, flow, node, parallel, wait_signal
from cflow.cli.main import main
from cflow.executor.memory import MemorySignals
from cflow.executor.suspended import Suspended
from cflow.runs.inbox import Inbox, key_bytes
from cflow.runs.resume import find, resume
from cflow.store.encoding import NotStorable, Values
from cflow.store.failures import Over, Unknown
from cflow.store.place import open_store
from cflow.store.port import Append, BeginRun
from cflow.store.rows import RunRow
from cflow.store.tickets import commit_now

DONE: list[Any] = []
STOP: dict[str, Any] = {}


@pytest.fixture(autouse=True)
def fresh() -> None:
    DONE.clear()
    STOP.clear()


@node(writes="file")
async def write(what: Any) -> Any:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    if "at" in STOP and STOP["at"] == what:
        STOP.clear()
        context()._run.journal.stop("broken off by a test")  # type: ignore[attr-defined]
    return what


@flow
def answered(key: int | str = 1) -> list[object]:
    first = write(wait_signal("go", key))
    second = write(wait_signal("go", key))
    return [first, second]


@flow
def limited() -> object:
    return write(wait_signal("go", timeout="50ms", default="nobody"))


@flow
def one(name: str = "go") -> object:
    return write(wait_signal(name))


@flow
def both() -> list[object]:
    return [write(wait_signal("go", n)) for n in parallel(range(2))]


def begun(engine: Engine, run: str = "") -> str:
    """The id of a run that waits, once its beginning is on disk."""
    assert engine.recorder is not None
    store = engine.recorder.store
    found: str = until(lambda: next((row.id for row in store.runs() if row.entries and row.id != run), ""))
    return found


def used(store: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(store / "store.db") as connection:
        return list(connection.execute("SELECT name, used FROM signal ORDER BY id"))


def test_a_signal_is_consumed_with_the_entry_of_the_wait(engine: Engine, tmp_path: Path) -> None:
    engine.signal("go", "before", key=1)
    future = engine.submit(answered)
    run = begun(engine)
    engine.signal("go", {"n": 2}, key=1, run=run)
    assert future.result(30) == ["before", {"n": 2}]
    assert used(tmp_path / "store") == [("go", 1), ("go", 1)]
    with pytest.raises(Over):
        engine.signal("go", run=run)
    with pytest.raises(Unknown):
        engine.signal("go", run="run-nobody")
    with pytest.raises(NotStorable):
        engine.signal("go", iter([]))


def test_what_was_received_is_not_received_again(engine: Engine) -> None:
    for value in ("a", "b"):
        engine.signal("go", value, key=1)
    STOP["at"] = "a"
    with pytest.raises(Suspended):
        engine.run(answered)
    (row,) = resume(engine, begun(engine))
    assert row.state == "done"
    assert DONE == ["a", "a", "b"]  # the write that was under way is made again


def test_a_signal_from_another_process_is_heard(engine: Engine, tmp_path: Path) -> None:
    future = engine.submit(answered)
    run = begun(engine)
    for value in ("text", '{"n": [1, null]}'):
        assert main(["signal", run, "go", value, "--key", "1", "--store", str(tmp_path / "store")]) == 0
    assert future.result(30) == ["text", {"n": [1, None]}]


def test_one_for_anybody_and_none_at_all(engine: Engine, tmp_path: Path) -> None:
    future = engine.submit(one)
    begun(engine)
    assert main(["signal", "-", "go", "--store", str(tmp_path / "store")]) == 0
    assert future.result(30) is None


def test_what_cannot_be_sent_is_told(engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine.run(limited)
    run, store = begun(engine), str(tmp_path / "store")
    assert main(["signal", run, "go", "--store", store]) == 2
    assert "is over" in capsys.readouterr().err
    assert main(["signal", "run-nobody", "go", "--store", store]) == 2
    assert "no run 'run-nobody'" in capsys.readouterr().err
    assert main(["signal", run, "go", "--store", str(tmp_path / "none")]) == 2
    assert "there is no store" in capsys.readouterr().err


def test_the_same_one_twice_counts_once(engine: Engine) -> None:
    for value in ("a", "double", "b"):
        engine.signal("go", value, key=1, unique="u" if value != "b" else "v")
    assert engine.run(answered) == ["a", "b"]
    engine.signal("go", "double", key=1, unique="u")  # after it was consumed
    assert engine.run(limited) == "nobody"
    assert engine.recorder is not None
    assert engine.recorder.store.signals() == []


def test_the_same_one_twice_counts_once_without_a_store() -> None:
    engine = Engine()
    for value in ("a", "double"):
        engine.signal("go", value, key=1, unique="u")
    engine.signal("go", "b", key=1)
    assert engine.run(answered) == ["a", "b"]


def test_a_mark_is_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.executor.memory.MARKS", 2)
    signals = MemorySignals()
    for unique in ("1", "2", "3", "1", "3"):
        signals.send(None, "go", unique, unique=unique)
    assert [*signals._kept[(None, "go", None)]] == ["1", "2", "3", "1"]


def test_a_limit_is_kept(engine: Engine) -> None:
    engine.signal("other", "x")
    assert engine.run(limited) == "nobody"
    engine.signal("go", "in time")
    assert engine.run(limited) == "in time"


def test_arms_wait_each_for_its_own(engine: Engine) -> None:
    future = engine.submit(both)
    begun(engine)
    engine.signal("go", "second", key=1)
    engine.signal("go", "first", key=0)
    assert future.result(30) == ["first", "second"]


def test_of_two_processes_one_receives(engine: Engine, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "store")
    futures = [engine.submit(one), other.submit(one)]
    begun(engine, begun(engine))
    engine.signal("go", "first")
    until(lambda: DONE)
    engine.signal("go", "second")
    assert sorted(str(future.result(30)) for future in futures) == ["first", "second"]
    assert other.recorder is not None
    other.recorder.close()


def test_who_comes_too_late_waits_on_and_is_repeated_so(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the look and the commit somebody else consumes the signal."""
    assert engine.recorder is not None
    store = engine.recorder.store
    thief = RunRow("thief", "f", "p", "d", "running", 1.0, owner="thief")
    commit_now(store, [BeginRun(thief)])
    plain = Inbox.next
    stolen: list[int] = []

    async def next(self: Inbox, run: str, name: str, key: bytes) -> Any:
        letter = await plain(self, run, name, key)
        if len(stolen) < 2:
            stolen.append(letter.id)
            await trio.to_thread.run_sync(
                commit_now, store, [Append("thief", "thief", len(stolen) - 1, (b"\x01",), uses=(letter.id,))]
            )
        return letter

    monkeypatch.setattr(Inbox, "next", next)
    for value in ("lost", "lost too", "mine", "second"):
        engine.signal("go", value, key=1)
    STOP["at"] = "mine"
    with pytest.raises(Suspended):
        engine.run(answered)
    assert len(stolen) == 2
    (run,) = {row.id for row in store.runs()} - {"thief"}
    (row,) = resume(engine, run)
    assert row.state == "done", row.reason
    assert DONE == ["mine", "mine", "second"]
    assert store.signals() == []


def test_what_came_to_a_cut_wait_is_for_the_next(engine: Engine) -> None:
    """A signal that was shown to a wait which was cut before it consumed it."""
    assert engine.recorder is not None
    inbox = engine.recorder.inbox
    commit_now(engine.recorder.store, [BeginRun(RunRow("r", "f", "p", "d", "running", 1.0, owner="me"))])

    async def shown() -> None:
        engine.signal("go", 5)
        letter = await inbox.next("r", "go", b"")
        async with trio.open_nursery() as nursery:
            found: list[Any] = []

            async def wait() -> None:
                found.append(await inbox.next("r", "go", b""))

            nursery.start_soon(wait)
            await trio.sleep(0.3)
            assert not found
            inbox.back(letter)
        assert [one.id for one in found] == [letter.id]

    trio.run(shown)


def test_a_large_value(engine: Engine) -> None:
    engine.signal("go", "x" * 200_000, key=1)
    engine.signal("go", 1, key=1)
    assert engine.run(answered) == ["x" * 200_000, 1]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        (1, "1", True),
        (1.0, 1, True),
        (True, "true", True),
        (None, "", False),
        ("a", "b", False),
        ((1, 2), (1, 3), False),
    ],
)
def test_keys_are_compared_as_texts(one: Any, other: Any, same: bool) -> None:
    values = Values({})
    assert (key_bytes(one, values) == key_bytes(other, values)) is same
    assert key_bytes(one, values) == key_bytes(one, values)


def test_a_killed_run_gets_what_was_sent_meanwhile(tmp_path: Path, popen: Popen) -> None:
    store, effects = tmp_path / "store", tmp_path / "effects"
    child = start(popen, store, effects, "run", "asks")
    until(lambda: effects_of(effects))
    with_it = open_store(store)
    run = until(lambda: next((row.id for row in with_it.runs() if row.entries > 1), ""))
    kill(child)
    assert main(["signal", run, "answer", "one", "--store", str(store)]) == 0
    child = start(popen, store, effects, "resume")
    until(lambda: "got one" in effects_of(effects))
    until(lambda: with_it.run(run).entries >= 5)  # type: ignore[union-attr]
    kill(child)
    assert main(["signal", run, "answer", "two", "--store", str(store)]) == 0
    out = start(popen, store, effects, "resume").communicate()[0]
    assert json.loads(out) == [[run, "done", ""]]
    assert Values({}).decode(find(with_it, run).result or b"") == ["got two", "one"]
    assert effects_of(effects) == ["asked", "got one", "got two"]
    assert with_it.signals() == []
    with_it.close()
