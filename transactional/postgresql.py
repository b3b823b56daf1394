"""PostgreSQL for transactional nodes: the node is given a connection of psycopg 3 in which a transaction has begun."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any

from .port import Database, alive

if TYPE_CHECKING:
    import psycopg

ROUND = 0.5
"""Seconds of waiting for the server after which it is looked whether the call was cut meanwhile."""

_TABLE = 'CREATE TABLE IF NOT EXISTS cflow_done (key text COLLATE "C" PRIMARY KEY, result bytea NOT NULL)'
_LOCK = 0x63666C6F77  # an advisory lock: two that make the table at once would meet in the catalogue, as an error
_LASTING = "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"


class PostgreSQL(Database["psycopg.Connection[Any]"]):
    """A PostgreSQL database, through psycopg 3.

    Transactions have the isolation that the server gives (READ COMMITTED), and ``synchronous_commit`` is never off:
    what is committed outlives a loss of power. A call that is cut while the server works cancels the statement.

    Parameters
    ----------
    conninfo: a URL (``postgresql://user:password@host/name``) or ``host=... dbname=...``.
    options: parameters of the connection that go before those; ``row_factory`` and the like of psycopg, too.
    """

    def __init__(self, conninfo: str, **options: Any) -> None:
        super().__init__()
        self._conninfo = conninfo
        self._options = options
        self._idle: deque[psycopg.Connection[Any]] = deque()
        self.has_table = False

    def begin(self) -> _Transaction:
        while self._idle:
            # The server may have closed it since.
            with suppress(_psycopg().OperationalError, IndexError):
                return _Transaction(self, self._idle.pop())
        return _Transaction(self, self.connected())

    def connected(self) -> psycopg.Connection[Any]:
        """A new connection, of which nobody but the caller knows."""
        connection = connection_class().connect(self._conninfo, autocommit=True, **self._options)
        try:
            connection.execute(_LASTING)
        except BaseException:
            connection.close()
            raise
        return connection

    def first(self, key: str) -> str | None:
        transaction = self.begin()
        try:
            if not transaction.finds_table():
                return None
            row = transaction.plain("SELECT min(key) FROM cflow_done WHERE key >= %s", key)
            return None if row is None or row[0] is None else str(row[0])
        finally:
            transaction.rollback()

    def forget(self, ranges: Sequence[tuple[str, str]]) -> None:
        transaction = self.begin()
        try:
            for low, high in ranges:
                transaction.handle.execute("DELETE FROM cflow_done WHERE key >= %s AND key < %s", (low, high))
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise

    def close(self) -> None:
        """Close the connections that nobody uses just now."""
        while self._idle:
            self._idle.pop().close()

    def give_back(self, connection: psycopg.Connection[Any]) -> None:
        if not connection.closed:
            self._idle.append(connection)


def _psycopg() -> Any:
    import psycopg

    return psycopg


@cache
def connection_class() -> type[psycopg.Connection[Any]]:
    """Connections whose waiting ends when the call is cut: then the statement is cancelled on the server."""
    import psycopg
    from psycopg import waiting

    class Connection(psycopg.Connection[Any]):
        def wait(self, gen: Generator[Any, Any, Any], interval: float = ROUND, *args: Any, **more: Any) -> Any:
            try:
                return waiting.wait(_looking(gen), self.pgconn.socket, min(interval, ROUND), *args, **more)
            except _Cut as cut:
                with suppress(psycopg.Error):
                    self.cancel_safe(timeout=5)
                    waiting.wait(gen, self.pgconn.socket, ROUND)
                raise cut.error from None

        def __del__(self, *args: Any) -> None:
            """One that is kept for the next call ends with its process, and that is no mistake to warn of."""

    return Connection


class _Cut(Exception):
    def __init__(self, error: BaseException) -> None:
        self.error = error


def _looking(steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
    """The same steps of talking to the server; where it is silent for a round, it is looked who was cut."""
    try:
        asked = next(steps)
        while True:
            ready = yield asked
            if not ready:
                try:
                    alive()
                except BaseException as error:
                    raise _Cut(error) from None
            asked = steps.send(ready)
    except StopIteration as end:
        return end.value


class _Transaction:
    """See :class:`~.port.Transaction`."""

    def __init__(self, database: PostgreSQL, connection: psycopg.Connection[Any]) -> None:
        self._database = database
        self._connection = connection
        self._makes_table = False
        # psycopg refuses commit() and rollback() of the node within its own transaction blocks.
        self._block = connection.transaction()
        try:
            self._block.__enter__()
        except BaseException:
            connection.close()
            raise

    @property
    def handle(self) -> psycopg.Connection[Any]:
        return self._connection

    def finds_table(self) -> bool:
        if not self._database.has_table:
            row = self.plain("SELECT to_regclass('cflow_done') IS NOT NULL")
            self._database.has_table = bool(row and row[0])
        return self._database.has_table

    def recorded(self, key: str) -> bytes | None:
        if not self.finds_table():
            self._connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
            self._connection.execute(_TABLE)
        row = self.plain("SELECT result FROM cflow_done WHERE key = %s", key)
        return None if row is None else bytes(row[0])

    def record(self, key: str, result: bytes) -> None:
        self._look()
        self._connection.execute("INSERT INTO cflow_done VALUES (%s, %s)", (key, result))

    def commit(self) -> None:
        self._look()
        self._block.__exit__(None, None, None)
        self._database.give_back(self._connection)

    def rollback(self) -> None:
        with suppress(Exception):
            if self._inside():
                undone = _psycopg().Rollback()
                self._block.__exit__(type(undone), undone, None)
                self._database.give_back(self._connection)
                return
        with suppress(Exception):
            self._connection.close()

    def plain(self, statement: Any, *given: Any) -> Any:
        """The first row as a tuple, whatever rows look like to the node."""
        from psycopg.rows import tuple_row

        return self._connection.cursor(row_factory=tuple_row).execute(statement, given).fetchone()

    def _inside(self) -> bool:
        status = _psycopg().pq.TransactionStatus
        return self._connection.info.transaction_status in (status.INTRANS, status.INERROR)

    def _look(self) -> None:
        if self._connection.info.transaction_status != _psycopg().pq.TransactionStatus.INTRANS:
            msg = "the transaction was ended by the node, or by an error in it that the node has caught"
            raise RuntimeError(msg)
