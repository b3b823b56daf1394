"""Scopes of a run: a timeout that may stand still, and the built-in operations that wait."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..compiler.durations import seconds
from .late import trio
from .run import Run
from .undo import Clock, Stopping, UndoLog


@contextmanager
def timeout(length: Any, what: str, log: UndoLog | None = None) -> Iterator[None]:
    """Cancel what is inside after ``length`` (None: never); the clock starts at the entry.

    ``log``: the undo log of the transaction whose timeout this is; the clock then stands still while the run is parked.

    Raises
    ------
    TimeoutError: the time was over.
    """
    span = math.inf if length is None else seconds(length)
    with trio.CancelScope(deadline=trio.current_time() + span) as scope:
        if log is not None:
            log.clock = Clock(scope)
        yield
    # Also where nothing was cut: a writer in a thread is waited for, and then it is too late all the same.
    if scope.cancel_called:
        msg = f"{what} took longer than {span:g} s"
        raise TimeoutError(msg)


@contextmanager
def parked(log: UndoLog | None) -> Iterator[None]:
    """Parked time is not counted by the timeouts of the transactions around."""
    clocks: list[Stopping] = []
    while log is not None:
        if log.clock is not None:
            clocks.append(log.clock)
        log = log.outer
    for clock in clocks:
        clock.stop()
    try:
        yield
    finally:
        for clock in clocks:
            clock.go_on()


async def sleep(run: Run, duration: Any) -> None:
    """``sleep(3d)``: a timer of the run."""
    await run.services.timers.sleep(run.id, seconds(duration))


async def wait_signal(run: Run, log: UndoLog | None, name: Any, key: Any = None) -> Any:
    """``wait_signal("approve", key)``: the value someone sends."""
    with parked(log):
        return await run.services.signals.wait(run.id, str(name), key)
