"""Replaying a workflow with Conductor: as a flow whose nodes sleep, on ``k`` workers.

The flow is written to a file as a user would write it, one line a task, one node a kind. ``Engine(limit=k)`` is k
workers; on Trio's mock clock, which jumps when everybody waits, the makespan is that of the order alone, without noise.
"""

from __future__ import annotations

import heapq
import re
import time
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

import trio.testing
from attrs import frozen

import cflow

from .graph import Workflow

HEAD = '''\
"""Generated from a workflow trace."""
import trio
from cflow import flow, node

STARTS: dict[int, float] = {}


async def replayed(task: int, seconds: float, depths: tuple[int, ...]) -> int:
    """One task: its depth in the graph, so that results tell whether its parents came first."""
    STARTS[task] = trio.current_time()
    await trio.sleep(seconds)
    return 1 + max(depths, default=0)
'''

NODE = """

@node(reads="world")
async def {kind}(task: int, seconds: float, *parents: int) -> int:
    return await replayed(task, seconds, parents)
"""


def text(workflow: Workflow) -> str:
    """The source of a module with the workflow as the flow ``main``, which gives the depths of its last tasks."""
    kinds: dict[str, str] = {}
    for task in workflow.tasks:
        if task.kind not in kinds:
            kinds[task.kind] = _name(task.kind, set(kinds.values()))
    lines = [HEAD, *(NODE.format(kind=name) for name in kinds.values()), "\n\n@flow\ndef main() -> list[int]:"]
    for at, task in enumerate(workflow.tasks):
        parents = "".join(f", t{parent}" for parent in workflow.parents[at])
        lines.append(f"    t{at} = {kinds[task.kind]}({at}, {task.seconds!r}{parents})")
    ends = ", ".join(f"t{at}" for at, children in enumerate(workflow.children) if not children)
    return "\n".join([*lines, f"    return [{ends}]", ""])


def _name(kind: str, taken: set[str]) -> str:
    """A kind as the name of a node."""
    name = "do_" + re.sub(r"\W", "_", kind, flags=re.ASCII)
    while name in taken:
        name += "_"
    return name


def depths(workflow: Workflow) -> list[int]:
    """What the flow has to give."""
    found: list[int] = []
    for parents in workflow.parents:
        found.append(1 + max((found[parent] for parent in parents), default=0))
    return [found[at] for at, children in enumerate(workflow.children) if not children]


@frozen
class Replay:
    """A workflow as a flow. ``ids``: the operation of each task, by its place in the workflow."""

    workflow: Workflow
    module: ModuleType
    ids: tuple[str, ...]

    def costs(self) -> dict[str, float]:
        """What a profile of an earlier run would hold: seconds by operation."""
        return {id: task.seconds for id, task in zip(self.ids, self.workflow.tasks, strict=True)}

    def virtual(self, workers: int, profile: Mapping[str, float] | None = None) -> float:
        """The makespan in virtual seconds."""
        clock = trio.testing.MockClock(autojump_threshold=0)
        self.run(self.engine(workers, profile, clock=clock))
        return clock.current_time()

    def starts(self) -> list[float]:
        """When each task of the last run began, by the run's clock."""
        return [self.module.STARTS[at] for at in range(len(self.ids))]

    def engine(self, workers: int, profile: Mapping[str, float] | None = None, **options: Any) -> cflow.Engine:
        """The engine of a replay."""
        return cflow.Engine(limit=workers, profile=profile, **options)

    def real(self, engine: cflow.Engine) -> float:
        """The makespan in real seconds; the first run of an engine links the flow."""
        began = time.perf_counter()
        self.run(engine)
        return time.perf_counter() - began

    def run(self, engine: cflow.Engine) -> None:
        """One run, whose result is looked at.

        Raises
        ------
        AssertionError: it is wrong.
        """
        got = engine.run(self.module.main)
        wanted = depths(self.workflow)
        if got != wanted:
            msg = f"the replay of {self.workflow.name} gave {got!r:.80}, not {wanted!r:.80}"
            raise AssertionError(msg)


def by_hand(workflow: Workflow, workers: int) -> float:
    """The makespan in real seconds of what a person would write: a task a worker, each of which takes the most critical
    task that is ready."""
    priority = workflow.remaining()
    missing = [len(parents) for parents in workflow.parents]
    ready = [(-priority[at], at) for at, count in enumerate(missing) if not count]
    heapq.heapify(ready)

    async def work(at: int, nursery: trio.Nursery, idle: list[int]) -> None:
        while True:
            await trio.sleep(workflow.tasks[at].seconds)
            for child in workflow.children[at]:
                missing[child] -= 1
                if not missing[child]:
                    heapq.heappush(ready, (-priority[child], child))
            while idle[0] and len(ready) > 1:
                idle[0] -= 1
                nursery.start_soon(work, heapq.heappop(ready)[1], nursery, idle)
            if not ready:
                idle[0] += 1
                return
            at = heapq.heappop(ready)[1]

    async def main() -> None:
        idle = [workers]
        async with trio.open_nursery() as nursery:
            while idle[0] and ready:
                idle[0] -= 1
                nursery.start_soon(work, heapq.heappop(ready)[1], nursery, idle)

    began = time.perf_counter()
    trio.run(main)
    return time.perf_counter() - began


def prepare(workflow: Workflow, folder: Path, source: str | None = None) -> Replay:
    """Write the flow to a file in ``folder`` and import it; ``source``: another text of the same calls."""
    from bench_programs import load

    module = load(source or text(workflow), folder, workflow.name)
    plan = cflow.Engine().plan(module.main)
    ids = tuple(step.id for step in plan.steps if step.kind == "call")
    assert len(ids) == len(workflow.tasks), "every task is one call"
    return Replay(workflow, module, ids)
