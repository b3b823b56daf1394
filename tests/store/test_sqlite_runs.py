"""Runs, journals and what outlives them: each change, and what refuses it."""

from __future__ import annotations

import math
import sqlite3
from random import Random
from typing import Any

import attrs
import msgspec
import pytest
from store_kit import append, at_once, begin, entry, read, row

from cflow.store import many
from cflow.store.changes import HOW
from cflow.store.failures import Damaged, Exists, LeaseLost, Over, StoreError, Unknown
from cflow.store.port import (
    BeginRun,
    Change,
    DropOwner,
    DropRun,
    Forget,
    KeepPlan,
    Remember,
    SetOwner,
    SetRun,
    Settle,
    TakeRun,
)
from cflow.store.rows import NOWHERE, Cached, Owner
from cflow.store.sqlite import SEGMENTS, SqliteStore
from cflow.store.tickets import commit_now


def test_every_change_is_known() -> None:
    assert set(HOW) == set(Change.__args__)


def test_a_run_comes_back_as_it_was(store: SqliteStore) -> None:
    whole = row(
        "r1",
        state="failed",
        inputs=b"in",
        ambient=b"am",
        began=2.0,
        ended=3.0,
        result=b"re",
        error=b"er",
        wake=4.0,
        resumed=5,
        parent="r0",
        reason="why",
        queue="q",
        priority=-6,
    )
    assert all(getattr(whole, f.name) != f.default for f in attrs.fields(type(whole)) if f.name != "entries")
    commit_now(store, [BeginRun(whole)])
    assert store.run("r1") == whole
    assert store.run("r2") is None


def test_an_id_is_taken_once(store: SqliteStore) -> None:
    begin(store, "r1")
    with pytest.raises(Exists, match="r1"):
        begin(store, "r1", flow="other")
    assert store.run("r1") == row("r1")


# ---- journals ---------------------------------------------------------------------------------------------------


def test_a_journal_is_read_in_order(store: SqliteStore) -> None:
    begin(store, "r1", "r2")
    commit_now(store, [append("r1", 0, "a", {"b": 1}), append("r2", 0, "x")])
    commit_now(store, [append("r2", 1, "y", "z")])
    commit_now(store, [append("r1", 2, [None])])
    assert read(store, "r1") == ["a", {"b": 1}, [None]]
    assert read(store, "r2") == ["x", "y", "z"]
    assert read(store, "r3") == []
    found = store.run("r1")
    assert found is not None
    assert found.entries == 3


@pytest.mark.parametrize("sizes", [[1, 1, 1], [20, 1, 40], [70_000], [1] * (2 * SEGMENTS + 3)], ids=len)
def test_a_journal_is_read_from_any_entry_on(store: SqliteStore, sizes: list[int]) -> None:
    begin(store, "r1")
    first = 0
    for size in sizes:
        commit_now(store, [append("r1", first, *range(first, first + size))])
        first += size
    for after in {0, 1, 2, 19, 20, 21, 60, SEGMENTS, SEGMENTS + 1, first - 1, first, first + 1}:
        assert read(store, "r1", after) == list(range(after, first))
    covered = [(begin, len(msgspec.msgpack.decode(payload))) for begin, payload in store.segments("r1")]
    assert [size for _, size in covered] == sizes


def test_an_append_without_entries_adds_none(store: SqliteStore) -> None:
    begin(store, "r1")
    commit_now(store, [append("r1", 0, 1), append("r1", 1)])
    commit_now(store, [append("r1", 1)])
    commit_now(store, [append("r1", 1, 2)])
    assert read(store, "r1") == [1, 2]


def test_only_the_owner_appends(store: SqliteStore) -> None:
    begin(store, "r1")
    commit_now(store, [append("r1", 0, 1)])
    with pytest.raises(LeaseLost, match="belongs to me"):
        commit_now(store, [append("r1", 1, 2, owner="you")])
    with pytest.raises(Unknown, match="r2"):
        commit_now(store, [append("r2", 0, 2)])
    commit_now(store, [TakeRun("r1", "me", "you")])
    with pytest.raises(LeaseLost, match="belongs to you"):
        commit_now(store, [append("r1", 1, 2)])
    commit_now(store, [append("r1", 1, 3, owner="you")])
    assert read(store, "r1") == [1, 3]


@pytest.mark.parametrize("first", [0, 2])
def test_entries_that_do_not_continue_are_refused(store: SqliteStore, first: int) -> None:
    begin(store, "r1")
    commit_now(store, [append("r1", 0, 1)])
    with pytest.raises(StoreError, match="two writers"):
        commit_now(store, [append("r1", first, 2)])
    assert read(store, "r1") == [1]


def test_what_is_asked_for_many_runs_is_what_each_gives(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many, "CHUNK", 7)
    ids = [f"r{number}" for number in range(20)]
    begin(store, *ids)
    random = Random(1)
    left = dict.fromkeys(ids[1:], 0)
    for _ in range(100):  # their segments lie between those of others
        run, size = random.choice(list(left)), random.choice((1, 3))
        commit_now(store, [append(run, left[run], *range(size))])
        left[run] += size
    commit_now(store, [append("r2", left["r2"], *range(many.SHORT))])
    asked = [*random.sample(ids, 18), "nobody"]
    apart = {id: list(store.segments(id)) for id in asked if id not in ("r2", "nobody")}
    assert store.journals(asked) == apart
    assert store.runs_by_id(asked) == {id: store.run(id) for id in asked if id != "nobody"}
    monkeypatch.setattr(many, "ROOM", 50)
    some = store.journals(asked)
    assert 0 < len(some) < len(apart)
    assert some.items() <= apart.items()


def spoil(store: SqliteStore, statement: str, *values: object) -> None:
    with sqlite3.connect(store.folder / "store.db") as connection:
        assert connection.execute(statement, values).rowcount == 1
    connection.close()


SPOILED = {
    "a payload": ("UPDATE segment SET payload = x'9105' WHERE id = 2", "entry 1: its checksum"),
    "a checksum": ("UPDATE segment SET crc = crc + 1 WHERE id = 3", "entry 2: its checksum"),
    "a type": ("UPDATE segment SET payload = 7 WHERE id = 2", "entry 1: its checksum"),
    "gone": ("DELETE FROM segment WHERE id = 2", "entry 1:"),
    "gone at the end": ("DELETE FROM segment WHERE id = 3", "entry 2:"),
    "gone at the beginning": ("DELETE FROM segment WHERE id = 1", "entry 0:"),
    "of another run": ("UPDATE segment SET run = 2 WHERE id = 2", "entry 1:"),
    "elsewhere": ("UPDATE segment SET first = 7 WHERE id = 2", "entry 1:"),
    "a chain without an end": ("UPDATE segment SET previous = 3 WHERE id = 1", ""),
    "a chain with a loop": ("UPDATE segment SET previous = 3 WHERE id = 2", "entry 0:"),
    "a count": ("UPDATE run SET entries = 9 WHERE number = 1", "entry 8:"),
}


@pytest.mark.parametrize("what", SPOILED)
def test_a_damaged_journal_is_named_and_others_can_be_read(store: SqliteStore, what: str) -> None:
    begin(store, "r1", "r2")
    for number in range(3):
        commit_now(store, [append("r1", number, number)])
    commit_now(store, [append("r2", 0, "fine")])
    whole = list(store.segments("r2"))
    statement, message = SPOILED[what]
    spoil(store, statement)
    if message:
        with pytest.raises(Damaged, match=message) as caught:
            read(store, "r1")
        assert caught.value.what == "run r1"
    else:
        assert read(store, "r1") == [0, 1, 2]
    assert read(store, "r2") == ["fine"]
    together = store.journals(["r1", "r2"])
    assert "r1" not in together or not message, "who reads it alone is told what is wrong"
    assert together.get("r2", whole) == whole
    commit_now(store, [append("r2", 1, "still")])
    assert read(store, "r2") == ["fine", "still"]


def test_a_run_that_is_dropped_while_it_is_read_is_not_called_damaged(store: SqliteStore) -> None:
    begin(store, "r1")
    for number in range(SEGMENTS + 1):
        commit_now(store, [append("r1", number, number)])
    reading = store.journal("r1")
    next(iter(reading))
    commit_now(store, [SetRun("r1", "me", state="done"), DropRun("r1")])
    with pytest.raises(Unknown, match="dropped"):
        list(reading)


# ---- states -----------------------------------------------------------------------------------------------------


def changed(store: SqliteStore, **what: Any) -> Any:
    commit_now(store, [SetRun("r1", "me", **what)])
    return store.run("r1")


def test_what_is_not_set_stays(store: SqliteStore) -> None:
    whole = row("r1", inputs=b"in", result=b"old", error=b"old", wake=7.0, reason="old", began=1.0, ended=1.0)
    commit_now(store, [BeginRun(whole)])
    assert changed(store) == whole
    whole = attrs.evolve(whole, state="parked", reason="new")
    assert changed(store, state="parked", reason="new") == whole
    whole = attrs.evolve(whole, result=b"new")
    assert changed(store, result=b"new") == whole
    whole = attrs.evolve(whole, error=b"new")
    assert changed(store, error=b"new") == whole
    whole = attrs.evolve(whole, began=8.0, ended=9.0)
    assert changed(store, began=8.0, ended=9.0) == whole
    whole = attrs.evolve(whole, digest="d2", wake=8.0)
    assert changed(store, digest="d2", wake=8.0) == whole
    whole = attrs.evolve(whole, wake=None)
    assert changed(store, wake=math.inf) == whole
    assert changed(store, new_owner="you") == attrs.evolve(whole, owner="you")
    with pytest.raises(LeaseLost, match="belongs to you"):
        changed(store, reason="x")


@pytest.mark.parametrize("state", ["done", "failed", "cancelled"])
def test_a_run_that_is_over_stays_over(store: SqliteStore, state: Any) -> None:
    begin(store, "r1", wake=3.0)
    found = changed(store, state=state, result=b"r", new_owner="me")
    assert (found.state, found.owner, found.wake, found.result) == (state, NOWHERE, None, b"r")
    for late in (SetRun("r1", NOWHERE, state="running"), SetRun("r1", "me", reason="x"), append("r1", 0, 1)):
        with pytest.raises(Over, match=state):
            commit_now(store, [late])
    with pytest.raises(LeaseLost):
        commit_now(store, [TakeRun("r1", NOWHERE, "me")])
    assert store.run("r1") == found


def test_a_run_is_taken_once(store: SqliteStore) -> None:
    begin(store, "r1", owner="dead", wake=1.0)
    assert at_once(store, [TakeRun("r1", "dead", "a")], [TakeRun("r1", "dead", "b")])[0] is None
    found = store.run("r1")
    assert found is not None
    assert (found.owner, found.state, found.resumed, found.wake) == ("a", "running", 1, None)
    with pytest.raises(LeaseLost, match="cannot be taken: it is running and belongs to a by now"):
        commit_now(store, [TakeRun("r1", "a", "b", states=("parked",))])
    with pytest.raises(Unknown):
        commit_now(store, [TakeRun("r9", "a", "b")])


def test_beginning_a_queued_run_is_not_resuming_it(store: SqliteStore) -> None:
    begin(store, "r1", state="queued", owner=NOWHERE)
    commit_now(store, [TakeRun("r1", NOWHERE, "a", states=("queued",))])
    found = store.run("r1")
    assert found is not None
    assert (found.state, found.resumed) == ("running", 0)


# ---- finding ----------------------------------------------------------------------------------------------------


def ids(store: SqliteStore, **which: Any) -> list[str]:
    return [found.id for found in store.runs(**which)]


def test_runs_are_found(store: SqliteStore) -> None:
    begin(store, "a", flow="x")
    begin(store, "b", state="waiting", owner=NOWHERE, wake=5.0)
    begin(store, "c", state="waiting", owner=NOWHERE, wake=6.0)
    begin(store, "d", flow="x", owner="you")
    begin(store, "e", state="done", owner=NOWHERE)
    assert ids(store) == ["e", "d", "c", "b", "a"]
    assert ids(store, limit=2) == ["e", "d"]
    assert ids(store, limit=2, before="d") == ["c", "b"]
    assert ids(store, states=("done", "running")) == ["e", "d", "a"]
    assert ids(store, flow="x") == ["d", "a"]
    assert ids(store, owner="me") == ["a"]
    assert ids(store, owner=NOWHERE) == ["e", "c", "b"]
    assert ids(store, due=5.0) == ["b"]
    assert ids(store, due=9.0, states=("waiting",), before="c") == ["b"]


@pytest.mark.parametrize(
    ("which", "index"),
    [
        ({"due": 1.0}, "run_by_wake"),
        ({"owner": "me"}, "run_by_owner"),
        ({"flow": "x"}, "run_by_flow"),
        ({"states": ("parked",)}, "run_by_state"),
    ],
)
def test_finding_runs_does_not_read_all(store: SqliteStore, which: Any, index: str) -> None:
    asked: list[str] = []
    with store._readers.lend() as connection:
        connection.set_trace_callback(asked.append)
    store.runs(**which)
    with store._readers.lend() as connection:
        connection.set_trace_callback(None)
        plan = connection.execute(f"EXPLAIN QUERY PLAN {asked[-1]}").fetchall()
    assert index in str(plan)


# ---- what outlives runs -----------------------------------------------------------------------------------------


def test_owners_come_and_go(store: SqliteStore) -> None:
    me, you = Owner("me", "h", "b", 1, 2), Owner("you", "h", "b", 3, 4, 5)
    commit_now(store, [SetOwner(you), SetOwner(me)])
    assert store.owners() == [me, you]
    commit_now(store, [SetOwner(attrs.evolve(me, beat=9)), DropOwner("you"), DropOwner("nobody")])
    assert store.owners() == [attrs.evolve(me, beat=9)]


def test_a_plan_is_kept_once(store: SqliteStore) -> None:
    commit_now(store, [KeepPlan("d1", "one"), KeepPlan("d1", "other")])
    assert store.plan("d1") == "one"
    assert store.plan("d2") is None


def test_cached_values_are_forgotten_in_time(store: SqliteStore) -> None:
    now = [100.0]
    store._clock = lambda: now[0]
    commit_now(store, [Remember("k", b"1", 150.0, made=90.0), Remember("for ever", b"2", None)])
    assert store.cached("k") == Cached(b"1", 150.0, 90.0)
    now[0] = 150.0
    assert store.cached("k") is None
    assert store.cached("for ever") == Cached(b"2", None, 0.0)
    commit_now(store, [Remember("k", b"3", 200.0, made=150.0)])
    assert store.cached("k") == Cached(b"3", 200.0, 150.0)


@pytest.mark.parametrize(
    ("which", "left"),
    [
        (Forget(key="a"), "bc"),
        (Forget(node="n"), "c"),
        (Forget(key="a", node="other"), "abc"),
        (Forget(), ""),
    ],
)
def test_what_is_cached_is_dropped(store: SqliteStore, which: Forget, left: str) -> None:
    given = [
        Remember(key, b"", None, node=node, blobs=(f"blob {key}",)) for key, node in zip("abc", "nnm", strict=True)
    ]
    commit_now(store, given)
    commit_now(store, [which])
    assert {key for key in "abc" if store.cached(key)} == set(left)
    assert store.used_blobs() == {f"blob {key}" for key in left}


def test_once_is_settled_once(store: SqliteStore) -> None:
    commit_now(store, [Settle("day 1", "r1", b"v")])
    commit_now(store, [Settle("day 1", "r1", b"again")])
    with pytest.raises(Exists, match="by run r1"):
        commit_now(store, [Settle("day 1", "r2", b"w")])
    assert store.settled("day 1") == ("r1", b"v")
    assert store.settled("day 2") is None


def test_what_a_store_does_not_take_is_refused(store: SqliteStore) -> None:
    begin(store, "r1")
    bad: Any = object()
    with pytest.raises(StoreError, match="does not take this"):
        commit_now(store, [SetRun("r1", "me", result=b"half"), SetRun("r1", "me", reason=bad)])
    assert store.run("r1") == row("r1")
    commit_now(store, [append("r1", 0, 1)])
    assert read(store, "r1") == [1]
    assert entry(1) == b"\x01"
