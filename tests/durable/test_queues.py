"""Runs that wait in queues, begun in this process."""

from __future__ import annotations

import concurrent.futures
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import evolve
from engines_kit import Make
from waiting_kit import until

from cflow import Engine, detach, flow, node, secret, wait_signal
from cflow.runs import supervisor
from cflow.runs.cancel import cancel
from cflow.runs.programs import program_of
from cflow.runs.resume import resume
from cflow.store.failures import Full, LeaseLost, StoreError
from cflow.store.owners import me
from cflow.store.port import Claim, SetOwner, Store
from cflow.store.rows import QueueRow, RunRow
from cflow.store.tickets import commit_now

DONE: list[Any] = []
NOW: list[int] = [0, 0]
"""Calls under way, and the most there were."""
GO = threading.Event()


@pytest.fixture(autouse=True)
def fresh() -> None:
    DONE.clear()
    NOW[:] = [0, 0]
    GO.clear()


@pytest.fixture
def engine(engines: Make) -> Iterator[Engine]:
    yield engines(idle=0.05)
    GO.set()


@node(writes="file")
async def write(what: Any) -> Any:
    NOW[0] += 1
    NOW[1] = max(NOW)
    await trio.sleep(0.01)
    NOW[0] -= 1
    DONE.append(what)
    return what


@node(writes="file")
async def blocks(what: Any) -> Any:
    DONE.append(what)
    while not GO.is_set():
        await trio.sleep(0.005)
    return what


@flow
def writes(n: object) -> object:
    return write(n)


@flow
def holds(n: int) -> object:
    return blocks(n)


@flow
def asks(n: int) -> object:
    return write([n, wait_signal("go", n)])


@flow
def fails() -> None:
    raise ValueError("no")


@flow
def detaches(n: int) -> str:
    return detach(writes(n))


def store_of(engine: Engine) -> Store:
    assert engine.recorder is not None
    return engine.recorder.store


def states(engine: Engine) -> Counter[str]:
    return Counter(row.state for row in store_of(engine).runs())


def state(engine: Engine, run: str) -> str:
    row = store_of(engine).run(run)
    assert row is not None
    return row.state


def test_a_run_waits_until_somebody_works_on_the_queue(engine: Engine) -> None:
    future = engine.queue("mail").submit(writes, 1)
    time.sleep(0.6)  # two looks
    assert states(engine) == {"queued": 1}
    with engine.supervise():
        assert future.result(30) == 1
    (row,) = store_of(engine).runs()
    assert (row.state, row.queue, row.priority, row.resumed) == ("done", "mail", 0, 0)
    assert row.began is not None
    assert row.began > row.created


def test_a_run_is_on_disk_when_it_is_submitted(engine: Engine, tmp_path: Path) -> None:
    run = engine.queue("mail").options(priority=3).put(writes, n=7)
    other = Engine(store=tmp_path / "store")
    found = store_of(other).run(run)
    assert found is not None
    assert (found.state, found.queue, found.priority, found.owner, found.began) == ("queued", "mail", 3, "", None)
    assert other.recorder is not None
    other.recorder.close()


def test_how_a_run_ends_reaches_its_future(engine: Engine) -> None:
    future = engine.queue("mail").submit(fails)
    with engine.supervise(), pytest.raises(ValueError, match="no"):
        future.result(30)


@pytest.mark.parametrize("concurrency", [1, 3])
def test_never_more_than_the_queue_may_have(concurrency: int, engine: Engine, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "store")
    mail = engine.queue("mail")
    mail.set(concurrency=concurrency)
    futures = [mail.submit(writes, n) for n in range(20)]
    with engine.supervise(), other.supervise():
        assert [future.result(30) for future in futures] == list(range(20))
    assert NOW[1] <= concurrency
    if concurrency == 1:
        assert DONE == list(range(20))
    assert other.recorder is not None
    other.recorder.close()


def test_a_long_line_keeps_nobody_from_going_on_with_the_runs_of_the_dead(engine: Engine) -> None:
    recorder = engine.recorder
    assert recorder is not None
    gone = evolve(me(), born=1)  # its pid was used again since
    left = engine.queue("old").put(writes, "left")
    commit_now(recorder.store, [SetOwner(gone), Claim("old", gone.id)])
    assert state(engine, left) == "running"
    for n in range(10):
        engine.queue("mail").put(writes, n)
    with engine.supervise(at_once=1):
        until(lambda: len(DONE) == 11)
    assert DONE[0] == "left"


def test_a_worker_begins_no_more_than_it_may_and_serves_each_queue(engine: Engine) -> None:
    for n in range(6):
        engine.queue("big").put(holds, n)
    engine.queue("small").put(holds, 10)
    with engine.supervise(at_once=4):
        until(lambda: len(DONE) == 4)
        assert 10 in DONE
        time.sleep(0.3)
        assert states(engine) == {"running": 4, "queued": 3}
        GO.set()
        until(lambda: states(engine) == {"done": 7})


def test_a_rate_holds_back(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(rate="3/h")
    for n in range(5):
        mail.put(writes, n)
    with engine.supervise():
        until(lambda: states(engine) == {"done": 3, "queued": 2})
        time.sleep(0.6)
        assert states(engine) == {"done": 3, "queued": 2}
        mail.set(rate="4/h")
        until(lambda: len(DONE) == 4)
        mail.set(rate="")
        until(lambda: len(DONE) == 5)


def test_a_paused_queue_begins_nothing_until_it_is_resumed(engine: Engine) -> None:
    mail = engine.queue("mail")
    first = mail.submit(holds, 1)
    with engine.supervise():
        until(lambda: DONE)
        mail.pause()
        second = mail.submit(holds, 2)
        GO.set()
        assert first.result(30) == 1
        time.sleep(0.6)
        assert DONE == [1]
        assert store_of(engine).queues() == [QueueRow("mail", None, "", True, 1, 0, 0, 0)]
        mail.resume()
        assert second.result(30) == 2


def test_priority_and_its_change(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    runs = [mail.options(priority=priority).put(writes, n) for n, priority in enumerate((0, 5, 1, 9))]
    mail.prioritize(runs[2], 7)
    with engine.supervise():
        until(lambda: len(DONE) == 4)
    assert DONE == [3, 2, 1, 0]
    with pytest.raises(LeaseLost):
        mail.prioritize(runs[0], 1)


def test_keys_take_turns(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    for n in range(3):
        mail.options(key="big").put(writes, f"big{n}")
    mail.options(key="small").put(writes, "small")
    with engine.supervise():
        until(lambda: len(DONE) == 4)
    assert DONE == ["big0", "small", "big1", "big2"]


def test_who_only_waits_leaves_its_slot_to_others(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    waiting = mail.submit(asks, 1)
    with engine.supervise():
        until(lambda: states(engine) == {"waiting": 1})
        holding = mail.submit(holds, 2)
        until(lambda: 2 in DONE)
        engine.signal("go", "now", key=1)
        time.sleep(0.6)
        assert states(engine) == {"waiting": 1, "running": 1}  # it has something to do, and no slot
        later = mail.submit(writes, 3)
        GO.set()
        assert [future.result(30) for future in (holding, waiting, later)] == [2, [1, "now"], 3]
    assert DONE == [2, [1, "now"], 3]


def test_a_waiting_run_is_for_who_works_on_the_queue(engine: Engine, tmp_path: Path) -> None:
    """Not for the process that has submitted it."""
    other = Engine(store=tmp_path / "store", idle=0.05)
    future = other.queue("mail").submit(asks, 1)
    with engine.supervise():
        until(lambda: states(engine) == {"waiting": 1})
    engine.signal("go", "now", key=1)
    time.sleep(0.6)
    assert states(engine) == {"waiting": 1}
    with engine.supervise():
        assert future.result(30) == [1, "now"]
    assert other.recorder is not None
    other.recorder.close()


def test_a_run_that_waits_in_the_line_can_be_cancelled(engine: Engine) -> None:
    mail = engine.queue("mail")
    run, future = mail.put(writes, 1), mail.submit(writes, 2)
    assert cancel(engine, run).state == "cancelled"
    assert future.cancel()
    with pytest.raises(concurrent.futures.CancelledError):
        future.result(30)
    until(lambda: states(engine) == {"cancelled": 2})
    last = mail.submit(writes, 3)
    with engine.supervise():
        assert last.result(30) == 3
    assert DONE == [3]


def test_a_future_is_cancelled_where_its_run_is_elsewhere(engine: Engine, tmp_path: Path) -> None:
    other = Engine(store=tmp_path / "store")
    future = engine.queue("mail").submit(holds, 1)
    with other.supervise():
        until(lambda: DONE)
        assert future.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            future.result(30)
    assert states(engine) == {"cancelled": 1}
    (row,) = store_of(engine).runs()
    assert row.resumed == 0  # nobody has taken it away from who worked on it
    assert other.recorder is not None
    other.recorder.close()


def test_a_run_may_begin_before_its_future_is_known(engine: Engine) -> None:
    """Here, while it is being submitted."""
    mail = engine.queue("mail")
    with engine.supervise():
        runs = [mail.put(holds, n) for n in range(2)]
        until(lambda: len(DONE) == 2)
        first, second = (supervisor.supervisor_of(engine).queued(run) for run in runs)
        assert second.cancel()
        with pytest.raises(concurrent.futures.CancelledError):
            second.result(30)
        GO.set()
        assert first.result(30) == 0
    assert states(engine) == {"done": 1, "cancelled": 1}


def test_a_claim_that_fails_and_is_on_disk_all_the_same(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    commit, failures = supervisor.commit_now, iter([StoreError("made up: the disk fails")])

    def fails_once(store: Store, changes: Any) -> None:
        commit(store, changes)
        for error in failures:
            raise error

    monkeypatch.setattr(supervisor, "commit_now", fails_once)
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    futures = [mail.submit(writes, n) for n in range(2)]
    with engine.supervise():
        assert [future.result(30) for future in futures] == [0, 1]


def test_resuming_leaves_those_in_the_line_alone(engine: Engine) -> None:
    mail = engine.queue("mail")
    run = mail.put(writes, 1)
    assert resume(engine) == []
    with pytest.raises(StoreError, match="waits for its turn in the queue mail"):
        resume(engine, run)
    assert states(engine) == {"queued": 1}


def test_resuming_a_run_by_hand_needs_a_slot(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    waiting = mail.put(asks, 1)
    with engine.supervise():
        until(lambda: states(engine) == {"waiting": 1})
        mail.put(holds, 2)
        until(lambda: 2 in DONE)
        with pytest.raises(Full):
            resume(engine, waiting)
        engine.signal("go", key=1)
        assert resume(engine) == []
        assert state(engine, waiting) == "waiting"
        GO.set()
        until(lambda: states(engine) == {"done": 2})


def test_detached_runs_are_found_behind_a_long_line(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cflow.runs.lookout.PAGE", 5)
    monkeypatch.setattr("cflow.runs.lookout.FRESH", 0.0)
    mail = engine.queue("mail")
    mail.pause()
    recorder = engine.recorder
    assert recorder is not None
    begun = recorder.begin(engine.compiled(writes), program_of(writes.source), {"n": 1}, {}, state="queued")
    commit_now(recorder.store, begun.keeper.unit(0, []))
    for n in range(10):
        mail.put(writes, n)
    with engine.supervise():
        until(lambda: DONE == [1])


def test_a_run_of_a_queue_may_detach(engine: Engine) -> None:
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    future = mail.submit(detaches, 5)
    with engine.supervise():
        child = future.result(30)
        until(lambda: state(engine, str(child)) == "done")
    found = store_of(engine).run(str(child))
    assert found is not None
    assert found.queue == ""
    assert DONE == [5]


def test_a_program_that_cannot_be_loaded_parks_its_run_alone(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "broken_later.py"
    file.write_text("from cflow import flow, sleep\n@flow\ndef naps(n: int) -> int:\n    sleep('1ms')\n    return n\n")
    from cflow.cli.target import open_flow

    bad = engine.queue("mail").put(open_flow(f"{file}:naps"), 1)
    good = engine.queue("mail").put(writes, 2)
    file.write_text("raise RuntimeError('it is broken')\n")
    monkeypatch.setattr("cflow.runs.programs._SEEN", {f"{Path(__file__).resolve()}:writes": writes.source})
    monkeypatch.setattr("cflow.runs.programs._imported", lambda path: None)
    with engine.supervise():
        until(lambda: state(engine, bad) == "parked" and state(engine, good) == "done")
    row = store_of(engine).run(bad)
    assert row is not None
    assert "it is broken" in row.reason


def test_a_run_that_cannot_be_opened_holds_no_slot(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever it is: those that were begun with it are not left."""
    reopened = supervisor.reopened

    def sometimes(engine: Any, recorder: Any, row: RunRow, **ahead: Any) -> Any:
        if row.id == bad:
            raise RuntimeError("out of order")
        return reopened(engine, recorder, row, **ahead)

    monkeypatch.setattr(supervisor, "reopened", sometimes)
    mail = engine.queue("mail")
    mail.set(concurrency=1)
    bad, good = mail.put(writes, 1), mail.submit(writes, 2)
    with engine.supervise():
        assert good.result(30) == 2
    row = store_of(engine).run(bad)
    assert row is not None
    assert (row.state, row.reason) == ("parked", "RuntimeError: out of order")


KEY = secret("QUEUE_KEY")


@flow
def uses_secret() -> int:
    return write(len(KEY))


def test_a_secret_is_that_of_the_process_that_runs_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QUEUE_KEY", "abc-here")
    future = engine.queue("mail").submit(uses_secret)
    monkeypatch.setenv("QUEUE_KEY", "abcdef-there")
    with engine.supervise():
        assert future.result(30) == len("abcdef-there")


@pytest.mark.parametrize(
    ("call", "error"),
    [
        (lambda mail: mail.set(concurrency=-1), ValueError),
        (lambda mail: mail.set(concurrency=True), TypeError),
        (lambda mail: mail.set(rate="often"), ValueError),
        (lambda mail: mail.options(priority="high"), TypeError),
        (lambda mail: mail.put(write), TypeError),
    ],
)
def test_what_is_wrong_is_told_at_once(call: Any, error: type[Exception], engine: Engine) -> None:
    with pytest.raises(error):
        call(engine.queue("mail"))


def test_a_queue_needs_a_store_and_a_name(engine: Engine) -> None:
    with pytest.raises(StoreError, match="no store"):
        Engine().queue("mail")
    with pytest.raises(TypeError, match="a queue has a name"):
        engine.queue("")


def test_inputs_may_have_any_name(engine: Engine) -> None:
    """Those of the flow are the flow's alone."""
    future = engine.queue("mail").submit(named, queue="q", priority=1, key="k")
    with engine.supervise():
        assert future.result(30) == ["q", 1, "k"]


@flow
def named(queue: str, priority: int, key: str) -> object:
    return write([queue, priority, key])
