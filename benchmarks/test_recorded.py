"""What it costs to record a run: steps that are waited for beside the least that a disk allows, pure steps beside the
same run without a store, and cancelling all that waits.

Times are those of the wall: commits are waited for.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing
from bench_beside import Beside
from disk_floor import Floor

from cflow import Engine, flow, node, parallel, sleep

STEP: bytes = msgspec.msgpack.encode(["for_1[137]:write_1", 0, b"\x01\xcd\x00\x89", 1, 1.5e9, 1e-6])
"""An entry as these runs write it."""


@node(writes="w", runs="loop")
def write(x: int) -> int:
    return x + 1


@node(pure=True, runs="loop")
def count(x: int) -> int:
    return x + 1


@flow
def writes(n: int) -> int:
    x = 0
    for _ in range(n):
        x = write(x)
    return x


@flow
def counts(n: int) -> int:
    x = 0
    for _ in range(n):
        x = count(x)
    return x


@flow
def waits(n: int) -> None:
    for _ in parallel(range(n)):
        sleep("1h")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(store=tmp_path / "store")
    yield made
    assert made.recorder is not None
    made.recorder.close()


@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize(
    ("runs", "each", "aim"),
    [(1, 300, "<= 1.67x"), (100, 40, "<= 66.7 us")],  # 15,000 a second; or 2.5 times the floor
    ids=["one", "hundred"],
)
def test_sequential_writes(runs: int, each: int, aim: str, benchmark: Any, engine: Engine, tmp_path: Path) -> None:
    """Flows of writes, each of which is on disk before the next begins, beside as many rows of a bare table."""
    floor = Floor(tmp_path / "floor.db", STEP)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(runs):
                nursery.start_soon(engine.start, writes, each)

    trio.run(main)
    beside = Beside(
        benchmark, f"{runs} recorded of writes (floor: bare SQLite)", runs * each, aim, clock=time.perf_counter
    )
    beside.run(lambda: trio.run(main), lambda: floor.run(runs, each), 15)
    floor.connection.close()


@pytest.mark.benchmark(timer=time.perf_counter)
def test_pure_steps(benchmark: Any, engine: Engine) -> None:
    """A flow of 1,000 pure steps on record, beside the same without a store."""
    bare = Engine()
    for made in (engine, bare):
        made.run(counts, 1000)
    beside = Beside(benchmark, "pure steps recorded (floor: not)", 1000, "<= 3x", clock=time.perf_counter)
    beside.run(lambda: engine.run(counts, 1000), lambda: bare.run(counts, 1000), 30)


@pytest.mark.benchmark(timer=time.perf_counter)
def test_cancelling_calls_that_wait(benchmark: Any, engine: Engine) -> None:
    """10,000 calls of one run that wait for a time, cancelled; their state is on disk when that is over."""
    calls = 10_000

    async def main() -> float:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(engine.start, waits, calls)
                await trio.testing.wait_all_tasks_blocked(0.05)
                began = time.perf_counter()
                scope.cancel()
        return time.perf_counter() - began

    took: list[float] = []
    Beside(benchmark, "waiting calls cancelled", calls, clock=time.perf_counter).run(
        lambda: took.append(trio.run(main)), None, 5
    )
    benchmark.extra_info["ours"] = sorted(took)[len(took) // 2]
    benchmark.extra_info["aim"] = "<= 100 us"
