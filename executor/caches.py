"""Values that are kept in this process: by key, with an age, made once.

A value with a claim (:class:`~.ports.Cache`) is one that may still be undone.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import define, field

from .late import trio
from .ports import Shares
from .waiter import Waiter


@define(eq=False)
class _Kept:
    """One value; its claim, if it may still be undone; and who waits for that, with what they share."""

    value: Any
    born: _Birth
    claim: object
    waiting: dict[Waiter, Shares] = field(factory=dict)


class MemoryCache:
    """Values by key with single flight. ``size``: how many are kept, the youngest (None: all); what has a claim is."""

    def __init__(self, size: int | None = 10_000) -> None:
        self._mutex = threading.Lock()
        self._size = size
        self._values: dict[str, _Kept] = {}
        self._claimed: dict[str, _Kept] = {}
        """Those of the values that have a claim: few, where values may be many."""
        self._flights: dict[str, list[Waiter]] = {}

    async def get(
        self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]], ttl: float | None, shares: Shares
    ) -> tuple[Any, bool]:
        while True:
            with self._mutex:
                found = self._values.get(key)
                if found is not None and found.claim is not None and not shares(found.claim):
                    self._refuse_ring(key, found, shares)
                    waiter = Waiter()
                    found.waiting[waiter] = shares
                elif found is not None and (ttl is None or found.born.age() < ttl):
                    return found.value, True
                elif key in self._flights:
                    found, waiter = None, Waiter()
                    self._flights[key].append(waiter)
                else:
                    self._values.pop(key, None)
                    old = self._claimed.pop(key, None)
                    self._flights[key] = []
                    break
            try:
                await waiter.event.wait()
            finally:
                if found is not None:
                    with self._mutex:
                        found.waiting.pop(waiter, None)
        try:
            value, claim = await compute()
            with self._mutex:
                kept = self._values[key] = _Kept(value, _Birth(), claim)
                if claim is not None:
                    self._claimed[key] = kept
                if self._size is not None and len(self._values) > self._size:
                    self._values.pop(next((k for k, kept in self._values.items() if kept.claim is None), key), None)
        finally:
            with self._mutex:
                waiters = self._flights.pop(key)
                waiters += old.waiting if old is not None else ()
            for waiter in waiters:
                waiter.answer(None)
        return value, False

    async def again(self, key: str, value: Any, claim: object, number: int) -> None:
        self.put(key, value, claim)

    def put(self, key: str, value: Any, claim: object) -> None:
        """Keep a value that was made elsewhere."""
        with self._mutex:
            kept = self._values[key] = _Kept(value, _Birth(), claim)
            old = self._claimed.pop(key, None)
            if claim is not None:
                self._claimed[key] = kept
        for waiter in old.waiting if old is not None else ():
            waiter.answer(None)

    def named(self, key: str) -> str:
        return ""

    def held(self, shares: Shares) -> list[str]:
        """The keys of what somebody's own transaction has done."""
        with self._mutex:
            return [key for key, kept in self._claimed.items() if shares(kept.claim)]

    def drop(self, key: str, value: Any) -> None:
        """This very value need not be kept any more, unless it may still be undone. From any thread."""
        with self._mutex:
            found = self._values.get(key)
            if found is not None and found.value is value and found.claim is None:
                del self._values[key]

    def settle(self, key: str, claim: object, kept: bool | None) -> None:
        with self._mutex:
            found = self._claimed.get(key)
            if found is None or found.claim is not claim:
                return
            if kept is not None:
                found.claim = None
                del self._claimed[key]
            if kept is False:
                del self._values[key]
            waiting, found.waiting = found.waiting, {}
        for waiter in waiting:
            waiter.answer(None)

    def _refuse_ring(self, key: str, wanted: _Kept, shares: Shares) -> None:
        """Refuse to wait for somebody who waits, in the end, for the asker's own transaction."""
        seen = {id(wanted)}
        stack = [wanted]
        while stack:
            claim = stack.pop().claim
            for other in self._claimed.values():
                if id(other) in seen or not any(theirs(claim) for theirs in other.waiting.values()):
                    continue
                if shares(other.claim):
                    msg = (
                        f"two transactions wait for one another: this one for what another has done under the key "
                        f"{key!r}, and that one for what this one has done; use such keys in one order everywhere"
                    )
                    raise RuntimeError(msg)
                seen.add(id(other))
                stack.append(other)


class _Birth:
    """When a value was made: by the loop's clock for readers in the same loop (tests turn it), else by the wall's."""

    def __init__(self) -> None:
        self.token = trio.lowlevel.current_trio_token()
        self.loop = trio.current_time()
        self.wall = time.time()

    def age(self) -> float:
        same = self.token is trio.lowlevel.current_trio_token()
        return trio.current_time() - self.loop if same else time.time() - self.wall
