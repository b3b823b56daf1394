"""Transactional nodes: their effect on a database and their completion are one commit, whatever dies around it."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make
from ledger_nodes import (
    CALLS,
    DO,
    LEDGER,
    booked,
    in_a_thread,
    many,
    one,
    rows,
    stop,
    tried,
    two,
    within,
    write,
)
from trio.testing import MockClock

from cflow import Engine, flow, load, node, secret
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume
from cflow.store.failures import StoreError
from cflow.store.port import TakeRun
from cflow.store.tickets import commit_now
from cflow.transactional import Database, SQLite, alive, sweeping


class StopAfter:
    """A listener that breaks a run off when a node is done: committed in its database, and not in the journal."""

    def __init__(self, node: str) -> None:
        self.node = node

    def __call__(self, event: Any) -> None:
        if (event.kind, event.what, event.node) == ("node", "done", self.node):
            self.node = ""
            journals[event.run].stop("broken off by a test")


journals: dict[str, Any] = {}


def remembers_journal() -> None:
    from cflow import context

    run = context()._run
    journals[run.id] = run.journal


def only_run(engine: Engine) -> Any:
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    return row


def until_cut() -> None:
    """Let the time of the call be over, wait until it is cut, and let that pass."""
    clock = trio.from_thread.run_sync(trio.lowlevel.current_clock)
    assert isinstance(clock, MockClock)
    trio.from_thread.run_sync(clock.jump, 3600)
    try:
        while True:
            alive()
            time.sleep(0.001)
    except trio.Cancelled:
        pass


# ---- without a store: a transaction like any other -------------------------------------------------------------


def test_without_a_store_it_is_a_plain_transaction() -> None:
    assert Engine().run(two, "a", "b") == ["a 1", "b 1"]
    assert rows() == ["a", "b"]
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        rows("cflow_done")


def test_a_node_alone() -> None:
    assert write("a") == "a 1"
    assert rows() == ["a"]


def fails() -> None:
    raise OSError("no luck")


@pytest.mark.parametrize("stored", [False, True])
def test_an_error_takes_all_back(stored: bool, engines: Make) -> None:
    DO["a"] = fails
    with pytest.raises(OSError, match="no luck"):
        (engines() if stored else Engine()).run(one, "a")
    assert rows() == []
    assert CALLS == ["a"]


@pytest.mark.parametrize("stored", [False, True])
def test_a_retry_writes_once(stored: bool, engines: Make) -> None:
    DO["a"] = fails
    assert (engines() if stored else Engine()).run(tried, "a") == "a 2"
    assert rows() == ["a"]
    assert [d.id for d in tried.check()] == []  # a failed attempt has written nothing: no warning


@pytest.mark.parametrize("stored", [False, True])
def test_a_timeout_takes_back_what_is_not_committed(stored: bool, engines: Make) -> None:
    DO["a"] = until_cut
    with pytest.raises(TimeoutError):
        (engines if stored else Engine)(clock=MockClock()).run(within, "a", 60.0)
    assert rows() == []


@pytest.mark.parametrize("stored", [False, True])
def test_a_commit_is_not_cut(stored: bool, engines: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = SQLite.patiently

    def slow(self: SQLite, step: Callable[[], object], *rest: Any) -> None:
        if not rest:  # the commit
            until_cut()
        commit(self, step, *rest)

    monkeypatch.setattr(SQLite, "patiently", slow)
    assert (engines if stored else Engine)(clock=MockClock()).run(within, "a", 60.0) == "a 1"
    assert rows() == ["a"]


@pytest.mark.parametrize("stored", [False, True])
def test_undos_are_transactions_of_their_own(stored: bool, engines: Make) -> None:
    with pytest.raises(KeyError, match="wanted"):
        (engines() if stored else Engine()).run(booked)
    assert rows() == ["a", "b", "-b", "-a"]


def test_calls_at_once_wait_for_one_another(engines: Make) -> None:
    assert engines().run(many, 20) == [f"w{i} 1" for i in range(20)]
    assert sorted(rows()) == sorted(f"w{i}" for i in range(20))


@node(reads="clock")
async def tick() -> None:
    await trio.lowlevel.checkpoint()


@node(transactional=LEDGER)
def at_once(db: sqlite3.Connection) -> bool:
    return in_a_thread()


@flow
def long(count: int) -> list[bool]:
    tick()
    return [at_once() for _ in range(count)]


def test_it_stays_in_a_thread_however_quick_it_is() -> None:
    assert Engine().run(long, 100) == [True] * 100


# ---- with a store: exactly once ------------------------------------------------------------------------------------


def test_what_was_committed_is_not_done_again(engines: Make) -> None:
    DO["a"] = remembers_journal
    engine = engines(sinks=[StopAfter("write")])
    with pytest.raises(Suspended):
        engine.run(two, "a", "b")
    assert rows() == ["a"]
    row = only_run(engine)
    assert row.entries == 0  # the journal has not heard of it
    (resumed,) = resume(engines(), row.id)
    assert resumed.state == "done"
    assert rows() == ["a", "b"]
    assert CALLS == ["a", "b"]


def test_what_was_not_committed_is_done(engines: Make) -> None:
    DO["a"] = stop
    engine = engines()
    with pytest.raises(Suspended):
        engine.run(two, "a", "b")
    assert rows() == []
    (resumed,) = resume(engines(), only_run(engine).id)
    assert resumed.state == "done"
    assert rows() == ["a", "b"]


def test_undos_are_owed_by_what_was_committed_before_a_crash(engines: Make) -> None:
    DO["b"] = remembers_journal
    engine = engines(sinks=[StopAfter("book_2")])
    with pytest.raises(Suspended):
        engine.run(booked)
    (resumed,) = resume(engines(), only_run(engine).id)
    assert resumed.state == "failed"
    assert rows() == ["a", "b", "-b", "-a"]


def test_a_process_that_was_taken_for_dead_does_no_harm(engines: Make) -> None:
    """Another one goes on with the run while it is still in the node."""
    engine = engines()
    arrived, go_on = threading.Event(), threading.Event()

    def lingers() -> None:
        arrived.set()
        go_on.wait(30)

    commit: list[Any] = []

    def first() -> None:
        try:
            engine.run(one, "a")
        except BaseException as error:
            commit.append(error)

    real = LEDGER.begin

    def begin() -> Any:
        LEDGER.begin = real  # type: ignore[method-assign]
        lingers()
        return real()

    LEDGER.begin = begin  # type: ignore[method-assign]
    thread = threading.Thread(target=first)
    thread.start()
    arrived.wait(30)
    other = engines()
    assert other.recorder is not None
    row = only_run(engine)
    commit_now(other.recorder.store, [*other.recorder.known(), TakeRun(row.id, row.owner, "")])
    (resumed,) = resume(other, row.id)
    go_on.set()
    thread.join()
    assert resumed.state == "done"
    # It hears so at the end, or before that, when what it has recorded is refused.
    assert isinstance(commit[0], StoreError | Suspended)
    assert rows() == ["a"]


class Raises(SQLite):
    """Whose first commit raises, before or after it has taken place; or whose database is not there then."""

    when = "after"
    silent = False

    def begin(self) -> Any:
        if self.silent:
            raise OSError("gone")
        transaction = super().begin()
        commit, transaction.commit = transaction.commit, lambda: None  # type: ignore[method-assign]

        def breaks() -> None:
            if self.when == "before":
                self.when = ""
                raise OSError("the connection broke")
            commit()
            if self.when:
                self.silent = self.when == "silent"
                self.when = ""
                raise OSError("the connection broke")

        transaction.commit = breaks  # type: ignore[method-assign]
        return transaction


@pytest.mark.parametrize("when", ["before", "after", "silent"])
def test_a_commit_that_raises_is_looked_for(when: str, engines: Make, tmp_path: Path) -> None:
    database = Raises(LEDGER.path)
    database.when = when

    @node(transactional=database)
    def writes(db: sqlite3.Connection, what: str) -> str:
        db.execute("INSERT INTO line VALUES (?)", (what,))
        return what

    @flow
    def once() -> str:
        return writes("a")

    if when == "after":
        assert engines().run(once) == "a"
        assert rows() == ["a"]
    else:
        with pytest.raises(OSError, match="the connection broke") as caught:
            engines().run(once)
        assert rows() == ["a"] * (when == "silent")
        told = [note for note in caught.value.__notes__ if "whether it was committed" in note]
        assert len(told) == (when == "silent")
    database.close()


def test_replayed_it_is_a_plain_transaction(engines: Make) -> None:
    from cflow.runs.repeat import repetition
    from cflow.runs.replay import call_again, is_writer

    engine = engines()
    assert engine.run(one, "a") == "a 1"
    assert engine.recorder is not None
    repeated = repetition(engine.recorder.store, only_run(engine))
    reached = repeated.to("write")
    assert reached is not None
    assert is_writer(reached)  # so the command asks
    assert call_again(repeated, reached, None).value == "a 1"
    assert rows() == ["a", "a"]
    assert len(rows("cflow_done")) == 1


# ---- what is not committed -----------------------------------------------------------------------------------------


def refused(statement: Callable[[sqlite3.Connection], object]) -> Any:
    @node(transactional=LEDGER)
    def ends(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO line VALUES ('x')")
        statement(db)

    @flow
    def ending() -> None:
        ends()

    return ending


def with_it(db: sqlite3.Connection) -> None:
    with db:
        pass


@pytest.mark.parametrize(
    "statement",
    [
        lambda db: db.commit(),
        lambda db: db.rollback(),
        lambda db: db.close(),
        lambda db: db.executescript("SELECT 1"),
        lambda db: db.execute("COMMIT"),
        lambda db: db.execute("rollback"),
        lambda db: sqlite3.Connection.executescript(db, "SELECT 1"),
        with_it,
    ],
)
def test_a_node_does_not_end_its_transaction(statement: Callable[[Any], object], engines: Make) -> None:
    with pytest.raises((RuntimeError, sqlite3.DatabaseError), match=r"ended by the engine|not authorized"):
        engines().run(refused(statement))
    assert rows() == []


def test_savepoints_are_the_nodes_own(engines: Make) -> None:
    def tries(db: sqlite3.Connection) -> None:
        db.execute("SAVEPOINT s")
        db.execute("INSERT INTO line VALUES ('y')")
        db.execute("ROLLBACK TO s")

    engines().run(refused(tries))
    assert rows() == ["x"]


def test_what_the_database_takes_back_is_no_success(engines: Make) -> None:
    def caught(db: sqlite3.Connection) -> None:
        db.execute("CREATE TABLE one (x UNIQUE ON CONFLICT ROLLBACK)")
        db.execute("INSERT INTO one VALUES (1)")
        try:
            db.execute("INSERT INTO one VALUES (1)")
        except sqlite3.IntegrityError:
            pass

    for engine in (engines(), Engine()):
        with pytest.raises(RuntimeError, match="taken back"):
            engine.run(refused(caught))
    assert rows() == []


TOKEN = secret("LEDGER_TOKEN")


@node(transactional=LEDGER, writes="ledger")
def gives(db: sqlite3.Connection, what: str, token: str) -> Any:
    db.execute("INSERT INTO line VALUES (?)", (what,))
    return {"object": object(), "secret": token.upper()}.get(what)


@flow
def giving(what: str) -> Any:
    return gives(what, TOKEN)


@pytest.mark.parametrize(("what", "why"), [("object", "stored"), ("secret", "secret")])
def test_what_cannot_be_known_later_is_not_committed(
    what: str, why: str, engines: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEDGER_TOKEN", "tok-3951-xyz")
    with pytest.raises(Exception, match=why):
        engines().run(giving, what)
    assert rows() == []


@pytest.mark.parametrize("stored", [False, True])
def test_what_is_not_as_promised_is_not_committed(stored: bool, engines: Make) -> None:
    @node(transactional=LEDGER)
    def lies(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO line VALUES ('x')")
        return "text"  # type: ignore[return-value]

    @flow
    def lying() -> int:
        return lies()

    with pytest.raises(TypeError, match="lies"):
        (engines() if stored else Engine()).run(lying)
    assert rows() == []


def test_a_lock_that_lasts_too_long_is_an_error(engines: Make) -> None:
    impatient = SQLite(LEDGER.path, patience=0.0)

    @node(transactional=impatient)
    def waits(db: sqlite3.Connection) -> None: ...

    @flow
    def waiting() -> None:
        waits()

    other = sqlite3.connect(LEDGER.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            Engine().run(waiting)
    finally:
        other.close()
        impatient.close()


def test_connections_are_set_up(engines: Make) -> None:
    def setup(connection: sqlite3.Connection) -> None:
        connection.row_factory = lambda cursor, row: {"it": row[0]}

    shaped = SQLite(LEDGER.path, setup=setup)

    @node(transactional=shaped, version="1")
    def shape(db: sqlite3.Connection) -> Any:
        return db.execute("SELECT 3").fetchone(), db.execute("PRAGMA synchronous").fetchone()

    @flow
    def shaping() -> Any:
        return shape()

    for _ in range(2):  # the second one looks into the table
        assert engines().run(shaping) == ({"it": 3}, {"it": 2})
    shaped.close()


# ---- results that nobody needs any more ------------------------------------------------------------------------------


def test_results_are_dropped_when_their_run_is_over(engines: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "EVERY", 2)
    engine = engines()
    DO["b"] = stop
    with pytest.raises(Suspended):
        engine.run(two, "a", "b")
    parked = only_run(engine).id
    for _ in range(3):
        engine.run(two, "c", "d")
    keys = rows("cflow_done")
    assert f"{parked}/write" in keys
    assert len(keys) <= 4
    resume(engine, parked)
    assert CALLS.count("a") == 1
    engines().run(two, "e", "f")  # who uses the database first in a process looks
    assert f"{parked}/write" not in rows("cflow_done")


def test_results_of_another_store_stay(engines: Make, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "other")
    other.run(one, "a")
    for _ in range(2):
        engines().run(one, "b")
    assert len(rows("cflow_done")) == 2  # one of the other store, one of the run that was under way
    assert other.recorder is not None
    other.recorder.close()


# ---- what the program knows of it ------------------------------------------------------------------------------------


def test_the_handle_is_no_parameter() -> None:
    @flow
    def wrong() -> str:
        return write("a", "b")  # type: ignore[call-arg]

    assert any("takes" in d.message for d in wrong.check())
    assert "transactional" in one.explain()
    (spec,) = Engine().compiled(one).graph.nodes.values()
    assert spec.transactional
    assert [p.name for p in spec.signature.params] == ["what"]


def test_the_digest_knows_it() -> None:
    def plain(db: Any, x: int) -> int:
        return x

    as_node, transactional = node(plain, writes="w"), node(plain, writes="w", transactional=LEDGER)

    @flow
    def calls(x: int) -> int:
        return transactional(x)

    digest = calls.digest
    one_more = node(plain, writes="w", transactional=SQLite("elsewhere.db"))
    assert one_more.spec.key != transactional.spec.key  # another database is another node of the graph
    assert as_node.spec.key != transactional.spec.key

    @flow  # type: ignore[no-redef]
    def calls(x: int) -> int:
        return one_more(x)

    assert calls.digest == digest  # which database is no part of what the program means


def test_a_plan_is_read_back() -> None:
    from cflow.compiler.printer import print_graph
    from cflow.compiler.reader import read_graph

    graph = Engine().compiled(one).graph
    assert read_graph(print_graph(graph)).nodes == graph.nodes


@pytest.mark.parametrize(
    ("declared", "error"),
    [
        ({"pure": True}, ValueError),
        ({"reads": "x"}, ValueError),
        ({"runs": "loop"}, ValueError),
        ({"transactional": "shop.db"}, TypeError),
    ],
)
def test_what_does_not_go_with_it(declared: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error, match="transactional"):
        node(lambda db: None, **{"transactional": LEDGER, **declared})


async def waits_for(db: Any) -> None: ...


def gives_items(db: Any) -> Any:
    yield 1


def takes_nothing() -> None: ...


def takes_names(*, db: Any) -> None: ...


@pytest.mark.parametrize("function", [waits_for, gives_items, takes_nothing, takes_names])
def test_functions_that_cannot_be_transactional(function: Any) -> None:
    with pytest.raises(TypeError, match="transactional node"):
        node(function, transactional=LEDGER).spec


TEXT = """
from "./nodes.py" import pay

flow main(id: int) -> str:
    return pay(id) with retry=2

test "it is mocked without a handle":
    mock pay = "mocked"
    assert main(3) == "mocked"
    assert calls(pay) == [3]
"""

NODES = """
import sqlite3
from pathlib import Path
from cflow import node
from cflow.transactional import SQLite

@node(transactional=SQLite(Path(__file__).parent / "pay.db"))
def pay(db: sqlite3.Connection, id: int) -> str:
    db.execute("CREATE TABLE IF NOT EXISTS paid (id)")
    db.execute("INSERT INTO paid VALUES (?)", (id,))
    return f"paid {id}"
"""


def test_from_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from cflow import check
    from cflow.cli.main import main

    (tmp_path / "nodes.py").write_text(NODES)
    (tmp_path / "f.cflow").write_text(TEXT)
    assert [str(d) for d in check(TEXT, base=tmp_path)] == []  # read as syntax: the handle is no parameter there either
    assert any("takes" in d.message for d in check(TEXT.replace("pay(id)", "pay(id, 1)"), base=tmp_path))
    monkeypatch.chdir(tmp_path)
    assert main(["test", "f.cflow"]) == 0
    assert not (tmp_path / "pay.db").exists()
    assert load(tmp_path / "f.cflow").main.run(7) == "paid 7"
    text = TEXT.replace("import pay\n", 'import pay with transactional="pay.db"\n')
    assert any("transactional" in d.message for d in check(text, base=tmp_path))


# ---- the port fits another database ----------------------------------------------------------------------------------


class Rows(Database[dict[str, str]]):
    """A database whose transactions run side by side, and of which the second to commit a key is refused, as a server
    does with a unique key."""

    def __init__(self) -> None:
        super().__init__()
        self.done: dict[str, bytes] = {}
        self.rows: dict[str, str] = {}

    def begin(self) -> Any:
        return Change(self)

    def first(self, key: str) -> str | None:
        return min((k for k in self.done if k >= key), default=None)

    def forget(self, ranges: Sequence[tuple[str, str]]) -> None:
        self.done = {k: v for k, v in self.done.items() if not any(a <= k < b for a, b in ranges)}


class Change:
    def __init__(self, database: Rows) -> None:
        self.database = database
        self.handle: dict[str, str] = {}
        self.results: dict[str, bytes] = {}

    def recorded(self, key: str) -> bytes | None:
        return self.database.done.get(key)

    def record(self, key: str, result: bytes) -> None:
        if key in self.database.done:
            raise LookupError("duplicate key")
        self.results[key] = result

    def commit(self) -> None:
        self.database.done |= self.results
        self.database.rows |= self.handle

    def rollback(self) -> None: ...


def test_a_second_one_with_the_same_key_has_the_result_of_the_first(engines: Make) -> None:
    database = Rows()
    from cflow import context

    @node(transactional=database)
    def puts(rows: dict[str, str], name: str) -> str:
        rows[name] = "second"
        keeper = context()._run.journal.keeper
        database.done[context().key] = keeper.whole("first")  # who is quicker has committed meanwhile
        database.rows[name] = "first"
        return "second"

    @flow
    def putting() -> str:
        return puts("a")

    assert engines().run(putting) == "first"
    assert database.rows == {"a": "first"}
