"""SQL databases: SQLite, PostgreSQL (psycopg 3), DuckDB; rows are dicts.

The database is a text: ``shop.db`` or ``sqlite:shop.db``, ``postgresql://user:password@host/name``, ``sales.duckdb`` or
``duckdb:sales.db``; ``duckdb:`` alone reads files with no database (``SELECT * FROM 'sales.parquet'``).

Values are parameters, never part of the statement, and a call takes one statement. Placeholders are the database's
own: ``?`` and ``:name`` in SQLite, ``%s`` and ``%(name)s`` in PostgreSQL (a percent sign is ``%%``), ``?`` and
``$name`` in DuckDB. The resource is ``sql``: reads overlap and wait for writes before them.

What changes something is one transaction a call, and transactional: in a run on record it happens exactly once,
wherever the process dies. A program that is not trusted reaches the files and hosts that it was given, and no other
files by ``ATTACH``, ``COPY`` or functions of DuckDB that read.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import trio

from .. import node, permissions
from ..transactional import Database
from ..transactional.addressed import Addressed
from ._aside import aside
from ._databases import Params, changing, check_changing, database as _database, reading
from ._fields import as_dict

_ROWS = 1000  # rows fetched per hop to a thread


def _named(address: str) -> Database[Any]:
    return _database(address, permissions())


_NAMED: Addressed[Any] = Addressed(_named, "database")


@node(reads="sql")
def query(
    database: str, statement: str, params: list[Any] | tuple[Any, ...] | dict[str, Any] | None = None
) -> list[dict[str, Any]]:
    """The rows of a query, all at once; ``rows`` streams them.

    ``open = sql.query("shop.db", "SELECT id, total FROM orders WHERE state = ?", ["open"])``

    Raises ValueError for two columns of one name and for ``params`` that do not fit, FileNotFoundError, and the errors
    of the database's library.
    """
    with reading(database, statement, params, permissions()) as cursor:
        names = _names(cursor)
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@node(reads="sql")
async def rows(
    database: str, statement: str, params: list[Any] | tuple[Any, ...] | dict[str, Any] | None = None
) -> AsyncIterator[dict[str, Any]]:
    """The rows of a query as a stream, in constant memory: through a cursor of the server in PostgreSQL.

    ``for order in sql.rows("shop.db", "SELECT * FROM orders ORDER BY id"): ...``
    """
    async with aside(reading(database, statement, params, permissions())) as cursor:
        names = _names(cursor)
        while chunk := await trio.to_thread.run_sync(cursor.fetchmany, _ROWS):
            for row in chunk:
                yield dict(zip(names, row, strict=True))


@node(writes="sql", transactional=_NAMED)
def execute(
    handle: Any,
    database: str,
    statement: str,
    params: list[Any] | tuple[Any, ...] | dict[str, Any] | None = None,
) -> int:
    """Carry out one statement; the number of rows that it changed (0 where it changes none).

    ``paid = sql.execute("shop.db", "UPDATE orders SET state = ? WHERE id = ?", ["paid", 7])``

    Raises ValueError for a statement that begins or ends a transaction, and the errors of the database's library.
    """
    return _changed(handle, changing(handle, statement, params))


@node(writes="sql", transactional=_NAMED)
def returning(
    handle: Any,
    database: str,
    statement: str,
    params: list[Any] | tuple[Any, ...] | dict[str, Any] | None = None,
) -> list[dict[str, Any]]:
    """Carry out one statement that changes something and gives rows.

    ``new = sql.returning("shop.db", "INSERT INTO orders (total) VALUES (?) RETURNING id", [12.5])``
    """
    cursor = changing(handle, statement, params)
    names = _names(cursor)
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


@node(writes="sql", transactional=_NAMED)
def transaction(handle: Any, database: str, steps: list[list[Any]]) -> list[int]:
    """Carry out several statements, all of them or none; the number of rows that each changed.

    ``sql.transaction("shop.db", [["UPDATE a SET n = n - ?", [1]], ["UPDATE b SET n = n + ?", [1]]])``

    Each step is ``[statement]`` or ``[statement, params]``.
    """
    changed = []
    for number, step in enumerate(steps, 1):
        if not 1 <= len(step) <= 2 or not isinstance(step[0], str):
            msg = f"step {number} is neither [statement] nor [statement, params]: {step!r}"
            raise ValueError(msg)
        params: Params = step[1] if len(step) == 2 else None
        changed.append(_changed(handle, changing(handle, step[0], params)))
    return changed


@node(writes="sql", transactional=_NAMED)
def insert(handle: Any, database: str, table: str, rows: list[Any]) -> int:
    """Add records (dicts or typed records) to a table, all of them or none; how many.

    ``sql.insert("shop.db", "orders", [{"id": 7, "total": 12.5}])``

    Fields are columns by name; ``schema.table`` names a schema. Raises ValueError where records differ in their fields.
    """
    records = [as_dict(row) for row in rows]
    if not records:
        return 0
    columns = list(records[0])
    for number, record in enumerate(records, 1):
        if record.keys() != records[0].keys():
            msg = f"record {number} has the fields {', '.join(record)}, the first one {', '.join(columns)}"
            raise ValueError(msg)
    into = ".".join(map(_quoted, table.split(".")))
    # psycopg reads % in names, too, and has a placeholder of its own.
    postgres = hasattr(handle, "pgconn")
    names = ", ".join(map(_quoted, columns))
    statement = f"INSERT INTO {into} ({names}) VALUES ({', '.join('?' * len(columns))})"
    if postgres:
        marks = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO {into} ({names})".replace("%", "%%") + f" VALUES ({marks})"
    check_changing(handle, statement)
    cursor = handle.cursor() if postgres else handle
    cursor.executemany(statement, [tuple(record[name] for name in columns) for record in records])
    return len(records)


def _quoted(name: str) -> str:
    if not name or "\0" in name:
        msg = f"no name of a table or column: {name!r}"
        raise ValueError(msg)
    return '"' + name.replace('"', '""') + '"'


def _names(cursor: Any) -> list[str]:
    names = [column[0] for column in cursor.description or ()]
    for name in names:
        if names.count(name) > 1:
            msg = f"two columns are called {name!r}: give one another name with AS"
            raise ValueError(msg)
    return names


def _changed(handle: Any, cursor: Any) -> int:
    """DuckDB tells the number as a row; the others give -1 where nothing could be changed."""
    if hasattr(handle, "extract_statements"):
        count = [column[0] for column in cursor.description or ()] == ["Count"]
        found = cursor.fetchall() if count else []
        return int(found[0][0]) if found else 0
    return max(int(cursor.rowcount), 0)
