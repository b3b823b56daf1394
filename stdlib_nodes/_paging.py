"""How one page leads to the next. Knows nothing of nodes."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import trio
from attrs import evolve, frozen

from ._calls import exchange, shown
from ._client import same_place
from ._httpwords import Call, Response

_PAGE_SECONDS = 30.0
_TARGET = re.compile(r"[\s,]*<([^<>]*)>")
_PARAMETER = re.compile(r"""\s*;\s*([^\s=;,"<>]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;,"]*)))?""")
_END = re.compile(r"\s*(?:,|$)")


def next_link(header: str) -> str | None:
    """The address that a ``Link`` header calls ``next`` (RFC 8288, section 3); None: there is none."""
    at = 0
    while target := _TARGET.match(header, at):
        at = target.end()
        parameters: dict[str, str] = {}
        while found := _PARAMETER.match(header, at):
            at = found.end()
            name, quoted, plain = found.groups()
            # Of parameters of the same name the first counts.
            parameters.setdefault(name.lower(), re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else plain or "")
        if not _END.match(header, at):
            return None
        if "next" in parameters.get("rel", "").lower().split() and "anchor" not in parameters:
            return target[1]
    return None


def inside(value: Any, path: str) -> Any:
    """What a value holds at a path of keys and places (``data.items.0``); None where there is nothing."""
    for key in path.split(".") if path else ():
        if isinstance(value, dict):
            value = value.get(key)
        elif isinstance(value, list) and key.isascii() and key.isdigit():
            value = value[int(key)] if len(key) < 9 and int(key) < len(value) else None
        else:
            return None
    return value


class Seen:
    """Where a reader of pages has been: it refuses to go there again, or to go on for ever.

    Parameters
    ----------
    where: for the texts of errors. limit: how many pages there may be.
    """

    def __init__(self, where: str, limit: int) -> None:
        self._where, self._limit = where, limit
        self._places: set[str] = set()

    def go(self, place: str) -> None:
        """Raises ValueError for a place that was seen, and for one too many."""
        if place in self._places:
            msg = f"{self._where}: page {len(self._places)} leads back to one that was read before"
            raise ValueError(msg)
        if len(self._places) >= self._limit:
            msg = f"{self._where}: there are more than {self._limit} pages (limit=)"
            raise ValueError(msg)
        self._places.add(place)


@frozen(kw_only=True)
class By:
    """How a page leads to the next: see ``http.pages``."""

    next: str
    cursor: str
    number: str
    first: int
    step: int
    items: str

    def __attrs_post_init__(self) -> None:
        if (self.number and self.next) or (self.cursor and not self.next) or (self.items and not self.number):
            msg = "pages go by next=, by next= and cursor=, by number= (and items=), or by the header Link"
            raise ValueError(msg)


async def follow(call: Call, by: By, limit: int) -> AsyncGenerator[Any, None]:
    """The JSON values of the pages. Raises as ``http.pages``."""
    try:
        start = place = httpx.URL(call.url).copy_merge_params(call.params or {})
    except httpx.InvalidURL as error:
        msg = f"{call.url}: not an http or https address ({error})"
        raise ValueError(msg) from error
    where = f"GET {shown(start)}"
    seen = Seen(where, limit)
    number, before = by.first, b""
    while True:
        if by.number:
            place = place.copy_set_param(by.number, number)
        else:
            seen.go(str(place))
        got = await in_time(evolve(call, url=str(place), params=None))
        page = got.json
        if not by.number:
            yield page
            following = _next(got, page, by, place, where)
            if following is None:
                return
            place = following
            continue
        if not inside(page, by.items):
            return
        if got.body == before:
            msg = f"{where}: {by.number}={number} is the page before once more"
            raise ValueError(msg)
        seen.go(str(place))  # only now, for behind the last page an empty one is looked at
        yield page
        number, before = number + by.step, got.body


async def in_time(call: Call, check: bool = True) -> Response:
    """The answer, within the time that a page may take."""
    with trio.move_on_after(_PAGE_SECONDS):
        return await exchange(call, check)
    msg = f"{call.method} {shown(httpx.URL(call.url))}: no answer within {_PAGE_SECONDS:g} seconds"
    raise TimeoutError(msg)


def _next(got: Response, page: Any, by: By, place: httpx.URL, where: str) -> httpx.URL | None:
    """The address of the next page. Only there where the one before was asked for do the headers of the call belong."""
    found = inside(page, by.next) if by.next else next_link(got.headers.get("link", ""))
    if found is None or found is False or found == "":
        return None
    if by.cursor and isinstance(found, str | int):
        return place.copy_set_param(by.cursor, found)
    if not isinstance(found, str):
        msg = f"{where}: what is at {by.next!r} is a {type(found).__name__}, which leads to no page"
        raise ValueError(msg)
    try:
        address = httpx.URL(got.url).join(found)
    except httpx.InvalidURL as error:
        msg = f"{where}: the next page is at no address ({error})"
        raise ValueError(msg) from error
    if not same_place(place, address):
        msg = f"{where}: the next page is on another host ({shown(address)})"
        raise ValueError(msg)
    return address.copy_with(userinfo=place.userinfo) if place.userinfo else address
