"""How often a host is called: calls at once and calls a second, shared by a run; and how long it asks to be left alone.
It knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import trio
from attrs import define


class Kind(NamedTuple):
    """Calls that share a limit: of one run, to one host, with the same figures."""

    run: str
    host: str
    at_once: int | None
    rate: float | None


@define
class _Limit:
    """``next``: when the next call may start, on Trio's clock."""

    slots: trio.CapacityLimiter | None
    next: float = 0.0
    users: int = 0


_LIMITS: trio.lowlevel.RunVar[dict[Kind, _Limit]] = trio.lowlevel.RunVar("cflow.http limits")


@asynccontextmanager
async def turn(kind: Kind) -> AsyncIterator[None]:
    """Wait for one's turn, and hold a place while the block lasts. Whoever came first is first."""
    limit = _limit(kind)
    limit.users += 1
    me = object()  # a limiter lends one place to each borrower, and a task may want several
    try:
        if limit.slots is not None:
            await limit.slots.acquire_on_behalf_of(me)
        try:
            if kind.rate is not None:
                start = max(trio.current_time(), limit.next)
                limit.next = start + 1 / kind.rate
                await trio.sleep_until(start)
            yield
        finally:
            if limit.slots is not None:
                limit.slots.release_on_behalf_of(me)
    finally:
        limit.users -= 1


def _limit(kind: Kind) -> _Limit:
    try:
        limits = _LIMITS.get()
    except LookupError:
        limits = {}
        _LIMITS.set(limits)
    found = limits.get(kind)
    if found is None:
        now = trio.current_time()
        for old in [k for k, limit in limits.items() if not limit.users and limit.next <= now]:
            del limits[old]
        found = limits[kind] = _Limit(trio.CapacityLimiter(kind.at_once) if kind.at_once is not None else None)
    return found


def retry_after(text: str, date: str = "") -> float | None:
    """The seconds that a ``Retry-After`` header asks for (RFC 9110, 10.2.3); None: it says nothing that is known.

    Parameters
    ----------
    text: a number of seconds, or a date. date: the ``Date`` of the same answer, if it has one: of two clocks that
    differ, the server's is meant.
    """
    text = text.strip()
    if text.isascii() and text.isdigit():
        return float(text[:20])  # more digits are too long to wait anyway
    until = _moment(text)
    if until is None:
        return None
    return max(0.0, until - (_moment(date) or time.time()))


def _moment(text: str) -> float | None:
    """Seconds since 1970 of a date in one of the forms of HTTP."""
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=dt.UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
