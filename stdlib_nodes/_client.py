"""One HTTP client for each Trio loop, and the small things around it; shared by nodes that speak HTTP. Knows nothing
of nodes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from typing import TypeVar

import httpx
import trio
from attrs import frozen

_CONNECTIONS = 100
_CONNECT_SECONDS = 20.0
_SILENCE_SECONDS = 300.0  # how long a server may say nothing; the time of a whole call is the node's `timeout`

T = TypeVar("T")


@frozen
class Shared:
    """``slots`` stand before the client's own queue, which is slow when hundreds wait in it."""

    client: httpx.AsyncClient
    slots: trio.CapacityLimiter


_shared: trio.lowlevel.RunVar[Shared] = trio.lowlevel.RunVar("cflow.http")


def shared() -> Shared:
    """This loop's client, made at the first call; a system task closes it when the loop ends."""
    try:
        return _shared.get()
    except LookupError:
        made = Shared(_new_client(), trio.CapacityLimiter(_CONNECTIONS))
        _shared.set(made)
        trio.lowlevel.spawn_system_task(_close_at_end, made.client, name="cflow.http: close the client")
        return made


def _new_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS, pool=None),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        follow_redirects=True,
        # A proxy in the environment never serves this machine itself.
        mounts={"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None},
    )


async def _close_at_end(client: httpx.AsyncClient) -> None:
    try:
        await trio.sleep_forever()
    finally:
        # An error in a system task would bring down the loop; nobody is left to be told.
        with trio.move_on_after(2, shield=True), suppress(Exception):
            await client.aclose()


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
