"""Getting a run onto a loop: from ordinary code, from Trio, from asyncio, as an iterator.

From ordinary code the run has a loop to itself, in this thread where none is running, else in a thread. The first
Ctrl-C cancels the run and lets compensations finish; the second breaks them off.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import threading
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from . import underway
from .away import Away, Main, run_away
from .feed import AsyncioItems, Items, TrioItems
from .groups import stopped
from .run import Run
from .streams import FlowStream


class Ready(Protocol):
    """A run that is ready to go."""

    state: Run

    @property
    def stream(self) -> bool: ...

    async def main(self, put: Any = None) -> Any: ...


def loop_is_running() -> bool:
    """Is an event loop, Trio's or asyncio's, running in this thread?"""
    return trio.lowlevel.in_trio_task() or asyncio._get_running_loop() is not None


def in_virtual_time() -> bool:
    """Does this Trio loop have a clock that a test turns?"""
    testing = sys.modules.get("trio.testing")  # nobody has such a clock without it
    return testing is not None and isinstance(trio.lowlevel.current_clock(), testing.MockClock)


def run_loop(main: Main, run: Run | None, clock: Any = None) -> Any:
    """Run ``main`` on a loop of its own, to its end."""
    if run is not None:
        run.owns_loop = True
    if loop_is_running():
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
        and signal.getsignal(signal.SIGINT) is signal.default_int_handler
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

    signal.signal(signal.SIGINT, handle)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# ---- inside a loop ---------------------------------------------------------------------------------------


async def start(ready: Ready, clock: Any = None) -> Any:
    """Run inside Trio, in the caller's task, or inside asyncio, in a thread (on ``clock``)."""
    if trio.lowlevel.in_trio_task() or asyncio._get_running_loop() is None:
        if ready.stream:
            return TrioItems(FlowStream(ready.main))
        return await ready.main()
    if ready.stream:
        return AsyncioItems(FlowStream(ready.main), ready.state, clock)
    return await _from_asyncio(ready, clock)


async def _from_asyncio(ready: Ready, clock: Any) -> Any:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    cancelled = False

    def finish(good: bool, value: Any) -> None:
        if good:
            done.set_result(value)
        elif isinstance(value, KeyboardInterrupt) and cancelled:
            done.set_exception(asyncio.CancelledError())
        else:
            done.set_exception(value)

    away = Away(ready.main, ready.state, clock, lambda good, value: loop.call_soon_threadsafe(finish, good, value))
    away.thread.start()
    while True:
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            cancelled = True
            away.interrupt()


# ---- as an iterator --------------------------------------------------------------------------------------


def iterate(ready: Ready, clock: Any = None) -> Iterator[Any]:
    """The items of a stream flow, for ordinary code."""
    return Items(FlowStream(ready.main), ready.state, clock)


def iterate_source(source: Any, clock: Any = None) -> Iterator[Any]:
    """The items of an async generator, for ordinary code."""

    async def produce(put: Callable[[Any], Awaitable[None]]) -> None:
        try:
            async for item in source:
                await put(item)
        finally:
            with trio.CancelScope(shield=True):
                await source.aclose()

    return Items(FlowStream(produce), None, clock)
