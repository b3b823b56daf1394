"""Connections for reading: lent for one question each, to any thread, and kept for the next.

A reader sees what was committed when its question began and waits for nobody who writes (WAL). It does wait for who
locks the whole file, for a moment only: the caller may be an event loop.
"""

from __future__ import annotations

import math
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import define, field

from .failures import Busy, Damaged, StoreError
from .sqlerrors import describe, fault

PATIENCE = 0.04
"""Seconds that a question waits for a lock: less than a loop may stall."""

CALM = 0.16
"""Seconds after a question has waited in vain in which others are refused at once: a loop that asks several would stall
for each."""

KEPT = 8
"""Connections that are kept open between questions."""


@define(eq=False)
class Readers:
    """Connections for reading one store.

    Parameters
    ----------
    what: the store's name in messages. connect: opens one.
    """

    what: str
    connect: Callable[[], sqlite3.Connection]
    _idle: deque[sqlite3.Connection] = field(factory=deque)
    _closed: bool = False
    _busy: str = ""
    _calm: float = -math.inf
    """Until when questions are refused so."""

    @contextmanager
    def lend(self) -> Iterator[sqlite3.Connection]:
        """A connection for one question; nothing of it may be used after that.

        Raises
        ------
        Busy, Damaged, StoreError: what SQLite's errors mean here.
        """
        if self._closed:
            msg = f"the store {self.what} is closed"
            raise StoreError(msg)
        if time.monotonic() < self._calm:
            raise Busy(self._busy)
        connection = None
        try:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self.connect()
            yield connection
        except sqlite3.Error as error:
            if connection is not None:
                connection.close()
            meaning = self.meaning(error)
            if isinstance(meaning, Busy):
                self._busy, self._calm = str(meaning), time.monotonic() + CALM
            raise meaning from error
        except BaseException:
            if connection is not None:
                connection.close()
            raise
        if self._closed or len(self._idle) >= KEPT:
            connection.close()
        else:
            self._idle.append(connection)

    def meaning(self, error: sqlite3.Error) -> StoreError:
        """What an error of SQLite means for who reads."""
        kind = fault(error)
        if kind == "busy":
            return Busy(f"another process has locked the store {self.what} for itself alone: {describe(error)}")
        if kind == "damaged":
            return Damaged(f"the store {self.what} is damaged: {describe(error)}", "store")
        return StoreError(f"the store {self.what} cannot be read: {describe(error)}")

    def close(self) -> None:
        """Close what is not lent; what is lent is closed when it comes back."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()
