"""The HTTP clients of each Trio loop, and the small things around them; shared by nodes that speak HTTP.

It knows nothing of nodes. A pool of httpx looks at each of its connections at each request: 1,000 requests over one
pool of 100 connections took 6.5 s, over ten pools of 10 they take 1.2 s. So there are several clients of a few
connections each, and a new one is made only where those there are busy.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, suppress
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import TypeVar

import httpx
import trio
from attrs import define, field

_CLIENTS = 12
_CONNECTIONS = 8  # of each client
_CONNECT_SECONDS = 20.0
_SILENCE_SECONDS = 300.0  # how long a server may say nothing; the time of a whole call is the node's `timeout`

T = TypeVar("T")


@define
class _Clients:
    """``busy`` counts the requests that each client has under way; whoever finds all busy waits at ``slots``."""

    clients: list[httpx.AsyncClient] = field(factory=list)
    busy: list[int] = field(factory=list)
    slots: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(_CLIENTS * _CONNECTIONS))

    def choose(self) -> int:
        """The first client with a connection to spare: calls one after another use the same connection."""
        for i, requests in enumerate(self.busy):
            if requests < _CONNECTIONS:
                return i
        self.clients.append(_new_client())
        self.busy.append(0)
        return len(self.clients) - 1


_here: trio.lowlevel.RunVar[_Clients] = trio.lowlevel.RunVar("cflow.http")


@asynccontextmanager
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """A client of this loop for one request; a system task closes all of them when the loop ends."""
    try:
        here = _here.get()
    except LookupError:
        here = _Clients()
        _here.set(here)
        trio.lowlevel.spawn_system_task(_close_at_end, here, name="cflow.http: close the clients")
    async with here.slots:
        chosen = here.choose()
        here.busy[chosen] += 1
        try:
            yield here.clients[chosen]
        finally:
            here.busy[chosen] -= 1


def _new_client() -> httpx.AsyncClient:
    made = httpx.AsyncClient(
        verify=_certificates(),
        timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS, pool=None),
        limits=httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS),
        follow_redirects=True,
        # A proxy in the environment never serves this machine itself.
        mounts={"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None},
    )
    # What one run is sent must not travel with the requests of another.
    made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


@lru_cache(1)
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


async def _close_at_end(here: _Clients) -> None:
    try:
        await trio.sleep_forever()
    finally:
        # An error in a system task would bring down the loop; nobody is left to be told.
        with trio.move_on_after(2, shield=True):
            for made in here.clients:
                with suppress(Exception):
                    await made.aclose()


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
