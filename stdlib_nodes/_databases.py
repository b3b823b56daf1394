"""Databases by address, as the ``sql`` pack opens them: which kind it is, what the program may do, how rows are read.

It knows nothing of nodes. ``postgresql://...`` is PostgreSQL; ``duckdb:PATH``, and a path that ends with ``.duckdb``,
is DuckDB; any other path, with or without ``sqlite:``, is SQLite.
"""

from __future__ import annotations

import re
import socket
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from .. import Permissions
from ..transactional import Database, DuckDB, PostgreSQL, SQLite
from ._extras import needs

Params = Sequence[Any] | Mapping[str, Any] | None

# What a program that is not trusted may say of a connection: no files, no services, no other ways to the server.
_GUEST_WORDS = frozenset("host port dbname user password sslmode connect_timeout application_name".split())
_GUEST_OPTIONS = {"passfile": "/dev/null", "gssencmode": "disable", "sslcertmode": "disable"}
_GUEST_DUCK = {"enable_external_access": "false", "lock_configuration": "true"}
# Names in a statement are never variables of Python.
_DUCK = {"python_enable_replacements": "false"}

_ENDS = re.compile(
    r"(?:\s|--[^\n]*(?:\n|$)|/\*.*?\*/|;)*(?:begin|start|commit|end|rollback|abort|prepare\s+transaction)\b",
    re.IGNORECASE | re.DOTALL,
)

_known: dict[tuple[str, Permissions], Database[Any]] = {}


def kind(address: str) -> tuple[str, str]:
    """Which kind of database it is, and where: a path, or for PostgreSQL the whole address.

    Raises
    ------
    ValueError: nothing that is kept from one call to the next.
    """
    word, colon, rest = address.partition(":")
    if colon and word in ("postgresql", "postgres"):
        return "postgresql", address
    name, where = (word, rest) if colon and word in ("sqlite", "duckdb") else ("", address)
    name = name or ("duckdb" if where.endswith(".duckdb") else "sqlite")
    if where == ":memory:" or (not where and name == "sqlite"):
        msg = f"{address!r}: a database in memory would be a new one in each call; name a file"
        raise ValueError(msg)
    return name, where


def database(address: str, given: Permissions) -> Database[Any]:
    """The database for transactions; the same for the same address and grants."""
    name, where = kind(address)
    if name == "duckdb" and not where:
        msg = "what is written to a database in memory is gone after the call: name a file (duckdb:PATH)"
        raise ValueError(msg)
    if name != "postgresql":
        where = str(given.file(where).absolute())
    elif not given.trusted:  # asked, and resolved, each time
        return _guest(where, given)
    found = _known.get((f"{name}:{where}", given))
    if found is None:
        found = _known.setdefault((f"{name}:{where}", given), _new(name, where, given))
    return found


def _new(name: str, where: str, given: Permissions) -> Database[Any]:
    if name == "sqlite":
        return SQLite(where, attach=given.trusted)
    with needs("sql"):
        if name == "duckdb":
            import duckdb as _duckdb  # noqa: F401

            return DuckDB(where, _duck_config(given))
        import psycopg as _psycopg  # noqa: F401

        return PostgreSQL(where)


def _duck_config(given: Permissions) -> dict[str, Any]:
    return dict(_DUCK) if given.trusted else _DUCK | _GUEST_DUCK


def _guest(conninfo: str, given: Permissions) -> PostgreSQL:
    """Connects to an address that was asked for, and takes nothing from the files and secrets of the host."""
    with needs("sql"):
        from psycopg.conninfo import conninfo_to_dict
    words = conninfo_to_dict(conninfo)
    host, port = str(words.get("host") or ""), str(words.get("port") or "5432")
    if more := sorted(set(words) - _GUEST_WORDS):
        msg = f"the program is not allowed to connect with {more[0]}="
        raise PermissionError(msg)
    if not host or "/" in host or "," in host or not port.isdecimal():
        msg = "the program is not allowed to connect but to one host, by name and port"
        raise PermissionError(msg)
    given.host(host, int(port))
    found = [str(at[4][0]) for at in socket.getaddrinfo(host, int(port), type=socket.SOCK_STREAM)]
    address = given.addresses(host, int(port), found)[0]
    defaults = {"user": "", "password": "", "dbname": words.get("user") or ""}  # and not those of the environment
    return PostgreSQL("", **{**defaults, **words, **_GUEST_OPTIONS, "hostaddr": address, "port": port})


@contextmanager
def reading(address: str, statement: str, params: Params, given: Permissions) -> Iterator[Any]:
    """The cursor of a statement that changes nothing; the database refuses what would.

    Raises
    ------
    ValueError: more than one statement, or one that is no query. FileNotFoundError. Errors of the database's library.
    """
    name, where = kind(address)
    if name == "sqlite":
        path = given.file(where)
        if not path.exists():
            raise FileNotFoundError(2, "there is no such database", where)
        with closing(_sqlite(path)) as connection:
            connection.execute("PRAGMA query_only = ON")
            if not given.trusted:
                connection.set_authorizer(_no_other_files)
            yield _carried_out(connection, statement, params)
    elif name == "duckdb":
        with needs("sql"):
            import duckdb
        path = given.file(where) if where else Path(":memory:")
        if where and not path.exists():
            raise FileNotFoundError(2, "there is no such database", where)
        with closing(duckdb.connect(str(path), config=_duck_config(given))) as duck:
            if duck_statement(duck, statement).type not in (duckdb.StatementType.SELECT, duckdb.StatementType.EXPLAIN):
                msg = f"no query: {statement!r}; what changes something is sql.execute"
                raise ValueError(msg)
            yield _carried_out(duck, statement, params)
    else:
        opened: Any = database(address, given)
        with closing(opened.connected()) as link:
            link.read_only = True
            with link.transaction(), link.cursor(name="cflow") as cursor:
                yield _carried_out(cursor, statement, params)


def changing(handle: Any, statement: str, params: Params) -> Any:
    """Carry out one statement in the transaction of a node; its cursor."""
    check_changing(handle, statement)
    # Without parameters psycopg would send a text of several statements as it is; one that is prepared is one.
    options = {"prepare": True} if hasattr(handle, "pgconn") else {}
    return _carried_out(handle, statement, params, **options)


def check_changing(handle: Any, statement: str) -> None:
    """Is it one statement, that leaves the transaction alone?

    Raises
    ------
    ValueError: it is not.
    """
    if hasattr(handle, "extract_statements"):
        duck_statement(handle, statement)
    if _ENDS.match(statement):
        msg = f"{statement!r}: the transaction is begun and ended by the node; sql.transaction takes several statements"
        raise ValueError(msg)


def duck_statement(connection: Any, statement: str) -> Any:
    """The one statement that the text holds; DuckDB would take several."""
    found = connection.extract_statements(statement)
    if len(found) != 1:
        msg = f"{len(found)} statements where one was expected: {statement!r}"
        raise ValueError(msg)
    return found[0]


def _sqlite(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{quote(str(path))}?mode=rw", uri=True, timeout=60.0, check_same_thread=False)


def _no_other_files(action: int, *args: Any) -> int:
    return sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_ATTACH else sqlite3.SQLITE_OK


def _carried_out(handle: Any, statement: str, params: Params, **options: Any) -> Any:
    filled = _filled(params)
    try:
        return handle.execute(statement, filled, **options)
    except TypeError as error:  # a list where the statement has names, say
        msg = f"params= does not fit the statement {statement!r}: {error}"
        raise ValueError(msg) from error


def _filled(params: Params) -> Any:
    """As all three libraries take it. Never None: whether psycopg reads % in the statement would hang on that."""
    if params is None:
        return ()
    if isinstance(params, Mapping):
        return params
    if isinstance(params, str | bytes) or not isinstance(params, Sequence):
        msg = f"params= is a list of values, or a dict of them by name, not a {type(params).__name__}"
        raise ValueError(msg)
    return tuple(params)
