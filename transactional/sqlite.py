"""SQLite for transactional nodes: the node is given a connection in which a transaction has begun."""

from __future__ import annotations

import os
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence, Set
from typing import Any, NoReturn

from .port import Database, alive

ROUND = 1.0
"""Seconds of waiting for a lock after which it is looked whether the call was cut meanwhile."""

BUSY = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED})

TABLE = "CREATE TABLE cflow_done (key TEXT PRIMARY KEY, result BLOB NOT NULL) WITHOUT ROWID"


class SQLite(Database[sqlite3.Connection]):
    """A SQLite database in a file.

    Each transaction is ``BEGIN IMMEDIATE`` with ``synchronous=FULL``: what is committed outlives a loss of power. The
    journal mode is the file's own.

    Parameters
    ----------
    path: of the file; made where there is none.
    setup: called with each new connection: for ``row_factory``, functions, pragmas.
    patience: seconds to wait for a lock of somebody else.
    attach: may nodes open other files (``ATTACH``, ``VACUUM INTO``)?
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        setup: Callable[[sqlite3.Connection], object] | None = None,
        patience: float = 60.0,
        attach: bool = True,
    ) -> None:
        super().__init__()
        self.path = os.path.abspath(path)
        self._setup = setup
        self._patience = patience
        self._refused = {sqlite3.SQLITE_TRANSACTION} if attach else {sqlite3.SQLITE_TRANSACTION, sqlite3.SQLITE_ATTACH}
        self._idle: deque[_Connection] = deque()

    def begin(self) -> _Transaction:
        connection = self._taken()
        try:
            self.patiently(lambda: connection.execute("BEGIN IMMEDIATE"), alive)
        except BaseException:
            self.give_back(connection)
            raise
        connection.guard.held = True
        return _Transaction(self, connection)

    def first(self, key: str) -> str | None:
        connection = self._taken()
        try:
            row = connection.plain("SELECT min(key) FROM cflow_done WHERE key >= ?", key)
            return None if row is None or row[0] is None else str(row[0])
        finally:
            self.give_back(connection)

    def forget(self, ranges: Sequence[tuple[str, str]]) -> None:
        transaction = self.begin()
        try:
            transaction.handle.executemany("DELETE FROM cflow_done WHERE key >= ? AND key < ?", ranges)
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        while self._idle:
            self._idle.pop().shut()

    def patiently(self, step: Callable[[], object], waits: Callable[[], object] = lambda: None) -> None:
        """Do a step, again while somebody else has the lock."""
        end = time.monotonic() + self._patience
        while True:
            try:
                step()
                return
            except sqlite3.OperationalError as error:
                if getattr(error, "sqlite_errorcode", 0) & 0xFF not in BUSY or time.monotonic() > end:
                    raise
                waits()

    def _taken(self) -> _Connection:
        try:
            return self._idle.pop()
        except IndexError:
            pass
        # Used in one thread at a time, and in another one the next time.
        connection = sqlite3.connect(
            self.path, timeout=ROUND, isolation_level=None, check_same_thread=False, factory=_Connection
        )
        try:
            connection.execute("PRAGMA synchronous = FULL")
            if self._setup is not None:
                self._setup(connection)
        except BaseException:
            connection.shut()
            raise
        connection.guard.refused = self._refused
        connection.set_authorizer(connection.guard.allowed)
        return connection

    def give_back(self, connection: _Connection) -> None:
        self._idle.append(connection)


class _Guard:
    """Whether a connection may make a statement. Apart from it, so that they are no circle.

    ``held``: is a node using it? ``refused``: what it may not do then, as SQLite's action codes.
    """

    held = False
    refused: Set[int] = frozenset()

    def allowed(self, action: int, *args: Any) -> int:
        return sqlite3.SQLITE_DENY if self.held and action in self.refused else sqlite3.SQLITE_OK


class _Connection(sqlite3.Connection):
    """A connection that whoever is given it does not end the transaction of."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.guard = _Guard()

    def plain(self, statement: str, *given: Any) -> Any:
        """The first row as a tuple, whatever rows look like to the node."""
        cursor = self.cursor()
        cursor.row_factory = None
        return cursor.execute(statement, given).fetchone()

    def commit(self) -> None:
        self._refuse()

    def rollback(self) -> None:
        self._refuse()

    def close(self) -> None:
        self._refuse()

    def executescript(self, sql_script: str, /) -> NoReturn:
        self._refuse()

    def __exit__(self, *args: Any) -> NoReturn:
        self._refuse()

    def _refuse(self) -> NoReturn:
        msg = (
            "the transaction of a transactional node is ended by the engine: leave out commit, rollback, `with`, "
            "executescript and close"
        )
        raise RuntimeError(msg)

    def shut(self) -> None:
        super().close()


class _Transaction:
    """See :class:`~.port.Transaction`."""

    def __init__(self, database: SQLite, connection: _Connection) -> None:
        self._database = database
        self._connection = connection

    @property
    def handle(self) -> sqlite3.Connection:
        return self._connection

    def recorded(self, key: str) -> bytes | None:
        try:
            row = self._connection.plain("SELECT result FROM cflow_done WHERE key = ?", key)
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            self._connection.execute(TABLE)  # with the first result; gone again where that is rolled back
            return None
        return None if row is None else bytes(row[0])

    def record(self, key: str, result: bytes) -> None:
        self._look()
        self._connection.execute("INSERT INTO cflow_done VALUES (?, ?)", (key, result))

    def commit(self) -> None:
        self._look()
        self._connection.guard.held = False
        self._database.patiently(lambda: sqlite3.Connection.commit(self._connection))
        self._database.give_back(self._connection)

    def rollback(self) -> None:
        self._connection.guard.held = False
        try:
            sqlite3.Connection.rollback(self._connection)
        except sqlite3.Error:
            self._connection.shut()
        else:
            self._database.give_back(self._connection)

    def _look(self) -> None:
        if not self._connection.in_transaction:
            msg = "the database has taken back what the node did, after an error that the node has caught"
            raise RuntimeError(msg)
