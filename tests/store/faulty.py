"""A connection that fails when it is told to: the n-th statement of a kind raises an error of SQLite's own."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

CODES = {
    "SQLITE_BUSY": 5,
    "SQLITE_NOMEM": 7,
    "SQLITE_READONLY": 8,
    "SQLITE_IOERR": 10,
    "SQLITE_IOERR_FSYNC": 1034,
    "SQLITE_CORRUPT": 11,
    "SQLITE_FULL": 13,
    "SQLITE_CANTOPEN": 14,
    "SQLITE_NOTADB": 26,
}


class Fault:
    """What fails, from its ``nth`` call on, ``times`` times; ``after``: the statement is made, and then fails."""

    def __init__(self, pattern: str, name: str, nth: int = 1, times: int = 1, after: bool = False) -> None:
        self.pattern, self.name, self.left, self.after = re.compile(pattern), name, times, after
        self.before = nth - 1
        self.raised = 0
        self.reached = threading.Event()

    def strikes(self, statement: str) -> bool:
        if not self.pattern.match(statement):
            return False
        if self.before:
            self.before -= 1
            return False
        if self.left == 0:
            return False
        self.left -= 1
        self.raised += 1
        self.reached.set()
        return True

    def error(self) -> sqlite3.OperationalError:
        error = sqlite3.OperationalError(f"made up: {self.name}")
        error.sqlite_errorcode = CODES[self.name]
        error.sqlite_errorname = self.name
        return error


FAULTS: list[Fault] = []
STATEMENTS: Counter[str] = Counter()


class Faulty(sqlite3.Connection):
    """Looks for a fault before each statement."""

    def execute(self, statement: str, *rest: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return self._made(super().execute, statement, *rest)

    def executemany(self, statement: str, *rest: Any) -> sqlite3.Cursor:  # type: ignore[override]
        return self._made(super().executemany, statement, *rest)

    def _made(self, make: Any, statement: str, *rest: Any) -> sqlite3.Cursor:
        STATEMENTS[statement.split()[0]] += 1
        for fault in FAULTS:
            if fault.strikes(statement):
                if fault.after:
                    make(statement, *rest)
                raise fault.error()
        return make(statement, *rest)  # type: ignore[no-any-return]


@contextmanager
def failing(*faults: Fault) -> Iterator[None]:
    FAULTS.extend(faults)
    try:
        yield
    finally:
        FAULTS.clear()
