"""Cached values and keys of `once` in the store: listed, bounded with their large values, reserved by one run."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from store_kit import begin

from cflow.store.failures import Exists, LeaseLost, StoreError, Taken, Unknown
from cflow.store.place import FILE, open_store
from cflow.store.port import Await, Change, DropRun, Release, Remember, Reserve, SetRun, Settle, Shrink, Store
from cflow.store.schema import MIGRATIONS
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    made = open_store(tmp_path / "store", clock=lambda: 50.0)
    yield made
    made.close()


def refused(store: Store, change: Change) -> type[StoreError]:
    with pytest.raises(StoreError) as caught:
        commit_now(store, [change])
    return caught.type


def test_a_cached_value_is_forgotten_by_the_given_time(store: SqliteStore) -> None:
    commit_now(store, [Remember("k", b"v", 100.0, "fetch", 10.0)])
    assert store.cached("k") is not None
    assert store.cached("k", 99.0) is not None
    assert store.cached("k", 100.0) is None


def test_cached_values_are_listed(store: SqliteStore) -> None:
    commit_now(store, [Remember("a", b"12", None, "fetch", 1.0), Remember("b", b"1", 5.0, "load", 2.0, ("x",), 1000)])
    assert [(row.key, row.node, row.size, row.until) for row in store.cache()] == [
        ("b", "load", 1001, 5.0),
        ("a", "fetch", 2, None),
    ]
    assert [row.key for row in store.cache("fetch")] == ["a"]


def test_a_cache_is_shrunk_by_age_and_with_its_large_values(store: SqliteStore) -> None:
    commit_now(store, [Remember("over", b"1", 10.0, made=9.0), Remember("large", b"1", None, "", 1.0, ("x",), 1000)])
    commit_now(store, [Remember(f"k{n}", b"0" * 100, None, "", 2.0 + n) for n in range(5)])
    commit_now(store, [Shrink(20.0, 1501)])
    assert [row.key for row in store.cache()] == ["k4", "k3", "k2", "k1", "k0", "large"]
    assert store.used_blobs() == {"x"}
    commit_now(store, [Shrink(20.0, 400)])
    assert [row.key for row in store.cache()] == ["k4", "k3", "k2", "k1"]
    assert store.used_blobs() == set()


def test_a_key_is_reserved_by_one_run(store: SqliteStore) -> None:
    begin(store, "a", "b")
    commit_now(store, [Reserve("k", "a", "me")])
    commit_now(store, [Reserve("k", "a", "me")])
    assert store.reserved("k") == ("a", "")
    assert refused(store, Reserve("k", "b", "me")) is Taken
    commit_now(store, [Release("k", "b", "me"), Release("k", "a", "you")])
    assert store.reserved("k") == ("a", "")
    commit_now(store, [Release("k", "a", "me"), Reserve("k", "b", "me")])
    assert store.reserved("k") == ("b", "")


def test_a_run_that_is_over_reserves_nothing(store: SqliteStore) -> None:
    begin(store, "a", "b", "c")
    commit_now(store, [Reserve("k", "a", "me"), Reserve("l", "a", "me")])
    commit_now(store, [SetRun("a", "me", state="failed")])
    commit_now(store, [Reserve("k", "b", "me")])
    commit_now(store, [DropRun("a")])
    assert store.reserved("l") is None
    assert store.reserved("k") == ("b", "")


def test_only_the_owner_of_a_run_reserves_and_settles(store: SqliteStore) -> None:
    begin(store, "a")
    assert refused(store, Reserve("k", "a", "you")) is LeaseLost
    assert refused(store, Reserve("k", "z", "me")) is Unknown
    assert refused(store, Settle("k", "a", b"v", owner="you")) is LeaseLost
    assert store.settled("k") is None


def test_it_is_known_what_a_reserved_key_waits_for(store: SqliteStore) -> None:
    begin(store, "a", "b")
    commit_now(store, [Reserve("k", "a", "me"), Reserve("l", "b", "me"), Await(("k", "l"), "a", "m")])
    assert (store.reserved("k"), store.reserved("l")) == (("a", "m"), ("b", ""))
    commit_now(store, [Await(("k",), "a", "")])
    assert store.reserved("k") == ("a", "")


def test_what_is_settled_is_reserved_no_more(store: SqliteStore) -> None:
    begin(store, "a", "b")
    commit_now(store, [Reserve("k", "a", "me")])
    commit_now(store, [Settle("k", "a", b"v", owner="me")])
    assert store.reserved("k") is None
    assert refused(store, Reserve("k", "a", "me")) is Exists
    assert refused(store, Reserve("k", "b", "me")) is Exists
    assert store.settled("k") == ("a", b"v")


def test_a_store_of_version_1_knows_the_sizes_of_its_cache(tmp_path: Path) -> None:
    store = open_store(tmp_path / "old", migrations=MIGRATIONS[:1])
    store.close()
    connection = sqlite3.connect(tmp_path / "old" / FILE)
    connection.execute("INSERT INTO cache VALUES ('k', x'010203', NULL, 'fetch', 1.0)")
    connection.commit()
    connection.close()
    store = open_store(tmp_path / "old")
    assert [(row.key, row.size) for row in store.cache()] == [("k", 3)]
    store.close()
