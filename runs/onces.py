"""What a call ``once`` gave, kept in a store for good: for all runs, flows and processes that use it.

A call ``once`` is made by one run: it reserves the key before it begins, and has it until it has settled it, has failed
or is over, also while its process is dead. Who needs the value meanwhile waits, and goes on with that run where nobody
works on it. A run that is repeated and finds its key settled uses that, so what is settled needs no journal beside it.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from ..compiler.secrets import hide
from ..executor.late import trio
from ..executor.ports import Shares
from ..executor.suspended import Suspended
from ..executor.waiter import Waiter
from ..store.failures import Exists, StoreError, Taken
from ..store.port import Append, Await, Change, Release, Reserve, Settle, Store
from ..store.rows import OVER
from ..store.tickets import commit
from .caches import Found

if TYPE_CHECKING:
    from .caches import Shared
    from .recorder import Recording

FIRST, LONGEST = 0.02, 2.0
"""Seconds between two looks whether another run is done with a key."""


class _Held(Exception):
    """Another run has begun with it: ``args[0]``."""


class StoreOnce:
    """What one run does once; see :class:`~..executor.ports.Cache`."""

    def __init__(self, shared: Shared, recording: Recording) -> None:
        self._shared = shared
        self._codec = recording.codec
        self._journal = recording.journal
        self._keeper = recording.keeper
        self._run = recording.row.id
        self._pending: dict[object, bytes] = {}

    async def get(
        self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]], ttl: float | None, shares: Shares
    ) -> tuple[Any, bool]:
        pause = FIRST
        ours: list[str] = []
        try:
            while True:
                if found := self._settled(key):
                    return self._codec.decode(found[0]), True
                make = functools.partial(self._make, key, compute)
                try:
                    value, hit = await self._shared.once.get(key, make, None, shares)
                except Found:
                    continue
                except _Held as held:
                    if not ours and (ours := [stored(k) for k in self._shared.once.held(shares)]):
                        await self._refuse_ring(key, ours)
                    await self._wait(key, held.args[0], pause)
                    pause = min(2 * pause, LONGEST)
                    continue
                self._shared.once.drop(key, value)  # it is in the store
                return value, hit
        finally:
            if ours:
                self._shared.store.do([Await(tuple(ours), self._run, "")], _nobody)

    def named(self, key: str) -> str:
        store = self._shared.store
        return once_name(store, stored(key), generation(store, stored(key)))

    async def again(self, key: str, value: Any, claim: object, number: int) -> None:
        reserved = self._shared.store.reserved(stored(key))
        if reserved is None or reserved[0] != self._run or self._undone_since(stored(key), number):
            return  # it is settled, was not made under this key, or was undone: the run has the key for a later call
        data = self._encoded(value)
        if claim is None:
            await self._settle(key, data)
        else:
            self._pending[claim] = data
            self._shared.once.put(key, value, claim)

    def settle(self, key: str, claim: object, kept: bool | None) -> None:
        memory = self._shared.once
        data = None if kept is None else self._pending.pop(claim, None)
        if kept is None or data is None:
            memory.settle(key, claim, kept)
        elif self._journal.stopped is not None:
            memory.settle(key, claim, False)  # the run has the key until it goes on and decides
        elif kept:
            # Nobody else uses it before it is on disk.
            self._journal.flush_with(self._settling(key, data), lambda error: memory.settle(key, claim, False))
        else:
            memory.settle(key, claim, False)
            self._release(key, undone=True)

    async def _make(self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]]) -> tuple[Any, object]:
        shared, name = self._shared, stored(key)
        if self._settled(key):
            raise Found
        await self._identified()
        if beginning := self._keeper.beginning():
            shared.store.do(beginning, _nobody)  # where it is refused, there is no such run, and nothing is reserved
        self._journal.flush(again=True)  # it shares the commit
        try:
            try:
                await self._commit(Reserve(name, self._run, shared.owner))
            except Exists:
                raise Found from None
            except Taken:
                reserved = shared.store.reserved(name)
                raise _Held(reserved[0] if reserved is not None else "") from None
            value, claim = await compute()
        except (Found, _Held):
            raise
        except BaseException:
            if self._journal.stopped is None:  # else it is made again when the run goes on
                self._release(key)
            raise
        data = self._encoded(value)
        if claim is None:
            await self._settle(key, data)
        else:
            self._pending[claim] = data
        return value, claim

    async def _refuse_ring(self, key: str, ours: list[str]) -> None:
        """Tell others what this transaction waits for; who comes last of those that wait for one another sees all.

        Raises
        ------
        RuntimeError: it would wait for somebody who waits for what it has done itself.
        """
        store = self._shared.store
        await self._commit(Await(tuple(ours), self._run, stored(key)))
        seen: set[str] = set()
        at = stored(key)
        while at and at not in seen:
            seen.add(at)
            found = store.reserved(at)
            at = "" if found is None else found[1]
            if at in ours:
                msg = (
                    f"two transactions wait for one another: this one for what another has done under the key {key!r}, "
                    f"and that one for what this one has done; use such keys in one order everywhere"
                )
                raise RuntimeError(msg)

    async def _wait(self, key: str, run: str, pause: float) -> None:
        """A while, for a run that has reserved the key.

        Raises
        ------
        RuntimeError: it is parked.
        """
        row = self._shared.store.run(run) if run else None
        if row is None or row.state in OVER:
            await trio.lowlevel.checkpoint()
            return
        if row.state == "parked":
            what = key.removeprefix("once:")
            msg = (
                f"{run} has begun what is done once under {what!r}, and is parked: {row.reason}; "
                f"`cflow resume {run}` goes on with it"
            )
            raise RuntimeError(msg)
        self._journal.flush()
        self._shared.go_on(row)
        await trio.sleep(pause)

    def _undone_since(self, name: str, number: int) -> bool:
        """Is it on disk that this run has undone what it has done under a key by the entry of that number?"""
        count = 0
        while (found := self._shared.store.settled(_undone(name, count))) is not None:
            if found[0] == self._run and (self._keeper.value(found[1]) or 0) > number:
                return True
            count += 1
        return False

    def _settled(self, key: str) -> tuple[bytes] | None:
        found = self._shared.store.settled(stored(key))
        return None if found is None else (found[1],)

    def _encoded(self, value: Any) -> bytes:
        """
        Raises
        ------
        StoreError: it cannot be stored, and what is done once has to be known for good.
        """
        data = self._codec.encode(value)
        if self._codec.lossy(data):
            msg = (
                "what is done once has given text with a secret in it, which is not stored: let it give something else"
            )
            raise StoreError(msg)
        return data

    def _release(self, key: str, undone: bool = False) -> None:
        """The key is free again. ``undone``: who does it next does something new, by another idempotency key."""
        journal, store, name, owner = self._journal, self._shared.store, stored(key), self._shared.owner
        journal.flush(again=True)  # why it was not done is on disk first
        changes: list[Change] = [Release(name, self._run, owner)]
        if undone:
            data = self._keeper.whole(journal.next)
            changes.insert(0, Settle(_undone(name, generation(store, name)), self._run, data, owner=owner))
        if journal.next and not journal.unwritten:  # where that is refused on its way, so is this
            changes.insert(0, Append(self._run, owner, journal.next, ()))
        store.do(changes, _nobody)

    async def _identified(self) -> None:
        """Two stores are two worlds: what is done once in each goes by two keys. The first of all runs names the
        store."""
        store = self._shared.store
        if store.settled(IDENTITY) is None:
            with contextlib.suppress(Exists):
                await self._commit(Settle(IDENTITY, self._run, os.urandom(4).hex().encode()))

    def _settling(self, key: str, data: bytes) -> Settle:
        return Settle(stored(key), self._run, data, self._codec.refs(data), self._shared.owner)

    async def _settle(self, key: str, data: bytes) -> None:
        waiter = Waiter()
        self._journal.flush_with(self._settling(key, data), waiter.answer)
        with trio.CancelScope(shield=True):
            await waiter.event.wait()
        error = waiter.box[0]
        if error is not None:
            raise self._broken_off(error) from error

    async def _commit(self, change: Change) -> None:
        """
        Raises
        ------
        Exists, Taken: of the change. Suspended: the store does not take it.
        """
        try:
            await commit(self._shared.store, [change])
        except (Exists, Taken):
            raise
        except StoreError as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: BaseException) -> Suspended:
        """Somebody else has the run, or the disk does not take it: no error of the call's, so no program catches it."""
        self._journal.stop(str(error))
        return Suspended(str(error))


def stored(key: str) -> str:
    """A key of ``once`` as it stands in the store: a secret in it is not stored."""
    return key if hide(key) == key else f"once::{hashlib.sha256(key.encode()).hexdigest()}"


IDENTITY = "store"
"""The key under which a store keeps a name of its own; those of calls begin with ``once:``."""


def _undone(name: str, generation: int) -> str:
    """The key of the mark of an undo. Its value is the number of entries that the run had then (None in older
    stores)."""
    return f"undone:{generation}:{name}"


def generation(store: Store, name: str) -> int:
    """How often what is kept under a key has been done and undone."""
    count = 0
    while store.settled(_undone(name, count)) is not None:
        count += 1
    return count


def prefix(store: Store) -> str:
    """What the idempotency keys of all that is done once in a store begin with; "" where nothing was."""
    found = store.settled(IDENTITY)
    return "" if found is None else f"once-{found[1].decode()}"


def once_name(store: Store, name: str, generation: int) -> str:
    """The idempotency key of what is kept under ``name`` and has been undone so often; :func:`of_name` reads it."""
    begins = prefix(store)
    return begins and f"{begins}/{quote(name, safe=':')}{f'!{generation}' if generation else ''}"


def of_name(key: str) -> tuple[str, int]:
    """What of the store an idempotency key of :func:`once_name`, or one within it, stands for."""
    name, _, generation = key.split("/")[1].partition("!")
    return unquote(name), int(generation or 0)


def _nobody(error: BaseException | None) -> None:
    """Nobody waits for it."""
