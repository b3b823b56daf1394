"""The ports inside one process: everything is gone when the process is.

An engine's runs may be on loops in several threads, each with a clock of its own, so what they share is guarded by a
mutex, and a waiter is woken on its own loop.
"""

from __future__ import annotations

import contextlib
import contextvars
import math
import os
import threading
import time
from collections import deque
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

from ..compiler.durations import UNITS
from .caches import MemoryCache
from .late import trio
from .ports import Launch, Services
from .processes import MemoryProcesses
from .run import made_up
from .told import told
from .underway import Underway
from .waiter import Waiter

_monotonic = time.monotonic

_HELD: ContextVar[frozenset[str]] = ContextVar("cflow_locks", default=frozenset())
"""The locks held by this task and by the blocks around it (tasks inherit it)."""


class MemoryLocks:
    """Locks by name, first come, first served; a name is known while somebody holds it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._queues: dict[str, deque[Waiter]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        held = _HELD.get()
        if name in held:  # whoever holds it, here or around, does not take it again
            yield
            return
        await self._acquire(name)
        try:
            token = _HELD.set(held | {name})
            try:
                yield
            finally:
                _HELD.reset(token)
        finally:
            self._release(name)

    async def _acquire(self, name: str) -> None:
        await trio.lowlevel.checkpoint_if_cancelled()
        with self._mutex:
            queue = self._queues.get(name)
            if queue is None:
                self._queues[name] = deque()
                return
            waiter = Waiter()
            queue.append(waiter)
        try:
            await waiter.event.wait()
        except trio.Cancelled:
            with self._mutex:
                mine = bool(waiter.box)
                if not mine:
                    queue.remove(waiter)
            if mine:
                self._release(name)
            raise

    def _release(self, name: str) -> None:
        with self._mutex:
            queue = self._queues[name]
            while queue:
                if queue.popleft().answer(None):
                    return
            del self._queues[name]


def parse_rate(rate: str) -> tuple[int, float]:
    """``"10/s"`` -> 10 calls in 1.0 seconds; the period is ``s``, ``m``, ``h``, ``d`` or ``ms``, with an optional
    count (``"3/10s"``).

    Raises
    ------
    ValueError: the text is not a rate.
    """
    count, slash, period = str(rate).partition("/")
    number = period.rstrip("smhd")
    unit = period[len(number) :]
    try:
        calls, length = int(count), float(number or 1) * UNITS[unit]
        if not slash or calls < 1 or not 0 < length < math.inf:
            raise ValueError
    except (ValueError, KeyError):
        msg = f"{rate!r} is not a rate: write it like '10/s', '100/m' or '3/10s'"
        raise ValueError(msg) from None
    return calls, length


class MemoryRates:
    """Sliding windows: of any period, at most so many calls start in it."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._starts: dict[tuple[str, str], deque[_Moment]] = {}

    async def wait(self, key: str, rate: str) -> None:
        calls, length = parse_rate(rate)
        with self._mutex:
            starts = self._starts.setdefault((key, rate), deque(maxlen=calls))
            now = trio.current_time()
            start = now if len(starts) < calls else max(now, starts[0].here() + length)
            starts.append(_Moment(start))  # booked before the wait, so that waiters keep their order
        if start > now:
            await trio.sleep_until(start)


class _Moment:
    """A time, for every loop: by the clock of the loop that took it (tests turn it), elsewhere by the machine's."""

    __slots__ = ("loop", "token", "wall")

    def __init__(self, time: float) -> None:
        self.token = trio.lowlevel.current_trio_token()
        self.loop = time
        self.wall = _monotonic() + time - trio.current_time()

    def here(self) -> float:
        """The moment on the clock of this loop."""
        if self.token is trio.lowlevel.current_trio_token():
            return self.loop
        return trio.current_time() + self.wall - _monotonic()


MARKS = 100_000
"""Signals that are remembered by their ``unique``, at most."""


class MemorySignals:
    """Inboxes by run, name and key. A signal that comes before anyone waits is kept; one for no run in particular
    goes to whoever waits first."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._kept: dict[tuple[str | None, str, Any], deque[Any]] = {}
        self._waiting: dict[tuple[str, str, Any], deque[Waiter]] = {}
        self._unique: dict[tuple[str | None, str, str], None] = {}

    async def wait(self, run: str, name: str, key: Any) -> Any:
        mine = (run, name, key)
        waiter = Waiter()
        with self._mutex:
            found = self._take(run, name, key)
            if not found:
                self._waiting.setdefault(mine, deque()).append(waiter)
        if found:
            await trio.lowlevel.cancel_shielded_checkpoint()  # it is taken, so it may not be lost
            return found[0]
        try:
            await waiter.event.wait()
        except trio.Cancelled:
            with self._mutex:
                if waiter.box:  # it came while we were being cancelled: nothing acknowledged is lost
                    self._kept.setdefault(mine, deque()).appendleft(waiter.box[0])
            raise
        finally:
            with self._mutex:
                self._forget(mine, waiter)
        return waiter.box[0]

    def _take(self, run: str, name: str, key: Any) -> list[Any]:
        """What is kept for this waiter, as a list of one; empty: nothing."""
        for place in ((run, name, key), (None, name, key)):
            kept = self._kept.get(place)
            if kept:
                value = kept.popleft()
                if not kept:
                    del self._kept[place]
                return [value]
        return []

    def _forget(self, place: tuple[str, str, Any], waiter: Waiter) -> None:
        waiters = self._waiting.get(place)
        if waiters is not None:
            if waiter in waiters:
                waiters.remove(waiter)
            if not waiters:
                del self._waiting[place]

    def send(self, run: str | None, name: str, value: Any, key: Any = None, unique: str = "") -> None:
        with self._mutex:
            if unique:
                if (mark := (run, name, unique)) in self._unique:
                    return
                if len(self._unique) >= MARKS:
                    del self._unique[next(iter(self._unique))]
                self._unique[mark] = None
            for place, waiters in list(self._waiting.items()):
                if place[1:] != (name, key) or (run is not None and place[0] != run):
                    continue
                for waiter in waiters:
                    if not waiter.box and waiter.answer(value):
                        return
            self._kept.setdefault((run, name, key), deque()).append(value)

    def waiting(self, run: str | None = None) -> list[tuple[str, str, Any]]:
        """What is waited for: ``(run, name, key)``."""
        with self._mutex:
            return [place for place in self._waiting if run is None or place[0] == run]


class MemoryTimers:
    async def sleep(self, run: str, seconds: float) -> None:
        await trio.sleep(seconds)


class MemoryDetached:
    """Detached runs: each in a thread with a loop of its own, or a system task of the caller's loop. ``runs`` holds
    those under way."""

    def __init__(self) -> None:
        self.runs: set[str] = set()

    async def start(self, launch: Launch, own_loop: bool) -> str:
        run = made_up()
        self.runs.add(run)
        context = contextvars.copy_context()
        context.run(_HELD.set, frozenset())  # the caller's locks are not this run's

        async def body(at: Underway | None = None) -> None:
            try:
                ready = launch(run)
                if at is not None:
                    at.began(ready.state, trio.lowlevel.current_trio_token())
                await ready.main()
            except (trio.Cancelled, KeyboardInterrupt) as cut:
                if at is None and isinstance(cut, trio.Cancelled):
                    raise
            except BaseException as error:
                from .loglines import complain

                complain(f"the detached {run} failed: {told(error)}")
            finally:
                self.runs.discard(run)

        if own_loop:
            Underway(lambda at: context.run(trio.run, body, at), f"cflow-{run}")
        else:
            trio.lowlevel.spawn_system_task(body, name=f"cflow-{run}", context=context)
        await trio.lowlevel.checkpoint()
        return run


def memory_services(workers: int | None = None) -> Services:
    """A fresh set of in-process ports.

    Parameters
    ----------
    workers: calls in processes at once; None: as many as there are processors.
    """
    return Services(
        MemoryLocks(),
        MemoryRates(),
        MemorySignals(),
        MemoryCache(),
        MemoryCache(size=None),
        MemoryTimers(),
        MemoryDetached(),
        MemoryProcesses(workers or os.cpu_count() or 1),
    )
