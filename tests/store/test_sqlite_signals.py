"""Signals: who hears, what is one and the same, and that none is missed."""

from __future__ import annotations

import math

import pytest
from store_kit import append, at_once, begin

from cflow.store.failures import Over, Taken, Unknown
from cflow.store.port import DropRun, Send, SetRun, Sweep, TakeRun
from cflow.store.rows import NOWHERE, Signal, Waited
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now

GO = Waited("go", b"k")


def sent(
    store: SqliteStore, run: str = "", name: str = "go", key: bytes = b"k", value: bytes = b"v", **other: object
) -> None:
    commit_now(store, [Send(Signal(name, key, value, run, **other))])  # type: ignore[arg-type]


def wakes(store: SqliteStore) -> dict[str, float | None]:
    return {row.id: row.wake for row in store.runs() if row.wake is not None}


def wait(store: SqliteStore, run: str, *waits: Waited, wake: float | None = None) -> None:
    commit_now(store, [SetRun(run, "me", state="waiting", waits=waits, wake=wake)])


def values(store: SqliteStore, run: str, name: str = "") -> list[bytes]:
    return [signal.value for signal in store.inbox(run, name)]


def test_an_inbox_holds_what_was_sent(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    first = Signal("go", b"k", b"1", "r1", "once", 5.0)
    second = Signal("stop", b"", b"2", "", "", 6.0)
    commit_now(store, [Send(first), Send(second)])
    one, two = store.inbox("r1")
    assert (one.name, one.key, one.value, one.run, one.unique, one.sent) == ("go", b"k", b"1", "r1", "once", 5.0)
    assert (two.name, two.key, two.value, two.run, two.unique, two.sent) == ("stop", b"", b"2", "", "", 6.0)
    assert one.id < two.id
    assert values(store, "r1", "go") == [b"1"]
    assert values(store, "r2") == [b"2"]


def test_an_inbox_is_asked_for_a_name_and_a_key(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    for number, (run, name, key) in enumerate(
        [("r1", "go", b"k"), ("", "go", b"k"), ("r1", "go", b"other"), ("r1", "stop", b"k"), ("r2", "go", b"k")]
    ):
        sent(store, run, name, key, value=b"%d" % number)
    assert [signal.value for signal in store.inbox("r1", "go", b"k")] == [b"0", b"1"]
    assert [signal.value for signal in store.inbox("r1", "go")] == [b"0", b"1", b"2"]
    assert store.inbox("r1", "go", b"") == []
    places = [(run, name, key) for run in ("", "r1", "r2", "r3") for name in ("go", "stop") for key in (b"k", b"other")]
    found = store.inboxes(places)
    assert {place: [signal.value for signal in there] for place, there in found.items()} == {
        ("r1", "go", b"k"): [b"0"],
        ("", "go", b"k"): [b"1"],
        ("r1", "go", b"other"): [b"2"],
        ("r1", "stop", b"k"): [b"3"],
        ("r2", "go", b"k"): [b"4"],
    }
    assert {signal for there in found.values() for signal in there} == set(store.signals())


def test_what_nobody_has_consumed_is_read_in_order(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    for run in ("r1", "", "r2", ""):
        sent(store, run)
    first, second, third, last = store.signals()
    assert (first.run, second.run, third.run, last.run) == ("r1", "", "r2", "")
    commit_now(store, [append("r1", 0, "used", uses=(second.id,))])
    assert [signal.id for signal in store.signals(first.id)] == [third.id, last.id]
    assert [signal.id for signal in store.signals(limit=1)] == [first.id]


def test_two_with_one_mark_are_one(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    for run, name, unique, value in [
        ("r1", "go", "u", b"1"),
        ("r1", "go", "u", b"double"),
        ("r1", "go", "other", b"2"),
        ("r1", "stop", "u", b"3"),
        ("r2", "go", "u", b"4"),
        ("r1", "go", "", b"5"),
        ("r1", "go", "", b"6"),
    ]:
        sent(store, run, name, value=value, unique=unique)
    assert values(store, "r1") == [b"1", b"2", b"3", b"5", b"6"]
    commit_now(store, [append("r1", 0, "used", uses=(store.inbox("r1")[0].id,))])
    sent(store, "r1", value=b"double after use", unique="u")
    assert b"double after use" not in values(store, "r1")
    commit_now(store, [SetRun("r1", "me", state="done")])
    sent(store, "r1", value=b"double after the end", unique="u")  # who sends it again need not know
    for unique in ("", "new"):
        with pytest.raises(Over):
            sent(store, "r1", unique=unique)


def test_who_waits_is_woken(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    wait(store, "r1", GO, wake=100.0)
    assert store.waits("r1") == [GO]
    sent(store, "r1", name="other", sent=3.0)
    sent(store, "r1", key=b"other", sent=4.0)
    assert wakes(store) == {"r1": 100.0}
    sent(store, "r1", sent=5.0)
    sent(store, "r2", sent=5.0)  # which does not wait
    sent(store, "r1", sent=6.0)
    assert wakes(store) == {"r1": 5.0}


def test_who_has_waited_longest_is_woken(store: SqliteStore) -> None:
    begin(store, "a", "b", "c", "d")
    wait(store, "c", Waited("other", b"k"))
    for run in ("b", "a", "d"):
        wait(store, run, GO)
    wait(store, "b", Waited("more", b""), GO)  # it still waits: its place in the line stays
    for number in range(4):
        sent(store, sent=float(number))
        assert list(wakes(store)) == [["b"], ["b", "a"], ["d", "b", "a"], ["d", "b", "a"]][number]
    assert wakes(store) == {"b": 0.0, "a": 1.0, "d": 2.0}


def test_a_signal_that_came_before_the_wait_is_not_missed(store: SqliteStore) -> None:
    begin(store, "r1", "r2", "r3")
    sent(store, "r1", sent=5.0)
    wait(store, "r1", Waited("other", b""))
    wait(store, "r2", GO)
    assert wakes(store) == {}
    wait(store, "r1", GO, wake=100.0)
    assert wakes(store) == {"r1": 5.0}
    sent(store, "", name="all", sent=6.0)
    wait(store, "r3", GO, Waited("all", b"k"))
    assert wakes(store) == {"r1": 5.0, "r3": 6.0}


def test_a_signal_is_used_by_one(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    sent(store)
    (signal,) = store.inbox("r1")
    first, second = at_once(
        store, [append("r1", 0, "mine", uses=(signal.id,))], [append("r2", 0, "mine", uses=(signal.id,))]
    )
    assert first is None
    assert isinstance(second, Taken)
    assert not store.inbox("r1")
    assert not store.inbox("r2")
    assert [found.entries for found in store.runs()] == [0, 1]


def test_a_used_signal_does_not_wake_anybody(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    sent(store)
    commit_now(store, [append("r1", 0, "mine", uses=(store.inbox("r1")[0].id,))])
    wait(store, "r2", GO)
    assert wakes(store) == {}


def test_who_is_taken_or_over_does_not_wait(store: SqliteStore) -> None:
    begin(store, "r1", "r2", "r3")
    for run in ("r1", "r2", "r3"):
        wait(store, run, GO)
    commit_now(store, [SetRun("r1", "me", state="done"), TakeRun("r2", "me", "you")])
    assert [store.waits(run) for run in ("r1", "r2", "r3")] == [[], [], [GO]]
    sent(store, sent=1.0)
    assert wakes(store) == {"r3": 1.0}
    commit_now(store, [SetRun("r3", "me", wake=math.inf, waits=())])
    assert (wakes(store), store.waits("r3")) == ({}, [])


def test_who_is_over_or_unknown_gets_none(store: SqliteStore) -> None:
    begin(store, "r1")
    commit_now(store, [SetRun("r1", "me", state="cancelled", new_owner=NOWHERE)])
    with pytest.raises(Over, match="cancelled"):
        sent(store, "r1")
    with pytest.raises(Unknown, match="r9"):
        sent(store, "r9")
    assert not store.inbox("r1")


def test_signals_are_swept_and_dropped(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    commit_now(
        store, [Send(Signal("go", b"", b"", "r1"), blobs=("mine",)), Send(Signal("go", b"", b""), blobs=("ours",))]
    )
    sent(store, value=b"unused")
    mine, ours, _ = store.inbox("r1")
    commit_now(store, [append("r1", 0, "used", uses=(mine.id, ours.id))])
    commit_now(store, [Sweep(0.0, 0.0)])
    assert store.used_blobs() == {"mine", "ours"}
    commit_now(store, [Sweep(0.0, 1.0)])
    assert store.used_blobs() == {"mine"}
    assert values(store, "r2") == [b"unused"]
    commit_now(store, [SetRun("r1", "me", state="done"), DropRun("r1")])
    assert store.used_blobs() == set()
