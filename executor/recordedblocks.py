"""Loops, arms and races of a recorded run: passes know where they stand, and what cuts others is on record first."""

from __future__ import annotations

import itertools
from collections.abc import Awaitable, Callable
from typing import Any

from . import blocks
from .at import At
from .groups import is_cancellation
from .journal import Journal
from .late import trio
from .run import Run
from .undo import UndoLog
from .watch import timeout

Placed = Callable[[UndoLog | None, Any, At], Awaitable[list[Any] | None]]
"""A pass that is told where it stands."""


async def for_each(
    run: Run, log: UndoLog | None, source: Any, body: Placed, limit: int | None, *, at: At, id: str, **options: Any
) -> Any:
    """As :func:`~.blocks.for_each`; ``at`` and ``id`` of the loop."""
    journal = run.journal
    assert journal is not None
    numbers = itertools.count()
    taking = options.get("take") is not None

    async def one(log: UndoLog | None, item: Any) -> list[Any] | None:
        index = next(numbers)  # passes are begun in the order of their items
        try:
            value = await body(log, item, at.nth(id, index))
        except BaseException as exc:
            if not is_cancellation(exc):
                await journal.cut(f"{at.path}{id}[{index}]!")
            raise
        if taking:
            await journal.cut(f"{at.path}{id}[{index}]=")
        return value

    return await blocks.for_each(run, log, source, one, limit, **options)


async def parallel(run: Run, log: UndoLog | None, arms: tuple[blocks.Arm, ...], *, at: At, id: str) -> list[Any]:
    """As :func:`~.blocks.parallel`."""
    journal = run.journal
    assert journal is not None

    def recorded(index: int, arm: blocks.Arm) -> blocks.Arm:
        async def one(log: UndoLog | None) -> Any:
            try:
                return await arm(log)
            except BaseException as exc:
                if not is_cancellation(exc):
                    await journal.cut(f"{at.path}{id}[{index}]!")
                raise

        return one

    return await blocks.parallel(run, log, tuple(recorded(i, arm) for i, arm in enumerate(arms)))


async def race(run: Run, log: UndoLog | None, arms: tuple[blocks.Arm, ...], length: Any, what: str, at: At) -> Any:
    """As :func:`~.blocks.race`."""
    journal = run.journal
    assert journal is not None
    key = f"{at.path}{what}="
    runners = _Runners(journal, key)
    given = tuple(runners.arm(index, arm) for index, arm in enumerate(arms))
    if length is None:
        return await blocks.race(run, log, given, None, what)
    done = False
    value: Any = None
    try:
        with timeout(run, f"{at.path}{what}@", length, what):
            value = await blocks.race(run, log, given, None, what)
            done = True
    except TimeoutError:
        if not done:
            raise
    return value


class _Runners:
    """The arms of a race; who wins is on record before the others are cut."""

    def __init__(self, journal: Journal, key: str) -> None:
        self.journal = journal
        self.key = key
        self.won = False

    def arm(self, index: int, arm: blocks.Arm) -> blocks.Arm:
        async def one(log: UndoLog | None) -> Any:
            value = await arm(log)
            entry = self.journal.peek(self.key)
            if entry is None:
                await self.journal.live()
            lost = self.won if entry is None else self.journal.keeper.value(entry.data) != index
            if lost:
                await trio.sleep_forever()
            self.won = True
            await self.journal.cut(self.key, index)
            return value

        return one
