"""What a flow costs beside the same work written by hand."""

from __future__ import annotations

import gc
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import bench_programs as programs
import pytest
from bench_beside import Beside, once

import cflow

COMPUTING = [
    (programs.chain, "<= 0.5 us"),
    (lambda: programs.chain(node="put", name="chain of writers"), "<= 0.5 us"),
    (programs.random_dag, "<= 0.5 us"),
    (programs.fan, "<= 0.5 us"),
    (programs.lattice, "<= 0.5 us"),
    (programs.branches, "<= 1 us"),
    (programs.nested, "<= 1 us"),
    (programs.mapped, "<= 0.25 us"),
    (programs.one_node, "<= 3 us"),
    (programs.one_async, "<= 1.1x"),
    (programs.async_chain, "<= 1.1x"),
    (programs.async_fan, ""),
]
WAITING = [
    (programs.sleeps, "<= 1.1x"),
    (programs.blocking, "<= 1.2x"),
    (lambda: programs.blocking(limit=16), "<= 1.2x"),
]
SINKS = [(programs.chain, "<= 1 us more"), (programs.async_chain, "<= 1 us more"), (programs.one_node, "")]


def prepared(shape: programs.Shape, folder: Path, engine: cflow.Engine) -> tuple[ModuleType, dict[str, Any]]:
    """The module of a shape, warm; what preparing it and its first run took."""
    module = programs.build(shape, folder)
    extra: dict[str, Any] = {"prepare": once(lambda: engine.plan(module.main))}
    extra["first"] = once(lambda: engine.run(module.main, shape.argument))
    assert engine.run(module.main, shape.argument) == module.floor(shape.argument)
    for _ in range(shape.warm):
        engine.run(module.main, shape.argument)
    return module, extra


def named(cases: list[Any]) -> Any:
    return [pytest.param(make, *rest, id=make().name.replace(" ", "-")) for make, *rest in cases]


CPU = pytest.mark.benchmark(timer=time.process_time)


def beside(
    shape: programs.Shape, aim: str, benchmark: Any, folder: Path, clock: Callable[[], float], rounds: int
) -> None:
    engine = cflow.Engine(limit=shape.limit)
    module, extra = prepared(shape, folder, engine)
    main, floor, x = module.main, module.floor, shape.argument
    repeat = 200 if shape.units == 1 and "async" not in shape.name else 1

    def ours() -> None:
        for _ in range(repeat):
            engine.run(main, x)

    def by_hand() -> None:
        for _ in range(repeat):
            floor(x)

    Beside(benchmark, shape.name, shape.units * repeat, aim, extra, clock).run(ours, by_hand, rounds)


@CPU
@pytest.mark.parametrize(("make", "aim"), named(COMPUTING))
def test_computing(make: programs.Maker, aim: str, benchmark: Any, tmp_path: Path) -> None:
    """Programs in which nothing waits for time to pass."""
    beside(make(), aim, benchmark, tmp_path, time.process_time, 40)


@pytest.mark.parametrize(("make", "aim"), named(WAITING))
def test_waiting(make: programs.Maker, aim: str, benchmark: Any, tmp_path: Path) -> None:
    """Programs that wait."""
    beside(make(), aim, benchmark, tmp_path, time.perf_counter, 25)


@CPU
@pytest.mark.parametrize(("make", "aim"), named(SINKS))
def test_with_sink(make: programs.Maker, aim: str, benchmark: Any, tmp_path: Path) -> None:
    """Beside the same flow with nobody listening."""
    shape = make()
    told: list[Any] = []
    quiet, heard = cflow.Engine(), cflow.Engine(sinks=[told.append])
    module, _ = prepared(shape, tmp_path, quiet)
    listened, _ = prepared(shape, tmp_path, heard)  # a flow keeps its short way for one engine
    repeat = 200 if shape.units == 1 else 1

    def ours() -> None:
        for _ in range(repeat):
            heard.run(listened.main, shape.argument)

    def silent() -> None:
        told.clear()
        for _ in range(repeat):
            quiet.run(module.main, shape.argument)

    Beside(benchmark, f"{shape.name}, with a sink (floor: without)", shape.units * repeat, aim).run(ours, silent, 20)


@CPU
@pytest.mark.parametrize("make", named([(programs.chain,), (programs.async_chain,)]))
def test_with_sink_beside_bare_events(make: programs.Maker, benchmark: Any, tmp_path: Path) -> None:
    """Beside the same program by hand, with two events a node put on a list."""
    shape = programs.bare_events(make())
    told: list[Any] = []
    heard = cflow.Engine(sinks=[told.append])
    module, _ = prepared(shape, tmp_path, heard)

    def by_hand() -> None:
        told.clear()
        module.TOLD.clear()
        module.floor(1)

    name = f"{shape.name}, with a sink (floor: bare events)"
    Beside(benchmark, name, shape.units).run(lambda: heard.run(module.main, 1), by_hand, 40)


def peak(engine: cflow.Engine, flow: Any, n: int) -> float:
    """The most memory that Python held during a run, in KiB above what it held before."""
    gc.collect()
    tracemalloc.start()
    try:
        engine.run(flow, n)
        return tracemalloc.get_traced_memory()[1] / 1024
    finally:
        tracemalloc.stop()


@CPU
@pytest.mark.parametrize("make", named([(programs.stream,), (programs.parallel_loop,)]))
def test_items(make: programs.Maker, benchmark: Any, tmp_path: Path) -> None:
    """Throughput of long loops, and whether their memory grows with their length."""
    shape = make()
    engine = cflow.Engine()
    module = programs.build(shape, tmp_path)
    engine.run(module.main, 1000)
    small, large = (peak(engine, module.main, n) for n in (10_000, 50_000))
    note = f"peak memory {small:.0f} KiB at 10,000 items, {large:.0f} KiB at 50,000"
    extra = {"note": note, "peaks": [small, large]}
    x = shape.argument
    Beside(benchmark, shape.name, shape.units, "", extra).run(
        lambda: engine.run(module.main, x), lambda: module.floor(x), 3
    )
