"""Getting a run onto a loop: from Trio, from asyncio, as an iterator; from ordinary code: :mod:`.loop`."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol

import trio

from .away import Away
from .feed import AsyncioItems, Items, TrioItems
from .run import Run
from .streams import FlowStream


class Ready(Protocol):
    """A run that is ready to go."""

    state: Run

    @property
    def stream(self) -> bool: ...

    def main(self, put: Any = None) -> Coroutine[Any, Any, Any]: ...


def in_virtual_time() -> bool:
    """Does this Trio loop have a clock that a test turns?"""
    testing = sys.modules.get("trio.testing")  # nobody has such a clock without it
    return testing is not None and isinstance(trio.lowlevel.current_clock(), testing.MockClock)


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

    def tell(good: bool, value: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the host's loop is closed: nobody is left who waits
            loop.call_soon_threadsafe(finish, good, value)

    away = Away(ready.main, ready.state, clock, tell)
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
