"""Calls over HTTP: how they are made, what comes back, what goes wrong; shared by the packs that speak HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
import trio
from attrs import field, frozen

from .. import context, permissions
from ._client import JAR, client
from ._cookies import Cookie, Jar
from ._jsontext import dump, parse
from ._limits import Kind, retry_after, turn

_SHOWN = 200  # characters of an error's body in its text
_REPEATS = 4  # how often at most a call is repeated because the server says when
_BURST = {"br", "zstd"}  # codings of which a few bytes unpack to gigabytes before anybody can look


class HttpError(Exception):
    """A request that did not succeed. ``status`` is None where no answer came; ``body`` is the answer's text."""

    def __init__(self, message: str, status: int | None = None, url: str = "", body: str = "") -> None:
        super().__init__(message, status, url, body)
        self.status = status
        self.url = url
        self.body = body

    def __str__(self) -> str:
        return str(self.args[0])


@frozen(kw_only=True)
class Client:
    """How calls are made: a value, which any number of calls may be given.

    Parameters
    ----------
    auth: a name and a password, or the text of a bearer token. digest: the password is not sent, but proves itself
    (RFC 7616). headers: sent with each call, and where redirects lead. cookies: what an answer had set
    (``answer.cookies``), sent to the hosts that they are for.
    proxy: the address of a proxy, ``http://proxy.test:3128``.
    at_once, rate: how many calls a host gets at once, and in a second. Calls of a run with the same figures share
    them; redirects count for the host that was called. Waiting for its turn is part of the time that a call may take.
    wait: how many seconds a server that is overloaded (429, 503) may ask for with ``Retry-After``, where repeating is
    harmless; 0: its answer is an error at once.
    max_body: how many bytes of an answer are taken into memory.
    """

    auth: tuple[str, str] | str | None = field(default=None, repr=False)
    digest: bool = False
    headers: dict[str, str] = field(factory=dict, repr=False)
    cookies: list[Cookie] = field(factory=list, repr=False)
    proxy: str = field(default="", repr=False)
    at_once: int | None = None
    rate: float | None = None
    wait: float = 30.0
    max_body: int = 100_000_000

    def __attrs_post_init__(self) -> None:
        if (self.at_once is not None and self.at_once < 1) or (self.rate is not None and not self.rate > 0):
            msg = "at_once is 1 or more, and rate more than 0 (None: no limit)"
            raise ValueError(msg)
        auth: object = self.auth  # from data it may be anything
        if auth is not None and not isinstance(auth, str) and not (isinstance(auth, (tuple, list)) and len(auth) == 2):
            msg = f"auth is a token, or a name and a password, not a {type(auth).__name__}"
            raise ValueError(msg)
        if self.digest and not isinstance(self.auth, (tuple, list)):
            msg = "digest=True wants a name and a password in auth="
            raise ValueError(msg)


PLAIN = Client()


@frozen(kw_only=True)
class Response:
    """An answer; names of headers are in lower case. ``cookies``: those of the client, and what the call has set."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes
    cookies: list[Cookie] = field(factory=list)

    @property
    def ok(self) -> bool:
        """Is the status below 400?"""
        return self.status < 400

    @property
    def text(self) -> str:
        """The body as text, in the charset that the answer names (else UTF-8)."""
        named = re.search(r"charset=[\"']?([\w.:-]+)", self.headers.get("content-type", ""), re.IGNORECASE)
        try:
            return self.body.decode(named[1] if named else "utf-8", "replace")
        except LookupError:
            return self.body.decode("utf-8", "replace")

    @property
    def json(self) -> Any:
        """The value that the body, a JSON text, stands for. Raises ValueError."""
        return parse(self.body, f"the answer of {self.url}")


@frozen(kw_only=True)
class Call:
    """A request to be made.

    Parameters
    ----------
    content: its body; one that is a stream is sent as it comes. harmless: may it be repeated?
    """

    method: str
    url: str
    params: dict[str, Any] | None = None
    headers: dict[str, str] | None = None
    content: str | bytes | httpx.AsyncByteStream | None = None
    form: dict[str, Any] | None = None
    client: Client = PLAIN
    harmless: bool = False


async def exchange(call: Call, check: bool = True) -> Response:
    """Make a call and take the whole answer.

    Raises
    ------
    HttpError: no answer, one that is too long, or with ``check`` one of 400 or above. TimeoutError: the server says
    nothing. ValueError: the address is none.
    """
    async with answer(call) as (got, jar):
        return await whole(call, got, jar, check)


async def whole(call: Call, got: httpx.Response, jar: Jar, check: bool = True) -> Response:
    """The answer with its body. Raises as :func:`exchange`."""
    parts: list[bytes] = []
    left = call.client.max_body
    async with pieces(got) as body:
        async for part in body:
            left -= len(part)
            if left < 0:
                msg = f"{call.method} {shown(got.url)}: the answer is over {call.client.max_body} bytes (max_body=)"
                raise HttpError(msg, got.status_code, shown(got.url))
            parts.append(part)
    made = Response(
        url=shown(got.url),
        status=got.status_code,
        headers=dict(got.headers),
        body=b"".join(parts),
        cookies=jar.values(),
    )
    if check and not made.ok:
        raise http_error(call.method, made, got.reason_phrase)
    return made


@asynccontextmanager
async def pieces(got: httpx.Response) -> AsyncIterator[AsyncIterator[bytes]]:
    """The body of an answer, unpacked; one may leave before its end."""
    body = got.aiter_bytes()
    try:
        yield body
    finally:
        # In httpx generator stands within generator, and closing the outer one lets the others lie: what ends them in
        # order is an error from within, which the next wait of one that is cut gives.
        with suppress(Exception), trio.CancelScope(shield=True) as cut:
            cut.cancel()
            async for _ in body:
                pass


def http_error(method: str, got: Response, reason: str = "") -> HttpError:
    """What to raise for an answer of 400 or above."""
    text = got.text
    more = f": {' '.join(text[:_SHOWN].split())}" if text.strip() else ""
    msg = f"{method} {got.url} answered {got.status}{reason and f' {reason}'}{more}"
    return HttpError(msg, got.status, got.url, text)


@asynccontextmanager
async def answer(call: Call) -> AsyncIterator[tuple[httpx.Response, Jar]]:
    """The answer while its body comes in, once the server has time for it; errors in the words of this house."""
    for left in reversed(range(_REPEATS + 1)):
        async with _sent(call) as (got, jar):
            pause = _pause(call, got) if left else None
            if pause is None:
                yield got, jar
                return
        await trio.sleep(pause)


def _pause(call: Call, got: httpx.Response) -> float | None:
    """How long to wait before the call is repeated; None: it is not."""
    if not call.harmless or got.status_code not in (429, 503):
        return None
    pause = retry_after(got.headers.get("retry-after", ""), got.headers.get("date", ""))
    if pause is None or pause > call.client.wait:
        return None
    # An answer now says more than a timeout then.
    return pause if trio.current_time() + pause < trio.current_effective_deadline() else None


@asynccontextmanager
async def _sent(call: Call) -> AsyncIterator[tuple[httpx.Response, Jar]]:
    made = call.client
    where = f"{call.method} {call.url}"
    try:
        url = httpx.URL(call.url)
        where = f"{call.method} {shown(url)}"
        if call.params:
            url = url.copy_merge_params(call.params)  # httpx would drop what the address has
        async with _turn(made, url), client(permissions(), made.proxy) as lent:
            jar = Jar(made.cookies)
            headers = httpx.Headers(made.headers)
            headers.update(call.headers)
            parts: dict[str, Any] = {"headers": headers, "extensions": {JAR: jar}}
            if isinstance(call.content, httpx.AsyncByteStream):
                if "content-length" not in headers:
                    headers["transfer-encoding"] = "chunked"
                request = lent.build_request(call.method, url, **parts)
                request.stream = call.content
            else:
                request = lent.build_request(call.method, url, content=call.content, data=call.form, **parts)
            got = await lent.send(request, stream=True, auth=_auth(made))
            try:
                _refuse_bursts(where, got)
                yield got, jar
            finally:
                await got.aclose()
    except httpx.TimeoutException as error:
        msg = f"{where}: no connection, or no more data, in time"
        raise TimeoutError(msg) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        msg = f"{where}: not an http or https address ({error})"
        raise ValueError(msg) from error
    except httpx.StreamConsumed as error:
        msg = f"{where}: the server wants the body once more, and a stream can be sent only once"
        raise HttpError(msg, None, where.partition(" ")[2]) from error
    except httpx.HTTPError as error:
        msg = f"{where}: {error or type(error).__name__}"
        raise HttpError(msg, None, where.partition(" ")[2]) from error


@asynccontextmanager
async def _turn(made: Client, url: httpx.URL) -> AsyncIterator[None]:
    if made.at_once is None and made.rate is None:
        yield
        return
    try:
        run = str(context().run)
    except RuntimeError:
        run = ""
    async with turn(Kind(run, url.netloc.decode("ascii"), made.at_once, made.rate)):
        yield


def _auth(made: Client) -> httpx.Auth | None:
    match made.auth:
        case None:
            return None
        case str(token):
            return _Bearer(token)
        case name, password:
            return (httpx.DigestAuth if made.digest else httpx.BasicAuth)(name, password)


class _Bearer(httpx.Auth):
    """A token (RFC 6750). What httpx takes for a password, it does not send where a redirect leads elsewhere."""

    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["authorization"] = f"Bearer {self._token}"
        yield request


def _refuse_bursts(where: str, got: httpx.Response) -> None:
    """No packing within a packing, and none that unpacks without end what has come in one piece."""
    codings = [c for c in re.split(r"[,\s]+", got.headers.get("content-encoding", "").lower()) if c != "identity"]
    known = [c for c in codings if c in ("gzip", "deflate", *_BURST)]
    if len(known) > 1 or not _BURST.isdisjoint(known):
        msg = f"{where}: the answer is packed in a way that was not asked for ({', '.join(known)[:_SHOWN]})"
        raise HttpError(msg, got.status_code, shown(got.url))


def shown(url: httpx.URL) -> str:
    """The address without name and password."""
    return str(url.copy_with(username=None, password=None) if url.userinfo else url)


def json_content(value: Any, headers: dict[str, str] | None) -> tuple[str, dict[str, str]]:
    """A value as the JSON body of a request, and its headers."""
    return dump(value), {"content-type": "application/json"} | (headers or {})
