"""Time zones: the clocks of a place, and the times that they skip or show twice. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError


def zone_of(name: str) -> dt.tzinfo:
    """Raises ValueError for a name that is none."""
    if name == "UTC":
        return dt.UTC  # works where the machine has no zone data
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"no time zone {name!r} (like 'Europe/Berlin'); where the machine has no zone data, `pip install tzdata`"
        raise ValueError(msg) from error


def aware(moment: dt.datetime) -> dt.datetime:
    """A moment without a zone is taken for UTC, as everywhere in the pack ``time``."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)


def shown(moment: dt.datetime, *, strict: bool = False) -> dt.datetime:
    """The moment at which the clocks of its zone show this time.

    A time that they skip is moved on by as much as they skip, and of one that they show twice the first is meant: what
    RFC 5545 (3.3.5) says, and what Temporal of JavaScript calls compatible.

    Raises
    ------
    ValueError: ``strict``, and it is such a time.
    """
    if moment.tzinfo is None:
        return moment
    first, second = moment.replace(fold=0), moment.replace(fold=1)
    before, after = first.utcoffset(), second.utcoffset()
    if before == after or before is None or after is None:
        return first
    if strict:
        what = "is skipped" if before < after else "comes twice"
        msg = f"{moment.replace(tzinfo=None)} {what} in {moment.tzinfo}, as the clocks change"
        raise ValueError(msg)
    return first if before > after else first.astimezone(dt.UTC).astimezone(moment.tzinfo)
