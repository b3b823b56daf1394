"""Large values that nothing refers to any more: collected by whoever comes first, and nothing else is."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

import pytest
from store_kit import begin

from cflow import Engine, flow, node
from cflow.cli.main import main
from cflow.store import collecting
from cflow.store.blobs import YOUNGEST, Blobs
from cflow.store.collecting import EVERY, MARK, collect, due
from cflow.store.failures import StoreError
from cflow.store.place import BLOBS
from cflow.store.port import Remember, Shrink
from cflow.store.rows import Trouble
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


@pytest.fixture
def blobs(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> Blobs:
    monkeypatch.setattr(collecting, "LONGEST", 0.0)
    return Blobs(store.folder / BLOBS)


def put(store: SqliteStore, blobs: Blobs, key: str, made: float) -> str:
    """A cached value that is large, put long ago."""
    blob = blobs.put(key.encode() * 1000)
    commit_now(store, [Remember(key, b"v", None, "node", made, (blob.digest,), blob.size)])
    aged(blobs, blob.digest, 2 * YOUNGEST)
    return blob.digest


def aged(blobs: Blobs, digest: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(blobs.path(digest), (then, then))


def test_what_was_dropped_from_the_cache_leaves_no_file(store: SqliteStore, blobs: Blobs) -> None:
    old, new = put(store, blobs, "a", 1.0), put(store, blobs, "b", 2.0)
    assert collect(store, blobs).files == 0
    commit_now(store, [Shrink(time.time(), 2000)])
    swept = collect(store, blobs)
    assert (swept.files, swept.size) == (1, 1000)
    assert old not in blobs
    assert new in blobs


def test_what_is_on_its_way_to_the_store_stays(store: SqliteStore, blobs: Blobs) -> None:
    begin(store, "r")
    young = blobs.put(b"x" * 1000).digest
    assert collect(store, blobs).files == 0
    assert young in blobs


def test_nothing_is_collected_while_the_store_is_in_trouble(
    store: SqliteStore, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What waits for room may refer to files that are older than an hour."""
    digest = blobs.put(b"x" * 1000).digest
    aged(blobs, digest, 2 * YOUNGEST)
    trouble = Trouble("full", "the disk is full", 0.0)
    monkeypatch.setattr(SqliteStore, "trouble", property(lambda _: trouble))
    with pytest.raises(StoreError, match="nothing is collected while the disk is full"):
        collect(store, blobs)
    assert digest in blobs
    monkeypatch.undo()
    closed = threading.Event()
    closed.set()
    assert collect(store, blobs, closed).files == 0


def test_one_process_an_hour_collects(store: SqliteStore, blobs: Blobs) -> None:
    assert not due(blobs), "there is no large value yet"
    blobs.put(b"x" * 1000)
    assert not due(blobs)
    mark = blobs.folder / MARK
    then = time.time() - EVERY - 1
    os.utime(mark, (then, then))
    assert [due(blobs), due(blobs)] == [True, False]


def test_the_command_that_clears_the_cache_has_it_collected(store: SqliteStore, blobs: Blobs) -> None:
    put(store, blobs, "a", 1.0)
    assert not due(blobs)
    assert main(["cache", "clear", "--store", str(store.folder)]) == 0
    assert due(blobs)


HELD, GO = threading.Event(), threading.Event()


@node(pure=True)
def measured(text: str) -> int:
    HELD.set()
    assert GO.wait(60)
    return len(text)


@flow
def measures(text: str) -> int:
    return measured(text)


def test_the_inputs_of_a_long_run_are_held_from_the_first(tmp_path: Path) -> None:
    """Nothing else of it is on disk before it ends: it writes nothing."""
    engine = Engine(store=tmp_path)
    HELD.clear()
    GO.clear()
    future = engine.submit(measures, "x" * 100_000)
    try:
        assert HELD.wait(60)
        recorder = engine.recorder
        assert recorder is not None
        assert recorder.blobs is not None
        commit_now(recorder.store, [])
        assert recorder.store.used_blobs() == set(recorder.blobs) != set()
    finally:
        GO.set()
    assert future.result(60) == 100_000
    assert [row.state for row in recorder.store.runs()] == ["done"]
    recorder.close()


def test_an_engine_collects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "LONGEST", 0.0)
    engine = Engine(store=tmp_path)
    recorder = engine.recorder
    assert recorder is not None
    assert recorder.blobs is not None
    digest = recorder.blobs.put(b"x" * 100_000).digest
    aged(recorder.blobs, digest, 2 * YOUNGEST)
    recorder.beat()
    collecting.soon(recorder.blobs)
    recorder.beat()
    for thread in threading.enumerate():
        if thread.name == "cflow-collect":
            thread.join(60)
    assert digest not in recorder.blobs
    recorder.close()
