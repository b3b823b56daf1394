"""HTTP: the verbs, JSON, pages, downloads and uploads. Built on httpx, connections are kept and shared.

The resource is ``http``: ``get``, ``head`` and ``pages`` read it, all else writes it. So requests that only look
overlap, and one that changes something waits for all before it. A node of your own that changes what a later
``http.get`` should see declares ``writes="http"`` too, or nothing.

An answer of 400 or above raises :class:`HttpError`, and so does a server that cannot be reached (then without a
status); ``check=False`` gives every answer as it is. Where an answer of 429 or 503 says when to come again
(``Retry-After``), a request that only looks does so, if there is time for it. A call takes at most 30 seconds, or what
``with timeout=...`` says. No cookie is kept from one call to the next: an answer has them, and a :class:`Client` takes
them along; it also says with what name and password or :class:`OAuth`, through which proxy and how often a host is
called.

A program that its host does not trust reaches the hosts that it was given (``net:api.example.com``), redirects
included; by a name public addresses only. Through a proxy, which looks up names itself, it reaches those that it was
given by full name or address, and only if it was given the proxy.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

from attrs import evolve

from .. import node, permissions
from ._auth import OAuth
from ._bodies import Once, form as _form, one_file, save
from ._calls import answer, exchange, json_content, whole
from ._cookies import Cookie
from ._failures import HttpError
from ._httpwords import PLAIN, Call, Client, Response
from ._paging import By, follow

# Made elsewhere, they belong to the pack as its nodes do.
__all__ = ["Client", "Cookie", "HttpError", "OAuth", "Response"]


@node(reads="http", timeout=30.0)
async def get(
    url: str,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Fetch.

    ``page = http.get("https://example.test/items", params={"page": 2}) with retry=3``

    Raises HttpError, TimeoutError, and ValueError for an address that is none.
    """
    return await _called("GET", url, check, client, params, headers)


@node(reads="http", timeout=30.0)
async def get_json(
    url: str,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    client: Client | None = None,
) -> Any:
    """Fetch a JSON value.

    ``page: Page = http.get_json("https://example.test/items")``

    Raises what ``get`` raises, and ValueError where the answer is not JSON.
    """
    accept = {"accept": "application/json"} | (headers or {})
    return (await _called("GET", url, True, client, params, accept)).json


@node(reads="http", timeout=30.0)
async def head(
    url: str,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Fetch the status and the headers only.

    ``size = int(http.head(url).headers["content-length"])``
    """
    return await _called("HEAD", url, check, client, params, headers)


@node(writes="http", timeout=30.0)
async def post(
    url: str,
    json: Any = ...,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Send a JSON value, form fields or plain content (one of the three).

    ``http.post("https://example.test/orders", json={"sku": "A", "qty": 2})``
    """
    return await _called("POST", url, check, client, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def put(
    url: str,
    json: Any = ...,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Put a value in the place that the address names.

    ``http.put("https://example.test/orders/7", json=order)``
    """
    return await _called("PUT", url, check, client, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def patch(
    url: str,
    json: Any = ...,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Change part of what the address names.

    ``http.patch("https://example.test/orders/7", json={"state": "sent"})``
    """
    return await _called("PATCH", url, check, client, params, headers, json, form, content)


@node(writes="http", timeout=30.0)
async def delete(
    url: str,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Delete what the address names.

    ``http.delete("https://example.test/orders/7")``
    """
    return await _called("DELETE", url, check, client, params, headers)


@node(writes="http", timeout=30.0)
async def request(
    method: str,
    url: str,
    json: Any = ...,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Any other method.

    ``http.request("OPTIONS", url)``
    """
    return await _called(method.upper(), url, check, client, params, headers, json, form, content)


@node(reads="http")
async def pages(
    url: str,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    next: str = "",
    cursor: str = "",
    number: str = "",
    first: int = 1,
    step: int = 1,
    items: str = "",
    limit: int = 1000,
    client: Client | None = None,
) -> AsyncIterator[Any]:
    """The JSON values of one page after the other, as a stream.

    ``for page in http.pages("https://example.test/items", next="links.next"): ...``

    How a page leads to the next: by its header ``Link`` (nothing is given); by the address at the path ``next`` in its
    value; by the cursor there, which is sent as the parameter ``cursor``; or by the parameter ``number``, which counts
    from ``first`` by ``step`` until a page is empty (has nothing at the path ``items``).

    Raises what ``get`` raises, and ValueError where a page leads back, or to another host, or where there are more than
    ``limit`` pages.
    """
    by = By(next=next, cursor=cursor, number=number, first=first, step=step, items=items)
    call = Call(method="GET", url=url, params=params, headers=headers, client=client or PLAIN, harmless=True)
    async with aclosing(follow(call, by, limit)) as found:
        async for page in found:
            yield page


@node(reads="http", writes="files")
async def download(
    url: str,
    path: str | Path,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    max_size: int | None = None,
    client: Client | None = None,
) -> Path:
    """Fetch into a file, whole or not at all, in constant memory; returns the path. No limit on the time but five
    minutes of silence; ``max_size`` bounds the bytes of the file.

    ``http.download("https://example.test/data.zip", "data.zip") with timeout=1h``

    Raises HttpError, TimeoutError and OSError (which names the path).
    """
    permissions().file(path)
    call = Call(method="GET", url=url, params=params, headers=headers, client=client or PLAIN, harmless=True)
    async with answer(call) as (got, jar):
        if got.status_code >= 400:
            await whole(call, got, jar)
        await save(got, path, max_size)
    return Path(path)


@node(reads="files", writes="http")
async def upload(
    url: str,
    source: str | Path | AsyncIterator[str] | AsyncIterator[bytes],
    method: str = "PUT",
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Send a file (its path), or the items of a stream, in constant memory. No limit on the time but five minutes of
    silence.

    ``http.upload("https://example.test/backups/db", "backup.tar.gz")``

    A redirect that wants the body once more gets a file again; for a stream it is an HttpError.
    """
    call = Call(method=method.upper(), url=url, params=params, headers=headers, client=client or PLAIN)
    if not isinstance(source, str | Path):
        return await exchange(evolve(call, content=Once(source), once=True), check)
    async with one_file(source) as (body, more):
        return await exchange(evolve(call, content=body, headers=more | (headers or {})), check)


@node(reads="files", writes="http")
async def post_files(
    url: str,
    files: dict[str, str | Path | list[str | Path]],
    fields: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    check: bool = True,
    client: Client | None = None,
) -> Response:
    """Send a form with files (multipart/form-data), in constant memory: paths, and other fields, by name. No limit on
    the time but five minutes of silence.

    ``http.post_files("https://example.test/photos", {"photo": "cat.png"}, {"title": "A cat"})``
    """
    async with _form(files, fields) as (body, more):
        call = Call(method="POST", url=url, params=params, content=body, client=client or PLAIN)
        return await exchange(evolve(call, headers=more | (headers or {})), check)


async def _called(
    method: str,
    url: str,
    check: bool,
    client: Client | None,
    params: dict[str, Any] | None = None,
    headers: dict[str, str] | None = None,
    json: Any = ...,
    form: dict[str, Any] | None = None,
    content: str | bytes | None = None,
) -> Response:
    sends_json = json is not ...  # None is the value null
    if sends_json + (form is not None) + (content is not None) > 1:
        msg = f"{method} {url}: give one of json, form and content"
        raise ValueError(msg)
    if sends_json:
        content, headers = json_content(json, headers)
    call = Call(
        method=method, url=url, params=params, headers=headers, content=content, form=form, client=client or PLAIN,
        harmless=check and method in ("GET", "HEAD", "OPTIONS"),
    )  # fmt: skip
    return await exchange(call, check)
