"""DuckDB for transactional nodes: the node is given a connection in which a transaction has begun."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from .port import Database

if TYPE_CHECKING:
    import duckdb

_TABLE = "CREATE TABLE IF NOT EXISTS cflow_done (key VARCHAR PRIMARY KEY, result BLOB NOT NULL)"


class DuckDB(Database["duckdb.DuckDBPyConnection"]):
    """A DuckDB database in a file. One process at a time writes to it, as DuckDB has it.

    Transactions are optimistic: the later of two that change the same rows fails, and may be tried again.

    Parameters
    ----------
    path: of the file; made where there is none.
    config: the settings of DuckDB; all who open the file in this process give the same.
    """

    def __init__(self, path: str | os.PathLike[str], config: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        self.path = os.path.abspath(path)
        self._config = dict(config or {})

    def begin(self) -> _Transaction:
        # Opened for each transaction, so that others may have the file between them.
        return _Transaction(self.connected())

    def connected(self) -> duckdb.DuckDBPyConnection:
        """A new connection, of which nobody but the caller knows."""
        import duckdb

        return duckdb.connect(self.path, config=self._config)

    def first(self, key: str) -> str | None:
        transaction = self.begin()
        try:
            if not transaction.has_table():
                return None
            rows = transaction.handle.execute("SELECT min(key) FROM cflow_done WHERE key >= ?", [key]).fetchall()
            return None if rows[0][0] is None else str(rows[0][0])
        finally:
            transaction.rollback()

    def forget(self, ranges: Sequence[tuple[str, str]]) -> None:
        transaction = self.begin()
        try:
            for pair in ranges:
                transaction.handle.execute("DELETE FROM cflow_done WHERE key >= ? AND key < ?", list(pair))
            transaction.commit()
        except BaseException:
            transaction.rollback()
            raise


class _Transaction:
    """See :class:`~.port.Transaction`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        try:
            connection.begin()
        except BaseException:
            connection.close()
            raise

    @property
    def handle(self) -> duckdb.DuckDBPyConnection:
        return self._connection

    def has_table(self) -> bool:
        found = "SELECT 1 FROM duckdb_tables() WHERE table_name = 'cflow_done'"
        return bool(self._connection.execute(found).fetchall())

    def recorded(self, key: str) -> bytes | None:
        if not self.has_table():
            self._connection.execute(_TABLE)
            return None
        rows = self._connection.execute("SELECT result FROM cflow_done WHERE key = ?", [key]).fetchall()
        return bytes(rows[0][0]) if rows else None

    def record(self, key: str, result: bytes) -> None:
        self._connection.execute("INSERT INTO cflow_done VALUES (?, ?)", [key, result])

    def commit(self) -> None:
        self._connection.commit()  # an error where the transaction is no more
        self._connection.close()

    def rollback(self) -> None:
        with suppress(Exception):
            self._connection.close()  # which takes back what was not committed
