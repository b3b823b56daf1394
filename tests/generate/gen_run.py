"""Running a generated program under a schedule drawn from a seed, in virtual time, without threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random
from typing import Any

import gen_nodes
import gen_plain
import trio
from attrs import frozen
from gen_check import Outcome, engine_of, outcome_of, started_in
from gen_cut import CUT
from gen_tree import Program
from gen_world import begin, result_of
from trio.testing import MockClock

from cflow.executor import frame as executor_frame, recorded as executor_recorded, run as executor_run
from cflow.executor.tiers import TIERS, Tier
from cflow.planner.optimizations import ALL, Optimizations


class _Trusted(Tier):
    """A node whose place is found: beside the loop it would run in threads, which no seed decides about."""

    def __init__(self) -> None:
        super().__init__()
        self.trusted = True

    def measured(self, seconds: float) -> None:
        pass

    def stalled(self, seconds: float) -> None:
        pass


@contextmanager
def in_place(seed: int) -> Iterator[None]:
    """The ``def`` nodes of generated programs run in place meanwhile, and slices of time are over always or never."""
    nodes = [*vars(gen_nodes).values(), *vars(gen_plain).values()]
    known = {n.fn: TIERS.of(n.fn) for n in nodes if hasattr(n, "fn")}
    TIERS._known.update((fn, _Trusted()) for fn in known)
    TIERS.epoch += 1
    slices = {module: module.SLICE for module in (executor_run, executor_frame, executor_recorded)}
    for module in slices:
        module.SLICE = -1.0 if seed % 2 else 1e9
    try:
        yield
    finally:
        for module, length in slices.items():
            module.SLICE = length
        TIERS._known.update(known)
        TIERS.epoch += 1


@frozen
class Ended:
    """How a run ended. ``left``: tasks and streams that outlived it. ``steps``, ``calls``: of the loop, of nodes."""

    outcome: Outcome
    left: int
    steps: int
    calls: int


def run_seeded(
    program: Program,
    flow: Any,
    seed: int,
    steps: int = 0,
    calls: int = 0,
    slow: float | None = None,
    on: Optimizations = ALL,
) -> Ended:
    """Runs ``flow``; cancels it after so many steps of the loop, or when so many calls have been made, if not 0.

    Async nodes wait as often, or as long, as the seed says, and so do writers when they have written. ``slow``: how
    often they wait long. ``on``: what the engine does for speed.
    """
    random = Random(seed)
    trio._core._run._r.seed(seed)
    slow = random.choice((0.0, 0.3, 1.0, 1.0)) if slow is None else slow
    scope = trio.CancelScope()
    counter = _Steps(steps, scope)

    async def pause(site: int) -> None:
        if random.random() < slow:
            await trio.sleep(random.choice((0.13, 0.57, 1.71, 3.3)) + random.random() / 100)
        else:
            for _ in range(random.choice((0, 1, 2, 5))):
                await trio.lowlevel.checkpoint()

    def started(number: int) -> None:
        if number == calls:
            scope.cancel()

    async def main() -> tuple[object, int]:
        engine = engine_of(program, on)
        before = trio.lowlevel.current_statistics().tasks_living
        result: object = CUT
        trio.lowlevel.add_instrument(counter)
        with scope:
            try:
                result = result_of(await started_in(engine, flow, program.inputs))
            except Exception as error:
                result = result_of(error)
        trio.lowlevel.remove_instrument(counter)
        while engine is not None and engine.services.detached.runs:
            await trio.sleep(1)
        return result, trio.lowlevel.current_statistics().tasks_living - before

    world = begin(program.plan, pause, pause, started, program.apart)
    result, left = trio.run(main, clock=MockClock(autojump_threshold=0))
    left += world.open
    return Ended(outcome_of(program, result, world), left, counter.seen, world.calls)


class _Steps(trio.abc.Instrument):
    """Counts the steps of the loop's tasks, and cancels a scope after so many."""

    def __init__(self, last: int, scope: trio.CancelScope) -> None:
        self.seen = 0
        self.last = last
        self.scope = scope

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.seen += 1
        if self.seen == self.last:
            self.scope.cancel()


def run_cut(program: Program, flow: Any, seed: int, cuts: int, on: Optimizations = ALL) -> Iterator[Ended]:
    """Runs ``flow`` again and again under one schedule, each time cancelled at another point of it."""
    whole = run_seeded(program, flow, seed, on=on)
    random = Random(seed)
    for number in range(cuts):
        if number % 2:
            yield run_seeded(program, flow, seed, calls=random.randint(1, whole.calls + 1), on=on)
        else:
            yield run_seeded(program, flow, seed, steps=random.randint(1, max(1, whole.steps)), on=on)
