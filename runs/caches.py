"""What ``cache`` keeps in a store: shared by all runs, flows and processes that use it.

In the process stays what nobody else may use yet: calls under way, what may still be undone, what is on its way to the
disk. That is :class:`~..executor.caches.MemoryCache`'s part, as it is without a store.

Equal calls at once are made once, also in several processes (:mod:`.flights`).
"""

from __future__ import annotations

import contextlib
import logging
import math
import threading
import time
import weakref
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..executor.caches import MemoryCache
from ..executor.late import trio
from ..executor.ports import Shares
from ..executor.wall import wall
from ..store.failures import StoreError
from ..store.port import Change, Remember, Shrink
from ..store.rows import NOWHERE, RunRow
from .flights import Flights

if TYPE_CHECKING:
    from ..engine import Engine
    from .recorder import Recorder, Recording

logger = logging.getLogger("cflow")

SIZE = 256 << 20
"""Bytes that cached values may have in a store, with their large values; the oldest are dropped then."""

PART = 16
"""The cache is shrunk whenever this part of its size was written anew."""


Landed = Callable[[BaseException | None], object]

FIRST, LONGEST = 0.005, 0.2
"""Seconds between two looks whether another process has made a value."""


@frozen
class _Made:
    """A value as it goes to the store. ``at``: epoch seconds, when it was made."""

    value: Any
    data: bytes
    at: float
    ttl: float | None


class Found(Exception):
    """It was made elsewhere meanwhile: ``args[0]`` is what is there."""


class _Elsewhere(Exception):
    """Another process makes it just now."""


class Shared:
    """What the runs of one engine share.

    Parameters
    ----------
    engine: goes on with runs that others wait for. recorder: knows the store. size: see :data:`SIZE`.
    """

    def __init__(self, engine: Engine, recorder: Recorder, size: int = SIZE) -> None:
        self._engine = weakref.ref(engine)
        self._recorder = weakref.ref(recorder)
        self.store = recorder.store
        self.owner = recorder.owner.id
        self.size = size
        self.flights = Flights(None if recorder.blobs is None else recorder.blobs.folder.parent)
        self.cache = MemoryCache()
        self.once = MemoryCache(size=None)
        self._lock = threading.Lock()
        self._written: float = math.inf
        self._line: list[tuple[list[Change], Landed]] = []
        self._sending = False
        self.landings = 0
        """How often something has landed: values that were in memory before are in the store since."""
        self._told: set[str] = set()
        self._gone_on: set[tuple[str, int]] = set()
        self._seen: dict[str, Any] = {}

    def large(self, blobs: tuple[str, ...]) -> int:
        """The bytes of large values."""
        recorder = self._recorder()
        if recorder is None or recorder.blobs is None:
            return 0
        total = 0
        for blob in blobs:
            with contextlib.suppress(OSError):
                total += recorder.blobs.path(blob).stat().st_size
        return total

    def shrinking(self, written: int, now: float) -> list[Change]:
        """What keeps the cache within its size, where it is time for that."""
        with self._lock:
            self._written += written
            if self._written < self.size // PART:
                return []
            self._written = 0
        return [Shrink(now, self.size)]

    def send(self, changes: list[Change], landed: Landed) -> None:
        """Hand over changes: at once, or with others when those that are on their way have landed. A unit for each
        would take the processor from the run as often as a value is made."""
        with self._lock:
            self._line.append((changes, landed))
            if self._sending:
                return
            self._sending = True
        self.flush()

    def flush(self) -> None:
        """Hand over what is in line."""
        with self._lock:
            line, self._line = self._line, []
            if not line:
                self._sending = False
                return

        def told(error: BaseException | None) -> None:
            self.landings += 1
            for _, landed in line:
                landed(error)
            self.flush()

        try:
            self.store.do([change for changes, _ in line for change in changes], told)
        except StoreError as error:  # it is closed
            for _, landed in line:
                landed(error)

    def tell(self, node: str, message: str) -> None:
        """Say something of a node, once."""
        with self._lock:
            if node in self._told:
                return
            self._told.add(node)
        logger.warning(message)

    def go_on(self, row: RunRow) -> None:
        """Go on with a run that somebody waits for, where nobody else does."""
        if row.state == "waiting":
            left = row.wake is not None and row.wake <= time.time()
        elif row.owner == NOWHERE:
            left = row.state == "running"
        else:
            from ..store.owners import alive

            owner = next((owner for owner in self.store.owners() if owner.id == row.owner), None)
            left = owner is None or alive(owner, self._seen) is False
        engine, recorder = self._engine(), self._recorder()
        if not left or engine is None or recorder is None:
            return
        with self._lock:
            if (row.id, row.resumed) in self._gone_on:
                return
            self._gone_on.add((row.id, row.resumed))
        from .supervisor import supervisor_of

        logger.info("going on with %s, whose process is gone: another run waits for what it does once", row.id)
        supervisor_of(engine).take_up(row.id)


class StoreCache:
    """The cache of one run; see :class:`~..executor.ports.Cache`. What is in the store is read there each time."""

    def __init__(self, shared: Shared, recording: Recording) -> None:
        self._shared = shared
        self._codec = recording.codec
        self._journal = recording.journal
        self._pending: dict[object, _Made] = {}

    async def get(
        self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]], ttl: float | None, shares: Shares
    ) -> tuple[Any, bool]:
        fresh: list[tuple[_Made | None, object]] = []
        shared, flights = self._shared, self._shared.flights

        async def make() -> tuple[Any, object]:
            if not flights.take(key):
                raise _Elsewhere
            try:
                # Now that nobody else makes it. Another process may have made it in the microseconds since the last
                # look, and then both do; a look for that would cost each miss as much again.
                if (pause > FIRST or shared.landings != landings) and (found := self._look(key, ttl)):
                    raise Found(found[0])
                value, claim = await compute()
                made = self._encoded(key, value, ttl)
            except BaseException:
                flights.free(key)
                raise
            if claim is not None or made is None:
                flights.free(key)  # nobody else has it from here
            if claim is not None and made is not None:
                self._pending[claim] = made
            fresh.append((made, claim))
            return value, claim

        pause = FIRST
        while True:
            landings = shared.landings
            if found := self._look(key, ttl):
                return found[0], True
            try:
                value, hit = await shared.cache.get(key, make, ttl, shares)
            except Found as there:
                return there.args[0], True
            except _Elsewhere:
                await trio.sleep(pause)
                pause = min(2 * pause, LONGEST)
                continue
            if fresh and fresh[0][1] is None:
                made = fresh[0][0]
                if made is None:
                    shared.cache.drop(key, value)
                else:
                    self._remember(key, made)
            return value, hit

    async def again(self, key: str, value: Any, claim: object, number: int) -> None:
        """It was made before, nobody knows when: it may be too old."""

    def settle(self, key: str, claim: object, kept: bool | None) -> None:
        made = None if kept is None else self._pending.pop(claim, None)
        if self._journal.stopped is not None:
            kept, made = False, None  # whether it stands is decided when the run goes on
        if kept and made is None:
            kept = False
        self._shared.cache.settle(key, claim, kept)
        if kept and made is not None:
            self._remember(key, made)

    def _look(self, key: str, ttl: float | None) -> tuple[Any] | None:
        """A value that is in the store and young enough."""
        now = wall()
        try:
            found = self._shared.store.cached(key, now)
            if found is None or (ttl is not None and found.made + ttl <= now):
                return None
            return (self._codec.decode(found.value),)
        except (StoreError, OSError):
            return None  # it is made anew; where the store is in trouble, others tell

    def _encoded(self, key: str, value: Any, ttl: float | None) -> _Made | None:
        node = node_of(key)
        try:
            data = self._codec.encode(value)
        except (StoreError, OSError) as error:
            self._shared.tell(node, f"what {node} gives is not cached: {error}")
            return None
        if self._codec.lossy(data):
            self._shared.tell(node, f"what {node} gives is not cached: it holds a secret, which is not stored")
            return None
        return _Made(value, data, wall(), ttl)

    def _remember(self, key: str, made: _Made) -> None:
        shared = self._shared
        blobs = self._codec.refs(made.data)
        large = shared.large(blobs)
        size = large + len(made.data)
        if size > shared.size:
            shared.cache.drop(key, made.value)
            shared.flights.free(key)
            node = node_of(key)
            shared.tell(node, f"what {node} gives is not cached: {size} bytes are more than all that is kept")
            return
        until = None if made.ttl is None else made.at + made.ttl

        def landed(error: BaseException | None) -> None:
            if error is None:
                shared.cache.drop(key, made.value)
            shared.flights.free(key)

        change = Remember(key, made.data, until, node_of(key), made.at, blobs, large)
        shared.send([change, *shared.shrinking(size, made.at)], landed)


def node_of(key: str) -> str:
    """The node or flow whose result has a key."""
    return key.split(":")[1]
