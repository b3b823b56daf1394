"""Streams under options: a rate of openings, and a timeout of the whole stream.

The clock of a timeout starts when the first item is asked for, and what it cuts is the source: never its reader, and
never while the reader has an item in hand, since what the source then owes would run beside what the reader does.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

from ..compiler.durations import seconds
from .invoke import repeated
from .late import trio
from .run import Run
from .streams import FlowStream, Put, closed, reader

if TYPE_CHECKING:
    from .at import At


def governed(run: Run, id: str, target: str, source: Any, policy: dict[str, Any], at: At | None = None) -> Any:
    """``source``, what a stream node gave or the stream of a flow, under ``policy``; ``target`` names its rate. ``at``:
    in a recorded run, where the flow stands.

    Reading it raises ``TimeoutError`` where its time is over.
    """
    if isinstance(source, FlowStream):
        return FlowStream(lambda put: produced(run, id, target, source, put, policy, at))
    return _Governed(run, id, target, source, policy)


async def produced(
    run: Run, id: str, target: str, stream: FlowStream, put: Put, policy: dict[str, Any], at: At | None = None
) -> Any:
    """Run the flow of a stream under ``policy``."""
    await _opening(run, target, policy)
    if policy.get("timeout") is None:
        return await stream.produce(put)
    length = seconds(policy["timeout"])
    if at is not None:
        from .recordedstreams import produced_in_time

        if await produced_in_time(run, f"{at.path}@", stream, put, length):
            return None
        raise _late(id, length)
    end = trio.current_time() + length
    with trio.CancelScope(deadline=end) as scope:

        async def timed(item: Any) -> None:
            scope.deadline = math.inf
            await put(item)
            scope.deadline = end
            if trio.current_time() >= end:
                scope.cancel()
                await trio.lowlevel.checkpoint()

        return await stream.produce(timed)
    raise _late(id, length)


class _Governed:
    """The stream of a node under options."""

    def __init__(self, run: Run, id: str, target: str, source: Any, policy: dict[str, Any]) -> None:
        self.run = run
        self.id = id
        self._target = target
        self._source = reader(source)
        self._policy = policy
        self._length = math.inf if policy.get("timeout") is None else seconds(policy["timeout"])
        self._end: float | None = None

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        if self._end is None:
            await _opening(self.run, self._target, self._policy)
            self._end = trio.current_time() + self._length
        if trio.current_time() < self._end:
            with trio.CancelScope(deadline=self._end):
                return await self._source.__anext__()
        raise _late(self.id, self._length)

    async def aclose(self) -> None:
        await closed(self._source)


GOVERNED = _Governed.__anext__.__code__
"""The code that asks a stream under options for its next item."""


async def _opening(run: Run, target: str, policy: dict[str, Any]) -> None:
    if policy.get("rate") is not None and not repeated(run):
        await run.services.rates.wait(target, str(policy["rate"]))


def _late(id: str, length: float) -> TimeoutError:
    return TimeoutError(f"{id} took longer than {length:g} s")
