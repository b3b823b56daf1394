"""Runs that a store could not take the entries of: their process lives, and works on them no more. As soon as the store
is well, somebody goes on with them."""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from faulty import Fault, Faulty, failing

import cflow.store.place as place
import cflow.store.writer as writing
from cflow import Engine, flow, node, transaction
from cflow.executor.suspended import Suspended
from cflow.runs.onces import IDENTITY
from cflow.runs.recorder import Recorder, Recording
from cflow.runs.resume import find, resume
from cflow.store.failures import Damaged, StoreError
from cflow.store.place import open_store
from cflow.store.port import Append, Change, Done, Settle, Store
from cflow.store.rows import NOWHERE, RunRow

DONE: list[str] = []
AT: dict[str, Callable[[], object]] = {}


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHORTEST", 0.001)
    monkeypatch.setattr(writing, "LONGEST", 0.01)
    monkeypatch.setattr(place, "open_store", functools.partial(open_store, factory=Faulty))
    DONE.clear()
    AT.clear()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(store=tmp_path / "store")
    yield made
    assert made.recorder is not None
    made.recorder.close()


@pytest.fixture
def recorder(engine: Engine) -> Recorder:
    assert engine.recorder is not None
    return engine.recorder


@node(writes="file")
async def write(what: str) -> str:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    AT.pop(what, lambda: None)()
    return what


@flow
def three() -> list[str]:
    return [write(f"w{i}") for i in range(3)]


@node(writes="file")
async def unbook(what: str) -> None:
    DONE.append(f"-{what}")


@node(writes="file", undo=unbook)
async def book(what: str) -> str:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    return what


@flow
def booked() -> str:
    with transaction():
        return book.options(once="fee")("fee")


@flow
def caught() -> str:
    try:
        return book.options(once="fee")("fee")
    except Exception:
        return write("caught")


@flow
def last() -> str:
    return write("w2")


def until(holds: Callable[[], object], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


def broken(engine: Engine, recorder: Recorder, fault: str = "SQLITE_IOERR") -> RunRow:
    """A run whose store fails for good while it is in its second write; the store is well again then."""
    with contextlib.ExitStack() as failures:
        AT["w1"] = lambda: failures.enter_context(failing(Fault("COMMIT|BEGIN", fault, times=-1)))
        with pytest.raises(Suspended):
            engine.run(three)
    (row,) = recorder.store.runs()
    assert (row.state, row.owner) == ("running", recorder.owner.id)
    return row


def test_it_belongs_to_nobody_when_the_store_is_well(engine: Engine, recorder: Recorder, tmp_path: Path) -> None:
    run = broken(engine, recorder).id
    recorder.beat()
    until(lambda: find(recorder.store, run).owner == NOWHERE)
    other = Engine(store=tmp_path / "store")
    assert [(row.id, row.state) for row in resume(other)] == [(run, "done")]
    assert DONE == ["w0", "w1", "w1", "w2"]
    assert other.recorder is not None
    other.recorder.close()


def test_it_is_tried_until_the_store_takes_it(engine: Engine, recorder: Recorder) -> None:
    run = broken(engine, recorder).id
    fault = Fault("COMMIT|BEGIN", "SQLITE_IOERR", times=-1)
    with failing(fault):
        recorder.beat()
        until(lambda: fault.raised >= writing.IO_TRIES)
    assert find(recorder.store, run).owner == recorder.owner.id
    recorder.beat()
    until(lambda: find(recorder.store, run).owner == NOWHERE)
    until(lambda: not recorder._left)


def test_a_supervisor_of_the_same_process_goes_on_with_it(engine: Engine, recorder: Recorder) -> None:
    run = broken(engine, recorder).id
    ended: list[str] = []
    with engine.supervise(told=lambda row: ended.append(row.state)):
        recorder.beat()
        until(lambda: ended == ["done"])
    assert find(recorder.store, run).state == "done"
    assert DONE == ["w0", "w1", "w1", "w2"]


def test_who_has_taken_it_up_keeps_it(engine: Engine, recorder: Recorder) -> None:
    """Here it is gone on with before the next sign of life."""
    run = broken(engine, recorder).id
    AT["w2"] = recorder.beat
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert DONE == ["w0", "w1", "w1", "w2"]


def test_the_end_of_a_run_that_is_not_on_disk(engine: Engine, recorder: Recorder) -> None:
    """The last write is on record, what the run has given is not."""
    run: list[str] = []
    with contextlib.ExitStack() as failures:
        AT["w2"] = lambda: failures.enter_context(failing(Fault("COMMIT|BEGIN", "SQLITE_IOERR", times=-1)))
        with pytest.raises((StoreError, Suspended)):
            engine.run(last)
    run += [row.id for row in recorder.store.runs()]
    recorder.beat()
    until(lambda: find(recorder.store, run[0]).owner == NOWHERE)
    assert [row.state for row in resume(engine)] == ["done"]


@contextlib.contextmanager
def refused_late(monkeypatch: pytest.MonkeyPatch, store: Store, refused: StoreError) -> Iterator[None]:
    """The store does not take entries, and says so only when it has been asked for what comes after them."""
    put = type(store).do
    on_its_way: list[Done] = []

    def do(self: Store, changes: Sequence[Change], done: Done) -> None:
        def told(error: BaseException | None) -> Callable[[], object]:
            held, on_its_way[:] = on_its_way.copy(), []
            wakes = [*(one(refused) for one in held), done(error)]
            return lambda: [wake() for wake in wakes if wake is not None]

        if any(isinstance(change, Append) and change.entries for change in changes):
            on_its_way.append(done)
        else:
            put(self, changes, told if on_its_way else done)

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "do", do)
        yield


def test_the_end_of_a_run_whose_last_write_was_refused(
    engine: Engine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store takes the end again, but not what came just before it: the run is not over then."""
    store, refused = recorder.store, StoreError("made up: the disk fails")
    with refused_late(monkeypatch, store, refused), pytest.raises(StoreError) as caught:
        engine.run(last)
    assert caught.value is refused
    (row,) = store.runs()
    assert (row.state, row.entries) == ("running", 0)
    recorder.beat()
    until(lambda: find(store, row.id).owner == NOWHERE)
    assert [(row.state, row.entries) for row in resume(engine)] == [("done", 2)]
    assert DONE == ["w2", "w2"]


def test_what_is_done_once_is_not_settled_without_what_came_before_it(
    engine: Engine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else it would be given to the run that goes on, which would not owe its undo any more."""
    store, key = recorder.store, f"once:{book.fn.__module__}.book:fee"
    with (
        refused_late(monkeypatch, store, StoreError("made up: the disk fails")),
        pytest.raises((StoreError, Suspended)),
    ):
        engine.run(booked)
    (row,) = store.runs()
    assert (row.state, row.entries, store.settled(key)) == ("running", 0, None)
    recorder.beat()
    until(lambda: find(store, row.id).owner == NOWHERE)
    assert [row.state for row in resume(engine)] == ["done"]
    assert DONE == ["fee", "fee"]
    assert store.settled(key) is not None


def test_a_store_that_cannot_be_named_is_no_error_of_a_call(
    engine: Engine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first of all calls once names the store; a program does not catch that this is refused."""
    put = type(recorder.store).do

    def do(self: Store, changes: Sequence[Change], done: Done) -> None:
        if any(isinstance(change, Settle) and change.key == IDENTITY for change in changes):
            wake = done(StoreError("made up: the disk fails"))
            assert wake is not None
            wake()
        else:
            put(self, changes, done)

    with monkeypatch.context() as patched, pytest.raises(Suspended):
        patched.setattr(type(recorder.store), "do", do)
        engine.run(caught)
    assert DONE == []
    recorder.beat()
    until(lambda: all(row.owner == NOWHERE for row in recorder.store.runs()))
    assert [row.state for row in resume(engine)] in ([], ["done"])  # none, where it was never on disk
    assert "caught" not in DONE


def test_nothing_is_given_where_the_record_was_lost_at_the_end(
    engine: Engine, recorder: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop = Recording.on_loop

    async def late(self: Recording, running: Coroutine[Any, Any, Any]) -> Any:
        async def ran() -> Any:
            value = await running
            self.journal.lost = StoreError("made up: it comes late")
            return value

        return await on_loop(self, ran())

    monkeypatch.setattr(Recording, "on_loop", late)
    with pytest.raises(StoreError, match="it comes late"):
        engine.run(last)
    assert recorder._left


def test_what_is_damaged_is_left_to_a_person(recorder: Recorder, engine: Engine) -> None:
    row = broken(engine, recorder)
    recorder.left(row.id, Damaged("a page is damaged", "store"))
    recorder.beat()
    until(lambda: find(recorder.store, row.id).state == "parked")
    assert find(recorder.store, row.id).reason == "a page is damaged"


def test_a_run_that_was_never_on_disk_is_forgotten(engine: Engine, recorder: Recorder) -> None:
    fault = Fault("COMMIT|BEGIN", "SQLITE_IOERR", times=-1)
    with failing(fault), pytest.raises((StoreError, Suspended)):
        engine.run(three)
    assert DONE == []
    recorder.beat()
    until(lambda: not recorder._left)
    store: Store = recorder.store
    assert store.runs() == []
