"""Time for tests: Trio's mock clock, moved on by what the program waits for, so that a flow that sleeps three days
takes none.

Trio's own autojump moves on as soon as every task waits, also where one waits for a thread or a socket; a timeout would
then strike while the thread works. Here time stands still while a thread or a socket is busy, and a program that
nothing will ever wake is told so.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

import trio
import trio.testing

from .compiler.diagnostics import CflowError
from .executor import elsewhere
from .executor.loop import loop_is_running

PATIENCE = 1.0
"""Real seconds for which time stands still for threads and sockets that show no progress."""

_POLL = 0.0005


class WaitsForEver(CflowError):
    """Everything in the program waits, and nothing is left that could wake it."""


def play(main: Callable[[], Awaitable[Any]]) -> Any:
    """Run ``main`` on a loop of its own, in virtual time; in a thread where this one has a loop.

    Raises
    ------
    WaitsForEver: nothing would ever end it. Else what ``main`` raises.
    """

    def run() -> Any:
        clock = trio.testing.MockClock()
        return trio.run(_whole, main, clock, clock=clock)

    if not loop_is_running():
        return run()
    outcome: list[tuple[Any, BaseException | None]] = []

    def work() -> None:
        try:
            outcome.append((run(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, name="cflow-test")
    thread.start()
    thread.join()
    value, failed = outcome[0]
    if failed is not None:
        raise failed
    return value


async def _whole(main: Callable[[], Awaitable[Any]], clock: trio.testing.MockClock) -> Any:
    trio.lowlevel.spawn_system_task(_move_on, clock)
    return await unless_for_ever(main)


_run_var: Any = trio.lowlevel.RunVar  # pyright does not see through trio's generics
_SCOPES = _run_var("cflow-waiting")
"""The scopes of the flows that are attempted, the outermost first."""


async def unless_for_ever(main: Callable[[], Awaitable[Any]]) -> Any:
    """Await ``main`` in virtual time; the innermost of these ends where nothing would ever wake anybody.

    Raises
    ------
    WaitsForEver: that is so.
    """
    scopes: list[trio.CancelScope] = _SCOPES.get([])
    _SCOPES.set(scopes)
    with trio.CancelScope() as scope:
        scopes.append(scope)
        try:
            return await main()
        finally:
            scopes.remove(scope)
    msg = "the flow waits for ever: no timer, thread or socket is left that would wake it (a signal that nobody sends?)"
    raise WaitsForEver(msg)


async def _move_on(clock: trio.testing.MockClock) -> None:
    """Whenever every task waits: move time to the next deadline."""
    own = trio.CapacityLimiter(1)
    seen, since = None, 0.0
    while True:
        await trio.testing.wait_all_tasks_blocked()
        busy = _busy()
        if busy != seen:
            seen, since = busy, time.monotonic()
        if busy is not None and time.monotonic() - since < PATIENCE:
            await trio.to_thread.run_sync(time.sleep, _POLL, limiter=own)
            continue
        ahead = trio.lowlevel.current_statistics().seconds_to_next_deadline
        scopes: list[trio.CancelScope] = _SCOPES.get([])
        if ahead < math.inf:
            clock.jump(max(ahead, 0.0))
        elif scopes:
            scopes[-1].cancel()
        await trio.lowlevel.checkpoint()


_IDLE_READERS = 1
"""Trio itself always waits to read from the pipe that wakes it."""


def _busy() -> tuple[float, int] | None:
    """The threads, sockets and calls elsewhere that tasks wait for; None where there are none."""
    limiter: Any = trio.to_thread.current_default_thread_limiter()
    threads = limiter.borrowed_tokens + elsewhere.under_way()
    io = trio.lowlevel.current_statistics().io_statistics
    sockets = getattr(io, "tasks_waiting_read", _IDLE_READERS) - _IDLE_READERS + getattr(io, "tasks_waiting_write", 0)
    return (threads, sockets) if threads or sockets > 0 else None
