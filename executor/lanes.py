"""Lanes: a few threads that pull the passes of a loop from one iterator.

A hop to a thread costs about a hundred microseconds, so a loop whose passes are nothing but blocking calls does not pay
it for each pass: every lane takes item after item until there are none, and the loop hears of it once. Between two
items a lane looks whether the run was cancelled.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ..compiler.values import Collected, Failed
from .groups import first_error
from .invoke import lanes
from .late import trio
from .run import Run
from .threads import LANES

Work = Callable[[Run, Any], list[Any]]
"""One pass, in a thread: from its item to what it emitted."""


class _Shared:
    """What the lanes of one loop share, under one lock."""

    def __init__(self, source: Iterable[Any], bearable: float) -> None:
        self.lock = threading.Lock()
        self.items = iter(source)
        self.started = 0
        self.values: dict[int, list[Any]] = {}
        self.failures: dict[int, tuple[Any, BaseException]] = {}
        self.bearable = bearable
        """How many failures do not end the loop."""
        self.over = False

    def take(self) -> tuple[int, Any] | None:
        with self.lock:
            if self.over:
                return None
            for item in self.items:
                self.started += 1
                return self.started - 1, item
            self.over = True
            return None

    def failed(self, index: int, item: Any, error: BaseException) -> None:
        with self.lock:
            self.failures[index] = (item, error)
            if len(self.failures) > self.bearable or not isinstance(error, Exception):
                self.over = True


async def lane_each(
    run: Run,
    source: Iterable[Any],
    work: Work,
    limit: int | None,
    reader: bool,
    *,
    collect: bool = False,
    max_failed: int | None = None,
) -> Any:
    """Run ``work`` for each item in at most ``limit`` threads; the values in the order of the items.

    Items are taken in order, so when one fails those before it have been taken too, and run to their end.

    Parameters
    ----------
    reader: may a lane be left behind in its thread when the run is cancelled?
    collect, max_failed: as for :func:`~.blocks.for_each`.

    Raises
    ------
    The error of the first failing pass in the order of the items. ValueError: ``limit`` is below 1.
    """
    if limit is not None and limit < 1:
        msg = f"parallel must be at least 1, not {limit!r}"
        raise ValueError(msg)
    shared = _Shared(source, 0 if not collect else float("inf") if max_failed is None else max_failed)

    def lane() -> None:
        check = trio.from_thread.check_cancelled
        while (taken := shared.take()) is not None:
            check()
            index, item = taken
            try:
                shared.values[index] = work(run, item)
            except BaseException as exc:
                shared.failed(index, item, exc)

    async def one(count: int, nursery: trio.Nursery) -> None:
        await run.slot()
        try:
            if count > 1 and not shared.over:
                nursery.start_soon(one, count - 1, nursery)
            await trio.to_thread.run_sync(lane, abandon_on_cancel=reader, limiter=lanes(run))
        finally:
            run.release()

    try:
        async with trio.open_nursery() as nursery:
            await one(min(LANES, limit) if limit is not None else LANES, nursery)
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    if shared.failures and (not collect or len(shared.failures) > shared.bearable):
        raise shared.failures[min(shared.failures)][1]
    for _, error in shared.failures.values():
        if not isinstance(error, Exception):  # an exit, or the cancellation of the run: no failure of a pass
            raise error
    values = [v for i in sorted(shared.values) for v in shared.values[i]]
    if not collect:
        return values
    failed = [Failed(item, i, error) for i, (item, error) in sorted(shared.failures.items())]
    return Collected(values, failed)
