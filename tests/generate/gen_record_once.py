"""What a recorded run does ``once``, on the disk of :mod:`gen_record`: the engine's own form of it, on as much of a
store as that asks for. Units are committed in the order they came in, whole or not at all.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import trio
from attrs import define, field

from cflow.executor.caches import MemoryCache
from cflow.runs.onces import StoreOnce
from cflow.store.failures import Exists
from cflow.store.port import Await, Release, Reserve, Settle

Told = Callable[[BaseException | None], Any]


@define
class Kept:
    """What is on disk of what is done once."""

    settled: dict[str, tuple[str, bytes]] = field(factory=dict)
    reserved: dict[str, tuple[str, str]] = field(factory=dict)

    def copied(self) -> Kept:
        return Kept(dict(self.settled), dict(self.reserved))

    def refuses(self, change: Any) -> BaseException | None:
        taken = self.settled.get(change.key) if isinstance(change, Reserve | Settle) else None
        return Exists(change.key) if taken is not None and not isinstance(change, Settle) else None

    def apply(self, change: Any) -> None:
        match change:
            case Reserve(key, run):
                self.reserved[key] = run, ""
            case Release(key):
                self.reserved.pop(key, None)
            case Settle(key, run, value):
                self.settled[key] = run, value
                self.reserved.pop(key, None)
            case Await():
                pass


@define
class Line:
    """The writer of a process: one unit after another, each after a while."""

    kept: Kept
    delay: Callable[[], float]
    last: trio.Event = field(factory=trio.Event)

    def __attrs_post_init__(self) -> None:
        self.last.set()

    def commit(self, changes: Sequence[Any], done: Told, apply: Callable[[], object] = lambda: None) -> None:
        """``apply``: what is committed beside the changes."""
        before, self.last = self.last, trio.Event()
        landed = self.last

        async def work() -> None:
            await before.wait()
            await trio.sleep(self.delay())
            error = next((e for c in changes if (e := self.kept.refuses(c)) is not None), None)
            if error is None:
                for change in changes:
                    self.kept.apply(change)
                apply()
            landed.set()
            wake = done(error)
            if wake is not None:
                wake()

        trio.lowlevel.spawn_system_task(work)

    # ---- what is asked of a store ----------------------------------------------------------------

    def do(self, changes: Sequence[Any], done: Told) -> None:
        self.commit(changes, done)

    def settled(self, key: str) -> tuple[str, bytes] | None:
        return self.kept.settled.get(key)

    def reserved(self, key: str) -> tuple[str, str] | None:
        return self.kept.reserved.get(key)


def store_once(line: Line, codec: Any, journal: Any, keeper: Any, run: str) -> StoreOnce:
    """What one process of the run does once."""
    shared: Any = SimpleNamespace(store=line, owner="me", once=MemoryCache(size=None))
    recording: Any = SimpleNamespace(codec=codec, journal=journal, keeper=keeper, row=SimpleNamespace(id=run))
    return StoreOnce(shared, recording)
