"""What the regression gate measures: the shapes of the benchmarks, in sizes that are ready in a moment.

Each gives two callables that do the same work, ours and its floor, repeated until one call takes a fraction of a
millisecond, and the clock to time them with.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bench_programs as programs
from attrs import frozen

import cflow

LENGTH = 0.4e-3
"""Seconds that one timed call takes at least: long beside the reading of the clock, short beside the slices that a busy
machine gives to a process, so that most rounds are undisturbed."""

MOST_WARM = 200

WARM = 0.03
"""Seconds of running before anything is timed: until then nodes are still found to be quick."""


@frozen
class Case:
    """One thing to measure.

    ``make``: its shape. ``waits``: real time counts, for something in it waits. ``sink``: a listener on our side, the
    same flow without one as the floor. ``short``: part of the short form.
    """

    make: programs.Maker
    short: bool = True
    waits: bool = False
    sink: bool = False


CASES: dict[str, Case] = {
    "chain": Case(lambda: programs.chain(200)),
    "random DAG": Case(lambda: programs.random_dag(150)),
    "if/else": Case(lambda: programs.branches(60)),
    "map": Case(lambda: programs.mapped(2_000)),
    "one node": Case(programs.one_node),
    "one async node": Case(programs.one_async, short=False),
    "async chain": Case(lambda: programs.async_chain(60)),
    "async fan-out": Case(lambda: programs.async_fan(60)),
    "chain with a sink": Case(lambda: programs.chain(60), short=False, sink=True),
    "fan-out": Case(lambda: programs.fan(200), short=False),
    "lattice": Case(lambda: programs.lattice(12), short=False),
    "nested flows": Case(lambda: programs.nested(5, 20), short=False),
    "parallel loop": Case(lambda: programs.parallel_loop(500), short=False),
    "stream": Case(lambda: programs.stream(5_000), short=False),
    "200 sleeps of 10 ms": Case(lambda: programs.sleeps(200), short=False, waits=True),
    "100 blocking nodes of 5 ms": Case(lambda: programs.blocking(100), short=False, waits=True),
}
"""By name. No part of the short form is what a busy machine changes, and not only slows: what waits; and a listener,
which is served by a thread once it has seemed slow."""


@frozen
class Ready:
    """A warm case."""

    ours: Callable[[], object]
    floor: Callable[[], object]
    clock: Callable[[], float]


def ready(name: str, folder: Path) -> Ready:
    """Build a case, see that both sides give the same, and warm it up."""
    case = CASES[name]
    shape = case.make()
    module = programs.build(shape, folder)
    engine = cflow.Engine(sinks=[lambda event: None] if case.sink else ())
    quiet = cflow.Engine()
    main, x = module.main, shape.argument

    def ours() -> Any:
        return engine.run(main, x)

    def floor() -> Any:
        return quiet.run(main, x) if case.sink else module.floor(x)

    assert ours() == floor(), f"{name}: the flow and its floor differ"
    began = time.perf_counter()
    for runs in range(MOST_WARM):
        if time.perf_counter() - began > WARM and runs >= shape.warm:
            break
        ours(), floor()
    gc.collect()
    gc.freeze()  # what was built stays: collections during the rounds are those that the rounds cause
    if case.waits:
        return Ready(ours, floor, time.perf_counter)
    return Ready(_repeated(ours), _repeated(floor), time.process_time)


def settle(work: Callable[[], object]) -> int:
    """Run until nodes run where they ran before, as they do when a busy machine has made one of them look slow; gives
    the state of that knowledge, 0 for a ``cflow`` that has none."""
    try:
        from cflow.executor.tiers import TIERS
    except ImportError:
        return 0
    for _ in range(MOST_WARM):
        epoch = TIERS.epoch
        work()
        work()
        if TIERS.epoch == epoch:
            break
    return int(TIERS.epoch)


def _repeated(work: Callable[[], object]) -> Callable[[], object]:
    """``work`` so often that it takes :data:`LENGTH`. Each side has a count of its own: their ratio is comparable with
    other ratios of the same build alone, and :func:`per_call` takes the counts out."""
    best = math.inf
    for _ in range(8):
        began = time.perf_counter()
        work()
        best = min(best, time.perf_counter() - began)
    times = max(1, math.ceil(LENGTH / best))

    def many() -> None:
        for _ in range(times):
            work()

    many.times = times  # type: ignore[attr-defined]
    return many


def per_call(work: Callable[[], object]) -> int:
    """How many calls one timed call makes."""
    times: int = getattr(work, "times", 1)
    return times
