"""A workflow as a trace tells it: tasks, whom they wait for, how long they took; and the bounds of any schedule.

Nothing here knows of Conductor or of a file format.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable

from attrs import define, field, frozen


@frozen
class Task:
    """One task. ``kind``: the program it ran, shared by many. ``seconds``: its run time. ``parents``: ids."""

    id: str
    kind: str
    seconds: float
    parents: tuple[str, ...] = ()


@define(slots=False)
class Workflow:
    """Tasks in an order in which parents come first.

    Raises
    ------
    ValueError: there are no tasks, two have one id, a parent does not exist, or tasks wait for each other.
    """

    name: str
    tasks: tuple[Task, ...] = field(converter=lambda tasks: in_order(tuple(tasks)))

    @functools.cached_property
    def index(self) -> dict[str, int]:
        """The place of each task by its id."""
        return {task.id: at for at, task in enumerate(self.tasks)}

    @functools.cached_property
    def parents(self) -> list[tuple[int, ...]]:
        """For each task the places of its parents."""
        return [tuple(self.index[p] for p in task.parents) for task in self.tasks]

    @functools.cached_property
    def children(self) -> list[list[int]]:
        """For each task the places of its children."""
        found: list[list[int]] = [[] for _ in self.tasks]
        for at, parents in enumerate(self.parents):
            for parent in parents:
                found[parent].append(at)
        return found

    @property
    def work(self) -> float:
        """Seconds of all tasks together."""
        return sum(task.seconds for task in self.tasks)

    def remaining(self, seconds: Iterable[float] | None = None) -> list[float]:
        """For each task the longest path from its start to the end of the workflow.

        Parameters
        ----------
        seconds: what each task is expected to take; None: what it took.
        """
        costs = [task.seconds for task in self.tasks] if seconds is None else list(seconds)
        found = [0.0] * len(costs)
        for at in reversed(range(len(costs))):
            found[at] = costs[at] + max((found[child] for child in self.children[at]), default=0.0)
        return found

    @property
    def critical_path(self) -> float:
        """Seconds of the longest path."""
        return max(self.remaining())

    def lower_bound(self, workers: int) -> float:
        """Seconds that no schedule on so many workers can go below: max(work / workers, critical path)."""
        return max(self.work / workers, self.critical_path)

    def scaled(self, factor: float) -> Workflow:
        """The same with every run time times ``factor``."""
        return Workflow(self.name, tuple(Task(t.id, t.kind, t.seconds * factor, t.parents) for t in self.tasks))


def in_order(tasks: tuple[Task, ...]) -> tuple[Task, ...]:
    """The tasks with parents first, else in the order given."""
    by_id = {task.id: task for task in tasks}
    if not tasks:
        msg = "a workflow has at least one task"
        raise ValueError(msg)
    if len(by_id) < len(tasks):
        seen: set[str] = set()
        twice = next(task.id for task in tasks if task.id in seen or seen.add(task.id))
        msg = f"two tasks have the id {twice!r}"
        raise ValueError(msg)
    for task in tasks:
        for parent in task.parents:
            if parent not in by_id:
                msg = f"task {task.id!r} has the parent {parent!r}, which does not exist"
                raise ValueError(msg)
    placed: dict[str, Task] = {}
    for start in tasks:
        stack = [start]
        open_: set[str] = set()
        while stack:
            task = stack[-1]
            if task.id in placed:
                stack.pop()
                continue
            wanted = [by_id[p] for p in task.parents if p not in placed]
            if not wanted:
                placed[task.id] = stack.pop()
                continue
            if task.id in open_:
                msg = f"task {task.id!r} waits for itself, by way of its parents"
                raise ValueError(msg)
            open_.add(task.id)
            stack += reversed(wanted)
    return tuple(placed.values())
