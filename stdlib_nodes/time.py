"""Dates and times. ``now`` and ``today`` look at the clock, which is a barrier: every earlier step has ended, and no
later one has begun, so what lies between two readings is what they measure. All other nodes are pure.

Moments carry a time zone (UTC where nothing else is said): two of them can always be compared and subtracted.
"""

from __future__ import annotations

import calendar
import datetime as dt
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from .. import node


@node(barrier=True)
def now(zone: str = "UTC") -> dt.datetime:
    """This moment, in a time zone.

    ``started = time.now("Europe/Berlin")``

    Raises ValueError for an unknown zone.
    """
    return dt.datetime.now(_zone(zone))


@node(barrier=True)
def today(zone: str = "UTC") -> dt.date:
    """Today's date in a time zone.

    ``day = time.today()``
    """
    return dt.datetime.now(_zone(zone)).date()


@node(pure=True)
def parse(text: str, pattern: str | None = None, zone: str = "UTC") -> dt.datetime:
    """The moment that a text names: ISO 8601, or ``pattern`` as in ``strftime``. ``zone`` counts where the text names
    none.

    ``time.parse("2026-03-01 12:30", zone="Asia/Tokyo")``, ``time.parse("01.03.2026", "%d.%m.%Y")``

    Raises ValueError.
    """
    try:
        moment = dt.datetime.strptime(text, pattern) if pattern is not None else dt.datetime.fromisoformat(text)
    except ValueError as error:
        wanted = f"the pattern {pattern!r}" if pattern is not None else "ISO 8601 (2026-03-01T12:30)"
        msg = f"{text!r} is not a date and time: it does not fit {wanted}"
        raise ValueError(msg) from error
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=_zone(zone))


@node(pure=True)
def parse_date(text: str, pattern: str = "%Y-%m-%d") -> dt.date:
    """The date that a text names.

    ``time.parse_date("2026-03-01")``
    """
    try:
        return dt.datetime.strptime(text, pattern).date()
    except ValueError as error:
        msg = f"{text!r} is not a date: it does not fit {pattern!r}"
        raise ValueError(msg) from error


@node(pure=True)
def format(moment: dt.datetime | dt.date, pattern: str | None = None) -> str:
    """A moment or date as text: ISO 8601, or ``pattern`` as in ``strftime``.

    ``time.format(day, "%d %B %Y")``
    """
    return moment.isoformat() if pattern is None else moment.strftime(pattern)


@node(pure=True)
def from_timestamp(seconds: float, zone: str = "UTC") -> dt.datetime:
    """The moment that lies so many seconds after the beginning of 1970 (UTC).

    ``time.from_timestamp(event["time"] / 1000)``
    """
    place = _zone(zone)
    try:
        return dt.datetime.fromtimestamp(seconds, place)
    except (OverflowError, OSError, ValueError) as error:
        msg = f"{seconds!r} seconds are beyond the calendar (are they milliseconds?)"
        raise ValueError(msg) from error


@node(pure=True)
def timestamp(moment: dt.datetime) -> float:
    """Seconds since the beginning of 1970 (UTC).

    ``age = time.timestamp(later) - time.timestamp(earlier)``
    """
    return _aware(moment).timestamp()


@node(pure=True)
def in_zone(moment: dt.datetime, zone: str) -> dt.datetime:
    """The same moment on the clocks of another time zone.

    ``time.in_zone(started, "America/New_York")``
    """
    return _aware(moment).astimezone(_zone(zone))


@node(pure=True)
def add(
    moment: dt.datetime | dt.date,
    years: int = 0,
    months: int = 0,
    weeks: int = 0,
    days: int = 0,
    hours: float = 0,
    minutes: float = 0,
    seconds: float = 0,
) -> dt.datetime | dt.date:
    """Later (or, with negative numbers, earlier). Years, months, weeks and days go by the calendar and keep the time of
    day; the 31st of a shorter month is its last day; hours and less are exact.

    ``due = time.add(invoice_day, months=1)``

    Raises ValueError beyond the calendar, TypeError for hours of a date.
    """
    exact = dt.timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if exact and not isinstance(moment, dt.datetime):
        msg = "a date has no hours: add days, or start from a moment (time.parse)"
        raise TypeError(msg)
    year, month = divmod(moment.year * 12 + moment.month - 1 + years * 12 + months, 12)
    try:
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        later = moment.replace(year=year, month=month + 1, day=day) + dt.timedelta(weeks=weeks, days=days)
        if isinstance(later, dt.datetime) and exact:
            later = (later.astimezone(dt.UTC) + exact).astimezone(later.tzinfo) if later.tzinfo else later + exact
    except (ValueError, OverflowError) as error:
        msg = f"{moment} and {years} years, {months} months, {weeks} weeks, {days} days is beyond the calendar"
        raise ValueError(msg) from error
    return later


@node(pure=True)
def between(start: dt.datetime, end: dt.datetime) -> dt.timedelta:
    """How long from ``start`` to ``end``; negative where ``end`` comes first.

    ``took = time.between(started, time.now())``
    """
    # Python subtracts two moments of one zone by their clocks; in UTC an hour is an hour.
    return _aware(end).astimezone(dt.UTC) - _aware(start).astimezone(dt.UTC)


@node(pure=True)
def floor(moment: dt.datetime, unit: Literal["minute", "hour", "day", "week", "month", "year"]) -> dt.datetime:
    """The beginning of the minute, hour, day, week (Monday), month or year that the moment lies in.

    ``per_hour = [time.floor(q.time, "hour") for q in quakes]``
    """
    steps = {
        "minute": {"second": 0},
        "hour": {"minute": 0, "second": 0},
        "day": {"hour": 0, "minute": 0, "second": 0},
        "week": {"hour": 0, "minute": 0, "second": 0},
        "month": {"day": 1, "hour": 0, "minute": 0, "second": 0},
        "year": {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0},
    }
    if unit not in steps:
        msg = f"the unit is one of {', '.join(steps)}, not {unit!r}"
        raise ValueError(msg)
    begun = moment.replace(microsecond=0, **steps[unit])  # type: ignore[arg-type]
    return begun - dt.timedelta(days=begun.weekday()) if unit == "week" else begun


def _zone(name: str) -> dt.tzinfo:
    if name == "UTC":
        return dt.UTC  # works where the machine has no zone data
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"no time zone {name!r} (like 'Europe/Berlin'); where the machine has no zone data, `pip install tzdata`"
        raise ValueError(msg) from error


def _aware(moment: dt.datetime) -> dt.datetime:
    """A moment without a zone is taken for UTC, as everywhere in this pack."""
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=dt.UTC)
