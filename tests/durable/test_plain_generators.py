"""Nodes that are plain generators (``def`` with ``yield``): their items are on record like those of async ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from engines_kit import Make

from cflow import Engine, batched, context, flow, node
from cflow.executor.entries import ITEM
from cflow.executor.suspended import Suspended
from cflow.runs.repeat import repetition
from cflow.runs.replay import agreement
from cflow.runs.resume import resume
from cflow.store.keeper import read_journal

SOURCE: list[int] = []
READ: list[int] = []
DONE: list[Any] = []
STOP: set[int] = set()


@pytest.fixture
def engine(engines: Make) -> Engine:
    for seen in (SOURCE, READ, DONE):
        seen.clear()
    STOP.clear()
    return engines()


@node(reads="table")
def rows() -> Iterator[int]:
    for row in SOURCE:
        READ.append(row)
        yield row


@node(writes="queue")
def popped() -> Iterator[str]:
    try:
        while SOURCE:
            DONE.append(f"pop {SOURCE[0]} {context().key.partition('/')[2]}")
            yield str(SOURCE.pop(0))
    finally:
        DONE.append("closed")


@node(pure=True)
def numbers(n: int) -> Iterator[int]:
    yield from range(n)


@node(writes="out")
async def use(what: int) -> int:
    DONE.append(what)
    if what in STOP:
        STOP.discard(what)
        context()._run.journal.stop("broken off by a test")
    return what


@flow
def copies() -> list[int]:
    return [use(row) for row in rows()]


@flow
def in_batches() -> int:
    for pair in batched(rows(), 2):
        use(sum(pair))
    return 0


@flow
def queue() -> list[int]:
    return [use(int(text)) for text in popped()]


@flow
def counted() -> list[int]:
    return [use(n) for n in numbers(4)]


def broken_off(engine: Engine, program: Any, at: int) -> str:
    STOP.add(at)
    with pytest.raises(Suspended):
        engine.run(program)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    return row.id


def goes_on(engine: Engine, run: str) -> Any:
    assert engine.recorder is not None
    (row,) = resume(engine, run)
    assert row.state == "done", row.reason
    return engine.recorder.inbox.values.decode(row.result or b"")


def replayed(engine: Engine, run: str) -> Any:
    assert engine.recorder is not None
    row = engine.recorder.store.run(run)
    assert row is not None
    return agreement(repetition(engine.recorder.store, row))


def test_items_that_were_used_are_those_on_record(engine: Engine) -> None:
    SOURCE[:] = [1, 2, 3, 4]
    run = broken_off(engine, copies, at=3)
    assert replayed(engine, run).beyond == ("for[2]:use",)
    SOURCE[:] = [11, 12, 13, 14]  # who opens the source anew finds another one
    READ.clear()
    assert goes_on(engine, run) == [1, 2, 3, 14]
    assert DONE == [1, 2, 3, 3, 14]
    READ.clear()
    assert replayed(engine, run).same
    assert READ == []


def test_batches_come_of_the_items_on_record(engine: Engine) -> None:
    SOURCE[:] = [1, 2, 3, 4, 5]
    run = broken_off(engine, in_batches, at=7)
    SOURCE[:] = [0, 0, 0, 0, 9]
    goes_on(engine, run)
    assert DONE == [3, 7, 7, 9]
    assert replayed(engine, run).same


def test_a_source_that_writes_is_closed_once_on_record(engine: Engine) -> None:
    SOURCE[:] = [1, 2, 3]
    run = broken_off(engine, queue, at=2)
    begun = [what for what in DONE if str(what).startswith("pop")]
    assert begun == ["pop 1 popped", "pop 2 popped"]
    DONE.clear()
    SOURCE[:] = [1, 2, 3]
    assert goes_on(engine, run) == [1, 2, 3]
    assert DONE == [2, "pop 1 popped", "pop 2 popped", "pop 3 popped", 3, "closed"]
    assert replayed(engine, run).same


def test_a_pure_generator_is_read_again(engine: Engine) -> None:
    run = broken_off(engine, counted, at=2)
    assert goes_on(engine, run) == [0, 1, 2, 3]
    assert DONE == [0, 1, 2, 2, 3]
    assert engine.recorder is not None
    assert all(entry.kind != ITEM for entry in read_journal(engine.recorder.store, run).entries)
    assert replayed(engine, run).same
