"""A run on a loop of its own, for ordinary code: in this thread where no loop is running, else in a thread.

The first Ctrl-C cancels the run and lets compensations finish; the second breaks them off. Stands apart from the other
ways onto a loop (:mod:`.launch`): the command needs no more than this for a flow whose code it has kept.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any

import trio

from . import underway
from .groups import as_raised, is_cancellation, stopped
from .run import Run
from .suspended import Suspended

try:
    _handlers: Any = import_module("_signal")  # those of `signal` make an enum of each handler, 10 us a time
except ImportError:
    _handlers = signal

Main = Callable[[], Awaitable[Any]]
Entry = Callable[..., Awaitable[Any]]


async def on_loop(
    written: Callable[[], Entry],
    run: Run,
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    failed: Callable[[BaseException], None],
) -> Any:
    """Run a flow that may wait; its listeners are told.

    Parameters
    ----------
    written: gives the flow's async function. run: the state of the run. args, kwargs: the inputs, as it takes them.
    failed: tells listeners of an error, and writes to it where it came from.
    """
    sinks = run.sinks
    if sinks is not None:
        sinks.emit("run", "started", run.id)
    value: Any = None
    try:
        entry = written()
        with trio.CancelScope() as run.scope:
            if run.interrupted:
                run.scope.cancel()
            await trio.lowlevel.checkpoint_if_cancelled()  # it may be cut before it begins
            if run.journal is None:
                value = await entry(run, None, None, 0, 0, *args, **kwargs)
            else:
                from .watch import watched

                value = await watched(run, entry, args, kwargs)
        if run.scope.cancelled_caught:
            if run.journal is not None and run.interrupted < 2:
                run.journal.going()
            raise KeyboardInterrupt
    except BaseException as error:
        if run.interrupted > 1 and run.journal is not None and isinstance(error, Suspended):
            raise KeyboardInterrupt from error  # the second one has broken it off
        broken_off = run.journal is not None and run.journal.stopped is not None
        if not (broken_off or is_cancellation(error) or isinstance(error, KeyboardInterrupt)):
            failed(as_raised(error))
            await _flushed(run)
        elif sinks is not None and (run.journal is None or run.journal.away is None):
            sinks.emit("run", "cancelled", run.id)
        raise
    if sinks is not None:
        sinks.emit("run", "done", run.id)
        await _flushed(run)
    return value


async def _flushed(run: Run) -> None:
    """Slow listeners have seen all; meanwhile the loop is free for others."""
    if run.sinks is not None and run.sinks.slow:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(run.sinks.flush)


def loop_is_running() -> bool:
    """Is an event loop, Trio's or asyncio's, running in this thread?"""
    if trio.lowlevel.in_trio_task():
        return True
    asyncio = sys.modules.get("asyncio")  # nobody runs its loop without it
    return asyncio is not None and asyncio._get_running_loop() is not None


def run_loop(main: Main, run: Run | None, clock: Any = None) -> Any:
    """Run ``main`` on a loop of its own, to its end."""
    if run is not None:
        run.owns_loop = True
    if loop_is_running():
        from .away import run_away

        return run_away(main, run, clock)
    with interrupts(run):
        try:
            return trio.run(main, clock=clock)
        except RuntimeError as error:
            raised = stopped(error) or error
    try:
        raise raised
    finally:
        del raised  # its traceback holds this frame


@contextmanager
def interrupts(run: Run | None) -> Iterator[None]:
    """Ctrl-C goes to the run while it lasts, where this is the main thread and nobody else handles it."""
    mine = (
        run is not None
        and threading.current_thread() is threading.main_thread()
        and _handlers.getsignal(signal.SIGINT) is signal.default_int_handler
    )
    if not mine:
        yield
        return
    assert run is not None

    def handle(number: int, frame: Any) -> None:
        underway.interrupt()
        # Between the end of the run and the end of the loop there is nothing left to cancel.
        try:
            trio.lowlevel.current_trio_token().run_sync_soon(run.interrupt)
        except RuntimeError:
            raise KeyboardInterrupt from None

    _handlers.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        _handlers.signal(signal.SIGINT, signal.default_int_handler)
