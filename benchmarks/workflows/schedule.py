"""The reference: critical-path list scheduling, simulated.

Whenever a worker is free it takes, of the tasks whose parents are all done, the one with the longest expected path to
the end: the schedules that R. L. Graham studied in "Bounds on multiprocessing timing anomalies" (SIAM Journal on
Applied Mathematics 17, 1969), with the order of the critical path. Starting a task costs nothing here.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable

from attrs import frozen

from .graph import Workflow


@frozen
class Schedule:
    """``starts``: when each task begins, by its place in the workflow. ``makespan``: when the last one ends."""

    starts: tuple[float, ...]
    makespan: float


def list_schedule(workflow: Workflow, workers: int, expected: Iterable[float] | None = None) -> Schedule:
    """The schedule of a workflow on so many workers.

    Parameters
    ----------
    expected: what each task is expected to take, which decides the order alone; None: what it takes.

    Raises
    ------
    ValueError: there is no worker.
    """
    if workers < 1:
        msg = f"at least 1 worker is needed, not {workers!r}"
        raise ValueError(msg)
    priority = workflow.remaining(expected)
    missing = [len(parents) for parents in workflow.parents]
    ready = [(-priority[at], at) for at, count in enumerate(missing) if not count]
    heapq.heapify(ready)
    running: list[tuple[float, int]] = []
    starts = [0.0] * len(missing)
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, at = heapq.heappop(ready)
            starts[at] = now
            heapq.heappush(running, (now + workflow.tasks[at].seconds, at))
        now = running[0][0]
        while running and running[0][0] == now:  # all that end now are done before anything is chosen
            _, at = heapq.heappop(running)
            for child in workflow.children[at]:
                missing[child] -= 1
                if not missing[child]:
                    heapq.heappush(ready, (-priority[child], child))
    return Schedule(tuple(starts), now)
