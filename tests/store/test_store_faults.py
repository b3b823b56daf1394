"""Faults at every statement: what gets better by itself costs time and nothing else, what does not is named."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from faulty import CODES, STATEMENTS, Fault, Faulty, failing
from store_kit import Hearing, append, at_once, begin, read, row

import cflow.store.writer as writing
from cflow.store import reading
from cflow.store.failures import Busy, Damaged, LeaseLost, ReadOnly, StoreError
from cflow.store.place import open_store
from cflow.store.port import (
    BeginRun,
    Change,
    Claim,
    DropOwner,
    DropRun,
    Forget,
    KeepPlan,
    Release,
    Remember,
    Reserve,
    Send,
    SetOwner,
    SetPriority,
    SetQueue,
    SetRun,
    Settle,
    Shrink,
    Sweep,
    TakeRun,
)
from cflow.store.rows import Owner, Signal, Waited
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "SHORTEST", 0.001)
    monkeypatch.setattr(writing, "LONGEST", 0.01)
    monkeypatch.setattr(writing, "BUSY_PAUSE", 0.001)


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[SqliteStore]:
    store = open_store(tmp_path / "store", synchronous="OFF", factory=Faulty, patience=0.2)
    yield store
    store.close()


# ---- every statement --------------------------------------------------------------------------------------------

GO = Waited("go", b"k")
UNITS: list[list[list[Change]]] = [
    [[BeginRun(row("a"), ("blob",)), KeepPlan("d", "plan")], [BeginRun(row("b"))], [BeginRun(row("c"))]],
    [[append("a", 0, 1)], [append("b", 0, 1, 2)], [append("a", 1, 2)], [append("a", 0, "refused")]],
    [[append("c", 0, 1), SetRun("c", "me", state="done", result=b"r")], [SetRun("a", "me", waits=(GO,), wake=9.0)]],
    [[Send(Signal("go", b"k", b"v", sent=1.0))], [Send(Signal("go", b"k", b"v", "b", sent=1.0))]],
    [[append("a", 2, 3, uses=(1,), blobs=("x",)), TakeRun("b", "me", "you")], [append("b", 2, 3, owner="me")]],
    [[SetOwner(Owner("me", "h", "b", 1, 2))], [DropOwner("you"), Settle("k", "a", b"v"), Remember("k", b"v", None)]],
    [[Reserve("o", "a", "me"), Reserve("p", "a", "me")], [Release("o", "a", "me"), Shrink(0.0, 1000)]],
    [[SetQueue("mail", 1, "5/s"), BeginRun(row("q", state="queued", owner="", queue="mail"))], [SetPriority("q", 2)]],
    [[Claim("mail", "me", now=5.0)], [append("q", 0, 1), SetRun("q", "me", "waiting", wake=6.0)]],
    [[DropRun("c"), Forget(key="none")], [Sweep(0.0, 0.0, 1000)], [append("b", 2, 3, owner="you")]],
]
REFUSED = 2

READS: list[Callable[[SqliteStore], object]] = [
    lambda store: store.run("a"),
    lambda store: store.runs(states=("running",), due=10.0),
    lambda store: [read(store, run) for run in "abc"],
    lambda store: read(store, "a", 2),
    lambda store: store.owners(),
    lambda store: (store.queues(), store.ready(10.0), store.slots("mail"), store.runs(queue="mail")),
    lambda store: (store.inbox("a"), store.inbox("b")),
    lambda store: (
        store.waits("a"),
        store.plan("d"),
        store.cached("k"),
        store.settled("k"),
        store.used_blobs(),
        store.reserved("p"),
    ),
]


def written(store: SqliteStore) -> list[str | None]:
    """What became of each unit of the workload."""
    return [error and str(error) for group in UNITS for error in at_once(store, *group)]


def seen(store: SqliteStore) -> list[object]:
    return [ask(store) for ask in READS]


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str | None], list[object], int, int]:
    """The workload without faults: answers, state, how many statements were written and read."""
    store = open_store(tmp_path_factory.mktemp("well"), synchronous="OFF", factory=Faulty)
    STATEMENTS.clear()
    answers = written(store)
    writes = STATEMENTS.total()
    state = seen(store)
    reads = STATEMENTS.total() - writes
    store.close()
    assert sum(answer is not None for answer in answers) == REFUSED
    assert writes > 60
    assert reads >= len(READS)
    return answers, state, writes, reads


@pytest.mark.parametrize("name", ["SQLITE_BUSY", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM", "SQLITE_CORRUPT"])
def test_a_fault_at_any_statement_changes_nothing(
    tmp_path: Path, name: str, expected: tuple[list[str | None], list[object], int, int], long: bool
) -> None:
    """It strikes once: the next try succeeds, and each unit is on disk exactly once."""
    answers, state, writes, _ = expected
    points = range(1, writes + 1)
    for point in points if long else random.Random(name).sample(points, 12):
        store = open_store(tmp_path / f"{point}", synchronous="OFF", factory=Faulty)
        with failing(fault := Fault("", name, nth=point)):
            assert written(store) == answers, point
            assert fault.raised == 1 or point > writes - 5
        assert seen(store) == state, point
        assert store.trouble is None
        store.close()


@pytest.mark.parametrize("name", sorted(CODES))
def test_a_fault_in_reading_is_said_and_the_next_reading_is_right(
    tmp_path: Path,
    name: str,
    expected: tuple[list[str | None], list[object], int, int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reading, "CALM", 0.0)
    _, state, _, reads = expected
    store = open_store(tmp_path, synchronous="OFF", factory=Faulty)
    written(store)
    kinds = {"SQLITE_BUSY": Busy, "SQLITE_CORRUPT": Damaged, "SQLITE_NOTADB": Damaged}
    for point in range(1, reads + 1):
        with failing(Fault("", name, nth=point)), pytest.raises(kinds.get(name, StoreError), match="made up") as caught:
            seen(store)
        assert type(caught.value) is kinds.get(name, StoreError)
        assert seen(store) == state
    store.close()


# ---- busy, full, I/O --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "what", "said"),
    [("SQLITE_BUSY", "busy", "another process has locked it"), ("SQLITE_FULL", "full", "the disk is full")],
)
def test_trouble_is_said_once_and_lasts_as_long_as_it_must(
    faulty: SqliteStore, name: str, what: str, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    begin(faulty, "r1")
    assert faulty.trouble is None
    heard = Hearing()
    with failing(fault := Fault("BEGIN", name, times=1_000_000)):
        faulty.do([append("r1", 0, 1)], heard.of(1))
        for _ in range(10):  # tries
            fault.reached.wait(60)
            fault.reached.clear()
        trouble = faulty.trouble
        assert trouble is not None
        assert (trouble.what, trouble.since > 1e9) == (what, True)
        assert said in trouble.message
        assert read(faulty, "r1") == []  # reading is not troubled
        faulty.do([append("r1", 1, 2)], heard.of(2))
        assert not heard.answers
    assert heard.wait(2) == [(1, None), (2, None)]
    assert read(faulty, "r1") == [1, 2]
    commit_now(faulty, [append("r1", 2, 3)])
    assert faulty.trouble is None
    assert [record.levelname for record in caplog.records if said in record.message] == ["WARNING"]


def test_a_full_disk_that_sqlite_calls_an_io_error_is_waited_for(
    faulty: SqliteStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A quota that is used up."""
    assert faulty._writer is not None
    monkeypatch.setattr(faulty._writer, "no_space", lambda: True)
    heard = Hearing()
    with failing(fault := Fault("COMMIT", "SQLITE_IOERR", times=1_000_000)):
        faulty.do([BeginRun(row("r1"))], heard.of(1))
        while fault.raised < 2 * writing.IO_TRIES:
            fault.reached.wait(60)
        assert faulty.trouble is not None
        assert faulty.trouble.what == "full"
    assert heard.wait(1) == [(1, None)]


@pytest.mark.parametrize("where", ["BEGIN", "INSERT INTO run ", "COMMIT"])
def test_io_errors_that_stay_are_final(faulty: SqliteStore, where: str) -> None:
    begin(faulty, "r0")
    with failing(fault := Fault(where, "SQLITE_IOERR_FSYNC", times=1_000_000)):
        results = at_once(faulty, [BeginRun(row("r1"))], [BeginRun(row("r2"))])
        # Nothing is inserted for the unit that holds the writer meanwhile.
        assert fault.raised == writing.IO_TRIES * (1 if where.startswith("INSERT") else 2)
    for error in results:
        assert type(error) is StoreError
        assert "not known whether this is on disk" in str(error)
    assert [found.id for found in faulty.runs()] == ["r0"]
    begin(faulty, "r1")  # when it is well again, so is the store
    assert faulty.trouble is None


def test_a_connection_that_fails_is_replaced(faulty: SqliteStore) -> None:
    assert faulty._writer is not None
    before = faulty._writer._connection
    with failing(Fault("COMMIT", "SQLITE_IOERR", times=2)):
        begin(faulty, "r1")
    assert faulty._writer._connection is not before
    with failing(Fault("COMMIT", "SQLITE_IOERR"), Fault("PRAGMA", "SQLITE_CANTOPEN")):
        begin(faulty, "r2")  # no other can be had: the old one goes on
    assert len(faulty.runs()) == 2


def test_a_transaction_that_cannot_be_taken_back_is_left_to_its_connection(faulty: SqliteStore) -> None:
    begin(faulty, "r1")
    with failing(Fault("COMMIT", "SQLITE_FULL"), Fault("ROLLBACK", "SQLITE_IOERR")):
        commit_now(faulty, [append("r1", 0, 1)])
    assert read(faulty, "r1") == [1]


# ---- what does not get better -----------------------------------------------------------------------------------


def test_damage_hits_the_unit_that_meets_it(faulty: SqliteStore) -> None:
    begin(faulty, "r1", "r2")
    with failing(Fault("INSERT INTO plan", "SQLITE_CORRUPT", times=2)):
        first, damaged, second = at_once(
            faulty, [append("r1", 0, 1)], [append("r2", 0, 1), KeepPlan("d", "p")], [append("r1", 1, 2)]
        )
    assert (first, second) == (None, None)
    assert isinstance(damaged, Damaged)
    assert damaged.what == "store"
    assert read(faulty, "r1") == [1, 2]
    assert read(faulty, "r2") == []


@pytest.mark.parametrize(("name", "kind"), [("SQLITE_CORRUPT", Damaged), ("SQLITE_READONLY", ReadOnly)])
def test_what_does_not_get_better_is_not_tried_for_ever(faulty: SqliteStore, name: str, kind: type[StoreError]) -> None:
    begin(faulty, "r1")
    with failing(Fault("BEGIN", name, times=1_000_000)):
        heard = Hearing()
        faulty.do([append("r1", 0, 1)], heard.of(1))
        ((_, error),) = heard.wait(1)
    assert type(error) is kind
    commit_now(faulty, [append("r1", 0, 1)])
    assert read(faulty, "r1") == [1]


def test_a_lost_lease_is_heard_through_trouble(faulty: SqliteStore) -> None:
    begin(faulty, "r1")
    with failing(Fault("COMMIT", "SQLITE_FULL", nth=2)):  # the first is that of the unit that holds the writer
        results = at_once(faulty, [append("r1", 0, 1, owner="you")], [TakeRun("r1", "me", "you")])
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None


def test_a_unit_that_was_refused_in_a_try_that_came_to_nothing_is_judged_anew(faulty: SqliteStore) -> None:
    begin(faulty, "r1")
    other = open_store(faulty.folder, synchronous="OFF")
    heard = Hearing()
    with failing(fault := Fault("COMMIT", "SQLITE_FULL", times=1_000_000)):
        faulty.do([append("r1", 0, 1, owner="you")], heard.of(1))
        fault.reached.wait(60)
        commit_now(other, [TakeRun("r1", "me", "you")])
        assert not heard.answers
    assert heard.wait(1) == [(1, None)]
    other.close()
    assert read(faulty, "r1") == [1]


def test_the_writer_outlives_its_own_mistakes(
    faulty: SqliteStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(writing, "fault", lambda error: 1 / 0)
        with failing(Fault("COMMIT", "SQLITE_FULL")), pytest.raises(ZeroDivisionError):
            begin(faulty, "r1")
    assert "the writer failed" in caplog.text
    begin(faulty, "r1")


# ---- closing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SQLITE_FULL", "SQLITE_BUSY"])
def test_closing_in_trouble_says_what_is_not_on_disk(faulty: SqliteStore, name: str) -> None:
    begin(faulty, "r1")
    heard = Hearing()
    with failing(fault := Fault("COMMIT", name, times=1_000_000)):
        faulty.do([append("r1", 0, 1)], heard.of(1))
        fault.reached.wait(60)
        for number in (2, 3):
            faulty.do([BeginRun(row(f"r{number}"))], heard.of(number))
        with pytest.raises(StoreError, match="3 units of changes are not on disk"):
            faulty.close()
    answers = heard.wait(3)
    assert [name for name, _ in answers] == [1, 2, 3]
    assert all("closed before this was on disk" in str(error) for _, error in answers)
    again = open_store(faulty.folder)
    assert read(again, "r1") == []
    again.close()


def test_closing_waits_for_a_disk_that_gets_better(faulty: SqliteStore) -> None:
    heard = Hearing()
    faulty._patience = 60.0
    with failing(Fault("COMMIT", "SQLITE_FULL", times=5)):
        faulty.do([BeginRun(row("r1"))], heard.of(1))
        faulty.close()
    assert heard.answers == [(1, None)]


def test_a_store_that_nobody_holds_any_more_still_commits(tmp_path: Path) -> None:
    store = open_store(tmp_path, synchronous="OFF")
    heard = Hearing()
    free, held = threading.Event(), threading.Event()
    store.do([], lambda error: (held.set(), free.wait(), None)[2])
    held.wait(60)
    store.do([BeginRun(row("r1"))], heard.of(1))
    del store
    free.set()
    assert heard.wait(1) == [(1, None)]


def test_the_faults_of_this_page_are_those_of_sqlite() -> None:
    import sqlite3

    for name, code in CODES.items():
        assert getattr(sqlite3, name) == code
    assert logging.getLogger("cflow.store").level == logging.NOTSET
