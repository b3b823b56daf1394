"""How many calls may be in processes at once: places that all runs of an engine share, on whichever loop they are."""

from __future__ import annotations

import contextlib
import threading
from collections import deque
from collections.abc import AsyncIterator

from .late import trio
from .waiter import Waiter


class MemoryProcesses:
    """So many places, first come, first served."""

    def __init__(self, count: int) -> None:
        self._mutex = threading.Lock()
        self._free = count
        self._queue: deque[Waiter] = deque()

    @contextlib.asynccontextmanager
    async def __call__(self) -> AsyncIterator[None]:
        """Hold a place."""
        await trio.lowlevel.checkpoint_if_cancelled()
        await self.wait()
        try:
            yield
        finally:
            self.give()

    def take(self) -> bool:
        """Take a place, if there is one."""
        with self._mutex:
            free = self._free > 0
            self._free -= free
        return free

    async def wait(self) -> None:
        """Wait for a place, and take it."""
        with self._mutex:
            if self._free:
                self._free -= 1
                return
            waiter = Waiter()
            self._queue.append(waiter)
        try:
            await waiter.event.wait()
        except trio.Cancelled:
            with self._mutex:
                mine = bool(waiter.box)
                if not mine:
                    self._queue.remove(waiter)
            if mine:
                self.give()
            raise

    def give(self) -> None:
        """Give a place back: to who has waited longest."""
        with self._mutex:
            while self._queue:
                if self._queue.popleft().answer(None):
                    return
            self._free += 1

    @property
    def wanted(self) -> bool:
        """Does somebody wait for a place?"""
        return bool(self._queue)
