"""Getting a run onto a loop: from Trio, from asyncio, as an iterator; from ordinary code: :mod:`.loop`."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any, Protocol

import trio

from .feed import Items, TrioItems
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
    if trio.lowlevel.in_trio_task() or not _in_asyncio():
        if ready.stream:
            return TrioItems(FlowStream(ready.main))
        return await ready.main()
    from .from_asyncio import AsyncioItems, run

    if ready.stream:
        return AsyncioItems(FlowStream(ready.main), ready.state, clock)
    return await run(ready, clock)


def _in_asyncio() -> bool:
    """Does a loop of asyncio run here? (It is not imported for the question: that would be a fifth of the time in which
    ``cflow resume`` starts.)"""
    asyncio = sys.modules.get("asyncio")
    return asyncio is not None and asyncio._get_running_loop() is not None


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
