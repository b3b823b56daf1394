"""Dates and times. ``now`` and ``today`` look at the clock, which is a barrier: every earlier step has ended, and no
later one has begun, so what lies between two readings is what they measure. All other nodes are pure.

Moments carry a time zone (UTC where nothing else is said): two of them can always be compared and subtracted. Where
the clocks of a zone change, a time that they skip is moved on by as much as they skip (02:30 becomes 03:30), and of one
that they show twice the first is meant.

Cron expressions by cronsim, public holidays by holidays (extra ``time``).
"""

from __future__ import annotations

import calendar
import datetime as dt
from collections.abc import AsyncIterator
from itertools import islice
from typing import Literal

from .. import node
from . import _business, _cron
from ._clocks import aware, shown, zone_of


@node(barrier=True)
def now(zone: str = "UTC") -> dt.datetime:
    """This moment, in a time zone.

    ``started = time.now("Europe/Berlin")``

    Raises ValueError for an unknown zone.
    """
    return dt.datetime.now(zone_of(zone))


@node(barrier=True)
def today(zone: str = "UTC") -> dt.date:
    """Today's date in a time zone.

    ``day = time.today()``
    """
    return dt.datetime.now(zone_of(zone)).date()


@node(pure=True)
def parse(text: str, pattern: str | None = None, zone: str = "UTC", strict: bool = False) -> dt.datetime:
    """The moment that a text names: ISO 8601, or ``pattern`` as in ``strftime``. ``zone`` counts where the text names
    none.

    ``time.parse("2026-03-01 12:30", zone="Asia/Tokyo")``, ``time.parse("01.03.2026", "%d.%m.%Y")``

    Raises ValueError; with ``strict``, for a time too that the clocks of the zone skip or show twice. The second of
    two is named by its distance from UTC: ``time.parse("2026-10-25T02:30+01:00")``.
    """
    try:
        moment = dt.datetime.strptime(text, pattern) if pattern is not None else dt.datetime.fromisoformat(text)
    except ValueError as error:
        wanted = f"the pattern {pattern!r}" if pattern is not None else "ISO 8601 (2026-03-01T12:30)"
        msg = f"{text!r} is not a date and time: it does not fit {wanted}"
        raise ValueError(msg) from error
    return moment if moment.tzinfo is not None else shown(moment.replace(tzinfo=zone_of(zone)), strict=strict)


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
    place = zone_of(zone)
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
    return aware(moment).timestamp()


@node(pure=True)
def in_zone(moment: dt.datetime, zone: str) -> dt.datetime:
    """The same moment on the clocks of another time zone.

    ``time.in_zone(started, "America/New_York")``
    """
    return aware(moment).astimezone(zone_of(zone))


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
        if isinstance(later, dt.datetime):
            # Of the same time of the same day it stays the moment it was, also the second that the clocks show.
            later = moment if later == moment else shown(later)
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
    return aware(end).astimezone(dt.UTC) - aware(start).astimezone(dt.UTC)


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
    if unit in ("minute", "hour"):  # of the second hour of two it is the second beginning
        return begun.astimezone(dt.UTC).astimezone(begun.tzinfo) if begun.tzinfo is not None else begun
    return shown(begun - dt.timedelta(days=begun.weekday()) if unit == "week" else begun)


@node(pure=True)
def is_business_day(day: dt.date, holidays: list[dt.date] | None = None, weekend: list[str] | None = None) -> bool:
    """Is the day neither weekend nor holiday? ``weekend``: Saturday and Sunday, unless others are named.

    ``time.is_business_day(day, holidays)``, ``time.is_business_day(day, weekend=["fri", "sat"])``

    Raises ValueError for an unknown day of the week, TypeError for a holiday that is no date.
    """
    return _business.opening(holidays, weekend)(_business.day_of(day))


@node(pure=True)
def add_business_days(
    day: dt.datetime | dt.date, days: int, holidays: list[dt.date] | None = None, weekend: list[str] | None = None
) -> dt.datetime | dt.date:
    """So many business days later (or, with a negative number, earlier); a moment keeps its time of day. 0 days: the
    day itself, or the next business day where it is none.

    ``due = time.add_business_days(invoice_day, 10, time.holidays("DE", 2026, 2027))``

    Raises as ``is_business_day``, and ValueError beyond the calendar.
    """
    try:
        found = _business.after(_business.day_of(day), days, _business.opening(holidays, weekend))
    except OverflowError as error:
        msg = f"{day} and {days} business days is beyond the calendar"
        raise ValueError(msg) from error
    if not isinstance(day, dt.datetime):
        return found
    return day if found == day.date() else shown(dt.datetime.combine(found, day.timetz()))


@node(pure=True)
def business_days(
    start: dt.date, end: dt.date, holidays: list[dt.date] | None = None, weekend: list[str] | None = None
) -> int:
    """How many business days there are from ``start`` up to, but without, ``end``; negative where ``end`` comes first.

    ``left = time.business_days(time.today(), deadline, holidays)``

    Raises as ``is_business_day``.
    """
    days = _business.day_of(start), _business.day_of(end)
    return _business.count(*days, _business.opening(holidays, weekend))


@node(pure=True)
def holidays(place: str, *years: int) -> list[dt.date]:
    """The public holidays of a country, or of a part of it, in these years: by holidays (extra ``time``).

    ``time.holidays("DE-BY", 2026, 2027)``

    Raises ValueError where none are known.
    """
    return _business.public_holidays(place, years)


@node(pure=True)
def cron_next(expression: str, after: dt.datetime, count: int = 1, zone: str | None = None) -> list[dt.datetime]:
    """The next moments after ``after`` that a cron expression names, by the clocks of ``zone`` (those of ``after``
    where none is named).

    ``time.cron_next("30 2 * * MON-FRI", time.now(), 5, "Europe/Berlin")``

    As Debian's cron does, by cronsim (extra ``time``): what stands at certain hours is due once a day, at the end of
    the jump where the clocks jump over it (02:30 at 03:00) and the first time where they show it twice; where the
    minute or the hour begins with ``*`` the hours count that there are. Six fields begin with the second. Raises
    ValueError that says which field is wrong.
    """
    if count < 0:
        msg = f"count is at least 0, not {count}"
        raise ValueError(msg)
    return list(islice(_cron.runs(expression, _from(after, zone)), count))


@node(pure=True)
async def cron_runs(expression: str, after: dt.datetime, zone: str | None = None) -> AsyncIterator[dt.datetime]:
    """The same moments as a stream, made as they are asked for; it waits for none of them.

    ``for moment in time.cron_runs("@monthly", start): ...``
    """
    from trio.lowlevel import checkpoint  # only here: the pack is imported without it

    for moment in _cron.runs(expression, _from(after, zone)):
        yield moment
        await checkpoint()  # nothing else would let others run, as there is no end


@node(pure=True)
def cron_due(expression: str, moment: dt.datetime, since: dt.datetime | None = None, zone: str | None = None) -> bool:
    """Is a cron expression due: does it name the minute that the moment lies in (of six fields: the second), or with
    ``since`` any moment after that and up to this one?

    ``if time.cron_due("0 6 * * *", time.now(), since=last_look, zone="Europe/Berlin"): ...``

    Raises ValueError as ``cron_next``.
    """
    end = _from(moment, zone)
    if since is None:
        begun = end.replace(microsecond=0) if len(expression.split()) == 6 else end.replace(second=0, microsecond=0)
        since = begun.astimezone(dt.UTC) - dt.timedelta(seconds=1)
    found = next(_cron.runs(expression, aware(since).astimezone(end.tzinfo)), None)
    return found is not None and between.fn(found, end) >= dt.timedelta(0)


def _from(moment: dt.datetime, zone: str | None) -> dt.datetime:
    return aware(moment) if zone is None else aware(moment).astimezone(zone_of(zone))
