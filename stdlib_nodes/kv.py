"""A small memory that outlives runs: JSON values by key, in the store of the engine.

It is the file ``kv.db`` in the store's folder, so a run has to be on record (``Engine(store=...)``).
Changes are transactional: each happens exactly once, wherever the process dies. The resource is ``kv``. Programs that
their host does not trust have keys of their own: those with the same grants share them, and see no others.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from .. import context, node, permissions
from ..transactional import SQLite
from ..transactional.addressed import Addressed
from ._jsontext import dump, parse

_TABLE = (
    "CREATE TABLE IF NOT EXISTS kv (owner TEXT, key TEXT, value TEXT NOT NULL, ends REAL, PRIMARY KEY (owner, key)) "
    "WITHOUT ROWID"
)
_known: dict[Path, SQLite] = {}


def _database(_key: Any = None) -> SQLite:
    journal = context()._run.journal
    folder = None if journal is None else getattr(getattr(journal.keeper, "store", None), "folder", None)
    if folder is None:
        msg = "kv keeps its values in the store, and this run has none: give the engine store="
        raise RuntimeError(msg)
    path = Path(folder).absolute() / "kv.db"
    return _known.get(path) or _known.setdefault(path, SQLite(path))


_STORE: Addressed[Any] = Addressed(_database, "key")


@node(reads="kv")
def get(key: str, default: Any = None) -> Any:
    """The value under a key, or ``default``.

    ``last = kv.get("last-page", 0)``
    """
    transaction = _database().begin()
    try:
        found = _value(transaction.handle, key)
        return default if found is None else parse(found, f"kv: {key}")
    finally:
        transaction.rollback()


@node(reads="kv")
def keys(prefix: str = "") -> list[str]:
    """The keys that begin so, in order.

    ``seen = kv.keys("seen:")``
    """
    transaction = _database().begin()
    try:
        _prepared(transaction.handle)
        rows = transaction.handle.execute(
            "SELECT key FROM kv WHERE owner = ? AND substr(key, 1, ?) = ? AND (ends IS NULL OR ends > ?) ORDER BY key",
            (_owner(), len(prefix), prefix, time.time()),
        )
        return [row[0] for row in rows]
    finally:
        transaction.rollback()


@node(writes="kv", transactional=_STORE)
def set(db: Any, key: str, value: Any, seconds: float | None = None) -> None:
    """Put a JSON value under a key; with ``seconds`` it is gone after that time.

    ``kv.set("last-page", page)``

    Raises TypeError for what JSON has no word for.
    """
    _put(db, key, dump(value), seconds)


@node(writes="kv", transactional=_STORE)
def swap(db: Any, key: str, old: Any, new: Any) -> bool:
    """Put ``new`` under a key where ``old`` is (None: nothing); was it?

    ``mine = kv.swap("leader", None, "a")``
    """
    found = _value(db, key)
    if (None if found is None else parse(found, f"kv: {key}")) != old:
        return False
    _put(db, key, dump(new), None)
    return True


@node(writes="kv", transactional=_STORE)
def increment(db: Any, key: str, by: int = 1) -> int:
    """Add to a number, which begins at 0; its new value.

    ``number = kv.increment("invoices")``

    Raises ValueError where something else is there.
    """
    found = _value(db, key)
    before = 0 if found is None else parse(found, f"kv: {key}")
    if isinstance(before, bool) or not isinstance(before, int):
        msg = f"kv: under {key!r} is no whole number, but {before!r}"
        raise ValueError(msg)
    _put(db, key, dump(before + by), None)
    return before + by


@node(writes="kv", transactional=_STORE)
def delete(db: Any, key: str) -> bool:
    """Forget a key; was there one?

    ``kv.delete("last-page")``
    """
    there = _value(db, key) is not None
    db.execute("DELETE FROM kv WHERE owner = ? AND key = ?", (_owner(), key))
    return there


def _value(db: Any, key: str) -> str | None:
    _prepared(db)
    row = db.execute(
        "SELECT value FROM kv WHERE owner = ? AND key = ? AND (ends IS NULL OR ends > ?)", (_owner(), key, time.time())
    ).fetchone()
    return None if row is None else str(row[0])


def _put(db: Any, key: str, value: str, seconds: float | None) -> None:
    now = time.time()
    _prepared(db)
    db.execute("DELETE FROM kv WHERE ends <= ?", (now,))
    ends = None if seconds is None else now + seconds
    db.execute("INSERT OR REPLACE INTO kv VALUES (?, ?, ?, ?)", (_owner(), key, value, ends))


def _prepared(db: Any) -> None:
    db.execute(_TABLE)


def _owner() -> str:
    given = permissions()
    return "" if given.trusted else given.tag
