"""When a recorded run is put away: it has done nothing but wait for signals and the wall's clock for a while.

Whatever else it could be waiting for, or would lose, keeps it where it is: calls under way, locks, streams, the clocks
of timeouts, which begin again when a run goes on. So putting a run away changes nothing of what it does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, frozen

from .journal import Journal
from .late import trio
from .ports import Cache, Locks, Once, Rates, Services, Shares
from .suspended import Away
from .wall import virtual

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from .run import Run


@define(eq=False)
class Rest:
    """Looks whether a run rests.

    Parameters
    ----------
    nursery: of the run; ``watching``: a task in it that does not count. clocks: timeouts that the run is in.
    """

    run: Run
    journal: Journal
    nursery: trio.Nursery
    watching: trio.lowlevel.Task
    clocks: Callable[[], int]
    _steps: int = -1
    _since: float = 0.0
    _looking: bool = False
    """Was the inbox still to be looked into, the last time?"""

    def look(self, now: float) -> float:
        """Put the run away if it has rested long enough. Gives the time of the next look."""
        journal = self.journal
        if journal.idle == math.inf or not journal.waits or virtual():
            return math.inf
        looking, self._looking = self._looking, journal.inbox is not None and journal.inbox.looking(self.run.id)
        if (
            self._steps != journal.steps
            or looking
            or self._looking
            or not journal.resting
            or self.clocks()
            or self.run.shields
        ):
            self._steps, self._since = journal.steps, now
        elif now - self._since >= journal.idle:
            if self.only(journal.waits):
                waits = journal.waits.values()
                signals = tuple(dict.fromkeys((name, key) for name, key, _ in waits if name))
                journal.put_away(Away(min(until for _, _, until in waits), signals))
                return math.inf
            self._since = now
        return self._since + journal.idle

    def only(self, among: Container[trio.lowlevel.Task]) -> bool:
        """Are all tasks of the run, but for those that wait for others, among these?"""
        first = self.nursery.parent_task
        nurseries = first.child_nurseries
        tasks = [task for nursery in nurseries[nurseries.index(self.nursery) :] for task in nursery.child_tasks]
        tasks.remove(self.watching)
        if first not in among and not (tasks and self._waits_for_others(first)):
            return False
        while tasks:
            task = tasks.pop()
            inside = [child for nursery in task.child_nurseries for child in nursery.child_tasks]
            if task not in among and not (inside and self._waits_for_others(task)):
                return False
            tasks += inside
        return True

    def _waits_for_others(self, task: trio.lowlevel.Task) -> bool:
        """Who opens a nursery works on, often on the first of what is in it."""
        return self.journal.closing(task.child_nurseries[-1])


def counted(services: Services, journal: Journal) -> Services:
    """What an engine lends to a recorded run: the run is known to hold it."""
    return evolve(
        services,
        locks=_Locks(services.locks, journal),
        rates=_Rates(services.rates, journal),
        cache=_Cache(services.cache, journal),
        once=_Once(services.once, journal, services.once),
    )


@frozen(eq=False)
class _Locks:
    locks: Locks
    journal: Journal

    def hold(self, name: str) -> AbstractAsyncContextManager[None]:
        return self._hold(name)

    @asynccontextmanager
    async def _hold(self, name: str) -> AsyncIterator[None]:
        with self.journal.holding():
            async with self.locks.hold(name):
                yield


@frozen(eq=False)
class _Rates:
    rates: Rates
    journal: Journal

    async def wait(self, key: str, rate: str) -> None:
        with self.journal.holding():
            await self.rates.wait(key, rate)


@frozen(eq=False)
class _Cache:
    """Who computes a value that others wait for goes on with that."""

    cache: Cache
    journal: Journal

    async def get(
        self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]], ttl: float | None, shares: Shares
    ) -> tuple[Any, bool]:
        with self.journal.holding():
            return await self.cache.get(key, compute, ttl, shares)

    async def again(self, key: str, value: Any, claim: object, number: int) -> None:
        with self.journal.holding():
            await self.cache.again(key, value, claim, number)

    def settle(self, key: str, claim: object, kept: bool | None) -> None:
        self.cache.settle(key, claim, kept)


@frozen(eq=False)
class _Once(_Cache):
    once: Once

    def named(self, key: str) -> str:
        return self.once.named(key)
