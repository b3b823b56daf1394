"""The writer: what shares a commit, what is refused alone, and that groups change nothing but the speed."""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from faulty import STATEMENTS, Faulty
from store_kit import Hearing, append, at_once, begin, read, row

import cflow.store.appends
import cflow.store.writer
from cflow.store.failures import Exists, LeaseLost, StoreError, Unknown
from cflow.store.place import open_store
from cflow.store.port import BeginRun, Change, DropRun, Remember, Send, SetRun, Settle, TakeRun
from cflow.store.rows import Signal, Waited
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


def test_what_waits_shares_a_commit(tmp_path: Path) -> None:
    store = open_store(tmp_path, synchronous="OFF", factory=Faulty)
    begin(store, *(f"r{number}" for number in range(50)))
    STATEMENTS.clear()
    assert at_once(store, *([append(f"r{number}", 0, number)] for number in range(50))) == [None] * 50
    assert STATEMENTS["COMMIT"] == 2  # that of the unit which held the writer, and one
    assert (STATEMENTS["INSERT"], STATEMENTS["UPDATE"], STATEMENTS["SAVEPOINT"]) == (1, 1, 0)
    assert [read(store, f"r{number}") for number in range(50)] == [[number] for number in range(50)]
    store.close()


def test_what_comes_while_a_commit_is_made_goes_along(tmp_path: Path) -> None:
    late: dict[str, Change] = {}
    heard = Hearing()

    class Slow(Faulty):
        """Somebody else puts a unit into line while a statement runs."""

        def _made(self, make: Any, statement: str, *rest: Any) -> Any:
            word = statement.split()[0]
            if (change := late.pop(word, None)) is not None:
                store.do([change], heard.of(word))
            return super()._made(make, statement, *rest)

    store = open_store(tmp_path, synchronous="OFF", factory=Slow)
    begin(store, "r0", "r1", "r2")
    STATEMENTS.clear()
    late.update(BEGIN=append("r1", 0, "x"), INSERT=append("r2", 0, "y"))
    store.do([append("r0", 0, "z")], heard.of("first"))
    heard.wait(3)
    assert STATEMENTS["COMMIT"] == 1
    assert [read(store, f"r{number}") for number in range(3)] == [["z"], ["x"], ["y"]]
    store.close()


def test_a_group_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = open_store(tmp_path, synchronous="OFF", factory=Faulty)
    begin(store, "r")
    STATEMENTS.clear()
    monkeypatch.setattr(cflow.store.writer, "GROUP", 21)
    assert at_once(store, *([append("r", number, number)] for number in range(50))) == [None] * 50
    assert STATEMENTS["COMMIT"] == 4  # the one that held, 21, 21, 8
    assert read(store, "r") == list(range(50))
    store.close()


def test_appends_of_one_run_share_a_commit_in_order(store: SqliteStore) -> None:
    begin(store, "r1")
    assert at_once(store, *([append("r1", number, number)] for number in range(30))) == [None] * 30
    assert read(store, "r1") == list(range(30))


REFUSED: dict[str, tuple[list[Change], type[StoreError]]] = {
    "at once": ([append("r1", 1, "x", owner="you")], LeaseLost),
    "a gap": ([append("r1", 7, "x")], StoreError),
    "unknown": ([append("r9", 0, "x")], Unknown),
    "after writing": ([BeginRun(row("new")), Settle("k", "new", b""), append("r2", 0, "x", owner="you")], LeaseLost),
    "in the middle": ([append("r2", 0, "x"), BeginRun(row("r1")), append("r2", 1, "y")], Exists),
    "not to be stored": ([Remember("k", b"", None), SetRun("r2", "me", reason=object())], StoreError),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("what", REFUSED)
def test_a_unit_that_is_refused_touches_no_other(store: SqliteStore, what: str) -> None:
    unit, kind = REFUSED[what]
    begin(store, "r1", "r2", "r3")
    first, refused, second, also, third = at_once(
        store, [append("r1", 0, "a")], unit, [append("r1", 1, "b"), append("r3", 0, "c")], unit, [append("r1", 2, "d")]
    )
    assert (first, second, third) == (None, None, None)
    assert type(refused) is type(also) is kind
    assert read(store, "r1") == ["a", "b", "d"]
    assert read(store, "r2") == []
    assert read(store, "r3") == ["c"]
    assert store.run("new") is None
    assert store.settled("k") is None
    assert store.cached("k") is None


def test_what_hears_may_fail(store: SqliteStore, caplog: pytest.LogCaptureFixture) -> None:
    def bad(error: BaseException | None) -> None:
        raise ZeroDivisionError

    heard = Hearing()
    store.do([BeginRun(row("r1"))], bad)
    store.do([BeginRun(row("r2"))], heard.of("r2"))
    assert heard.wait(1) == [("r2", None)]
    assert "ZeroDivisionError" in caplog.text
    assert len(store.runs()) == 2


def test_what_is_given_back_is_called_once_a_group(store: SqliteStore) -> None:
    calls: list[str] = []
    ready = threading.Event()

    def wake() -> None:
        calls.append("wake")
        ready.set()

    def bad() -> None:
        raise ZeroDivisionError

    def done(error: BaseException | None) -> Any:
        calls.append("done")
        return wake

    held, free = threading.Event(), threading.Event()
    store.do([], lambda error: (held.set(), free.wait(), bad)[2])
    held.wait()
    for number in range(3):
        store.do([BeginRun(row(f"r{number}"))], done)
    logging.getLogger("cflow.store").disabled = True
    free.set()
    ready.wait(60)
    logging.getLogger("cflow.store").disabled = False
    assert calls == ["done", "done", "done", "wake"]


# ---- another process writes, too --------------------------------------------------------------------------------


def test_what_is_thought_to_be_known_is_checked(store: SqliteStore) -> None:
    """Another process goes on with the run, or takes it, between two appends of ours."""
    begin(store, "r1", "r2")
    commit_now(store, [append("r1", 0, 0)])
    other = open_store(store.folder, synchronous="OFF")
    commit_now(other, [append("r1", 1, 1)])
    results = at_once(store, [append("r2", 0, "fine")], [append("r1", 1, "twice")], [append("r1", 2, 2)])
    assert results[0] is results[2] is None
    assert "two writers" in str(results[1])
    commit_now(other, [TakeRun("r1", "me", "you"), append("r1", 3, 3, owner="you")])
    results = at_once(store, [append("r1", 3, "late")], [append("r2", 1, "fine")])
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None
    other.close()
    assert read(store, "r1") == [0, 1, 2, 3]
    assert read(store, "r2") == ["fine", "fine"]


def test_a_run_that_was_taken_is_not_gone_on_with(store: SqliteStore) -> None:
    """Nothing else tells: no segment has come, the number of entries is the same."""
    begin(store, "r1", "r2")
    commit_now(store, [append("r1", 0, 0)])
    other = open_store(store.folder, synchronous="OFF")
    commit_now(other, [TakeRun("r1", "me", "you")])
    other.close()
    results = at_once(store, [append("r1", 1, "late")], [append("r2", 0, "fine")])
    assert isinstance(results[0], LeaseLost)
    assert results[1] is None
    assert read(store, "r1") == [0]


def test_appends_beside_other_changes_cost_no_second_try(tmp_path: Path) -> None:
    store = open_store(tmp_path, synchronous="OFF", factory=Faulty)
    begin(store, "r1", "r2")
    STATEMENTS.clear()
    mixed: list[Change] = [append("r2", 0, 0), Remember("k", b"", None)]
    assert at_once(store, [append("r1", 0, 0)], mixed, [append("r1", 1, 1)], [append("r2", 1, 1)]) == [None] * 4
    assert STATEMENTS["COMMIT"] == 2
    assert STATEMENTS["SAVEPOINT"] == STATEMENTS["ROLLBACK"] == 0
    store.close()


def test_few_tails_are_remembered(store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cflow.store.appends, "KNOWN", 3)
    names = [f"r{number}" for number in range(8)]
    begin(store, *names)
    for turn in range(3):
        units = [[append(name, 2 * turn + half, 2 * turn + half)] for name in names for half in (0, 1)]
        assert at_once(store, *units) == [None] * 16
    assert all(read(store, name) == list(range(6)) for name in names)
    assert store._writer is not None
    assert len(store._writer._appends._known) <= 8


# ---- groups change nothing --------------------------------------------------------------------------------------


def some_unit(choose: random.Random, ends: dict[str, int]) -> list[Change]:
    """A unit that may well be refused; most of it are appends."""

    def change() -> Change:
        run = choose.choice(["a", "b", "c"])
        owner = choose.choices(["me", "you"], [8, 1])[0]
        kind = choose.choices(["append", "set", "take", "begin", "send", "drop", "over"], [16, 2, 2, 2, 2, 1, 1])[0]
        match kind:
            case "append":
                first = max(0, ends.get(run, 0) + choose.choices([0, 1, -1], [12, 1, 1])[0])
                size = choose.choice([0, 1, 1, 1, 2, 20])
                ends[run] = first + size
                blobs = choose.choices([(), ("x",)], [9, 1])[0]
                uses = choose.choices([(), (choose.randint(1, 5),)], [9, 1])[0]
                return append(run, first, *(choose.random() for _ in range(size)), owner=owner, blobs=blobs, uses=uses)
            case "set":
                return SetRun(run, owner, reason=str(choose.random()), waits=(Waited("go", b""),))
            case "take":
                return TakeRun(run, *choose.choice([("me", "you"), ("you", "me"), ("me", "me")]))
            case "begin":
                ends[run] = 0
                return BeginRun(row(run))
            case "send":
                return Send(Signal("go", b"", b"", choose.choice(["", run]), sent=choose.random()))
            case "drop":
                return DropRun(run)
            case _:
                return SetRun(run, owner, state="done")

    return [change() for _ in range(choose.choice([1, 1, 1, 1, 2, 3]))]


def seen(store: SqliteStore) -> list[object]:
    runs = store.runs()
    return [
        runs,
        [list(store.journal(run.id)) for run in runs],
        [store.inbox(run.id) for run in runs],
        [store.waits(run.id) for run in runs],
        store.used_blobs(),
    ]


def answers(errors: Sequence[BaseException | None]) -> list[tuple[str, str]]:
    return [(type(error).__name__, str(error)) for error in errors]


def test_groups_change_nothing(tmp_path: Path, long: bool) -> None:
    """The same units one by one and in groups: the same answers, the same store."""
    refused = total = 0
    for seed in range(2000 if long else 60):
        choose = random.Random(seed)
        alone = open_store(tmp_path / f"{seed}a", synchronous="OFF")
        grouped = open_store(tmp_path / f"{seed}g", synchronous="OFF")
        for store in (alone, grouped):
            begin(store, "a", "b")
        ends: dict[str, int] = {}
        for _ in range(4):
            units = [some_unit(choose, ends) for _ in range(choose.randint(1, 15))]
            one_by_one = [at_once(alone, unit)[0] for unit in units]
            assert answers(at_once(grouped, *units)) == answers(one_by_one), seed
            assert seen(grouped) == seen(alone), seed
            for run in alone.runs():
                ends[run.id] = run.entries
            refused += sum(error is not None for error in one_by_one)
            total += len(units)
        alone.close()
        grouped.close()
    assert 0.1 < refused / total < 0.9
