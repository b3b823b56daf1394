"""The HTTP clients of each Trio loop, and the small things around them; shared by nodes that speak HTTP.

It knows nothing of nodes. A program that its host does not trust has clients of its own: its requests go where its
grants allow (each host that is asked for, redirects too; each address that is connected to), and never over a
connection that somebody else has opened. Through a proxy, which resolves names where nobody looks at the addresses, it
reaches only hosts that were granted by their full name or address.

A pool of httpx looks at each of its connections at each request: 1,000 requests over one
pool of 100 connections took 6.5 s, over ten pools of 10 they take 1.2 s. So there are several clients of a few
connections each, and a new one is made only where those there are busy.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any, NamedTuple

import httpcore
import httpx
import trio
from attrs import define, field

from .. import Permissions

_CLIENTS = 12
_CONNECTIONS = 8  # of each client
_CONNECT_SECONDS = 20.0
_PROGRAMS = 32  # with grants of their own and clients that are kept
JAR = "cflow.cookies"
_FIRST = "cflow.first"
_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
_ELSEWHERE = frozenset(
    """accept accept-encoding accept-language connection content-encoding content-language content-length content-type
    host if-modified-since if-none-match range transfer-encoding user-agent""".split()
)
"""The headers that go along where a redirect leads to another host: what tells of the content. Any other may be a key,
whatever its name. Browsers, curl and requests leave only ``Authorization`` (and curl ``Cookie``) behind."""
_SILENCE_SECONDS = 300.0  # how long a server may say nothing; the time of a whole call is the node's `timeout`


class _Whose(NamedTuple):
    """Requests that may share connections: where they may go, and the proxy they go through ("": none is named)."""

    given: Permissions
    proxy: str


@define
class _Clients:
    """``busy`` counts the requests that each client has under way; whoever finds all busy waits at ``slots``. ``users``
    counts those who wait, too."""

    whose: _Whose
    clients: list[httpx.AsyncClient] = field(factory=list)
    busy: list[int] = field(factory=list)
    users: int = 0
    slots: trio.CapacityLimiter = field(factory=lambda: trio.CapacityLimiter(_CLIENTS * _CONNECTIONS))

    def choose(self) -> int:
        """The first client with a connection to spare: calls one after another use the same connection."""
        for i, requests in enumerate(self.busy):
            if requests < _CONNECTIONS:
                return i
        self.clients.append(_new_client(*self.whose))
        self.busy.append(0)
        return len(self.clients) - 1


_all_here: trio.lowlevel.RunVar[dict[_Whose, _Clients]] = trio.lowlevel.RunVar("cflow.http")


@asynccontextmanager
async def client(given: Permissions, proxy: str = "") -> AsyncIterator[httpx.AsyncClient]:
    """A client of this loop for one request; a system task closes all of them when the loop ends.

    Parameters
    ----------
    given: where the request may go. proxy: the address of a proxy to go through.

    A request whose ``extensions`` hold a :class:`~._cookies.Jar` under :data:`JAR` sends and keeps cookies.

    Raises
    ------
    ValueError: the proxy has no address of HTTP.
    """
    try:
        all_here = _all_here.get()
    except LookupError:
        all_here = {}
        _all_here.set(all_here)
        trio.lowlevel.spawn_system_task(_close_at_end, all_here, name="cflow.http: close the clients")
    whose = _Whose(given, proxy)
    here = all_here.get(whose)
    if here is None:
        here = all_here[whose] = _Clients(whose)
    here.users += 1
    try:
        if len(all_here) > _PROGRAMS:
            await _close(_take_unused(all_here))
        async with here.slots:
            chosen = here.choose()
            here.busy[chosen] += 1
            try:
                yield here.clients[chosen]
            finally:
                here.busy[chosen] -= 1
    finally:
        here.users -= 1


def _take_unused(all_here: dict[_Whose, _Clients]) -> list[httpx.AsyncClient]:
    """The clients of the programs that send nothing just now; whoever sends again gets new ones."""
    unused = [whose for whose, here in all_here.items() if not here.users]
    return [one for whose in unused for one in all_here.pop(whose).clients]


def _new_client(given: Permissions, proxy: str) -> httpx.AsyncClient:
    limits = httpx.Limits(max_connections=_CONNECTIONS, max_keepalive_connections=_CONNECTIONS)
    through = _proxy(proxy) if proxy else None
    before: list[Any] = [_leave_headers, _send_cookies]
    where: dict[str, Any]
    if not given.trusted:
        where = {"transport": _transport(given, limits, through)}
        before.append(_asking(given, through))
    elif through is not None:
        where = {"proxy": through}
    else:
        # A proxy in the environment never serves this machine itself.
        where = {"mounts": {"all://localhost": None, "all://127.0.0.1": None, "all://[::1]": None}}
    made = httpx.AsyncClient(
        verify=_certificates(),
        timeout=httpx.Timeout(_SILENCE_SECONDS, connect=_CONNECT_SECONDS, pool=None),
        limits=limits,
        follow_redirects=True,
        headers={"accept-encoding": "gzip, deflate"},  # others unpack without end what is short
        event_hooks={"request": before, "response": [_keep_cookies]},
        **where,
    )
    # What one run is sent must not travel with the requests of another.
    made.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


def _proxy(address: str) -> httpx.Proxy:
    try:
        url = httpx.URL(address)
    except httpx.InvalidURL:
        url = httpx.URL()
    if url.scheme not in _PORTS or not url.host:
        msg = (
            "the address of a proxy is http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT, "
            f"not {url.copy_with(userinfo=b'')}"
        )
        raise ValueError(msg)
    return httpx.Proxy(url)


async def _leave_headers(request: httpx.Request) -> None:
    first = request.extensions.setdefault(_FIRST, request.url)
    if not same_place(first, request.url):
        for name in [name for name in request.headers if name not in _ELSEWHERE]:
            del request.headers[name]


def same_place(first: httpx.URL, then: httpx.URL) -> bool:
    """Is it the same server, or the same over TLS? What is for the one may be sent to the other."""
    one, other = _origin(first), _origin(then)
    return one == other or (one, other) == (("http", then.host, 80), ("https", first.host, 443))


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or _PORTS.get(url.scheme)


async def _send_cookies(request: httpx.Request) -> None:
    if JAR in request.extensions:
        request.extensions[JAR].send(request)


async def _keep_cookies(response: httpx.Response) -> None:
    if JAR in response.request.extensions:
        response.request.extensions[JAR].keep(response)


def _asking(given: Permissions, through: httpx.Proxy | None) -> Callable[[httpx.Request], Awaitable[None]]:
    """Asks for the host of each request, redirects too, and for the proxy."""
    if through is not None:
        _ask(given, through.url)
        given = given._replace(grants=tuple(grant for grant in given.grants or () if "*" not in grant))

    async def ask(request: httpx.Request) -> None:
        _ask(given, request.url)

    return ask


def _ask(given: Permissions, url: httpx.URL) -> None:
    given.host(url.raw_host.decode("ascii"), url.port or _PORTS.get(url.scheme))


@lru_cache(1)
def _certificates() -> ssl.SSLContext:
    return httpx.create_ssl_context()


def _transport(given: Permissions, limits: httpx.Limits, proxy: httpx.Proxy | None) -> httpx.AsyncHTTPTransport:
    """Connects by :class:`_Backend`. No proxy of the environment: it would resolve names where nobody looks."""
    made = httpx.AsyncHTTPTransport(verify=_certificates(), limits=limits, trust_env=False, proxy=proxy)
    # httpx has no parameter for what the pool of httpcore has one for; a test holds that this one is in use.
    pool: Any = made._pool
    pool._network_backend = _Backend(given)
    return made


class _Backend(httpcore.AsyncNetworkBackend):
    """Resolves a name once, asks for the addresses, and connects to one of those: a resolver that answers otherwise
    the next time is not asked again. Pools and certificates go by the name all the same."""

    def __init__(self, given: Permissions) -> None:
        self._given = given
        self._inner: Any = httpcore.TrioBackend()  # of its two definitions a type checker takes the one without Trio

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        failed: Exception = httpcore.ConnectError(f"{host} has no address")
        for address in self._given.addresses(host, port, await _addresses(host, port, timeout)):
            try:
                stream: httpcore.AsyncNetworkStream = await self._inner.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
            else:
                return stream
        raise failed

    async def connect_unix_socket(self, path: str, *rest: Any, **more: Any) -> httpcore.AsyncNetworkStream:
        raise PermissionError(f"no program that is not trusted is connected to {path!r}")

    async def sleep(self, seconds: float) -> None:
        await trio.sleep(seconds)


async def _addresses(host: str, port: int, timeout: float | None) -> list[str]:
    """What the resolver gives for a name, each address once."""
    try:
        with trio.fail_after(_CONNECT_SECONDS if timeout is None else timeout):
            found = await trio.socket.getaddrinfo(host, port, type=trio.socket.SOCK_STREAM)
    except trio.TooSlowError as error:
        raise httpcore.ConnectTimeout(f"{host} was not resolved in time") from error
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


async def _close_at_end(all_here: dict[_Whose, _Clients]) -> None:
    try:
        await trio.sleep_forever()
    finally:
        await _close([one for here in all_here.values() for one in here.clients])


async def _close(clients: list[httpx.AsyncClient]) -> None:
    # An error in a system task would bring down the loop; nobody is left to be told.
    with trio.move_on_after(2, shield=True):
        for made in clients:
            with suppress(Exception):
                await made.aclose()
