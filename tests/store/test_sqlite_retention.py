"""What is dropped: runs that are over, what only they needed, what is cached beyond its room."""

from __future__ import annotations

import sqlite3

import pytest
from store_kit import append, begin, row

from cflow.store import retention
from cflow.store.failures import StoreError, Unknown
from cflow.store.port import BeginRun, DropRun, KeepPlan, Remember, Send, SetRun, Settle, Sweep
from cflow.store.retention import prune
from cflow.store.rows import Signal, Waited
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


def counts(store: SqliteStore) -> dict[str, int]:
    connection = sqlite3.connect(store.folder / "store.db")
    tables = ("run", "run_data", "segment", "signal", "wait", "blob_ref")
    found = {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}
    connection.close()
    return found


def whole(store: SqliteStore, run: str) -> None:
    """A run with something in every table."""
    commit_now(store, [BeginRun(row(run), blobs=("inputs",))])
    commit_now(store, [append(run, 0, 1, blobs=("entry", f"entry of {run}")), append(run, 1, 2)])
    commit_now(
        store, [Send(Signal("go", b"", b"", run), blobs=("signal",)), SetRun(run, "me", waits=(Waited("no", b""),))]
    )
    commit_now(store, [SetRun(run, "me", result=b"", blobs=(f"result of {run}",))])


def test_a_run_goes_with_all_it_has(store: SqliteStore) -> None:
    whole(store, "r1")
    before = counts(store)
    assert all(before.values())
    whole(store, "r2")
    with pytest.raises(StoreError, match="running"):
        commit_now(store, [DropRun("r2")])
    commit_now(store, [SetRun("r2", "me", state="done")])
    assert store.used_blobs() >= {"entry", "entry of r1", "entry of r2"}
    commit_now(store, [DropRun("r2")])
    assert counts(store) == before
    assert store.used_blobs() == {"inputs", "entry", "entry of r1", "signal", "result of r1"}
    with pytest.raises(Unknown):
        commit_now(store, [DropRun("r2")])


def test_a_dropped_runs_number_is_not_given_again(store: SqliteStore) -> None:
    begin(store, "r1", state="done")
    commit_now(store, [DropRun("r1")])
    begin(store, "r2")
    with store._readers.lend() as connection:
        assert connection.execute("SELECT number FROM run").fetchall() == [(2,)]


def test_old_runs_are_pruned_and_the_last_ones_stay(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PAGE", 4)
    monkeypatch.setattr(retention, "UNIT", 2)
    for flow in "xy":
        for number in range(7):
            begin(store, f"{flow}{number}", flow=flow, state="done", ended=float(number))
    begin(store, "waits", flow="x", state="waiting")
    begin(store, "never began", flow="z", state="cancelled", created=1.0)
    assert prune(store, older_than=5.0, keep_last=3) == 8
    assert sorted(found.id for found in store.runs()) == sorted(
        ["x4", "x5", "x6", "y4", "y5", "y6", "waits", "never began"]
    )
    assert prune(store, older_than=5.0) == 3
    assert sorted(found.id for found in store.runs()) == ["waits", "x5", "x6", "y5", "y6"]


def test_one_that_cannot_be_dropped_keeps_no_other(store: SqliteStore) -> None:
    begin(store, "r1", "r3", state="done")
    assert retention._drop(store, [DropRun("r1"), DropRun("gone"), DropRun("r3")]) == 2
    assert not store.runs()


def test_what_nobody_needs_is_swept(store: SqliteStore) -> None:
    begin(store, "r1", digest="d1")
    commit_now(store, [KeepPlan("d1", "one"), KeepPlan("d2", "two")])
    commit_now(
        store, [Remember("old", b"", 10.0, blobs=("old",)), Remember("new", b"", 11.0), Settle("s", "r", b"", ("s",))]
    )
    store._clock = lambda: 0.0
    commit_now(store, [Sweep(10.0, 0.0)])
    assert (store.plan("d1"), store.plan("d2")) == ("one", None)
    assert store.cached("old") is None
    assert store.cached("new") is not None
    assert store.used_blobs() == {"s"}


def test_the_oldest_cached_values_go_first(store: SqliteStore) -> None:
    for age, key in enumerate("abcd"):
        commit_now(store, [Remember(key, bytes(100), None, made=float(age), blobs=(f"blob {key}",))])
    commit_now(store, [Sweep(0.0, 0.0, cache=250)])
    assert {key for key in "abcd" if store.cached(key)} == {"c", "d"}
    assert store.used_blobs() == {"blob c", "blob d"}
    commit_now(store, [Sweep(0.0, 0.0, cache=200)])
    assert store.cached("c") is not None
    commit_now(store, [Sweep(0.0, 0.0, cache=0)])
    assert store.used_blobs() == set()


def test_a_detached_run_stays_until_the_one_that_detached_it_is_over(store: SqliteStore) -> None:
    begin(store, "parent")
    begin(store, "child", state="done", parent="parent")
    assert prune(store, older_than=1e12) == 0
    commit_now(store, [SetRun("parent", "me", state="done")])
    assert prune(store, older_than=1e12) == 2
