"""Runs and streams for callers inside asyncio: the run is in a thread, on a Trio loop of its own."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from .away import Away
from .feed import Feed
from .groups import is_cancellation
from .run import Run
from .streams import FlowStream

if TYPE_CHECKING:
    from .launch import Ready


async def run(ready: Ready, clock: Any) -> Any:
    """Run in a thread, and wait for it here; cancelled, the run is."""
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


class AsyncioItems:
    """A stream as an async iterator for asyncio; its run is in a thread."""

    def __init__(self, stream: FlowStream, run: Run, clock: Any = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._mail = _Mail(self._loop)
        self._feed = Feed(stream, run, clock, self._mail.answer)
        self._state = "new"

    def __aiter__(self) -> AsyncioItems:
        return self

    async def __anext__(self) -> Any:
        if self._state == "over":
            raise StopAsyncIteration
        self._state = "open"
        answer = self._mail.open()
        self._feed.ask()
        try:
            good, value = await answer
        except asyncio.CancelledError:
            await self.aclose()
            raise
        if good:
            return value
        self._state = "over"
        if value is None:
            raise StopAsyncIteration
        try:
            raise value
        finally:
            del value

    async def aclose(self) -> None:
        """Cancel the run and wait for its end.

        Raises
        ------
        What fails while it is being closed.
        """
        state, self._state = self._state, "over"
        if state != "open":
            return
        self._feed.cancel()
        cancelled: asyncio.CancelledError | None = None
        while not self._mail.end.done():
            try:
                await asyncio.shield(self._mail.end)
            except asyncio.CancelledError as exc:
                cancelled = exc
                self._feed.interrupt()
        if cancelled is not None:
            raise cancelled
        error = self._mail.end.result()
        if error is not None and not is_cancellation(error):
            raise error

    def __del__(self) -> None:
        if self._state == "open":
            self._feed.cancel()


class _Mail:
    """Brings answers from the thread to the asyncio loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._next: asyncio.Future[tuple[bool, Any]] | None = None
        self.end: asyncio.Future[BaseException | None] = loop.create_future()

    def open(self) -> asyncio.Future[tuple[bool, Any]]:
        self._next = self._loop.create_future()
        return self._next

    def answer(self, good: bool, value: Any) -> None:
        try:
            self._loop.call_soon_threadsafe(self._deliver, good, value)
        except RuntimeError:  # the loop is closed: nobody reads any more
            if good:
                raise

    def _deliver(self, good: bool, value: Any) -> None:
        if not good:
            self.end.set_result(value)
        if self._next is not None and not self._next.done():
            self._next.set_result((good, value))
