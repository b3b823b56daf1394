"""Reading streams: one consumer, closed before the next step, moving only when asked.

``opened`` is what a loop over a stream stands in. The source may be an async iterator, the stream of a flow
(:class:`FlowStream`), or a plain iterable. ``buffer`` lets the source run ahead; ``batch`` and ``window`` give lists.
"""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ..compiler.durations import seconds
from .groups import first_error, instead_of_cut, is_cancellation
from .late import trio
from .run import Run

if TYPE_CHECKING:
    from .at import At

Put = Callable[[Any], Awaitable[None]]


class FlowStream:
    """The stream of a flow that was called and not read yet. ``produce`` runs the flow; it hands each item to its
    argument."""

    __slots__ = ("produce",)

    def __init__(self, produce: Callable[[Put], Awaitable[Any]]) -> None:
        self.produce = produce


class _Handshake:
    """A flow producing for one consumer: it goes on only when the next item is asked for, or when it is closed.

    So a cut of both reaches the one that runs; what the flow owes at a ``yield`` comes once its consumer has ended.
    """

    def __init__(self, stream: FlowStream) -> None:
        self.stream = stream
        self.asked = False
        self.parked: trio.lowlevel.Task | None = None
        self.answered = trio.Event()
        self.items: list[Any] = []
        self.over = False
        self.left = False
        """Has the consumer ended?"""
        self.error: BaseException | None = None
        self.told = False
        """Does the error leave the loop that reads, since it came when the flow was closed?"""

    async def produce(self) -> None:
        await self.park()
        try:
            await self.stream.produce(self.put)
        except BaseException as exc:
            if is_cancellation(exc):
                raise
            self.error = exc
            # What closes a source raises with no cancellation in its past: that this task is cut says it.
            self.told = self.left or instead_of_cut(exc) or trio.current_effective_deadline() == -math.inf
        self.over = True
        self.answered.set()

    async def put(self, item: Any) -> None:
        self.items.append(item)
        self.answered.set()
        await self.park()

    async def park(self) -> None:
        if not self.asked:
            self.parked = trio.lowlevel.current_task()
            await trio.lowlevel.wait_task_rescheduled(lambda _: trio.lowlevel.Abort.FAILED)
        self.asked = False
        await trio.lowlevel.checkpoint_if_cancelled()

    def go_on(self) -> None:
        self.asked = True
        if self.parked is not None:
            trio.lowlevel.reschedule(self.parked)
            self.parked = None

    def leave(self) -> None:
        """The consumer has ended: the flow is cancelled, and goes on with what it owes."""
        self.left = True
        self.go_on()

    def closed(self) -> None:
        """Once the flow has ended.

        Raises
        ------
        What a ``finally`` or an undo of it raised while it was closed.
        """
        if self.error is not None and self.told:
            raise self.error

    def __aiter__(self) -> _Handshake:
        return self

    async def __anext__(self) -> Any:
        if not self.over:
            self.answered = trio.Event()
            self.go_on()
            await self.answered.wait()
        if self.items:
            return self.items.pop()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        raise StopAsyncIteration


class _Plain:
    """A plain iterable read as a stream."""

    def __init__(self, source: Any) -> None:
        self.iterator = iter(source)

    def __aiter__(self) -> _Plain:
        return self

    async def __anext__(self) -> Any:
        for item in self.iterator:
            return item
        raise StopAsyncIteration

    async def aclose(self) -> None:
        if hasattr(self.iterator, "close"):
            self.iterator.close()


def reader(source: Any) -> AsyncIterator[Any]:
    """An async iterator over what a stream node gave: an async iterable or a plain one."""
    return aiter(source) if hasattr(source, "__aiter__") else _Plain(source)


async def closed(iterator: Any) -> None:
    """Close an async iterator, where it can be."""
    if hasattr(iterator, "aclose"):
        await iterator.aclose()


class _Batches:
    """Lists of ``size`` items; the last may be shorter."""

    def __init__(self, source: AsyncIterator[Any], size: int) -> None:
        self.source = source
        self.size = size

    def __aiter__(self) -> _Batches:
        return self

    async def __anext__(self) -> list[Any]:
        items: list[Any] = []
        async for item in self.source:
            items.append(item)
            if len(items) >= self.size:
                break
        if not items:
            raise StopAsyncIteration
        return items


class _Ahead:
    """A source that runs at most ``room`` items ahead of its reader: an item is asked for when there is room for it.

    ``loop``: the operation that reads it, for who asks where it is called from.
    """

    def __init__(self, source: AsyncIterator[Any], room: int, loop: object) -> None:
        self.loop = loop
        self.source = source
        self.room = trio.Semaphore(room)
        self.items: deque[Any] = deque()
        self.ready = trio.Event()
        self.over = False
        self.error: BaseException | None = None

    async def pump(self) -> None:
        try:
            while True:
                await self.room.acquire()
                self.items.append(await self.source.__anext__())
                self.ready.set()
        except StopAsyncIteration:
            pass
        except BaseException as exc:
            if is_cancellation(exc):
                raise
            self.error = exc
        self.over = True
        self.ready.set()

    def __aiter__(self) -> _Ahead:
        return self

    async def __anext__(self) -> Any:
        await trio.lowlevel.checkpoint_if_cancelled()  # the pass before may have outlasted a cut
        if not self.items and not self.over:
            self.ready = trio.Event()
            await self.ready.wait()
        if self.items:
            self.room.release()
            return self.items.popleft()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        raise StopAsyncIteration


PUMP = _Ahead.pump.__code__
"""The code that reads a source ahead of its loop, in a task of its own."""


class _Windows:
    """Lists of what came in each stretch of ``length`` seconds, counted from the first ask; empty ones are left out."""

    def __init__(self, source: _Ahead, length: float) -> None:
        self.source = source
        self.length = length
        self.end: float | None = None
        self.over = False
        self.items: list[Any] = []
        """Of the next list."""

    def __aiter__(self) -> _Windows:
        return self

    async def __anext__(self) -> list[Any]:
        items, self.items = self.items, []
        now = trio.current_time()
        if self.end is None:
            self.end = now + self.length
        while not self.over:
            with trio.CancelScope(deadline=self.end) as scope:
                try:
                    items.append(await self.source.__anext__())
                except StopAsyncIteration:
                    self.over = True
            if scope.cancelled_caught:
                while self.end <= trio.current_time():
                    self.end += self.length
                if items:
                    return items
        if items:
            return items
        raise StopAsyncIteration


@contextlib.asynccontextmanager
async def opened(
    run: Run,
    source: Any,
    buffer: Any = None,
    window: Any = None,
    batch: Any = None,
    loop: object = None,
    at: At | None = None,
    id: str = "",
) -> AsyncIterator[Any]:
    """An async iterator over ``source`` that is closed at the exit, whatever the exit is.

    Parameters
    ----------
    buffer: how many items the source may run ahead. window: seconds (or a duration) a list. batch: items a list.
    loop: the operation that reads the source. at, id: in a recorded run, where the loop stands, and its id.

    Raises
    ------
    ValueError: a size below 1.
    """
    for name, size in (("buffer", buffer), ("batch", batch)):
        if size is not None and size < 1:
            msg = f"{name} must be at least 1, not {size!r}"
            raise ValueError(msg)
    async with contextlib.AsyncExitStack() as stack:
        iterator: Any
        if at is not None and run.journal is not None:
            stack.enter_context(run.journal.holding())  # a source cannot be put away
        if isinstance(source, FlowStream):
            iterator = _Handshake(source)
            stack.callback(iterator.closed)
            await stack.enter_async_context(_helper(iterator.produce, iterator.leave))
        else:
            iterator = reader(source)
            if at is not None and run.journal is not None:
                from .recordedstreams import items

                iterator = items(run, source, iterator, at.path + id, plain=isinstance(iterator, _Plain))
            stack.push_async_callback(_close, run, iterator)
        if buffer is not None or window is not None:
            iterator = _Ahead(iterator, buffer if buffer is not None else 1, loop)
            await stack.enter_async_context(_helper(iterator.pump))
        if window is not None:
            assert isinstance(iterator, _Ahead)
            iterator = _Windows(iterator, seconds(window))
            if at is not None:
                from .recordedstreams import Windows

                iterator = Windows(run, f"{at.path}{id}|", iterator)
        if batch is not None:
            iterator = _Batches(iterator, batch)
        yield iterator


async def _close(run: Run, iterator: Any) -> None:
    with run.shield():
        await closed(iterator)


@contextlib.asynccontextmanager
async def _helper(work: Callable[[], Awaitable[None]], wake: Callable[[], None] | None = None) -> AsyncIterator[None]:
    """A task beside the block that raises nothing but a cancellation; at the exit it is cancelled, and woken. The error
    of the block stays as it is: no nursery puts it in a group."""
    error: BaseException | None = None
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(work)
            try:
                yield
            except BaseException as exc:
                error = exc
            nursery.cancel_scope.cancel()
            if wake is not None:
                wake()
    except BaseExceptionGroup as group:  # of cancellations alone
        error = error or first_error(group)
    try:
        if error is not None:
            raise error
    finally:
        del error
