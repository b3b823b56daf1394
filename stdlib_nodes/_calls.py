"""Calls over HTTP: how they are made, what comes back, what goes wrong; shared by the packs that speak HTTP."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any

import httpx
import trio

from .. import Permissions, context, permissions
from ._auth import Bearer, Login, OAuth, bearer, refused
from ._client import JAR, client
from ._cookies import Jar
from ._failures import HttpError, told
from ._httpwords import Call, Client, Response
from ._jsontext import dump
from ._limits import Kind, retry_after, turn

_SHOWN = 200  # characters of an error's body in its text
_REPEATS = 4  # how often at most a call is repeated because the server says when
_TOKEN_BYTES = 1 << 16  # of the answer of a server of OAuth 2
_BURST = {"br", "zstd"}  # codings of which a few bytes unpack to gigabytes before anybody can look


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
    oauth = call.client.auth if isinstance(call.client.auth, OAuth) else None
    for left in reversed(range(_REPEATS + 1)):
        auth = await _auth(call.client)  # before a connection is taken: to ask for a token takes one, too
        async with _sent(call, auth) as (got, jar):
            pause = _pause(call, got) if left else None
            if oauth and isinstance(auth, Bearer) and got.status_code == 401:
                refused(oauth, _whose(call.client), auth)
                if not call.once:
                    oauth, pause = None, 0.0  # a token may be taken back before its end: once more with another
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
async def _sent(call: Call, auth: httpx.Auth | None) -> AsyncIterator[tuple[httpx.Response, Jar]]:
    made = call.client
    url = address(call.url)
    at = shown(url)
    where = f"{call.method} {at}"
    if call.params:
        url = url.copy_merge_params(call.params)  # httpx would drop what the address has
    headers = _headers(where, made.headers, call.headers)
    with told(where, lambda text: HttpError(text, None, at)):
        async with _turn(made, url), client(permissions(), made.proxy) as lent:
            jar = Jar(made.cookies)
            parts: dict[str, Any] = {"headers": headers, "extensions": {JAR: jar}}
            if isinstance(call.content, httpx.AsyncByteStream):
                if "content-length" not in headers:
                    headers["transfer-encoding"] = "chunked"
                request = lent.build_request(call.method, url, **parts)
                request.stream = call.content
            else:
                request = lent.build_request(call.method, url, content=call.content, data=call.form, **parts)
            got = await lent.send(request, stream=True, auth=auth, follow_redirects=call.redirects)
            try:
                _refuse_bursts(where, got)
                yield got, jar
            finally:
                await got.aclose()


def _headers(where: str, *given: Mapping[Any, Any] | None) -> httpx.Headers:
    """Headers, the later ones before the earlier.

    Raises
    ------
    ValueError: one is no text, or none that can be sent; its value is not shown, for it may be a password.
    """
    made = httpx.Headers()
    for name, value in (item for headers in given for item in (headers or {}).items()):
        for part in (name, value):
            if not isinstance(part, str):
                msg = f"{where}: the header {name!r} is a text, not a {type(part).__name__}"
                raise ValueError(msg)
            if not part.isascii():
                msg = f"{where}: the header {name!r} holds characters that no header can"
                raise ValueError(msg)
        made[name] = value
    return made


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


async def _auth(made: Client) -> httpx.Auth | None:
    match made.auth:
        case None:
            return None
        case str(token):
            return Bearer(token)
        case OAuth() as auth:
            return await bearer(auth, _whose(made), partial(_ask_for_token, made, auth.token_url))
        case name, password:
            return (httpx.DigestAuth if made.digest else httpx.BasicAuth)(name, password)


def _whose(made: Client) -> tuple[Permissions, str]:
    """Who may share a token: only who may ask for it in the same way."""
    return permissions(), made.proxy


async def _ask_for_token(made: Client, url: str, form: dict[str, str], login: Login) -> tuple[int, bytes]:
    asking = Client(auth=login, proxy=made.proxy, wait=made.wait, max_body=_TOKEN_BYTES)
    headers = {"accept": "application/json"}
    # A redirect would take the form along, and that holds a secret.
    call = Call(method="POST", url=url, headers=headers, form=form, client=asking, harmless=True, redirects=False)
    got = await exchange(call, check=False)
    return got.status, got.body


def _refuse_bursts(where: str, got: httpx.Response) -> None:
    """No packing within a packing, and none that unpacks without end what has come in one piece."""
    codings = [c for c in re.split(r"[,\s]+", got.headers.get("content-encoding", "").lower()) if c != "identity"]
    known = [c for c in codings if c in ("gzip", "deflate", *_BURST)]
    if len(known) > 1 or not _BURST.isdisjoint(known):
        msg = f"{where}: the answer is packed in a way that was not asked for ({', '.join(known)[:_SHOWN]})"
        raise HttpError(msg, got.status_code, shown(got.url))


def address(text: str) -> httpx.URL:
    """Raises ValueError for one that is none."""
    try:
        return httpx.URL(text)
    except httpx.InvalidURL as error:
        msg = f"{text}: not an http or https address ({error})"
        raise ValueError(msg) from error


def shown(url: httpx.URL) -> str:
    """The address without name and password."""
    return str(url.copy_with(username=None, password=None) if url.userinfo else url)


def json_content(value: Any, headers: dict[str, str] | None) -> tuple[str, dict[str, str]]:
    """A value as the JSON body of a request, and its headers."""
    return dump(value), {"content-type": "application/json"} | (headers or {})
