"""Nodes that write into one ledger, and what makes them stop, fail or wait."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cflow import Retry, context, flow, node, parallel, transaction
from cflow.transactional import SQLite

LEDGER = SQLite("unset.db")
CALLS: list[str] = []
"""What nodes were called for, in order, also where it was rolled back."""

DO: dict[str, Callable[[], object]] = {}
"""By what is written: what happens then, before the node returns; once."""


def begin(path: Path) -> None:
    LEDGER.close()
    LEDGER.path = str(path)
    CALLS.clear()
    DO.clear()
    with sqlite3.connect(path) as made:
        made.execute("CREATE TABLE line (what TEXT)")
    made.close()


def rows(table: str = "line") -> list[Any]:
    """The first column of a table, in the order of writing."""
    reader = sqlite3.connect(LEDGER.path)
    try:
        return [row[0] for row in reader.execute(f"SELECT * FROM {table}")]
    finally:
        reader.close()


def _write(db: sqlite3.Connection, what: str) -> str:
    CALLS.append(what)
    db.execute("INSERT INTO line VALUES (?)", (what,))
    DO.pop(what, lambda: None)()
    return f"{what} {context().attempt}"


@node(transactional=LEDGER, writes="ledger")
def unwrite(db: sqlite3.Connection, what: str) -> None:
    _write(db, f"-{what.split()[0]}")


@node(transactional=LEDGER, writes="ledger")
def write(db: sqlite3.Connection, what: str) -> str:
    return _write(db, what)


@node(transactional=LEDGER, writes="ledger", undo=unwrite)
def book(db: sqlite3.Connection, what: str) -> str:
    return _write(db, what)


@node(writes="ledger")
def fail() -> None:
    raise KeyError("wanted")


@flow
def two(first: str, second: str) -> list[str]:
    return [write(first), write(second)]


@flow
def one(what: str) -> str:
    return write(what)


@flow
def tried(what: str) -> str:
    return write.options(retry=Retry(3, max=0.001))(what)


@flow
def within(what: str, seconds: float) -> str:
    return write.options(timeout=seconds)(what)


@flow
def many(count: int) -> list[str]:
    return [write(f"w{i}") for i in parallel(range(count), limit=4)]


@flow
def booked() -> None:
    with transaction():
        book("a")
        book("b")
        fail()


def stop() -> None:
    """Break the run off, as a crash would: what is done from here on is on no record."""
    import trio

    trio.from_thread.run_sync(context()._run.journal.stop, "broken off by a test")


def in_a_thread() -> bool:
    return threading.current_thread() is not threading.main_thread()
