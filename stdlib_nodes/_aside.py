"""Blocking context managers in async nodes. It knows nothing of nodes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from typing import TypeVar

import trio

T = TypeVar("T")


@asynccontextmanager
async def aside(manager: AbstractContextManager[T]) -> AsyncIterator[T]:
    """A blocking context manager whose beginning and end run in a thread; the end is never cut short."""
    value = await trio.to_thread.run_sync(manager.__enter__)
    try:
        yield value
    except BaseException as error:
        with trio.CancelScope(shield=True):
            if not await trio.to_thread.run_sync(manager.__exit__, type(error), error, error.__traceback__):
                raise
    else:
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(manager.__exit__, None, None, None)
