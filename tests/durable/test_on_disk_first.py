"""What is on disk before what, and that a journal has each entry once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from engines_kit import Make

from cflow import Engine, batched, context, flow, node
from cflow.executor.suspended import Suspended
from cflow.runs.resume import find, resume
from cflow.store.place import open_store

SEEN: list[Any] = []
PLACE: list[Path] = []


@pytest.fixture
def engine(engines: Make, tmp_path: Path) -> Engine:
    SEEN.clear()
    PLACE[:] = [tmp_path / "store"]
    return engines()


@node(writes="file")
async def first_write() -> str:
    """Looks, from a connection of its own, for the run that it is called in."""
    await trio.lowlevel.checkpoint()
    store = open_store(PLACE[0], readonly=True)
    SEEN.append(store.run(context().run))
    store.close()
    return "written"


@flow
def begins_with_a_write() -> str:
    return first_write()


def test_a_run_is_on_disk_before_its_first_write(engine: Engine) -> None:
    assert engine.run(begins_with_a_write) == "written"
    (row,) = SEEN
    assert row is not None, "killed now, nobody would know of the run, and a write would have happened"
    assert row.state == "running"


@node(reads="file")
async def what_is_on_disk() -> list[str]:
    """The keys of its run's journal, read from a connection of its own."""
    await trio.lowlevel.checkpoint()
    store = open_store(PLACE[0], readonly=True)
    keys = [msgspec.msgpack.decode(entry)[0] for entry in store.journal(context().run)]
    store.close()
    return keys


@flow
def writes_and_reads() -> list[str]:
    use("a")
    return what_is_on_disk()


def test_a_write_is_on_record_before_anybody_reads_what_it_has_done(engine: Engine) -> None:
    assert engine.run(writes_and_reads) == ["use"]


@flow
def reads_and_writes() -> list[str]:
    keys = what_is_on_disk()
    use("a")
    return keys + what_is_on_disk()


def test_a_read_waits_for_no_disk_where_nothing_was_written(engine: Engine) -> None:
    """But it is there before a write that may hang on it."""
    assert engine.run(reads_and_writes) == ["what_is_on_disk", "use"]


@node(reads="s")
async def three() -> Iterator[int]:  # type: ignore[misc]
    for n in range(3):
        await trio.lowlevel.checkpoint()
        yield n


@node(writes="file")
async def use(what: Any) -> Any:
    await trio.lowlevel.checkpoint()
    SEEN.append(what)
    if what == "last" and SEEN.count("last") == 1:
        context()._run.journal.stop("broken off by a test")
    return what


@flow
def in_batches() -> list[Any]:
    out = [use(items) for items in batched(three(), 2)]
    out.append(use("last"))
    return out


def test_a_stream_ends_once(engine: Engine) -> None:
    """The last batch is not full: who gathers items asks once more after the end."""
    with pytest.raises(Suspended):
        engine.run(in_batches)
    recorder = engine.recorder
    assert recorder is not None
    (row,) = recorder.store.runs()
    keys = [msgspec.msgpack.decode(entry)[0] for entry in recorder.store.journal(row.id)]
    assert len(set(keys)) == len(keys)
    resume(engine, row.id)
    row = find(recorder.store, row.id)
    assert row.state == "done", row.reason
    assert SEEN == [[0, 1], [2], "last", "last"]
