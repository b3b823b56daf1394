"""Cron expressions, by cronsim, with errors that say which field is wrong. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from ._libraries import library

_FIELDS = {
    "second": "0 to 59",
    "minute": "0 to 59",
    "hour": "0 to 23",
    "day-of-month": "1 to 31, L is the last, LW the last weekday",
    "month": "1 to 12, or JAN to DEC",
    "day-of-week": "0 to 7, both of which are Sunday, or SUN to SAT; FRI#2 is the second Friday, 5L the last",
}

_SHORT = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

_LONGEST = 1000
"""Characters of an expression; no list of all minutes is longer."""


def runs(expression: str, after: dt.datetime) -> Iterator[dt.datetime]:
    """The moments after ``after`` that the expression names on the clocks of its zone, to the end of the calendar.

    Raises
    ------
    ValueError: it is no expression; at once, not at the first moment.
    """
    return _rising(_parsed(expression, after), after.astimezone(dt.UTC))


def _rising(found: Iterator[dt.datetime], last: dt.datetime) -> Iterator[dt.datetime]:
    """Those after the last one: in the second of two equal hours cronsim begins with the times of the first."""
    try:
        for moment in found:
            if (at := moment.astimezone(dt.UTC)) > last:
                last = at
                yield moment
    except (OverflowError, ValueError):  # the end of the calendar
        return


def _parsed(expression: str, after: dt.datetime) -> Any:
    cronsim = library("time", "cronsim")
    parts = _SHORT.get(expression.strip().lower(), expression).split()
    names = list(_FIELDS)[-len(parts) :] if len(parts) in (5, 6) else []
    if not names or len(expression) > _LONGEST:
        found = f"{len(parts)} fields" if not names else f"{len(expression):,} characters"
        msg = (
            f"{_cut(expression)} is no cron expression, but {found}: it has 5 ({', '.join(list(_FIELDS)[1:])}), 6 with "
            f"a second ahead, or is one of {', '.join(_SHORT)}"
        )
        raise ValueError(msg)
    try:
        return cronsim.CronSim(" ".join(parts), after)
    except (cronsim.CronSimError, ValueError) as error:
        name = next((name for name in names if str(error).endswith(f"Bad {name}")), "")
        told = f"the {name} is {parts[names.index(name)]!r} ({_FIELDS[name]}; *, 1,2, 1-5, */5)" if name else str(error)
        msg = f"{_cut(expression)} is no cron expression: {told}"
        raise ValueError(msg) from error


def _cut(text: str) -> str:
    return repr(text if len(text) < 80 else f"{text[:80]}...")
