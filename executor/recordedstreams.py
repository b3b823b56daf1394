"""Streams of a recorded run: each item of a source is an entry, and so is where a window of time ended."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

from .entries import CUT, END, FAILED, ITEM, Entry
from .groups import is_cancellation
from .run import Run


class Items:
    """The items of a source: those on record first, then what the source gives after them.

    The source is opened anew and gives its items again; those on record are passed over.
    """

    def __init__(self, run: Run, prefix: str, source: AsyncIterator[Any]) -> None:
        assert run.journal is not None
        self.journal = run.journal
        self.prefix = prefix
        self.source = source
        self.number = 0
        """Of the items given."""
        self.behind = 0
        """How many of these the source has not given in this process."""

    def __aiter__(self) -> Items:
        return self

    async def __anext__(self) -> Any:
        journal = self.journal
        key = f"{self.prefix}{self.number}"
        entry = journal.take(key)
        if entry is not None:
            if entry.kind == END:
                raise StopAsyncIteration
            if entry.kind == FAILED:
                raise journal.keeper.error(entry.data)
            self.number += 1
            self.behind += 1
            return journal.keeper.value(entry.data)
        await journal.live()
        await journal.before_read()
        began = time.time()
        journal.begun += 1
        try:
            while self.behind:
                await self.source.__anext__()
                self.behind -= 1
            item = await self.source.__anext__()
        except StopAsyncIteration:
            journal.add(Entry(key, END))
            raise
        except Exception as exc:
            if not is_cancellation(exc):
                journal.add(Entry(key, FAILED, exc, began))
            raise
        finally:
            journal.begun -= 1
        self.number += 1
        journal.add(Entry(key, ITEM, item, began))
        return item


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
            await journal.live()
            items = await self.windows.__anext__()
            journal.add(Entry(key, CUT, len(items)))
        self.number += 1
        return items
