"""The stream of a flow for readers outside of it: plain iterators, and async ones for Trio (for asyncio:
:mod:`.from_asyncio`).

However it is read, the flow goes on only when the next item is asked for; and it is closed, with all it owes, when its
reader closes it, is cancelled, or is garbage.
"""

from __future__ import annotations

import atexit
import contextvars
import logging
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any

import trio

from . import underway
from .groups import is_cancellation
from .run import Run
from .streams import FlowStream

logger = logging.getLogger("cflow")

Answer = Callable[[bool, Any], object]
"""``(True, item)``, or, once, ``(False, error or None)`` at the end."""


class Feed:
    """A stream on a loop in a thread of its own: each :meth:`ask` is answered once."""

    def __init__(self, stream: FlowStream, run: Run | None, clock: Any, answer: Answer) -> None:
        self._stream = stream
        self._run = run
        self._clock = clock
        self._answer = answer
        self._token: trio.lowlevel.TrioToken | None = None
        self._scope: trio.CancelScope | None = None
        self._asked: trio.Event | None = None
        self._closing = False
        self._context = contextvars.copy_context()
        # At exit, an open stream is closed by `_close_all`, not waited for.
        self._thread = threading.Thread(target=self._work, name="cflow-stream", daemon=True)
        if run is not None:
            run.owns_loop = True

    def ask(self) -> None:
        """Let the stream go on to its next item."""
        if self._thread.ident is None:
            _OPEN.add(self)
            self._thread.start()
        else:
            self._tell(self._go_on)

    def cancel(self) -> None:
        """Cancel the run; its end is still answered."""
        self._closing = True
        if self._scope is not None:
            self._tell(self._scope.cancel)

    def interrupt(self) -> None:
        """As Ctrl-C: the second time, compensations are broken off."""
        if self._run is not None and self._token is not None:
            self._tell(self._run.interrupt)
        else:
            self.cancel()

    def join(self, timeout: float) -> None:
        self._thread.join(timeout)

    # ---- in the thread ---------------------------------------------------------------------------

    def _tell(self, what: Callable[[], object]) -> None:
        assert self._token is not None
        try:
            self._token.run_sync_soon(what)
        except trio.RunFinishedError:
            pass

    def _go_on(self) -> None:
        assert self._asked is not None
        self._asked.set()

    async def _put(self, item: Any) -> None:
        self._asked = trio.Event()
        self._answer(True, item)
        await self._asked.wait()

    async def _main(self) -> None:
        with trio.CancelScope() as scope:
            self._token = trio.lowlevel.current_trio_token()
            self._scope = scope  # from here on `cancel` finds it
            if self._closing:
                scope.cancel()
            await self._stream.produce(self._put)

    def _work(self) -> None:
        error: BaseException | None = None
        try:
            self._context.run(lambda: trio.run(self._main, clock=self._clock))
        except BaseException as exc:
            error = exc
        _OPEN.discard(self)
        self._answer(False, error)


_OPEN: set[Feed] = set()


@atexit.register
def _close_all() -> None:
    """Close the streams that are open when the interpreter ends."""
    feeds = list(_OPEN)
    for feed in feeds:
        feed.cancel()
    for feed in feeds:
        feed.join(5.0)


class Items:
    """A stream as a plain iterator."""

    def __init__(self, stream: FlowStream, run: Run | None = None, clock: Any = None) -> None:
        self._answers: queue.SimpleQueue[tuple[bool, Any]] = queue.SimpleQueue()
        answers = self._answers
        self._feed = Feed(stream, run, clock, lambda good, value: answers.put((good, value)))
        self._state = "new"

    def __iter__(self) -> Iterator[Any]:
        return self

    def __next__(self) -> Any:
        if self._state == "over":
            raise StopIteration
        self._state = "open"
        self._feed.ask()
        try:
            good, value = self._answers.get()
        except KeyboardInterrupt:
            underway.interrupt()
            self._feed.interrupt()
            self._finish()
            raise
        if good:
            return value
        self._state = "over"
        if value is None:
            raise StopIteration
        try:
            raise value
        finally:
            del value

    def close(self) -> None:
        """Cancel the run and wait for its end.

        Raises
        ------
        What fails while it is being closed.
        """
        if self._state == "open":
            self._feed.cancel()
            error = self._finish()
            if error is not None and not is_cancellation(error):
                raise error
        self._state = "over"

    def _finish(self) -> BaseException | None:
        """Wait for the end of the run; a Ctrl-C meanwhile breaks its compensations off."""
        while True:
            try:
                good, value = self._answers.get()
            except KeyboardInterrupt:
                underway.interrupt()
                self._feed.interrupt()
                continue
            if not good:
                self._state = "over"
                error: BaseException | None = value
                return error

    def __del__(self) -> None:
        if self._state == "open":
            self._state = "over"
            self._feed.cancel()  # and no waiting: this may be the thread of any loop


class TrioItems:
    """A stream as an async iterator of the Trio loop that reads it; its run is a task of that loop."""

    def __init__(self, stream: FlowStream) -> None:
        self._task = _Task(stream)
        self._context = contextvars.copy_context()
        self._state = "new"

    def __aiter__(self) -> TrioItems:
        return self

    async def __anext__(self) -> Any:
        if self._state == "over":
            raise StopAsyncIteration
        task = self._task
        task.answered = trio.Event()
        if self._state == "new":
            self._state = "open"
            trio.lowlevel.spawn_system_task(task.work, context=self._context, name="cflow-stream")
        else:
            task.asked.set()
        try:
            await task.answered.wait()
        except trio.Cancelled:
            await self.aclose()
            raise
        if task.items:
            return task.items.pop()
        self._state = "over"
        error, task.error = task.error, None
        if error is None:
            raise StopAsyncIteration
        try:
            raise error
        finally:
            del error

    async def aclose(self) -> None:
        """Cancel the run and wait for its end.

        Raises
        ------
        What fails while it is being closed.
        """
        state, self._state = self._state, "over"
        if state != "open":
            return
        self._task.scope.cancel()
        with trio.CancelScope(shield=True):
            await self._task.ended.wait()
        error, self._task.error = self._task.error, None
        if error is not None and not is_cancellation(error):
            raise error

    def __del__(self) -> None:
        if self._state == "open" and self._task.token is not None:
            try:
                self._task.token.run_sync_soon(self._task.scope.cancel)
            except trio.RunFinishedError:
                pass


class _Task:
    """The producing end of :class:`TrioItems`; it knows nothing of the other end, which may be garbage."""

    def __init__(self, stream: FlowStream) -> None:
        self._stream = stream
        self.scope = trio.CancelScope()
        self.token: trio.lowlevel.TrioToken | None = None
        self.items: list[Any] = []
        self.asked = trio.Event()
        self.answered = trio.Event()
        self.ended = trio.Event()
        self.error: BaseException | None = None

    async def put(self, item: Any) -> None:
        self.items.append(item)
        self.asked = trio.Event()
        self.answered.set()
        await self.asked.wait()

    async def work(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        try:
            with self.scope:
                await self._stream.produce(self.put)
        except BaseException as exc:
            if is_cancellation(exc):
                raise
            self.error = exc
        finally:
            self.ended.set()
            self.answered.set()
