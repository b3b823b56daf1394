"""Queues in a store: who begins, never more than may; what they are set to; older stores."""

from __future__ import annotations

import math
import random
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from queue_model import Line, free, window
from store_kit import at_once, row

from cflow.executor.memory import parse_rate
from cflow.store import schema
from cflow.store.failures import Full, LeaseLost, StoreError, Unknown
from cflow.store.place import FILE, open_store
from cflow.store.port import BeginRun, Claim, SetPriority, SetQueue, SetRun, TakeRun
from cflow.store.rows import QueueRow
from cflow.store.schema import MIGRATIONS
from cflow.store.sqlite import SqliteStore
from cflow.store.tickets import commit_now


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = open_store(tmp_path / "store", synchronous="OFF")
    yield opened
    opened.close()


def submit(store: SqliteStore, *runs: str, queue: str = "mail", key: str = "", **other: object) -> None:
    given = {"state": "queued", "owner": "", "queue": queue, **other}
    commit_now(store, [BeginRun(row(run, **given), key=key) for run in runs])


def claim(store: SqliteStore, most: int = 1, now: float = 100.0, queue: str = "mail", owner: str = "me") -> list[str]:
    change = Claim(queue, owner, most, now)
    commit_now(store, [change])
    return change.claimed


def end(store: SqliteStore, run: str, owner: str = "me") -> None:
    commit_now(store, [SetRun(run, owner, "done")])


def test_runs_begin_in_their_turn(store: SqliteStore) -> None:
    submit(store, "a", "b", "c")
    assert claim(store, 2, 7.0) == ["a", "b"]
    found = store.run("a")
    assert found is not None
    assert (found.state, found.owner, found.began, found.resumed, found.queue) == ("running", "me", 7.0, 0, "mail")
    assert claim(store, 9) == ["c"]
    assert claim(store) == []


def test_a_queue_that_nobody_knows_has_nothing(store: SqliteStore) -> None:
    assert claim(store, queue="other") == []
    assert store.slots("other") == math.inf
    assert store.ready(1.0) == []


def test_queues_have_their_own_lines(store: SqliteStore) -> None:
    submit(store, "a", queue="one")
    submit(store, "b", queue="two")
    assert store.ready(1.0) == ["one", "two"]
    assert claim(store, 5, queue="two") == ["b"]
    assert store.ready(1.0) == ["one"]


def test_no_more_are_under_way_than_may_be(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=2)])
    submit(store, "a", "b", "c")
    assert claim(store, 9) == ["a", "b"]
    assert store.ready(1.0) == []
    assert claim(store) == []
    end(store, "a")
    assert store.ready(1.0) == ["mail"]
    assert claim(store, 9) == ["c"]


def test_a_slot_is_free_when_its_run_is_over_parked_or_waits(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=1)])
    submit(store, "a", "b", "c", "d", "e")
    for run, state in (("a", "failed"), ("b", "cancelled"), ("c", "parked"), ("d", "waiting")):
        assert claim(store, 9) == [run]
        assert claim(store) == []
        commit_now(store, [SetRun(run, "me", state, new_owner="")])
    assert claim(store, 9) == ["e"]


def test_who_goes_on_needs_a_slot_and_has_it_before_those_that_come_anew(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=1)])
    submit(store, "a", "b", "c")
    assert claim(store) == ["a"]
    commit_now(store, [SetRun("a", "me", "waiting", wake=50.0, new_owner="")])
    assert claim(store, now=49.0) == ["b"]
    with pytest.raises(Full, match="a has to wait"):
        commit_now(store, [TakeRun("a", "", "you")])
    end(store, "b")
    assert store.ready(51.0) == []
    assert claim(store, now=51.0) == []  # the slot is a's
    commit_now(store, [TakeRun("a", "", "you")])
    assert store.slots("mail") == 0


def test_who_has_a_slot_keeps_it_when_its_process_is_gone(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=1)])
    submit(store, "a", "b")
    assert claim(store) == ["a"]
    commit_now(store, [TakeRun("a", "me", "you")])
    assert claim(store, owner="you") == []


def test_to_end_a_run_needs_no_slot(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=1)])
    submit(store, "a", "b", "c")
    assert claim(store) == ["a"]
    commit_now(store, [TakeRun("b", "", "you", beyond=True), SetRun("b", "you", "cancelled")])
    end(store, "a")
    assert claim(store, 9) == ["c"]  # b is not in the line any more


def test_who_is_cancelled_in_the_line_has_no_turn(store: SqliteStore) -> None:
    submit(store, "a", "b")
    commit_now(store, [SetRun("a", "", "cancelled")])
    assert claim(store, 9) == ["b"]


def test_a_rate_holds_over_all_owners_and_any_period(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", rate="2/10s")])
    submit(store, *"abcdef")
    assert claim(store, 9, 100.0) == ["a", "b"]
    end(store, "a")
    assert claim(store, 9, 109.9, owner="you") == []
    assert store.ready(109.9) == []
    assert store.ready(110.0) == ["mail"]
    assert claim(store, 1, 110.0, owner="you") == ["c"]
    assert claim(store, 9, 115.0) == ["d"]
    assert claim(store, 9, 119.0) == []
    assert claim(store, 9, 120.0) == ["e"]


def test_limits_can_be_changed_and_taken_away(store: SqliteStore) -> None:
    commit_now(store, [SetQueue("mail", concurrency=1, rate="1/m")])
    submit(store, *"abcdefg")
    assert claim(store, 9, 0.0) == ["a"]
    commit_now(store, [SetQueue("mail", concurrency=3)])
    assert claim(store, 9, 1.0) == []
    commit_now(store, [SetQueue("mail", rate="2/m")])
    assert claim(store, 9, 1.0) == ["b"]
    commit_now(store, [SetQueue("mail", rate="")])
    assert claim(store, 9, 1.0) == ["c"]
    commit_now(store, [SetQueue("mail", concurrency=0)])
    assert claim(store, 9, 1.0) == ["d", "e", "f", "g"]
    assert store.queues() == [QueueRow("mail", None, "", False, 0, 7, 0, 0)]


def test_a_rate_that_is_none_is_refused(store: SqliteStore) -> None:
    with pytest.raises(StoreError, match="'fast' is not a rate"):
        commit_now(store, [SetQueue("mail", rate="fast")])
    assert store.queues() == []


def test_a_paused_queue_begins_nothing(store: SqliteStore) -> None:
    submit(store, "a", "b")
    assert claim(store) == ["a"]
    commit_now(store, [SetRun("a", "me", "waiting", wake=1.0, new_owner=""), SetQueue("mail", paused=True)])
    assert store.ready(5.0) == []
    assert claim(store, now=5.0) == []
    commit_now(store, [TakeRun("a", "", "me")])  # it has begun, so it goes on
    commit_now(store, [SetQueue("mail", paused=False)])
    assert claim(store) == ["b"]


def test_another_priority(store: SqliteStore) -> None:
    submit(store, "a", "b", "c")
    commit_now(store, [SetPriority("c", 5)])
    found = store.run("c")
    assert found is not None
    assert found.priority == 5
    assert claim(store, 9) == ["c", "a", "b"]
    with pytest.raises(LeaseLost, match="a does not wait"):
        commit_now(store, [SetPriority("a", 1)])
    with pytest.raises(Unknown):
        commit_now(store, [SetPriority("x", 1)])


def test_keys_take_turns(store: SqliteStore) -> None:
    submit(store, "a1", "a2", "a3", key="a")
    submit(store, "f1", "f2", flow="other")  # no key: its flow's
    submit(store, "b1", key="b")
    assert claim(store, 9) == ["a1", "f1", "b1", "a2", "f2", "a3"]


def test_a_refused_unit_begins_nothing(store: SqliteStore) -> None:
    submit(store, "a")
    change = Claim("mail", "me")
    with pytest.raises(Unknown):
        commit_now(store, [change, TakeRun("nobody", "", "me")])
    assert claim(store) == ["a"]


def test_a_unit_that_is_applied_twice_claims_once(store: SqliteStore) -> None:
    """One of its group is refused after it had written, so the group is taken back and applied once more."""
    submit(store, "a", "b")
    change = Claim("mail", "me")
    errors = at_once(store, [change], [BeginRun(row("x")), BeginRun(row("x"))])
    assert [type(error).__name__ for error in errors] == ["NoneType", "Exists"]
    assert change.claimed == ["a"]
    assert claim(store, 9) == ["b"]


def test_runs_are_listed_by_queue(store: SqliteStore) -> None:
    submit(store, "a", "b")
    commit_now(store, [BeginRun(row("alone", state="queued", owner=""))])
    assert [found.id for found in store.runs(queue="mail")] == ["b", "a"]
    assert [found.id for found in store.runs(states=("queued",), queue="")] == ["alone"]
    assert [found.id for found in store.runs(queue="none")] == []
    assert len(store.runs()) == 3


def test_several_stores_of_one_file_share_the_slots(tmp_path: Path) -> None:
    """Four owners with a connection each claim and end as quickly as they can."""
    stores = [open_store(tmp_path / "store", synchronous="OFF") for _ in range(4)]
    commit_now(stores[0], [SetQueue("mail", concurrency=3)])
    submit(stores[0], *(f"r{number}" for number in range(200)))
    claimed: list[list[str]] = [[] for _ in stores]
    most: list[int] = []

    def work(number: int) -> None:
        mine = stores[number]
        while sum(map(len, claimed)) < 200:
            for run in claim(mine, 2, owner=f"o{number}"):
                claimed[number].append(run)
                most.append(mine.queues()[0].running)
                end(mine, run, f"o{number}")

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(run for runs in claimed for run in runs) == sorted(f"r{number}" for number in range(200))
    assert max(most) <= 3
    for opened in stores:
        opened.close()


# ---- anything that may happen, beside the definition -------------------------------------------------------------


STEPS = ["submit"] * 4 + ["claim"] * 4 + ["end"] * 3 + ["limits", "move", "cancel", "wake", "die"]


def test_the_store_does_what_the_rules_say(tmp_path: Path, long: bool) -> None:
    """Random histories in virtual time, beside a list that is looked through from end to end."""
    for seed in range(600 if long else 30):
        choose = random.Random(seed)
        store = open_store(tmp_path / str(seed), synchronous="OFF")
        line, owners = Line(), ["o1", "o2", "o3"]
        state: dict[str, str] = {}
        starts: list[float] = []
        wakes: dict[str, float] = {}
        owner_of: dict[str, str] = {}
        concurrency, rate, paused, now = None, "", False, 1000.0
        submit(store, queue="mail")
        commit_now(store, [SetQueue("mail")])
        for step in range(choose.randint(20, 80)):
            now += choose.choice([0.0, 0.5, 3.0, 40.0])
            running = [run for run, what in state.items() if what == "running"]
            coming = sum(what == "waiting" and wakes[run] <= now for run, what in state.items())
            match choose.choice(STEPS):
                case "submit":
                    for number in range(choose.randint(1, 4)):
                        run, priority, key = f"r{step}.{number}", choose.choice([0, 0, 0, 1, 5]), choose.choice("abc")
                        submit(store, run, key=key, priority=priority, created=now)
                        line.join(run, priority, key, now)
                        state[run] = "queued"
                case "claim":
                    most, owner = choose.randint(1, 5), choose.choice(owners)
                    room = free(concurrency, len(running) + coming)
                    if rate:
                        calls, period = parse_rate(rate)
                        room = min(room, max(0, calls - window(starts, now, period)))
                    expected = [line.next() for _ in range(int(min(most, 0 if paused else room, len(line.turns))))]
                    some = not paused and room >= 1 and bool(expected or line.turns)
                    assert store.ready(now) == ["mail"] * some
                    assert claim(store, most, now, owner=owner) == expected, seed
                    for run in expected:
                        state[run], owner_of[run] = "running", owner
                        starts.append(now)
                    if expected and concurrency is not None:
                        assert list(state.values()).count("running") <= concurrency
                case "end" if running:
                    run = choose.choice(running)
                    what = choose.choice(["done", "failed", "parked", "waiting"])
                    wakes[run] = now + choose.choice([0.0, 5.0, 500.0])
                    commit_now(store, [SetRun(run, owner_of[run], what, wake=wakes[run], new_owner="")])  # type: ignore[arg-type]
                    state[run] = what
                case "limits":
                    concurrency = choose.choice([None, 1, 2, 4])
                    rate = choose.choice(["", "1/s", "3/10s", "5/m"])
                    paused = choose.random() < 0.2
                    commit_now(store, [SetQueue("mail", concurrency or 0, rate, paused)])
                case "move" if line.turns:
                    turn = line.leave(choose.choice(line.turns).run)
                    commit_now(store, [SetPriority(turn.run, 3)])
                    line.join(turn.run, 3, turn.key, turn.since, turn.number)
                case "cancel" if line.turns:
                    run = line.leave(choose.choice(line.turns).run).run
                    commit_now(store, [SetRun(run, "", "cancelled")])
                    state[run] = "cancelled"
                case "wake" if rest := [run for run, what in state.items() if what in ("waiting", "parked")]:
                    run = choose.choice(rest)
                    taken = at_once(store, [TakeRun(run, "", "o1")])[0]
                    if free(concurrency, len(running)) >= 1:
                        assert taken is None
                        state[run], owner_of[run] = "running", "o1"
                    else:
                        assert isinstance(taken, Full)
                case "die" if running:
                    run = choose.choice(running)
                    commit_now(store, [TakeRun(run, owner_of[run], "o2")])
                    owner_of[run] = "o2"
                case _:
                    pass
            assert {found.id: found.state for found in store.runs()} == state
        store.close()
        connection = sqlite3.connect(tmp_path / str(seed) / FILE)
        turns = {run for (run,) in connection.execute("SELECT id FROM turn JOIN run ON number = run")}
        connection.close()
        assert turns == {run for run, what in state.items() if what == "queued"}


# ---- older stores ------------------------------------------------------------------------------------------------


def test_a_store_of_version_2_keeps_its_lines(tmp_path: Path) -> None:
    """Version 2 had a queue and a priority in each run's row, and no tables of queues."""
    folder = tmp_path / "store"
    folder.mkdir()
    connection = sqlite3.connect(folder / FILE, isolation_level=None)
    schema.migrate(connection, "x", MIGRATIONS[:2])
    runs = [("a", "queued", "mail", 0), ("b", "queued", "mail", 3), ("c", "running", "mail", 0), ("d", "queued", "", 0)]
    for number, (run, state, queue, priority) in enumerate(runs, 1):
        owner = "me" if state == "running" else ""
        connection.execute(
            "INSERT INTO run (id, owner, entries, last, state) VALUES (?, ?, 0, 0, ?)", (run, owner, state)
        )
        connection.execute(
            "INSERT INTO run_data (run, flow, program, digest, created, began, resumed, parent, reason, queue,"
            " priority, inputs, ambient) VALUES (?, 'f', 'p', 'd', 1.0, 1.0, 0, '', '', ?, ?, x'', x'')",
            (number, queue, priority),
        )
    connection.close()
    with pytest.raises(StoreError, match="has version 2, which is older"):
        open_store(folder, readonly=True)
    store = open_store(folder)
    commit_now(store, [SetQueue("mail", concurrency=2, rate="2/m")])
    assert store.queues() == [QueueRow("mail", 2, "2/m", False, 2, 1, 0, 0)]
    submit(store, "e")
    assert claim(store, 9, 2.0) == ["b"]  # c has the other slot, and has begun in this minute
    end(store, "c")
    assert claim(store, 9, 100.0) == ["a"]
    assert [found.id for found in store.runs(states=("queued",), queue="")] == ["d"]
    end(store, "a")
    assert claim(store, 9, 200.0) == ["e"]
    store.close()
    connection = sqlite3.connect(folder / FILE)
    assert connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS),)
    connection.close()
