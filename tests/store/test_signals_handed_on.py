"""A signal for whoever waits first, whose waiter ends without it, is for the next who waits."""

from __future__ import annotations

import contextlib
import sqlite3

import pytest
from store_kit import append, begin

from cflow.store.port import Send, SetRun, TakeRun
from cflow.store.rows import NOWHERE, Signal, State, Waited
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now

GO = Waited("go", b"k")
OTHER = Waited("other", b"")


def waits(store: SqliteStore, run: str, *what: Waited) -> None:
    commit_now(store, [SetRun(run, "me", "waiting", new_owner=NOWHERE, waits=what or (GO,))])


def take(store: SqliteStore, *runs: str) -> None:
    commit_now(store, [TakeRun(run, NOWHERE, "me") for run in runs])


def sent(store: SqliteStore, name: str = "go", at: float = 5.0) -> None:
    commit_now(store, [Send(Signal(name, GO.key, b"v", sent=at))])


def woken(store: SqliteStore) -> list[str]:
    return [row.id for row in reversed(store.runs()) if row.wake is not None]


@pytest.fixture
def three(store: SqliteStore) -> SqliteStore:
    """Three runs that wait for the same, and a signal that the first is to get."""
    begin(store, "r1", "r2", "r3")
    for run in ("r1", "r2", "r3"):
        waits(store, run)
    sent(store)
    assert woken(store) == ["r1"]
    take(store, "r1")
    assert woken(store) == []
    assert store.waits("r1") == []
    return store


@pytest.mark.parametrize("state", ["cancelled", "failed", "done", "parked"])
def test_the_next_is_woken(three: SqliteStore, state: State) -> None:
    commit_now(three, [SetRun("r1", "me", state, new_owner=NOWHERE)])
    assert woken(three) == ["r2"]


def test_one_that_waits_for_something_else_by_now(three: SqliteStore) -> None:
    waits(three, "r1", OTHER)
    assert woken(three) == ["r2"]
    assert three.waits("r1") == [OTHER]


def test_one_that_waits_again_is_woken_itself(three: SqliteStore) -> None:
    waits(three, "r1")
    assert woken(three) == ["r1"]
    assert three.waits("r1") == [GO]


def test_nobody_is_woken_for_what_was_consumed(three: SqliteStore) -> None:
    (signal,) = three.inbox("r1")
    commit_now(three, [append("r1", 0, "got it", uses=(signal.id,)), SetRun("r1", "me", "done")])
    assert woken(three) == []


def test_one_that_died_with_it_is_still_meant(three: SqliteStore) -> None:
    """Its process is gone; whoever goes on with it looks for the signal."""
    commit_now(three, [SetRun("r1", "me", new_owner=NOWHERE)])
    take(three, "r1")
    assert woken(three) == []
    commit_now(three, [SetRun("r1", "me", "failed")])
    assert woken(three) == ["r2"]


def test_as_many_are_woken_as_there_are_signals(three: SqliteStore) -> None:
    sent(three, at=6.0)
    assert woken(three) == ["r2"]
    commit_now(three, [SetRun("r1", "me", "cancelled")])
    assert woken(three) == ["r2", "r3"]


def test_nobody_is_woken_twice_over(three: SqliteStore) -> None:
    """There is one signal, and one who looks for it already."""
    commit_now(three, [SetRun("r1", "me", "cancelled")])
    take(three, "r2", "r3")
    waits(three, "r3", OTHER)
    begin(three, "r4")
    waits(three, "r4")
    assert woken(three) == ["r4"]  # it looks, as there is one when it begins to wait
    commit_now(three, [SetRun("r2", "me", "cancelled")])
    assert woken(three) == ["r4"]


def test_a_signal_of_the_run_itself_is_for_nobody_else(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    for run in ("r1", "r2"):
        waits(store, run)
    commit_now(store, [Send(Signal("go", GO.key, b"v", "r1", sent=5.0))])
    take(store, "r1")
    commit_now(store, [SetRun("r1", "me", "cancelled")])
    assert woken(store) == []


def test_nothing_is_left_of_who_is_over(three: SqliteStore) -> None:
    commit_now(three, [SetRun("r1", "me", "failed")])
    with contextlib.closing(sqlite3.connect(three.folder / "store.db")) as connection:
        assert connection.execute("SELECT run FROM wait ORDER BY id").fetchall() == [(2,), (3,)]
