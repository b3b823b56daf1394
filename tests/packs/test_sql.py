"""The sql pack against SQLite, DuckDB and a real PostgreSQL on loopback."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio

import cflow
from cflow import Engine, context
from cflow.compiler.permissions import Permissions, under
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.stdlib_nodes import _databases, sql
from cflow.stdlib_nodes._databases import changing
from cflow.transactional import SQLite

numbers = itertools.count()
MARK = {"sqlite": "?", "duckdb": "?", "postgresql": "%s"}
NAMED = {"sqlite": ":n", "duckdb": "$n", "postgresql": "%(n)s"}


@pytest.fixture(params=["sqlite", "duckdb", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def db(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    if kind == "postgresql":
        import psycopg

        url = request.getfixturevalue("postgres")
        name = f"db{next(numbers)}"
        with psycopg.connect(url, autocommit=True) as server:
            server.execute(f"CREATE DATABASE {name}")
        yield url.replace("/postgres", f"/{name}")
    else:
        yield f"{kind}:{tmp_path}/shop.db"
    for database in _databases._known.values():
        getattr(database, "close", lambda: None)()
    _databases._known.clear()


@pytest.fixture
def shop(db: str) -> str:
    do(sql.execute, db, "CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(80))")
    assert do(sql.insert, db, "item", [{"id": 1, "name": "bolt"}, {"id": 2, "name": None}]) == 2
    return db


def do(node: Any, *args: Any, **kwargs: Any) -> Any:
    return node(*args, **kwargs)


def all_of(db: str, statement: str = "SELECT id, name FROM item ORDER BY id", params: Any = None) -> Any:
    return sql.query(db, statement, params)


def test_rows_are_dicts(shop: str) -> None:
    assert all_of(shop) == [{"id": 1, "name": "bolt"}, {"id": 2, "name": None}]


def test_parameters_by_place_and_by_name(shop: str, kind: str) -> None:
    tricky = "x'; DROP TABLE item; --"
    changed = do(sql.execute, shop, f"UPDATE item SET name = {MARK[kind]} WHERE id = {MARK[kind]}", [tricky, 2])
    assert changed == 1
    assert all_of(shop, f"SELECT name FROM item WHERE id = {NAMED[kind]}", {"n": 2}) == [{"name": tricky}]
    assert do(sql.execute, shop, "DELETE FROM item WHERE id > 5") == 0
    assert do(sql.execute, shop, "DELETE FROM item") == 2


def test_rows_of_a_change(shop: str, kind: str) -> None:
    found = do(sql.returning, shop, f"INSERT INTO item VALUES (7, {MARK[kind]}) RETURNING id", ["nut"])
    assert found == [{"id": 7}]
    assert len(all_of(shop)) == 3


def test_a_stream_is_read_in_chunks(shop: str) -> None:
    do(sql.execute, shop, "DELETE FROM item")
    do(sql.insert, shop, "item", [{"id": n, "name": f"n{n}"} for n in range(2500)])

    async def first(count: int) -> list[Any]:
        found = []
        stream = sql.rows.fn(shop, "SELECT id FROM item ORDER BY id")
        try:
            async for row in stream:
                found.append(row["id"])
                if len(found) == count:
                    break
        finally:
            await stream.aclose()
        return found

    assert trio.run(first, 3) == [0, 1, 2]
    assert trio.run(first, -1) == [*range(2500)]


def test_a_read_changes_nothing(shop: str) -> None:
    for statement in ("DELETE FROM item", "INSERT INTO item VALUES (9, 'x')", "DROP TABLE item"):
        with pytest.raises(Exception, match=r"(?i)read.?only|no query|readonly|syntax error"):
            all_of(shop, statement)
    assert len(all_of(shop)) == 2


def test_one_statement_a_call(shop: str) -> None:
    for two in ("SELECT 1; SELECT 2", "DELETE FROM item; COMMIT", "DELETE FROM item; DELETE FROM item"):
        with pytest.raises(Exception, match=r"(?i)statement|command|syntax"):
            all_of(shop, two)
        with pytest.raises(Exception, match=r"(?i)statement|command"):
            do(sql.execute, shop, two)
    assert len(all_of(shop)) == 2


@pytest.mark.parametrize("statement", ["COMMIT", " -- x\n/* y */ rollback", ";begin", "START TRANSACTION", "End"])
def test_the_transaction_is_the_nodes(shop: str, statement: str) -> None:
    with pytest.raises(ValueError, match="begun and ended by the node"):
        do(sql.transaction, shop, [["DELETE FROM item"], [statement]])
    assert len(all_of(shop)) == 2


def test_all_steps_or_none(shop: str, kind: str) -> None:
    add = f"INSERT INTO item VALUES ({MARK[kind]}, 'x')"
    assert do(sql.transaction, shop, [[add, [3]], ["DELETE FROM item WHERE id < 3"]]) == [1, 2]
    with pytest.raises(Exception, match=r"(?i)unique|constraint|duplicate"):
        do(sql.transaction, shop, [[add, [4]], [add, [3]]])
    with pytest.raises(ValueError, match="step 2 is neither"):
        do(sql.transaction, shop, [[add, [4]], []])
    assert [row["id"] for row in all_of(shop)] == [3]


def test_records_are_added_all_or_none(shop: str) -> None:
    with pytest.raises(Exception, match=r"(?i)unique|constraint|duplicate"):
        do(sql.insert, shop, "item", [{"id": 3, "name": "a"}, {"id": 1, "name": "b"}])
    with pytest.raises(ValueError, match="record 2 has the fields id, the first one id, name"):
        do(sql.insert, shop, "item", [{"id": 3, "name": "a"}, {"id": 4}])
    assert do(sql.insert, shop, "item", []) == 0
    assert len(all_of(shop)) == 2


def test_names_are_quoted(shop: str) -> None:
    odd = 'a "b% ? %s'
    do(sql.execute, shop, 'CREATE TABLE odd ("a ""b%% ? %%s" INTEGER)'.replace("%%", "%%" if "://" in shop else "%"))
    do(sql.insert, shop, "odd", [{odd: 1}])
    assert all_of(shop, "SELECT * FROM odd") == [{odd: 1}]
    with pytest.raises(Exception, match=r"(?i)item; drop"):
        do(sql.insert, shop, "item; DROP TABLE item", [{"id": 3}])


def test_two_columns_of_one_name(shop: str) -> None:
    with pytest.raises(ValueError, match="two columns are called 'id'"):
        all_of(shop, "SELECT id, name AS id FROM item")


def test_what_is_not_there(tmp_path: Path) -> None:
    for address in (f"{tmp_path}/no.db", f"{tmp_path}/no.duckdb"):
        with pytest.raises(FileNotFoundError, match="no such database"):
            all_of(address, "SELECT 1")
    assert not list(tmp_path.iterdir())
    for address in (":memory:", "sqlite:", "duckdb::memory:"):
        with pytest.raises(ValueError, match="in memory"):
            all_of(address, "SELECT 1")
    assert all_of("duckdb:", "SELECT 1 AS one") == [{"one": 1}]


# ---- in runs on record ---------------------------------------------------------------------------

FLOW = """
import sql

flow add(db: str) -> int:
    sql.execute(db, "CREATE TABLE seen (n INTEGER)")
    sql.execute(db, "INSERT INTO seen VALUES (1)")
    return sql.execute(db, "INSERT INTO seen VALUES (2)")
"""


def test_a_change_happens_once(db: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run is broken off when the database has committed and the journal has not heard of it."""
    done: list[str] = []
    journals: list[Any] = []

    def noting(handle: Any, statement: str, params: Any) -> Any:
        done.append(statement)
        journals.append(context()._run.journal)
        return changing(handle, statement, params)

    def stop(event: Any) -> None:
        if (event.kind, event.what) == ("node", "done") and len(done) == 2:
            journals[-1].stop("broken off by a test")

    monkeypatch.setattr(sql, "changing", noting)
    program = tmp_path / "add.cflow"
    program.write_text(FLOW)
    module = cflow.load(program)
    engine = Engine(store=tmp_path / "store", sinks=[stop])
    with pytest.raises(Suspended):
        engine.run(module.add, db)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    assert len(all_of(db, "SELECT * FROM cflow_done")) == 2
    again = Engine(store=tmp_path / "store")
    (resumed,) = resume(again, row.id)
    assert resumed.state == "done"
    assert all_of(db, "SELECT n FROM seen ORDER BY n") == [{"n": 1}, {"n": 2}]
    assert len(done) == 3
    for each in (engine, again):
        assert each.recorder is not None
        each.recorder.close()


def test_what_is_not_asked_for_any_more_is_dropped(db: str) -> None:
    found = _databases.database(db, Permissions())
    assert isinstance(found, SQLite) or found.first("") is None
    for key in ("a/1", "a/2", "b/1"):
        transaction = found.begin()
        assert transaction.recorded(key) is None
        transaction.record(key, key.encode())
        transaction.commit()
    assert found.first("a/2") == "a/2"
    found.forget([("a/", "a0")])
    assert found.first("") == "b/1"
    transaction = found.begin()
    assert transaction.recorded("b/1") == b"b/1"
    with pytest.raises(Exception, match=r"(?i)unique|constraint|duplicate"):
        transaction.record("b/1", b"again")
    transaction.rollback()


# ---- programs that are not trusted ---------------------------------------------------------------


def guest(*grants: str) -> Any:
    return under(Permissions.of(grants))


def test_files_that_were_not_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "secret.csv").write_text("a\n1\n")
    for kind in ("sqlite", "duckdb"):
        do(sql.execute, f"{kind}:{kind}.db", "CREATE TABLE t (a INTEGER)")
    tricks: dict[str, list[str]] = {
        "sqlite": ["ATTACH 'sqlite.db' AS other", "VACUUM INTO 'stolen.db'"],
        "duckdb": [
            "SELECT * FROM 'secret.csv'",
            "SELECT * FROM read_text('secret.csv')",
            "COPY (SELECT 1) TO 'out.csv'",
            "ATTACH 'duckdb.db' AS other",
            "INSTALL httpfs",
            "SET enable_external_access = true",
        ],
    }
    before = sorted(tmp_path.rglob("*"))
    for kind, statements in tricks.items():
        with guest("files:data"):
            with pytest.raises(PermissionError, match="to reach the file"):
                all_of(f"{kind}:{kind}.db", "SELECT 1")
            with pytest.raises(PermissionError, match="to reach the file"):
                do(sql.execute, f"{kind}:{kind}.db", "DROP TABLE t")
            address = f"{kind}:data/{kind}.db"
            do(sql.execute, address, "CREATE TABLE t (a INTEGER)")
            for statement in statements:
                with pytest.raises(Exception, match=r"(?i)authoriz|permission|disabled|no query|locked|cannot"):
                    all_of(address, statement)
                with pytest.raises(Exception, match=r"(?i)authoriz|permission|disabled|locked|VACUUM|cannot"):
                    do(sql.execute, address, statement)
    assert [p for p in sorted(tmp_path.rglob("*")) if p.parent != tmp_path / "data"] == before


def test_hosts_that_were_not_given(postgres: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGUSER", "somebody")
    with guest("net:localhost"):
        assert all_of(postgres, "SELECT current_user AS me") == [{"me": "tester"}]
        for address, why in [
            (postgres.replace("127.0.0.1", "10.0.0.1"), "to reach 10.0.0.1"),
            ("postgresql:///postgres?host=/run/postgresql", "but to one host"),
            ("postgresql:///postgres", "but to one host"),
            ("postgresql://127.0.0.1,10.0.0.1/postgres", "but to one host"),
            (f"{postgres}?hostaddr=10.0.0.1", "with hostaddr="),
            (f"{postgres}?passfile=/etc/passwd", "with passfile="),
            ("postgresql:///postgres?service=main", "with service="),
        ]:
            with pytest.raises(PermissionError, match=why):
                all_of(address, "SELECT 1")
            with pytest.raises(PermissionError, match=why):
                do(sql.execute, address, "SELECT 1")


# ---- PostgreSQL ----------------------------------------------------------------------------------


def test_a_statement_is_cancelled_with_its_call(postgres: str) -> None:
    module = cflow.loads(
        "import sql\nflow f(db: str) -> int:\n    return sql.execute(db, 'SELECT pg_sleep(60)') with timeout=300ms\n"
    )
    with pytest.raises(TimeoutError):
        module.f.run(postgres)
    active = "SELECT count(*) AS n FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%%' AND state = 'active'"
    assert all_of(postgres, active) == [{"n": 0}]


def test_a_connection_that_the_server_closed_is_replaced(postgres: str) -> None:
    assert do(sql.execute, postgres, "SELECT 1") == 1
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid != pg_backend_pid() AND backend_type = %s"
    all_of(postgres, end, ["client backend"])
    assert do(sql.execute, postgres, "SELECT 1") == 1
