"""Runs that only wait are put away, and gone on with when there is something to do; others keep their place."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from engines_kit import Make
from waiting_kit import until

from cflow import Engine, Retry, detach, flow, lock, node, parallel, race, sleep, timeout, transaction, wait_signal
from cflow.runs.cancel import CALLED_OFF, ask
from cflow.runs.inbox import Inbox
from cflow.store.port import SetRun, TakeRun
from cflow.store.rows import RunRow
from cflow.store.tickets import commit_now

DONE: list[Any] = []
HOLD = threading.Event()


@pytest.fixture(autouse=True)
def fresh() -> None:
    DONE.clear()
    HOLD.clear()


@pytest.fixture
def engine(engines: Make) -> Iterator[Engine]:
    yield engines(idle=0.05)
    HOLD.set()


@node(writes="file")
async def write(what: Any) -> Any:
    await trio.lowlevel.checkpoint()
    DONE.append(what)
    return what


@node(writes="file")
async def unwrite(what: Any) -> None:
    DONE.append(f"-{what}")


@node(writes="file", undo=unwrite)
async def book(what: Any) -> Any:
    DONE.append(what)
    return what


@node(reads="x")
def holds() -> int:
    HOLD.wait(30)
    return 1


def rows(engine: Engine) -> list[RunRow]:
    assert engine.recorder is not None
    return engine.recorder.store.runs()


def rested(engine: Engine) -> RunRow:
    """The one run, once it is put away."""
    found: RunRow = until(lambda: next((row for row in rows(engine) if row.state == "waiting"), None))
    return found


@flow
def asks() -> list[object]:
    first = write("asked")
    answer = wait_signal("answer", 7)
    return [first, write(answer)]


def test_a_run_that_waits_holds_no_task(engine: Engine) -> None:
    future = engine.submit(asks)
    row = rested(engine)
    assert (row.owner, row.wake) == ("", None)
    assert not future.done()
    until(lambda: not any(thread.name == "cflow-submitted" for thread in threading.enumerate()))
    engine.signal("answer", "yes", key=7)
    assert future.result(30) == ["asked", "yes"]
    assert DONE == ["asked", "yes"]
    (row,) = rows(engine)
    assert (row.state, row.resumed) == ("done", 1)


@flow
def naps() -> str:
    write("before")
    sleep("1h")
    return write("after")


@pytest.fixture
def an_hour_later(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Sets the clock of the wall."""

    now = time.time
    return lambda: monkeypatch.setattr(time, "time", lambda: now() + 3600)


def test_a_sleeping_run_is_woken_by_the_clock(engine: Engine, an_hour_later: Callable[[], None]) -> None:
    before = time.time()
    future = engine.submit(naps)
    row = rested(engine)
    assert row.wake is not None
    assert row.wake >= before + 3600
    an_hour_later()
    assert future.result(30) == "after"
    assert DONE == ["before", "after"]


@flow
def limited() -> object:
    return wait_signal("never", timeout="1h", default="nobody")


@flow
def raced() -> object:
    return race(wait_signal("a"), wait_signal("b"))


@flow
def many() -> list[object]:
    return [write(wait_signal("go", n)) for n in parallel(range(3))]


def test_a_limit_holds_while_the_run_is_away(engine: Engine, an_hour_later: Callable[[], None]) -> None:
    future = engine.submit(limited)
    assert rested(engine).wake is not None
    an_hour_later()
    assert future.result(30) == "nobody"


def test_whichever_signal_comes_wakes_it(engine: Engine) -> None:
    future = engine.submit(raced)
    rested(engine)
    engine.signal("b", 5)
    assert future.result(30) == 5


def test_arms_that_wait_are_put_away_together(engine: Engine) -> None:
    future = engine.submit(many)
    row = rested(engine)
    assert engine.recorder is not None
    assert len([w for w in engine.recorder.store.waits(row.id) if w != CALLED_OFF]) == 3
    for n in range(3):
        engine.signal("go", n, key=n)
        until(lambda n=n: n in DONE)
    assert future.result(30) == [0, 1, 2]
    assert DONE == [0, 1, 2]


@flow
def parent() -> str:
    return detach(asks())


def test_a_detached_run_is_put_away(engine: Engine) -> None:
    child = engine.run(parent)
    row = until(lambda: next((row for row in rows(engine) if row.id == child and row.state == "waiting"), None))
    engine.signal("answer", 1, key=7, run=row.id)
    until(lambda: next((row for row in rows(engine) if row.id == child and row.state == "done"), None))
    assert DONE == ["asked", 1]


def test_the_process_does_not_wait_for_who_rests(engine: Engine) -> None:
    from cflow.executor import underway

    future = engine.submit(asks)
    assert future in underway._UNDERWAY
    rested(engine)
    until(lambda: future not in underway._UNDERWAY)
    engine.signal("answer", 1, key=7)
    assert future.result(30) == ["asked", 1]
    assert future not in underway._UNDERWAY


@flow
def booked() -> object:
    with transaction():
        book("b")
        return wait_signal("answer")


def test_who_rests_can_be_cancelled_and_undoes_what_it_owes(engine: Engine) -> None:
    future = engine.submit(booked)
    rested(engine)
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(30)
    assert DONE == ["b", "-b"]
    (row,) = rows(engine)
    assert row.state == "cancelled"


def test_who_was_asked_to_end_in_that_moment_is_cancelled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process looks for that only now and then, and has not by the time it puts the run away."""
    monkeypatch.setattr("cflow.runs.cancel.end_asked", lambda recorder, seen: seen)
    future = engine.submit(booked)
    row = until(lambda: next(iter(rows(engine)), None))
    assert engine.recorder is not None
    ask(engine.recorder.store, row.id)
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(30)
    assert DONE == ["b", "-b"]
    assert rows(engine)[0].state == "cancelled"


def test_somebody_else_goes_on_and_the_result_comes_here(engine: Engine, tmp_path: Path) -> None:
    future = engine.submit(asks)
    row = rested(engine)
    other = Engine(store=tmp_path / "store", idle=None)
    from cflow.runs.resume import resume

    # A signal that our own supervisor does not hear of before the other one has the run.
    assert other.recorder is not None
    commit_now(other.recorder.store, [TakeRun(row.id, "", "middle")])
    engine.signal("answer", "there", key=7)
    commit_now(other.recorder.store, [SetRun(row.id, "middle", "running", new_owner="")])
    (row,) = resume(other, row.id)
    assert row.state == "done"
    assert future.result(30) == ["asked", "there"]
    other.recorder.close()


@flow
def chatty(n: int) -> list[object]:
    return [wait_signal("go", n) for _ in range(6)]


def test_no_signal_is_lost_by_who_is_put_away_all_the_time(tmp_path: Path) -> None:
    """Signals come while runs are put away, go on, or are about to."""
    engine = Engine(store=tmp_path / "store", idle=0)
    futures = [engine.submit(chatty, n) for n in range(12)]
    for turn in range(6):
        for n in range(12):
            engine.signal("go", [n, turn], key=n)
    for n, future in enumerate(futures):
        assert future.result(30) == [[n, turn] for turn in range(6)]
    assert max(row.resumed for row in rows(engine)) > 0
    assert engine.recorder is not None
    assert engine.recorder.store.signals() == []
    engine.recorder.close()


def test_nobody_is_put_away_before_its_inbox_was_looked_into(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a run whose signal is there would be woken and put away for ever."""
    plain = Inbox._look

    def slow(self: Inbox) -> None:
        time.sleep(0.3)
        plain(self)

    monkeypatch.setattr(Inbox, "_look", slow)
    future = engine.submit(asks)
    rested(engine)
    engine.signal("answer", 1, key=7)
    assert future.result(30) == ["asked", 1]
    assert rows(engine)[0].resumed <= 3


# ---- who keeps its place -----------------------------------------------------------------------------------------


@flow
def beside() -> object:
    with parallel():
        n = holds()
        a = wait_signal("a")
    return [n, a]


@flow
def locked() -> object:
    with lock("mine"):
        return wait_signal("a")


@flow
def clocked() -> object:
    with timeout("1h"):
        return wait_signal("a")


@flow(retry=Retry(times=5, backoff=1e6, max=3600))
def bad() -> int:
    raise ValueError("no")


@flow
def retried() -> object:
    with parallel():
        n = bad()
        a = wait_signal("a")
    return [n, a]


@flow
def retried_first() -> list[object]:
    """The pass that tries again is in the task that has opened the loop."""
    return [bad() if n == 0 else wait_signal("a") for n in parallel(range(2))]


@node(pure=True, runs="loop")
def counted(n: int) -> bool:
    return HOLD.is_set()


@flow
def count() -> int:
    n = 0
    while not counted(n):
        n = n + 1
    return n


@flow
def counting() -> list[object]:
    """What computes waits for nothing, and no node is under way."""
    return [count() if n == 0 else wait_signal("a") for n in parallel(range(2))]


@flow
def counting_beside() -> object:
    with parallel():
        n = count()
        a = wait_signal("a")
    return [n, a]


@flow
def counting_in_a_race() -> object:
    return race(count(), wait_signal("a"))


@node(reads="x")
async def items() -> Any:
    yield 1
    yield 2


@flow
def streamed() -> object:
    out = []
    for item in items():
        out.append(wait_signal("a", item))
    return out


@pytest.mark.parametrize(
    "run",
    [beside, locked, clocked, retried, retried_first, streamed, counting, counting_beside, counting_in_a_race],
    ids=lambda flow: flow.source.name,
)
def test_who_would_lose_something_is_not_put_away(engine: Engine, run: Any) -> None:
    future = engine.submit(run)
    until(lambda: rows(engine) and rows(engine)[0].entries)
    other = engine.submit(asks)  # by the time it rests, the first one would have too
    rested(engine)
    time.sleep(0.3)
    assert [row.state for row in rows(engine) if row.flow == run.source.name] == ["running"]
    HOLD.set()
    future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(30)
    other.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        other.result(30)


def test_nobody_is_put_away_where_that_is_not_wanted(tmp_path: Path) -> None:
    engine = Engine(store=tmp_path, idle=None)
    future = engine.submit(asks)
    until(lambda: DONE)
    time.sleep(0.3)
    assert rows(engine)[0].state == "running"
    engine.signal("answer", 1, key=7)
    assert future.result(30) == ["asked", 1]
    assert engine.recorder is not None
    engine.recorder.close()


def test_a_caller_keeps_its_run(engine: Engine) -> None:
    thread = threading.Thread(target=lambda: DONE.append(engine.run(asks)))
    thread.start()
    until(lambda: DONE)
    time.sleep(0.3)
    assert rows(engine)[0].state == "running"
    engine.signal("answer", 1, key=7)
    thread.join()
    assert DONE[-1] == ["asked", 1]


@pytest.mark.parametrize("idle", [-1, "1m", True])
def test_idle_is_a_number(idle: Any) -> None:
    with pytest.raises(TypeError, match="idle is a number of seconds"):
        Engine(idle=idle)
