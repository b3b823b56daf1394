"""The ports inside one process: everything is gone when the process is."""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
import uuid
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import trio
from attrs import define, field

from ..compiler.durations import UNITS
from .ports import Services

logger = logging.getLogger("cflow")


_HELD: ContextVar[frozenset[str]] = ContextVar("cflow_locks", default=frozenset())
"""The locks held by this task and by the blocks around it (tasks inherit it)."""


class MemoryLocks:
    """Locks by name; a name's lock exists while somebody holds or wants it."""

    def __init__(self) -> None:
        self._locks: dict[str, tuple[trio.Lock, int]] = {}

    @contextlib.asynccontextmanager
    async def hold(self, name: str) -> AsyncIterator[None]:
        held = _HELD.get()
        if name in held:  # whoever holds it, here or around, does not take it again
            yield
            return
        lock, users = self._locks.get(name) or (trio.Lock(), 0)
        self._locks[name] = (lock, users + 1)
        try:
            async with lock:
                token = _HELD.set(held | {name})
                try:
                    yield
                finally:
                    _HELD.reset(token)
        finally:
            lock, users = self._locks[name]
            if users == 1:
                del self._locks[name]
            else:
                self._locks[name] = (lock, users - 1)


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
        self._starts: dict[tuple[str, str], deque[float]] = {}

    async def wait(self, key: str, rate: str) -> None:
        calls, length = parse_rate(rate)
        starts = self._starts.setdefault((key, rate), deque(maxlen=calls))
        now = trio.current_time()
        start = now if len(starts) < calls else max(now, starts[0] + length)
        starts.append(start)  # booked before the wait, so that waiters keep their order
        if start > now:
            await trio.sleep_until(start)


class MemorySignals:
    """Inboxes by run, name and key. A signal that comes before anyone waits is kept; one for no run in particular
    goes to whoever waits first."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str | None, str, Any], deque[Any]] = {}
        self._waiting: dict[tuple[str, str, Any], deque[_Waiter]] = {}

    async def wait(self, run: str, name: str, key: Any) -> Any:
        for place in ((run, name, key), (None, name, key)):
            kept = self._kept.get(place)
            if kept:
                value = kept.popleft()
                if not kept:
                    del self._kept[place]
                await trio.lowlevel.checkpoint()
                return value
        mine = (run, name, key)
        waiter = _Waiter(trio.Event(), trio.lowlevel.current_trio_token())
        self._waiting.setdefault(mine, deque()).append(waiter)
        try:
            await waiter.event.wait()
        except trio.Cancelled:
            if waiter.box:  # it came while we were being cancelled: nothing acknowledged is lost
                self._kept.setdefault(mine, deque()).appendleft(waiter.box[0])
            raise
        finally:
            self._waiting[mine].remove(waiter) if waiter in self._waiting.get(mine, ()) else None
            if not self._waiting.get(mine):
                self._waiting.pop(mine, None)
        return waiter.box[0]

    def send(self, run: str | None, name: str, value: Any, key: Any = None) -> None:
        for place, waiters in self._waiting.items():
            if place[1:] != (name, key) or (run is not None and place[0] != run):
                continue
            for waiter in waiters:
                if not waiter.box:
                    waiter.box.append(value)
                    waiter.token.run_sync_soon(waiter.event.set)
                    return
        self._kept.setdefault((run, name, key), deque()).append(value)

    def waiting(self, run: str | None = None) -> list[tuple[str, str, Any]]:
        """What is waited for: ``(run, name, key)``."""
        return [place for place in self._waiting if run is None or place[0] == run]


@define(eq=False)
class _Waiter:
    event: trio.Event
    token: trio.lowlevel.TrioToken
    box: list[Any] = field(factory=list)


class MemoryCache:
    """Values by key with single flight, bounded in number (the oldest go first)."""

    def __init__(self, size: int = 10_000) -> None:
        self._size = size
        self._values: dict[str, tuple[Any, _Birth]] = {}
        self._flights: dict[str, trio.Event] = {}

    async def get(self, key: str, compute: Callable[[], Awaitable[Any]], ttl: float | None) -> tuple[Any, bool]:
        while True:
            found = self._values.get(key)
            if found is not None:
                value, born = found
                if ttl is None or born.age() < ttl:
                    return value, True
                del self._values[key]
            flight = self._flights.get(key)
            if flight is None:
                break
            await flight.wait()
        flight = self._flights[key] = trio.Event()
        try:
            value = await compute()
            self._values[key] = (value, _Birth())
            while len(self._values) > self._size:
                del self._values[next(iter(self._values))]
        finally:
            del self._flights[key]
            flight.set()
        return value, False


class _Birth:
    """When a value was made: by the loop's clock for readers in the same loop (tests turn it), else by the wall's."""

    def __init__(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        self.loop = trio.current_time()
        self.wall = time.time()

    def age(self) -> float:
        same = self.token is trio.lowlevel.current_trio_token()
        return trio.current_time() - self.loop if same else time.time() - self.wall


class MemoryTimers:
    async def sleep(self, run: str, seconds: float) -> None:
        await trio.sleep(seconds)


class MemoryDetached:
    """Detached runs: a system task of the caller's loop, or a thread with a loop of its own. ``runs`` holds those
    under way."""

    def __init__(self) -> None:
        self.runs: dict[str, str] = {}

    async def start(self, launch: Callable[[str], Awaitable[Any]], own_thread: bool) -> str:
        run = f"run-{uuid.uuid4().hex[:12]}"
        self.runs[run] = "running"

        async def body() -> None:
            try:
                await launch(run)
            except Exception:
                logger.exception("the detached run %s failed", run)
                self.runs[run] = "failed"
            else:
                self.runs[run] = "done"

        if own_thread:
            threading.Thread(target=trio.run, args=(body,), name=f"cflow-{run}").start()
        else:
            trio.lowlevel.spawn_system_task(body, name=f"cflow-{run}")
        await trio.lowlevel.checkpoint()
        return run


def memory_services() -> Services:
    """A fresh set of in-process ports."""
    return Services(
        MemoryLocks(), MemoryRates(), MemorySignals(), MemoryCache(), MemoryCache(), MemoryTimers(), MemoryDetached()
    )
