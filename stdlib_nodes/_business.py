"""Business days: all that are neither weekend nor holiday. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

from ._libraries import library

WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CALENDAR = (dt.date.max - dt.date.min).days


def opening(holidays: Iterable[dt.date] | None, weekend: Iterable[str] | None) -> Callable[[dt.date], bool]:
    """Whether a date is a business day. Raises ValueError for an unknown day of the week, and where all are weekend."""
    off = ["sat", "sun"] if weekend is None else [name.lower()[:3] for name in weekend]
    if unknown := [name for name in off if name not in WEEK]:
        msg = f"no day of the week {unknown[0]!r}: the days are {', '.join(WEEK)}"
        raise ValueError(msg)
    closed = frozenset(map(day_of, holidays or ()))
    resting = frozenset(map(WEEK.index, off))
    if len(resting) == len(WEEK):
        msg = "a week has at least one day that is no weekend"
        raise ValueError(msg)
    return lambda day: day.weekday() not in resting and day not in closed


def day_of(moment: Any) -> dt.date:
    """The date of a moment, or the date itself. Raises TypeError for what is neither."""
    if not isinstance(moment, dt.date):
        msg = f"a day is a date, not {type(moment).__name__} (time.parse_date makes one of text)"
        raise TypeError(msg)
    return moment.date() if isinstance(moment, dt.datetime) else moment


def after(day: dt.date, days: int, is_open: Callable[[dt.date], bool]) -> dt.date:
    """The ``days``-th business day after (below 0: before); 0: the day itself, or the next where it is none.

    Raises
    ------
    OverflowError: it is beyond the calendar.
    """
    if abs(days) > _CALENDAR:
        raise OverflowError
    step = dt.timedelta(days=-1 if days < 0 else 1)
    if days == 0:
        while not is_open(day):
            day += step
    for _ in range(abs(days)):
        day += step
        while not is_open(day):
            day += step
    return day


def count(start: dt.date, end: dt.date, is_open: Callable[[dt.date], bool]) -> int:
    """How many from ``start`` up to before ``end``; negative where ``end`` comes first."""
    if end < start:
        return -count(end, start, is_open)
    return sum(is_open(start + dt.timedelta(days=i)) for i in range((end - start).days))


def public_holidays(place: str, years: Iterable[int]) -> list[dt.date]:
    """Those of a country (``DE``) or of a part of it (``DE-BY``), in order, by the library holidays.

    Raises
    ------
    ValueError: none are known, of the place or of a year.
    """
    source = library("time", "holidays")
    country, _, part = place.partition("-")
    known = source.list_supported_countries()
    if country not in known or (part and part not in known[country]):
        told = f"of {country} these: {', '.join(known[country])}" if country in known else "like DE, or DE-BY"
        msg = f"no holidays are known of {place!r}: a place is an ISO 3166 code, {told}"
        raise ValueError(msg)
    out: set[dt.date] = set()
    for year in years:
        found = source.country_holidays(country, subdiv=part or None, years=[year])
        if not found:
            msg = f"no holidays are known of {place!r} in {year}"
            raise ValueError(msg)
        out.update(found)
    return sorted(out)
