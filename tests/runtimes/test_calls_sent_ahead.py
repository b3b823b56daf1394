"""Short calls are sent to a worker before it has answered those before them: what that must not change."""

from __future__ import annotations

import contextlib
import math
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trio
import trio.testing

from cflow import Engine, flow, node, parallel
from cflow.executor.processes import MemoryProcesses
from cflow.runtimes.lanes import Queue
from cflow.runtimes.pool import POOL, Worker
from cflow.runtimes.port import NodeCrashed


@node(writes="marks", runs="process")
def step(folder: str, x: int, how: str = "") -> int:
    """Leaves a mark each time that it runs."""
    with open(Path(folder, str(x)), "a") as file:
        file.write(f"{os.getpid()}\n")
    match how:
        case "crash":
            os._exit(3)
        case "hang":
            time.sleep(1000)
        case "last":  # once all others have run
            until = time.monotonic() + 120
            while len(os.listdir(folder)) < 20:
                time.sleep(0.001)
                assert time.monotonic() < until
        case "slow":
            time.sleep(0.005)
        case "later":
            threading.Timer(0.02, os._exit, (4,)).start()
    return os.getpid()


@flow
def steps(folder: str, hows: list[tuple[int, str]]) -> list[int]:
    done = []
    for x, how in parallel(hows, limit=100):
        got = 0
        try:
            got = step(folder, x, how)
        except NodeCrashed:
            got = -1
        done.append(got)
    return done


@node(pure=True, runs="process")
def plus_one(x: int) -> int:
    return x + 1


@flow
def nexts(n: int) -> list[int]:
    return [plus_one(x) for x in parallel(range(n), limit=100)]


def marks(folder: Path) -> Counter[int]:
    """How often each call has run."""
    return Counter({int(file.name): len(file.read_text().split()) for file in folder.iterdir()})


@pytest.fixture(autouse=True, scope="module")
def _no_worker_is_left() -> Iterator[None]:
    yield
    POOL.close()


@pytest.fixture(autouse=True, scope="module")
def _short(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Calls are known to be short."""
    aside = tmp_path_factory.mktemp("aside")
    Engine(workers=2).run(steps, str(aside), [(x, "") for x in range(50)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "marks"
    made.mkdir()
    return made


def test_many_go_in_one_message(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []
    give = Worker.give
    monkeypatch.setattr(Worker, "give", lambda self, tokens: sent.append(len(tokens)) or give(self, tokens))
    assert -1 not in Engine(workers=2).run(steps, str(folder), [(x, "") for x in range(200)])
    assert marks(folder) == dict.fromkeys(range(200), 1)
    assert max(sent) > 2


def test_lanes_that_help_each_other_at_the_end_lose_no_place() -> None:
    engine = Engine(workers=2)
    for _ in range(30):
        assert engine.run(nexts, 40) == list(range(1, 41))


@pytest.mark.parametrize("workers", [1, 3])
def test_a_crash_costs_the_call_that_had_begun(workers: int, folder: Path) -> None:
    crash = {7, 20, 21}
    hows = [(x, "crash" if x in crash else "") for x in range(40)]
    done = Engine(workers=workers).run(steps, str(folder), hows)
    assert {x for x, got in enumerate(done) if got == -1} == crash
    assert marks(folder) == dict.fromkeys(range(40), 1)


def until_ended(pid: int) -> None:
    stat = Path(f"/proc/{pid}/stat")
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        while stat.read_text().rpartition(")")[2].split()[0] not in "ZX":
            time.sleep(0.001)


def test_a_worker_that_ends_between_calls_costs_none(folder: Path) -> None:
    hows = [(x, "later" if x % 10 == 0 else "") for x in range(30)]
    for _ in range(3):
        done = Engine(workers=1).run(steps, str(folder), hows)
        until_ended(done[20])  # the last one that was to end
    assert set(marks(folder)) == set(range(30))
    assert done.count(-1) <= 3  # one that was under way


def test_a_call_that_takes_long_holds_up_none(folder: Path) -> None:
    """What was sent after it goes to a worker that has nothing to do."""
    hows = [(x, "last" if x == 5 else "") for x in range(20)]
    assert -1 not in Engine(workers=2).run(steps, str(folder), hows)
    assert marks(folder) == dict.fromkeys(range(20), 1)


def test_a_lane_that_has_ended_takes_no_more() -> None:
    """One of its calls may have been about to send what was sent and answered meanwhile."""

    async def main() -> None:
        call: Any = SimpleNamespace(lane=None, got=None, short=True, small=True, wake=lambda: None)
        queue = Queue(MemoryProcesses(1))
        assert queue.places.take()
        queue._open(call)
        (lane,) = queue._lanes
        lane.worker = POOL.take()
        lane.calls.clear()
        lane.settle()
        queue.waiting.append(call)
        await lane.push()
        assert list(queue.waiting) == [call]
        assert lane.worker is None
        assert queue.places.take()

    trio.run(main)


async def begun(folder: Path, x: int) -> int:
    """Wait until a call has begun; where."""
    file = folder / str(x)
    while not (file.exists() and file.read_text().endswith("\n")):
        await trio.sleep(0.005)
    return int(file.read_text())


@flow
def one(folder: str, x: int, how: str) -> int:
    return step(folder, x, how)


async def started(engine: Engine, folder: Path, x: int, how: str, scope: trio.CancelScope, got: dict[int, int]) -> None:
    with scope:
        got[x] = await engine.start(one, str(folder), x, how)


@pytest.mark.parametrize("cut", [0, 2])
def test_a_cut_ends_a_call_that_has_begun_and_takes_another_back(cut: int, folder: Path) -> None:
    engine = Engine(workers=1)
    got: dict[int, int] = {}

    async def main() -> int:
        async with trio.open_nursery() as nursery:
            scopes = [trio.CancelScope() for _ in range(5)]
            for x in range(5):
                nursery.start_soon(started, engine, folder, x, "" if x else "hang", scopes[x], got)
                if x == 0:
                    first = await begun(folder, 0)
            await trio.testing.wait_all_tasks_blocked(0.01)
            scopes[cut].cancel()
            if cut:
                await trio.testing.wait_all_tasks_blocked(0.01)
                assert Path(f"/proc/{first}/stat").read_text().split()[2] not in "ZX"  # still at the first call
                scopes[0].cancel()
        return first

    first = trio.run(main)
    assert sorted(got) == [x for x in range(1, 5) if x != cut]
    assert first not in got.values()
    assert marks(folder) == {x: 1 for x in range(5) if x == 0 or x != cut}


def test_a_stopped_worker_is_ended_by_a_cut(folder: Path) -> None:
    """Also while something large is on its way to it."""
    for text in ("", "x" * 10_000_000):
        worker = step(str(folder), 0)
        os.kill(worker, signal.SIGSTOP)
        with pytest.raises(TimeoutError):
            step.options(timeout=0.2)(str(folder), 1, text)
        assert step(str(folder), 2) != worker


@pytest.mark.parametrize("seed", range(2))
def test_each_call_runs_once_whatever_happens_to_others(seed: int, folder: Path) -> None:
    rng = random.Random(seed)
    engine = Engine(workers=2)
    hows = rng.choices(["", "slow", "crash"], [20, 4, 1], k=100)
    patience = [rng.choice([0, 0.001, 0.01, 0.03, *[math.inf] * 12]) for _ in hows]
    got: dict[int, int] = {}
    crashed: set[int] = set()

    async def call(x: int) -> None:
        await trio.sleep(rng.random() * 0.05)
        try:
            await started(engine, folder, x, hows[x], trio.move_on_after(patience[x]), got)
        except NodeCrashed:
            crashed.add(x)

    async def main() -> None:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for x in range(len(hows)):
                    nursery.start_soon(call, x)

    trio.run(main)
    ran = marks(folder)
    assert set(ran.values()) == {1}
    for x, how in enumerate(hows):
        if patience[x] == math.inf:
            assert (x in got, x in crashed, x in ran) == (how != "crash", how == "crash", True), x
    again = engine.run(steps, str(folder), [(x, "") for x in range(200, 240)])  # no place is lost
    assert -1 not in again
