"""Streams of a recorded run: each item of a source is an entry, and so is where a window of time ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from .at import At
from .entries import CUT, END, FAILED, ITEM, Entry
from .groups import is_cancellation
from .invoke import Site
from .late import trio
from .run import Run
from .streams import FlowStream, Put, closed, reader


class NodeStream:
    """The stream that a node's call has given, and which call that is.

    Parameters
    ----------
    at, site: the call. source: what it gave. again: opens a source that can begin anywhere after an item.
    """

    __slots__ = ("again", "id", "key", "path", "pure", "source", "writes")

    def __init__(self, at: At, site: Site, source: Any, again: Callable[[Any], Any] | None = None) -> None:
        self.id = site.id
        self.path = at.path + site.id
        self.key = at.key(self.path)
        self.pure = site.spec.effects.pure
        self.writes = not site.reader and not site.spec.effects.logs_only
        self.source = source
        self.again = again

    def __aiter__(self) -> AsyncIterator[Any]:
        return reader(self.source)


def sought(site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], last: Any) -> Any:
    """The source of a call, opened after an item."""
    seek = site.spec.seek
    names = [p.name for p in site.spec.signature.params if p.kind in ("pos", "pos_or_kw")]
    if seek in names[: len(args)]:
        place = names.index(seek)
        return site.fn(*args[:place], last, *args[place + 1 :], **kwargs)
    return site.fn(*args, **{**kwargs, seek: last})


def items(run: Run, source: Any, iterator: AsyncIterator[Any], path: str, plain: bool) -> AsyncIterator[Any]:
    """What a loop at ``path`` reads: ``iterator``, which comes from ``source``.

    Parameters
    ----------
    plain: it never waits. Of values that are at hand, and of a pure generator, making the items again costs less than
    recording them.
    """
    if isinstance(source, NodeStream) and not (plain and source.pure):
        return Items(run, source.path, source.id, iterator, source.writes, source.key, source.again)
    return iterator if plain else Items(run, path, "", iterator)


class Items:
    """The items of a source: those on record first, then what the source gives after them.

    The source is opened anew: after the last of them where it can begin anywhere, else it gives its items again, and
    those on record are passed over. One that writes is closed as one that stood there, too: what it does then counts
    like its items.

    Parameters
    ----------
    path, id: the call that gave it. writes: does reading it change anything? key: its idempotency key, where that does
    not follow from the run and the path. again: opens it after an item.
    """

    def __init__(
        self,
        run: Run,
        path: str,
        id: str,
        source: AsyncIterator[Any],
        writes: bool = False,
        key: str = "",
        again: Callable[[Any], Any] | None = None,
    ) -> None:
        assert run.journal is not None
        self.run = run
        self.journal = run.journal
        self.path = path
        self.id = id
        self.source = source
        self.writes = writes
        self.key = key
        self.again = again
        self.number = 0
        """Of the items given."""
        self.behind = 0
        """How many of these the source has not given in this process."""
        self.last = b""
        """The last of these: as it was recorded, since who got it may have changed it."""
        self.over = False

    def __aiter__(self) -> Items:
        return self

    async def __anext__(self) -> Any:
        if self.over:  # several may ask: the passes of a parallel loop
            raise StopAsyncIteration
        journal = self.journal
        key = f"{self.path}<{self.number}"
        entry = journal.take(key)
        if entry is not None:
            self.over = entry.kind != ITEM
            if entry.kind == END:
                raise StopAsyncIteration
            if entry.kind == FAILED:
                raise journal.keeper.error(entry.data)
            self.number += 1
            self.behind += 1
            self.last = entry.data
            return journal.keeper.value(entry.data)
        await self._ready()
        began = time.time()
        journal.begun += 1
        try:
            if self.behind and self.again is not None and not journal.keeper.lossy(self.last):
                await self._seek(self.again)
            await self._catch_up()
            item = await self.source.__anext__()
        except StopAsyncIteration:
            self.over = True
            journal.add(Entry(key, END), self.writes)
            raise
        except Exception as exc:
            if not is_cancellation(exc):
                self.over = True
                journal.add(Entry(key, FAILED, exc, began), self.writes)
            raise
        finally:
            journal.begun -= 1
        self.number += 1
        journal.add(Entry(key, ITEM, item, began), self.writes)
        return item

    async def _ready(self) -> None:
        await self.journal.live()
        if self.writes:
            await self.journal.on_disk(self.journal.next)
        else:
            await self.journal.on_disk(self.journal.written)

    async def _seek(self, again: Callable[[Any], Any]) -> None:
        unread, self.source = self.source, reader(again(self.journal.keeper.value(self.last)))
        self.behind = 0
        await closed(unread)

    async def _catch_up(self) -> None:
        self.journal.begun += 1
        try:
            while self.behind:
                await self.source.__anext__()
                self.behind -= 1
        finally:
            self.journal.begun -= 1

    async def aclose(self) -> None:
        key = f"{self.path}<"
        again = self.writes and self.number and not self.over and self.journal.take(key) is None
        try:
            if again:
                await self._ready()
                await self._catch_up()
        finally:
            await closed(self.source)
        if again:
            self.journal.add(Entry(key, END), True)


async def produced_in_time(run: Run, key: str, stream: FlowStream, put: Put, length: float) -> bool:
    """Run the flow of a stream that may last ``length`` seconds; False where it was cut, which is on record then."""
    from .watch import Deadline

    with trio.CancelScope() as scope:
        deadline = Deadline(run, key, scope, length)

        async def timed(item: Any) -> None:
            deadline.hold()
            await put(item)
            deadline.release()
            await trio.lowlevel.checkpoint_if_cancelled()

        try:
            await stream.produce(timed)
            deadline.stop()  # it has come to its end, however late that was
        finally:
            deadline.close()
    return not scope.cancelled_caught


ITEMS = frozenset({Items.__anext__.__code__, Items._catch_up.__code__, Items.aclose.__code__})
"""The code that asks the stream of a recorded run for items: in its frames ``self`` knows the call."""


class Windows:
    """Lists of the items of a stretch of time. How many there are in each is on record."""

    def __init__(self, run: Run, prefix: str, windows: Any) -> None:
        assert run.journal is not None
        self.journal = run.journal
        self.prefix = prefix
        self.windows = windows
        self.number = 0

    def __aiter__(self) -> Windows:
        return self

    async def __anext__(self) -> list[Any]:
        journal = self.journal
        key = f"{self.prefix}{self.number}"
        entry = journal.peek(key)
        if entry is not None:
            count = journal.keeper.value(entry.data)
            items = [await self.windows.source.__anext__() for _ in range(count)]
            journal.take(key)
        else:
            await self._begun_before()
            items = await self.windows.__anext__()
            journal.add(Entry(key, CUT, len(items)))
        self.number += 1
        return items

    async def _begun_before(self) -> None:
        """The items of a list that was not full when the process died. Its time begins anew when they are all there."""
        while self.journal.replaying and not self.windows.over:
            with trio.CancelScope() as live:
                self.journal.at_live.append(live.cancel)
                try:
                    self.windows.items.append(await self.windows.source.__anext__())
                except StopAsyncIteration:
                    self.windows.over = True
        if self.windows.items or not self.windows.over:  # the end is nothing that was decided
            await self.journal.live()
