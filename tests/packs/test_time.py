from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cflow.stdlib_nodes import time

NOON = dt.datetime(2026, 3, 1, 12, 34, 56, 789, dt.UTC)


def test_the_clock() -> None:
    before = dt.datetime.now(dt.UTC)
    now = time.now.fn()
    assert before <= now <= dt.datetime.now(dt.UTC)
    assert time.now.fn("Europe/Berlin").utcoffset() in (dt.timedelta(hours=1), dt.timedelta(hours=2))
    assert abs(time.today.fn() - before.date()) <= dt.timedelta(days=1)


def test_an_unknown_zone() -> None:
    for zone in ("Mars/Base", "../etc/passwd", ""):
        with pytest.raises(ValueError, match="no time zone"):
            time.now.fn(zone)


def test_parse() -> None:
    assert time.parse.fn("2026-03-01T12:00") == dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
    assert time.parse.fn("2026-03-01 12:00", zone="Asia/Tokyo") == dt.datetime(2026, 3, 1, 3, tzinfo=dt.UTC)
    assert time.parse.fn("2026-03-01T12:00+02:00", zone="Asia/Tokyo") == dt.datetime(2026, 3, 1, 10, tzinfo=dt.UTC)
    assert time.parse.fn("01.03.2026", "%d.%m.%Y").date() == time.parse_date.fn("2026-03-01") == dt.date(2026, 3, 1)
    with pytest.raises(ValueError, match="'soon' is not a date and time: it does not fit ISO 8601"):
        time.parse.fn("soon")
    with pytest.raises(ValueError, match="the pattern '%Y'"):
        time.parse.fn("soon", "%Y")
    with pytest.raises(ValueError, match="is not a date"):
        time.parse_date.fn("2026-02-30")


def test_format_and_timestamps() -> None:
    assert time.format.fn(NOON, "%d.%m.%y") == "01.03.26"
    assert time.format.fn(dt.date(2026, 3, 1)) == "2026-03-01"
    assert time.from_timestamp.fn(time.timestamp.fn(NOON)) == NOON
    assert time.timestamp.fn(dt.datetime(1970, 1, 2)) == 86400
    with pytest.raises(ValueError, match="milliseconds"):
        time.from_timestamp.fn(1517966773840000)
    assert time.in_zone.fn(NOON, "America/New_York").hour == 7


@pytest.mark.parametrize(
    ("start", "more", "end"),
    [
        (dt.date(2026, 1, 31), {"months": 1}, dt.date(2026, 2, 28)),
        (dt.date(2024, 2, 29), {"years": 1}, dt.date(2025, 2, 28)),
        (dt.date(2026, 1, 1), {"months": -1, "days": 1}, dt.date(2025, 12, 2)),
        (dt.date(2026, 1, 1), {"weeks": 2}, dt.date(2026, 1, 15)),
        (dt.datetime(2026, 1, 1), {"hours": 1.5}, dt.datetime(2026, 1, 1, 1, 30)),
        (NOON, {"minutes": -35}, NOON - dt.timedelta(minutes=35)),
    ],
)
def test_add(start: Any, more: dict[str, Any], end: Any) -> None:
    assert time.add.fn(start, **more) == end


def test_hours_are_exact_and_days_go_by_the_calendar() -> None:
    evening = time.parse.fn("2026-03-28T20:00", zone="Europe/Berlin")  # the clocks go forward in this night
    by_day = time.add.fn(evening, days=1)
    by_hour = time.add.fn(evening, hours=24)
    assert isinstance(by_day, dt.datetime)
    assert isinstance(by_hour, dt.datetime)
    assert (by_day.hour, by_hour.hour) == (20, 21)
    assert time.between.fn(evening, by_day) == dt.timedelta(hours=23)


def test_add_beyond_the_calendar() -> None:
    for more in ({"years": 9000}, {"days": 10**9}, {"months": -(10**6)}):
        with pytest.raises(ValueError, match="calendar"):
            time.add.fn(NOON, **more)
    with pytest.raises(TypeError, match="a date has no hours"):
        time.add.fn(dt.date(2026, 1, 1), hours=1)


@pytest.mark.parametrize(
    ("unit", "begun"),
    [
        ("minute", "2026-03-01T12:34"),
        ("hour", "2026-03-01T12:00"),
        ("day", "2026-03-01"),
        ("week", "2026-02-23"),
        ("month", "2026-03-01"),
        ("year", "2026-01-01"),
    ],
)
def test_floor(unit: Any, begun: str) -> None:
    assert time.floor.fn(NOON, unit) == time.parse.fn(begun)
    with pytest.raises(ValueError, match="the unit is one of"):
        time.floor.fn(NOON, "decade")  # type: ignore[arg-type]
