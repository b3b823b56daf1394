"""Getting a run onto a loop: from ordinary code, from Trio, from asyncio, as an iterator.

From ordinary code the run has a loop to itself, in this thread where none is running, else in a thread. The first
Ctrl-C cancels the run and lets compensations finish; the second breaks them off.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

import trio

from .run import Run
from .streams import FlowStream, _Handshake, opened


class Ready(Protocol):
    """A run that is ready to go."""

    state: Run

    @property
    def stream(self) -> bool: ...

    async def main(self, put: Any = None) -> Any: ...


Main = Callable[[], Awaitable[Any]]


def loop_is_running() -> bool:
    """Is an event loop, Trio's or asyncio's, running in this thread?"""
    try:
        trio.lowlevel.current_task()
    except RuntimeError:
        return asyncio._get_running_loop() is not None
    return True


def run_loop(main: Main, run: Run | None, clock: Any = None) -> Any:
    """Run ``main`` on a loop of its own, to its end."""
    if run is not None:
        run.owns_loop = True
    if loop_is_running():
        return _in_thread(main, run, clock)
    with interrupts(run):
        return trio.run(main, clock=clock)


def _in_thread(main: Main, run: Run | None, clock: Any) -> Any:
    outcome: list[tuple[bool, Any]] = []
    token: list[trio.lowlevel.TrioToken] = []

    async def entry() -> Any:
        token.append(trio.lowlevel.current_trio_token())
        return await main()

    def work() -> None:
        try:
            outcome.append((True, trio.run(entry, clock=clock)))
        except BaseException as exc:
            outcome.append((False, exc))

    thread = threading.Thread(target=work, name="cflow-run")
    thread.start()
    while thread.is_alive():
        try:
            thread.join()
        except KeyboardInterrupt:
            _tell(token, run)
    good, value = outcome[0]
    if good:
        return value
    raise value


def _tell(token: list[trio.lowlevel.TrioToken], run: Run | None) -> None:
    if token and run is not None:
        try:
            token[0].run_sync_soon(run.interrupt)
        except trio.RunFinishedError:
            pass


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


async def start(ready: Ready) -> Any:
    """Run inside Trio, in the caller's task, or inside asyncio, in a thread."""
    if asyncio._get_running_loop() is None:
        if ready.stream:
            return _items(ready)
        return await ready.main()
    if ready.stream:
        msg = "a stream flow is read inside Trio, or with .run from ordinary code, not inside asyncio"
        raise RuntimeError(msg)
    return await _from_asyncio(ready)


async def _from_asyncio(ready: Ready) -> Any:
    loop = asyncio.get_running_loop()
    done: asyncio.Future[Any] = loop.create_future()
    token: list[trio.lowlevel.TrioToken] = []
    cancelled = False

    def finish(good: bool, value: Any) -> None:
        if done.done():
            return
        if good:
            done.set_result(value)
        else:
            done.set_exception(value)

    async def entry() -> Any:
        token.append(trio.lowlevel.current_trio_token())
        return await ready.main()

    def work() -> None:
        try:
            value = trio.run(entry)
        except BaseException as exc:
            if isinstance(exc, KeyboardInterrupt) and cancelled:
                exc = asyncio.CancelledError()
            loop.call_soon_threadsafe(finish, False, exc)
        else:
            loop.call_soon_threadsafe(finish, True, value)

    ready.state.owns_loop = True
    thread = threading.Thread(target=work, name="cflow-run")
    thread.start()
    while True:
        try:
            return await asyncio.shield(done)
        except asyncio.CancelledError:
            if done.done():
                raise
            cancelled = True
            if token:
                _tell(token, ready.state)
            else:
                ready.state.interrupted += 1


async def _items(ready: Ready) -> AsyncIterator[Any]:
    async with opened(ready.state, FlowStream(ready.main)) as items:
        async for item in items:
            yield item


# ---- as an iterator --------------------------------------------------------------------------------------


def iterate(ready: Ready, clock: Any = None) -> Iterator[Any]:
    """The items of a stream flow, for ordinary code: the loop turns in this thread, only while an item is asked for."""
    return _Pump(FlowStream(ready.main), clock)


def iterate_source(source: Any, clock: Any = None) -> Iterator[Any]:
    """The items of an async generator, for ordinary code."""

    async def produce(put: Callable[[Any], Awaitable[None]]) -> None:
        try:
            async for item in source:
                await put(item)
        finally:
            with trio.CancelScope(shield=True):
                await source.aclose()

    return _Pump(FlowStream(produce), clock)


class _Pump:
    """Trio as a guest of a plain iterator: :meth:`__next__` turns the loop until there is an item."""

    def __init__(self, stream: FlowStream, clock: Any) -> None:
        self._work: queue.SimpleQueue[Callable[[], object]] = queue.SimpleQueue()
        self._handshake = _Handshake()
        self._scope: trio.CancelScope | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._outcome: Any = None
        self._stream = stream
        self._clock = clock
        self._state = "new"

    def __iter__(self) -> _Pump:
        return self

    def _begin(self) -> None:
        async def main() -> None:
            self._token = trio.lowlevel.current_trio_token()
            self._handshake = _Handshake()
            with trio.CancelScope() as self._scope:
                await self._handshake.produce(self._stream)

        def done(outcome: Any) -> None:
            self._outcome = outcome

        self._state = "open"
        trio.lowlevel.start_guest_run(
            main,
            run_sync_soon_threadsafe=self._work.put,
            done_callback=done,
            clock=self._clock,
            host_uses_signal_set_wakeup_fd=True,
        )
        while self._token is None and self._outcome is None:
            self._work.get()()

    def __next__(self) -> Any:
        if self._state == "closed":
            raise StopIteration
        if self._state == "new":
            self._begin()
        if self._outcome is None:
            assert self._token is not None
            self._token.run_sync_soon(self._handshake.asked.set)
        while not self._handshake.items and self._outcome is None:
            self._work.get()()
        if self._handshake.items:
            return self._handshake.items.pop()
        self._state = "closed"
        self._outcome.unwrap()
        if self._handshake.error is not None:
            raise self._handshake.error
        raise StopIteration

    def close(self) -> None:
        """Stop the run: cancel it and let it finish."""
        if self._state == "open" and self._outcome is None:
            assert self._token is not None
            self._token.run_sync_soon(self._cancel)
            while self._outcome is None:
                self._work.get()()
        self._state = "closed"

    def _cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def __del__(self) -> None:
        if self._state == "open" and self._outcome is None:
            self.close()
