"""``runs="asyncio"``: one asyncio loop, in a thread, for nodes whose libraries need it.

The loop outlives runs, since what such libraries keep (pools of connections, sessions) belongs to a loop. A call is one
asyncio task, so also a stream sees one task from its first item to its end. Cutting a call cancels its task, and waits
until that has ended, as Trio does with its own.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import contextvars
import os
import sys
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from typing import Any

import trio

from ..compiler.spec import NodeSpec
from .away import CALL
from .port import Job, NodeCrashed


class _Loop:
    """The loop, and the thread that runs it from the first call on."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    def get(self) -> asyncio.AbstractEventLoop:
        """The running loop."""
        with self._mutex:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(target=self._loop.run_forever, name="cflow-asyncio", daemon=True)
                self._thread.start()
            return self._loop

    def close(self) -> None:
        """End it; the next call starts another one."""
        with self._mutex:
            loop, self._loop = self._loop, None
        if loop is not None and self._thread is not None:
            loop.call_soon_threadsafe(loop.stop)
            self._thread.join()
            loop.close()


LOOP = _Loop()
atexit.register(LOOP.close)
os.register_at_fork(after_in_child=LOOP.__init__)  # type: ignore[misc]


class _Task:
    """An asyncio task, as Trio sees it."""

    def __init__(self, job: Job, main: Callable[[_Task], Coroutine[Any, Any, Any]]) -> None:
        self._name = job.spec.name
        self._loop = LOOP.get()
        self._token = trio.lowlevel.current_trio_token()
        self._news = trio.Event()
        self._items: deque[Any] = deque()
        self._cut = False
        self._asked = asyncio.Event()
        self._task: asyncio.Task[Any] | None = None
        self.done = False
        context = contextvars.copy_context()
        context.run(CALL.set, job.here)
        sniffio: Any = sys.modules.get("sniffio")
        if sniffio is not None:  # whoever may have set that around the run: here it is asyncio's
            context.run(sniffio.current_async_library_cvar.set, None)

        def begin() -> None:
            self._task = self._loop.create_task(main(self), context=context)
            self._task.add_done_callback(lambda _: self._tell(self._ended))

        self._loop.call_soon_threadsafe(begin)

    def _tell(self, what: Callable[..., object], *args: Any) -> None:
        with contextlib.suppress(trio.RunFinishedError):
            self._token.run_sync_soon(what, *args)

    # ---- on Trio's loop --------------------------------------------------------------------------

    def _ended(self) -> None:
        self.done = True
        self._news.set()

    def _came(self, item: Any) -> None:
        self._items.append(item)
        self._news.set()

    async def news(self) -> None:
        """Until there is an item, or the task has ended; being cut cancels the task, and waits for its end."""
        if not self._items and not self.done:
            self._news = trio.Event()
            try:
                await self._news.wait()
            except trio.Cancelled:
                await self.cancel()
                if self._task is None or self._task.cancelled():
                    raise

    def ask(self) -> None:
        """Ask for the next item."""
        self._loop.call_soon_threadsafe(self._asked.set)

    async def cancel(self) -> None:
        """Cancel it, and wait until it has ended."""
        self._cut = True
        self._loop.call_soon_threadsafe(lambda: self._task is not None and self._task.cancel())
        with trio.CancelScope(shield=True):
            while not self.done:
                self._news = trio.Event()
                await self._news.wait()

    def items(self) -> deque[Any]:
        """What has come."""
        return self._items

    def result(self) -> Any:
        """What it gave, or raised."""
        assert self._task is not None
        if self._task.cancelled():
            if self._cut:
                return None
            msg = f"{self._name} has no result: its asyncio task was cancelled, by something other than the run"
            raise NodeCrashed(msg)
        return self._task.result()

    # ---- on asyncio's loop -----------------------------------------------------------------------

    async def give(self, item: Any) -> None:
        """Hand on an item, and wait until the next one is asked for."""
        self._tell(self._came, item)
        await self.wanted()

    async def wanted(self) -> None:
        """Until an item is asked for."""
        await self._asked.wait()
        self._asked.clear()


class Asyncio:
    """The runtime of ``runs="asyncio"``."""

    def prepared(self, spec: NodeSpec, fn: Callable[..., Any]) -> Callable[..., Any]:
        """See :class:`~.port.Runtime`."""
        return fn

    async def call(self, job: Job) -> Any:
        """See :class:`~.port.Runtime`."""

        async def main(task: _Task) -> Any:
            began = time.perf_counter()
            try:
                made: Awaitable[Any] = job.fn(*job.args, **job.kwargs)
                return await made
            finally:
                job.took(time.perf_counter() - began)

        task = _Task(job, main)
        await task.news()
        return task.result()

    async def items(self, job: Job) -> AsyncGenerator[Any, None]:
        """See :class:`~.port.Runtime`. Each item is made when it is asked for."""

        async def main(task: _Task) -> None:
            async with contextlib.aclosing(job.fn(*job.args, **job.kwargs)) as source:
                await task.wanted()
                began = time.perf_counter()
                async for item in source:
                    job.took(time.perf_counter() - began)
                    await task.give(item)
                    began = time.perf_counter()
                job.took(time.perf_counter() - began)

        task = _Task(job, main)
        try:
            while True:
                task.ask()
                await task.news()
                if not task.items():
                    break
                yield task.items().popleft()
        finally:
            if not task.done:
                await task.cancel()
            task.result()  # also what a `finally` of it raised while it was closed


RUNTIME = Asyncio()
