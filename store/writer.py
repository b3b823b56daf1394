"""The one thread that writes: what waits when it is free is committed together.

A unit is put in line by any thread; the writer takes all that are there, applies them in one transaction, and tells
each that it is on disk. A disk that is full or a lock that somebody else holds delays them, however long it takes;
nobody else waits for that. The thread has a connection of its own and is a daemon: what has not been acknowledged when
the interpreter ends is not on disk, and nobody was told that it is.

Group commit as in DeWitt et al., "Implementation techniques for main memory database systems" (SIGMOD 1984), section 5.
"""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from attrs import define, field

from . import changes as sql
from .appends import Appends, Stale
from .failures import Damaged, ReadOnly, StoreError
from .port import Change, Done
from .rows import Trouble
from .sqlerrors import Fault, describe, fault

_LOGGER = logging.getLogger("cflow.store")

GROUP = 4096
"""Units in one commit at most, so that the first of them do not wait for all that pour in."""

ROUNDS = 2
"""How often a commit takes what has come into line by then: each statement lets the other threads run, and what they
have put there meanwhile goes along for nothing. Not until nothing more comes: the first would wait for all."""

SHORTEST, LONGEST = 0.1, 5.0
"""Seconds between two tries: the first pause, doubled each time up to the longest."""

BUSY_PAUSE = 0.05
"""Seconds between two tries for a lock; SQLite itself waits for it in each of them."""

LOOK = 0.25
"""Seconds after which the writer looks again whether its file is still there: the look costs 3 % of a small commit."""

IO_TRIES = 6
"""Tries before an I/O error is final: about three seconds."""

_SAID = {"busy": "another process has locked it", "full": "the disk is full", "io": "the disk fails"}


class Unit(msgspec.Struct, eq=False):
    """Changes that are applied together, and who wants to know. ``error``: why they were refused; ``final``: another
    try would not change that."""

    changes: Sequence[Change]
    done: Done
    error: BaseException | None = None
    final: bool = False


class _Again(Exception):
    """A unit was refused when it had written: the group is applied once more, each unit in a savepoint."""


@define(eq=False)
class Writer:
    """A line of units, and the thread that commits them.

    Parameters
    ----------
    what: the store's name in messages. connect: opens a connection for writing, as often as one is needed.
    there: raises where the file that was opened is not the one that others would open now. no_space: is the disk full?
    """

    what: str
    connect: Callable[[], sqlite3.Connection]
    there: Callable[[], None]
    no_space: Callable[[], bool]
    trouble: Trouble | None = None
    _line: queue.SimpleQueue[Unit | None] = field(factory=queue.SimpleQueue)
    _group: list[Unit] = field(factory=list)
    _connection: sqlite3.Connection = field(init=False)
    _appends: Appends = field(init=False)
    _thread: threading.Thread = field(init=False)
    _gate: threading.Lock = field(factory=threading.Lock)
    _closed: bool = False
    _look: float = 0.0
    _given_up: threading.Event = field(factory=threading.Event)

    def start(self, connection: sqlite3.Connection) -> None:
        """Begin to work, on a connection that was opened for it."""
        self._connection = connection
        self._appends = Appends(connection)
        self._thread = threading.Thread(target=self._work, name=f"cflow store {self.what}", daemon=True)
        self._thread.start()

    def put(self, changes: Sequence[Change], done: Done) -> None:
        """Put a unit in line; after :meth:`close` it is refused."""
        with self._gate:
            if not self._closed:
                self._line.put(Unit(changes, done))
                return
        _tell([Unit(changes, done, StoreError(f"the store {self.what} is closed"))])

    def end(self) -> None:
        """Take nothing more; the thread ends when all is done."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._line.put(None)

    def close(self, patience: float) -> None:
        """Commit what is in line and end the thread.

        Parameters
        ----------
        patience: the seconds that a disk in trouble is waited for.

        Raises
        ------
        StoreError: the trouble has not gone away; how many units are not on disk. They are refused.
        """
        self.end()
        until = time.monotonic() + patience
        while self._thread.is_alive():
            self._thread.join(0.02)
            if self.trouble is None:
                until = time.monotonic() + patience
            elif time.monotonic() > until and not self._given_up.is_set():
                lost, why = len(self._group) + self._line.qsize() - 1, self.trouble.message
                self._given_up.set()
                self._thread.join()
                msg = f"{lost} units of changes are not on disk: {why}"
                raise StoreError(msg)

    # ---- the thread ------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while (first := self._line.get()) is not None:
            self._group.append(first)
            self._gather()
            try:
                self._commit()
            except BaseException as error:  # the thread must not die: whoever waits would wait for ever
                _LOGGER.exception("store %s: the writer failed", self.what)
                self._rollback()
                for unit in self._group:
                    unit.error = unit.error or error
            told, self._group = self._group, []
            _tell(told)
        self._connection.close()

    def _gather(self) -> None:
        """Take what is in line by now."""
        line, group = self._line, self._group
        for _ in range(min(line.qsize(), GROUP - len(group))):
            unit = line.get_nowait()
            if unit is None:
                line.put(None)  # nothing comes after it
                return
            group.append(unit)

    def _commit(self) -> None:
        """Bring the group to disk, whatever it takes; every unit of it has its answer then."""
        apart = False
        failures = 0
        while True:
            try:
                self._attempt(apart)
            except (_Again, Stale):
                self._rollback()
                apart = True
            except StoreError as error:
                self._refuse(error)
                break
            except sqlite3.Error as error:
                self._rollback()
                kind = fault(error)
                if kind == "io" and self.no_space():
                    kind = "full"
                failures += 1
                if kind in ("unit", "damaged") and not apart:
                    apart = True
                elif kind in ("readonly", "unit", "damaged") or (kind == "io" and failures >= IO_TRIES):
                    self._refuse(self._final(kind, error))
                    if kind != "unit":
                        self._reopen()
                    break
                else:
                    self._say(kind, error)
                    pause = BUSY_PAUSE if kind == "busy" else min(SHORTEST * 2 ** min(failures - 1, 9), LONGEST)
                    if self._given_up.wait(pause):
                        self._refuse(StoreError(f"the store {self.what} was closed before this was on disk"))
                        break
                    if kind == "io":
                        self._reopen()
                    self._gather()
            else:
                break
        self._well()

    def _attempt(self, apart: bool) -> None:
        """Apply the units of the group, and commit. ``apart``: each in a savepoint.

        Without savepoints, which cost a copy of every page that is touched, a unit can only be refused as long as it
        has not written anything.
        """
        connection, appends = self._connection, self._appends
        connection.execute("BEGIN IMMEDIATE")
        taken = 0
        for _ in range(ROUNDS):
            self._gather()
            self._apply(self._group[taken:], apart)
            taken = len(self._group)
            appends.write()
        connection.execute("COMMIT")
        if (now := time.monotonic()) >= self._look:
            self._look = now + LOOK
            self.there()

    def _apply(self, units: Sequence[Unit], apart: bool) -> None:
        connection, appends = self._connection, self._appends
        for unit in units:
            if unit.final:
                continue
            unit.error = None
            if not apart:
                if appends.take(unit.changes):
                    continue
                appends.other(unit.changes)
            before = connection.total_changes
            if apart:
                connection.execute("SAVEPOINT unit")
            try:
                sql.apply(connection, unit.changes)
            except Exception as error:
                kind = fault(error)
                if kind not in ("unit", "damaged"):
                    raise
                if not apart and (kind == "damaged" or connection.total_changes != before):
                    raise _Again from None
                unit.error = self._final(kind, error)
                if not connection.in_transaction:
                    unit.final = True
                    raise _Again from None
                if apart:
                    connection.execute("ROLLBACK TO unit")
            if apart:
                connection.execute("RELEASE unit")

    def _rollback(self) -> None:
        self._appends.forget()
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error:
            self._reopen()

    def _reopen(self) -> None:
        """Take another connection. The old one is closed after that: while one is open, nobody reads the log anew and
        finds there what was not acknowledged."""
        try:
            connection = self.connect()
        except (sqlite3.Error, StoreError, OSError):
            return  # the old one has to do, and the next try tells
        before, self._connection = self._connection, connection
        self._appends = Appends(connection)
        try:
            before.close()
        except sqlite3.Error:
            pass

    def _refuse(self, error: BaseException) -> None:
        for unit in self._group:
            unit.error = unit.error or error

    def _final(self, kind: Fault, error: BaseException) -> BaseException:
        if isinstance(error, StoreError):
            return error
        if kind == "damaged":
            final: StoreError = Damaged(f"the store {self.what} is damaged: {describe(error)}", "store")
        elif kind == "readonly":
            final = ReadOnly(f"the store {self.what} cannot be written to any more: {describe(error)}")
        elif kind == "io":
            final = StoreError(
                f"the store {self.what} cannot be written: {describe(error)}. It is not known whether this is on disk"
            )
        else:
            final = StoreError(f"the store {self.what} does not take this: {describe(error)}")
        final.__cause__ = error
        return final

    def _say(self, kind: Any, error: BaseException) -> None:
        message = f"{_SAID[kind]}: {describe(error)}"
        if self.trouble is None or self.trouble.what != kind:
            _LOGGER.warning("store %s: %s; trying again until it gets better", self.what, message)
            self.trouble = Trouble(kind, message, time.time())

    def _well(self) -> None:
        if self.trouble is not None:
            _LOGGER.info("store %s: %s is over", self.what, self.trouble.what)
            self.trouble = None


def _tell(units: Sequence[Unit]) -> None:
    """Tell each what became of it; then wake those who want to be woken for all of them."""
    later: dict[Callable[[], object], None] = {}
    for unit in units:
        try:
            wake = unit.done(unit.error)
        except Exception:
            _LOGGER.exception("what should hear of a commit failed")
            continue
        if wake is not None:
            later[wake] = None
    for wake in later:
        try:
            wake()
        except Exception:
            _LOGGER.exception("what should hear of a commit failed")
