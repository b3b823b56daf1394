"""What is kept, and what is not: linked code, results, runs, keys."""

from __future__ import annotations

import gc
import linecache
import sys
import tracemalloc
import weakref
from typing import Any

import pytest
import trio

import cflow
from cflow import Engine, context, detach, flow, node, parallel, transaction
from cflow.executor.source import LINES, NAMES
from cflow.executor.underway import settle


@node(pure=True)
async def double(x: int) -> int:
    return 2 * x


@node(pure=True, runs="loop")
def same(x: int) -> int:
    return x


@node(writes="w")
async def put(x: int) -> str:
    return context().key


@node(writes="w", undo=put)
async def reserve(x: int) -> int:
    return x


@node(reads="r")
async def fails(x: int) -> int:
    raise ValueError(x)


TEXT = 'from "./nesting_nodes.py" import read, same\n'


def generated() -> int:
    return sum(name.startswith("<cflow ") for name in linecache.cache)


def collected() -> None:
    for _ in range(3):
        gc.collect()


def test_a_flow_that_is_garbage_takes_its_code_along() -> None:
    from pathlib import Path

    engine = Engine()
    collected()
    before = (len(LINES), len(NAMES), generated(), len(engine._linked))
    kept: list[weakref.ref[Any]] = []
    for n in range(20):
        module = cflow.loads(
            TEXT + f"flow f(x: int) -> int:\n    a = read(x)\n    b = read(x + {n})\n    return same(a + b)\n",
            base=Path(__file__).parent,
        )
        assert engine.run(module.f, 1) == 2 + n
        assert Engine(sinks=[lambda event: None]).run(module.f, 1) == 2 + n
        assert cflow.engine.default_engine().run(module.f, 1) == 2 + n
        kept += [weakref.ref(module.f), weakref.ref(engine.compiled(module.f))]
    assert len(LINES) > before[0]
    del module
    collected()
    assert [r for r in kept if r() is not None] == []
    assert (len(LINES), len(NAMES), len(engine._linked)) == (before[0], before[1], before[3])
    assert generated() == before[2]


def test_a_decorated_flow_that_is_garbage_takes_its_code_along() -> None:
    engine = Engine()

    def make(n: int) -> tuple[weakref.ref[Any], weakref.ref[Any]]:
        @node(pure=True)
        async def step(x: int) -> int:
            return x + n

        @flow
        def local(x: int) -> int:
            a = step(x)
            return a + step(a + 1)

        assert engine.run(local, 1) == (1 + n) + (2 + 2 * n)
        return weakref.ref(local), weakref.ref(step)

    collected()
    before = len(LINES)
    refs = [ref for n in range(10) for ref in make(n)]
    collected()
    assert [r for r in refs if r() is not None] == []
    assert len(LINES) == before


def test_an_engine_that_is_garbage_goes_though_its_flows_stay() -> None:
    def use() -> weakref.ref[Engine]:
        engine = Engine(sinks=[lambda event: None])
        engine.run(busy, 1)
        return weakref.ref(engine)

    refs = [use() for _ in range(5)]
    collected()
    assert [r for r in refs if r() is not None] == []


@flow
def busy(x: int) -> Any:
    a = double(x)
    b = double(x + 1)
    with transaction():
        reserve(a)
    try:
        fails(b)
    except ValueError:
        b = same(b)
    return [double(y) for y in parallel([a, b], limit=2)]


@flow
def quick(x: int) -> int:
    return same(same(x) + 1)


@flow
def other() -> int:
    return double(1)


@flow
def detaching(x: int) -> str:
    return detach(other())


def growth(action: Any, times: int) -> float:
    """Bytes kept a time."""
    for _ in range(20):
        action()
    collected()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(times):
            action()
        collected()
        return (tracemalloc.get_traced_memory()[0] - before) / times
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("listened", [False, True])
def test_runs_leave_nothing_behind(listened: bool) -> None:
    engine = Engine(sinks=[lambda event: None] if listened else [])
    assert growth(lambda: engine.run(quick, 1), 1000) < 8

    async def many() -> None:
        for _ in range(150):
            await engine.start(busy, 1)

    assert growth(lambda: trio.run(many), 3) / 150 < 40


def test_detached_runs_leave_nothing_behind() -> None:
    engine = Engine()

    async def many() -> None:
        for _ in range(50):
            await engine.start(detaching, 1)
        while engine.services.detached.runs:
            await trio.sleep(0)

    def to_the_end() -> None:
        trio.run(many)
        settle()  # their threads end a little later

    # Each has a thread, and a coverage tool keeps what it used to trace a thread with.
    assert growth(to_the_end, 4) / 50 < (100 if sys.gettrace() is None else 2_000)


def test_values_of_passes_are_let_go() -> None:
    class Big:
        alive = 0

        def __init__(self) -> None:
            type(self).alive += 1

        def __del__(self) -> None:
            type(self).alive -= 1

    most = 0

    @node(reads="r")
    async def make(x: int) -> Any:
        nonlocal most
        most = max(most, Big.alive)
        return Big()

    @node(writes="w")
    async def take(x: Any) -> int:
        return 1

    @flow
    def loop(n: int) -> int:
        total = 0
        for i in range(n):
            big = make(i)
            total += take(big)
        for j in parallel(range(n), limit=2):
            thing = make(j)
            take(thing)
        return total

    Engine().run(loop, 200)
    collected()
    assert most < 8
    assert Big.alive == 0
