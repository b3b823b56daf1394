"""What `cache` and `once` cost in a store, beside the same calls without them; all runs are on record.

Times are those of the wall: commits are waited for.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from bench_beside import Beside

from cflow import Engine, flow, node

CALLS = 200


@node(reads="r", runs="loop")
def look(x: int) -> int:
    return x + 1


@node(writes="w", runs="loop")
def write(x: int) -> int:
    return x + 1


@flow
def looks(start: int, end: int) -> None:
    for x in range(start, end):
        look(x)


@flow
def cached_looks(start: int, end: int) -> None:
    for x in range(start, end):
        look.options(cache=True)(x)


@flow
def writes(start: int, end: int) -> None:
    for x in range(start, end):
        write(x)


@flow
def writes_once(start: int, end: int) -> None:
    for x in range(start, end):
        write.options(once=f"{x}")(x)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = Engine(store=tmp_path / "store")
    yield made
    assert made.recorder is not None
    made.recorder.close()


@pytest.mark.benchmark(timer=time.perf_counter)
@pytest.mark.parametrize("there", [False, True], ids=["anew", "there"])
@pytest.mark.parametrize(("ours", "floor"), [(cached_looks, looks), (writes_once, writes)], ids=["cache", "once"])
def test_kept_calls(ours: Any, floor: Any, there: bool, benchmark: Any, engine: Engine) -> None:
    """A run of calls that are made and kept, or are there already, beside a run of as many that are just made."""
    starts = itertools.count(CALLS, CALLS)

    def run(program: Any) -> Callable[[], object]:
        def call() -> None:
            start = 0 if there else next(starts)
            engine.run(program, start, start + CALLS)

        return call

    engine.run(ours, 0, CALLS)
    engine.run(floor, 0, CALLS)
    name = f"{'cache' if ours is cached_looks else 'once'}, {'there' if there else 'made'} (floor: without)"
    Beside(benchmark, name, CALLS, clock=time.perf_counter).run(run(ours), run(floor), 15)
