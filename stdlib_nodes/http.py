"""HTTP: the verbs, JSON, downloads. Built on httpx, connections are kept and shared.

The resource is ``http``: ``get`` and ``head`` read it, all else writes it. So requests that only look overlap, and
one that changes something waits for all before it. A node of your own that changes what a later ``http.get`` should
see declares ``writes="http"`` too, or nothing.

An answer of 400 or above raises :class:`HttpError`, and so does a server that cannot be reached (then without a
status); ``check=False`` gives every answer as it is. A call takes at most 30 seconds, or what ``with timeout=...``
says. No cookie is kept from one call to the next. A program that its host does not trust reaches the hosts that it was
given (``net:api.example.com``), redirects included; by a name public addresses only.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio
from attrs import frozen

from .. import node, permissions
from ._aside import aside
from ._atomic import writing
from ._client import client
from ._jsontext import dump, parse

_BLOCK = 1 << 20  # bytes of a download written per hop to a thread
_SHOWN = 200  # characters of an error's body in its text


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
class Response:
    """An answer; names of headers are in lower case."""

    url: str
    status: int
    headers: dict[str, str]
    body: bytes

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


@node(reads="http", timeout=30.0)
async def get(
    url: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, check: bool = True
) -> Response:
    """Fetch.

    ``page = http.get("https://example.test/items", params={"page": 2}) with retry=3``

    Raises HttpError, TimeoutError, and ValueError for an address that is none.
    """
    return await _exchange("GET", url, check, params=params, headers=headers)


@node(reads="http", timeout=30.0)
async def get_json(url: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None) -> Any:
    """Fetch a JSON value.

    ``page: Page = http.get_json("https://example.test/items")``

    Raises what ``get`` raises, and ValueError where the answer is not JSON.
    """
    accept = {"accept": "application/json"} | (headers or {})
    return (await _exchange("GET", url, True, params=params, headers=accept)).json


@node(reads="http", timeout=30.0)
async def head(
    url: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, check: bool = True
) -> Response:
    """Fetch the status and the headers only.

    ``size = int(http.head(url).headers["content-length"])``
    """
    return await _exchange("HEAD", url, check, params=params, headers=headers)


@node(writes="http", timeout=30.0)
async def post(
    url: str,
    json: Any = None,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
) -> Response:
    """Send a JSON value, form fields or plain content (one of the three).

    ``http.post("https://example.test/orders", json={"sku": "A", "qty": 2})``
    """
    return await _exchange("POST", url, check, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def put(
    url: str,
    json: Any = None,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
) -> Response:
    """Put a value in the place that the address names.

    ``http.put("https://example.test/orders/7", json=order)``
    """
    return await _exchange("PUT", url, check, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def patch(
    url: str,
    json: Any = None,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
) -> Response:
    """Change part of what the address names.

    ``http.patch("https://example.test/orders/7", json={"state": "sent"})``
    """
    return await _exchange("PATCH", url, check, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def delete(
    url: str, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None, check: bool = True
) -> Response:
    """Delete what the address names.

    ``http.delete("https://example.test/orders/7")``
    """
    return await _exchange("DELETE", url, check, params, headers)


@node(writes="http", timeout=30.0)
async def request(
    method: str,
    url: str,
    json: Any = None,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
) -> Response:
    """Any other method.

    ``http.request("OPTIONS", url)``
    """
    return await _exchange(method.upper(), url, check, params, headers, json, form, content)


@node(reads="http", writes="files")
async def download(
    url: str, path: str | Path, params: dict[str, Any] | None = None, headers: dict[str, str] | None = None
) -> Path:
    """Fetch into a file, whole or not at all, in constant memory; returns the path. No limit on the time but five
    minutes of silence.

    ``http.download("https://example.test/data.zip", "data.zip") with timeout=1h``

    Raises HttpError, TimeoutError and OSError (which names the path).
    """
    permissions().file(path)
    async with _answer("GET", url, {"params": params, "headers": headers}) as answer:
        if answer.status_code >= 400:
            await answer.aread()
            raise _failure("GET", answer)
        async with aside(writing(path)) as file:
            block = bytearray()
            async for part in answer.aiter_bytes():
                block += part
                if len(block) >= _BLOCK:
                    await trio.to_thread.run_sync(file.write, bytes(block))
                    block.clear()
            await trio.to_thread.run_sync(file.write, bytes(block))
    return Path(path)


async def _exchange(
    method: str,
    url: str,
    check: bool,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    json: Any = None,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
) -> Response:
    if sum(part is not None for part in (json, form, content)) > 1:
        msg = f"{method} {url}: give one of json, form and content"
        raise ValueError(msg)
    if json is not None:
        content = dump(json)
        headers = {"content-type": "application/json"} | (headers or {})
    parts = {"params": params, "headers": headers, "data": form, "content": content}
    async with _answer(method, url, parts) as answer:
        body = await answer.aread()
    if check and answer.status_code >= 400:
        raise _failure(method, answer)
    return Response(url=_shown(answer.url), status=answer.status_code, headers=dict(answer.headers), body=body)


@asynccontextmanager
async def _answer(method: str, url: str, parts: dict[str, Any]) -> AsyncIterator[httpx.Response]:
    """The answer while its body comes in; errors in the words of this pack."""
    where = f"{method} {url}"
    try:
        where = f"{method} {_shown(httpx.URL(url))}"
        async with client(permissions()) as lent, lent.stream(method, url, **parts) as answer:
            yield answer
    except httpx.TimeoutException as error:
        msg = f"{where}: no connection, or no more data, in time"
        raise TimeoutError(msg) from error
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        msg = f"{where}: not an http or https address ({error})"
        raise ValueError(msg) from error
    except httpx.HTTPError as error:
        msg = f"{where}: {error or type(error).__name__}"
        raise HttpError(msg, None, where.partition(" ")[2]) from error


def _failure(method: str, answer: httpx.Response) -> HttpError:
    url = _shown(answer.url)
    text = answer.text
    reason = f" {answer.reason_phrase}" if answer.reason_phrase else ""
    more = f": {' '.join(text[:_SHOWN].split())}" if text.strip() else ""
    return HttpError(f"{method} {url} answered {answer.status_code}{reason}{more}", answer.status_code, url, text)


def _shown(url: httpx.URL) -> str:
    """The address without name and password."""
    return str(url.copy_with(username=None, password=None) if url.userinfo else url)
