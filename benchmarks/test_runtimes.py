"""Calls in processes beside ``concurrent.futures``: the same functions, as many workers, all calls at hand at once.

Times are those of the wall: other processes are waited for.
"""

from __future__ import annotations

import concurrent.futures
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from typing import Any

import bench_work
import numpy as np
import pytest
from bench_beside import Beside

from cflow import Engine, flow, node, parallel

WORKERS = os.cpu_count() or 1

plus_one = node(bench_work.plus_one, pure=True, runs="process")
work = node(bench_work.work, pure=True, runs="process")
halved = node(bench_work.halved, pure=True, runs="process")


@flow
def small_calls(inputs: list[int]) -> list[int]:
    return [plus_one(x) for x in parallel(inputs, limit=100)]


@flow
def calls(inputs: list[int]) -> list[int]:
    return [work(x) for x in parallel(inputs, limit=100)]


@flow
def array_calls(inputs: list[np.ndarray]) -> list[np.ndarray]:
    return [halved(x) for x in parallel(inputs, limit=100)]


@pytest.fixture(scope="module")
def pool() -> Iterator[concurrent.futures.ProcessPoolExecutor]:
    with concurrent.futures.ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as made:
        yield made


CASES: list[tuple[str, Any, Callable[..., Any], list[Any]]] = [
    ("process calls of next to nothing", small_calls, bench_work.plus_one, list(range(300))),
    ("process calls of half a millisecond", calls, bench_work.work, [10_000] * 300),
    ("process calls with 8 MB there and back", array_calls, bench_work.halved, [np.ones(1_000_000)] * 10),
]


@pytest.mark.parametrize(("name", "program", "function", "inputs"), CASES, ids=[c[1].__name__ for c in CASES])
def test_beside_concurrent_futures(
    name: str,
    program: Any,
    function: Callable[..., Any],
    inputs: list[Any],
    benchmark: Any,
    pool: concurrent.futures.ProcessPoolExecutor,
) -> None:
    engine = Engine(workers=WORKERS)

    def ours() -> Any:
        return engine.run(program, inputs)

    def theirs() -> Any:
        return list(pool.map(function, inputs))

    assert np.array_equal(ours(), theirs())
    Beside(benchmark, name, len(inputs), "<= 1.2x", clock=time.perf_counter).run(ours, theirs)
