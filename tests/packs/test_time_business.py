"""Business days, cron expressions, and the times that clocks skip or show twice."""

from __future__ import annotations

import datetime as dt
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings, strategies as st

import cflow
from cflow.stdlib_nodes import time

BERLIN = ZoneInfo("Europe/Berlin")
DATES = st.dates(dt.date(2020, 1, 1), dt.date(2030, 1, 1))
HOLIDAYS = st.lists(st.dates(dt.date(2019, 12, 1), dt.date(2030, 2, 1)), max_size=30)


def at(text: str) -> dt.datetime:
    """A moment in Berlin, where the clocks go forward on 2026-03-29 at 02:00 and back on 2026-10-25 at 03:00."""
    return time.in_zone.fn(time.parse.fn(text, zone="Europe/Berlin"), "Europe/Berlin")


def shown(moments: Any) -> list[str]:
    return [moment.isoformat(timespec="minutes") for moment in moments]


# ---- times that clocks skip or show twice --------------------------------------------------------


def test_a_time_that_the_clocks_skip_is_moved_on() -> None:
    assert shown([at("2026-03-29 02:30"), at("2026-03-29 01:59")]) == [
        "2026-03-29T03:30+02:00",
        "2026-03-29T01:59+01:00",
    ]
    with pytest.raises(ValueError, match="2026-03-29 02:30:00 is skipped in Europe/Berlin, as the clocks change"):
        time.parse.fn("2026-03-29 02:30", zone="Europe/Berlin", strict=True)
    eve: Any = at("2026-03-28 02:30")
    assert shown([time.add.fn(eve, days=1), time.add.fn(eve, days=2)]) == [
        "2026-03-29T03:30+02:00",
        "2026-03-30T02:30+02:00",
    ]
    assert shown([time.add_business_days.fn(eve, 1, weekend=["sat"])]) == ["2026-03-29T03:30+02:00"]
    # In Beirut the clocks went forward at midnight: that day began at 01:00.
    noon = time.parse.fn("2024-03-31 12:00", zone="Asia/Beirut")
    assert shown([time.floor.fn(noon, "day")]) == ["2024-03-31T01:00+03:00"]
    half = time.parse.fn("2026-10-04 02:45", zone="Australia/Lord_Howe")  # from 02:00 to 02:30
    assert shown([time.floor.fn(half, "hour")]) == ["2026-10-04T02:30+11:00"]


def test_of_a_time_that_comes_twice_the_first_is_meant() -> None:
    assert shown([at("2026-10-25 02:30"), at("2026-10-25 02:30+01:00")]) == [
        "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00",
    ]  # fmt: skip
    with pytest.raises(ValueError, match="2026-10-25 02:30:00 comes twice in Europe/Berlin"):
        time.parse.fn("2026-10-25 02:30", zone="Europe/Berlin", strict=True)
    assert time.parse.fn("2026-10-25 03:30", zone="Europe/Berlin", strict=True) == at("2026-10-25 03:30")
    second: Any = at("2026-10-25 02:30+01:00")
    assert shown([time.add.fn(second, minutes=60), time.add.fn(second, hours=-1), time.add.fn(second)]) == [
        "2026-10-25T03:30+01:00", "2026-10-25T02:30+02:00", "2026-10-25T02:30+01:00",
    ]  # fmt: skip
    assert shown([time.add.fn(at("2026-10-24 02:30"), days=1)]) == ["2026-10-25T02:30+02:00"]
    assert shown([time.floor.fn(second, "hour"), time.floor.fn(second, "day")]) == [
        "2026-10-25T02:00+01:00", "2026-10-25T00:00+02:00",
    ]  # fmt: skip
    assert time.add_business_days.fn(second, 0, weekend=["sat"]) is second


# ---- business days -------------------------------------------------------------------------------


def test_business_days() -> None:
    friday, holidays = dt.date(2026, 12, 18), [dt.date(2026, 12, 25), dt.datetime(2026, 12, 28, 9)]
    assert time.is_business_day.fn(friday)
    assert not time.is_business_day.fn(dt.date(2026, 12, 19))
    assert not time.is_business_day.fn(dt.datetime(2026, 12, 28, 18), holidays)
    assert not time.is_business_day.fn(friday, weekend=["Friday", "SAT"])
    assert time.add_business_days.fn(friday, 5, holidays) == dt.date(2026, 12, 29)
    assert time.add_business_days.fn(dt.date(2026, 12, 29), -5, holidays) == dt.date(2026, 12, 21) - dt.timedelta(
        days=3
    )
    assert time.add_business_days.fn(dt.date(2026, 12, 19), 0) == dt.date(2026, 12, 21)
    assert time.add_business_days.fn(at("2026-12-18 17:30"), 1) == at("2026-12-21 17:30")
    assert time.business_days.fn(friday, dt.date(2026, 12, 29), holidays) == 5
    assert time.business_days.fn(dt.date(2026, 12, 29), friday, holidays) == -5
    wrong: Any = ["2026-12-25"]
    with pytest.raises(TypeError, match="a day is a date, not str"):
        time.is_business_day.fn(friday, wrong)
    with pytest.raises(ValueError, match="no day of the week 'fun'"):
        time.is_business_day.fn(friday, weekend=["funday"])
    with pytest.raises(ValueError, match="at least one day that is no weekend"):
        time.is_business_day.fn(friday, weekend=["mon", "tue", "wed", "thu", "fri", "sat", "sun"])
    for days in (10**30, -(10**6)):
        with pytest.raises(ValueError, match="beyond the calendar"):
            time.add_business_days.fn(friday, days)


@given(DATES, st.integers(-300, 300), HOLIDAYS)
@settings(max_examples=100, deadline=None)
def test_adding_and_counting_agree(day: dt.date, days: int, holidays: Any) -> None:
    start = time.add_business_days.fn(day, 0, holidays)
    end = time.add_business_days.fn(start, days, holidays)
    assert time.is_business_day.fn(end, holidays)
    assert time.business_days.fn(start, end, holidays) == days
    assert time.add_business_days.fn(end, -days, holidays) == start


def test_public_holidays() -> None:
    found = time.holidays.fn("DE-BY", 2026, 2027)
    assert found == sorted(found)
    assert {dt.date(2026, 1, 6), dt.date(2027, 12, 25)} <= set(found)
    assert dt.date(2026, 1, 6) not in time.holidays.fn("DE", 2026)
    for place, year, message in (
        ("HolidayBase", 2026, "no holidays are known of 'HolidayBase': a place is an ISO 3166 code, like DE"),
        ("DE-ZZ", 2026, "of 'DE-ZZ': a place is an ISO 3166 code, of DE these: .*BY"),
        ("DE", 3000, "of 'DE' in 3000"),
    ):
        with pytest.raises(ValueError, match=message):
            time.holidays.fn(place, year)


# ---- cron ----------------------------------------------------------------------------------------

MARCH, OCTOBER = "2026-03-29T00:00", "2026-10-25T00:00"


@pytest.mark.parametrize(
    ("expression", "after", "found"),
    [
        # at certain hours: once, at the end of the jump
        ("30 2 * * *", MARCH, ["2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"]),
        ("0,30 2,3 * * *", MARCH, ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
        # once, the first time
        ("30 2 * * *", OCTOBER, ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        ("30 2 * * *", "2026-10-25T02:10+01:00", ["2026-10-26T02:30+01:00", "2026-10-27T02:30+01:00"]),
        # the hours that there are
        ("*/30 2,3 * * *", MARCH, ["2026-03-29T03:00+02:00", "2026-03-29T03:30+02:00"]),
        ("0 */2 * * *", "2026-03-29T00:30", ["2026-03-29T04:00+02:00", "2026-03-29T06:00+02:00"]),
        ("0 * * * *", "2026-10-25T02:00", ["2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"]),
        ("@monthly", "2026-12-31T12:00", ["2027-01-01T00:00+01:00", "2027-02-01T00:00+01:00"]),
        ("0 9 LW * *", "2026-10-25T00:00", ["2026-10-30T09:00+01:00", "2026-11-30T09:00+01:00"]),
        ("0 9 13 * FRI", "2026-11-10T00:00", ["2026-11-13T09:00+01:00", "2026-11-20T09:00+01:00"]),
        ("30 0 9 * * mon#1", "2026-11-10T00:00", ["2026-12-07T09:00+01:00", "2027-01-04T09:00+01:00"]),
    ],
)
def test_cron(expression: str, after: str, found: list[str]) -> None:
    assert shown(time.cron_next.fn(expression, at(after), 2)) == found


def test_cron_by_the_clocks_of_a_zone() -> None:
    start = dt.datetime(2026, 6, 1, 3, 59, 59, 999_999)
    assert time.cron_next.fn("0 6 * * *", start, zone="Europe/Berlin") == [dt.datetime(2026, 6, 1, 4, tzinfo=dt.UTC)]
    assert time.cron_next.fn("0 6 * * *", start) == [dt.datetime(2026, 6, 1, 6, tzinfo=dt.UTC)]
    assert time.cron_next.fn("0 6 * * *", start, 0) == []
    assert len(time.cron_next.fn("0 0 1 1 *", dt.datetime(9997, 1, 1), 10)) == 2  # the calendar ends
    with pytest.raises(ValueError, match="count is at least 0"):
        time.cron_next.fn("0 6 * * *", start, -1)


def test_cron_due() -> None:
    six = at("2026-06-01 06:00:30")
    assert time.cron_due.fn("0 6 * * *", six)
    assert not time.cron_due.fn("0 6 * * *", at("2026-06-01 06:01"))
    assert time.cron_due.fn("0 6 * * *", six.astimezone(dt.UTC), zone="Europe/Berlin")
    assert not time.cron_due.fn("0 6 * * *", six.astimezone(dt.UTC))
    assert time.cron_due.fn("30 0 6 * * *", six)
    assert not time.cron_due.fn("31 0 6 * * *", six)
    assert time.cron_due.fn("0 6 * * *", at("2026-06-03 01:00"), since=six)
    assert not time.cron_due.fn("0 6 * * *", at("2026-06-02 05:59"), since=six)
    assert time.cron_due.fn("30 2 * * *", at("2026-03-29 03:00"))
    assert time.cron_due.fn("30 2 * * *", at("2026-10-25 02:30"))
    assert not time.cron_due.fn("30 2 * * *", at("2026-10-25 02:30+01:00"))


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("61 * * * *", r"'61 \* \* \* \*' is no cron expression: the minute is '61' \(0 to 59; "),
        ("* 24 * * *", r"the hour is '24' \(0 to 23"),
        ("* * 0 * *", "the day-of-month is '0'"),
        ("* * 30 2 *", "the day-of-month is '30'"),
        ("* * * JANUARY *", "the month is 'JANUARY'"),
        ("* * * * 1-", "the day-of-week is '1-'"),
        ("60 * * * * *", "the second is '60'"),
        ("*/0 * * * *", "the minute is"),
        ("* * * *", "but 4 fields: it has 5"),
        ("", "but 0 fields"),
        ("@noon", "but 1 fields"),
        (f"{'1,' * 600}1 * * * *", "but 1,209 characters"),
        (f"{'9' * 900} * * * *", "the minute is"),
    ],
)
def test_cron_errors_are_explained(expression: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        time.cron_next.fn(expression, dt.datetime(2026, 1, 1))


@given(st.text("0123456789*/-,#LW@ MONSUN", max_size=30))
@example("* * * * L")
@settings(max_examples=300, deadline=None)
def test_any_text_gives_moments_or_an_explained_error(expression: str) -> None:
    said, found = "", []
    try:
        found = time.cron_next.fn(expression, at(OCTOBER), 3)
    except ValueError as error:
        said = str(error)
    assert "cron expression" in said if said else found == sorted(found)


@cache
def minutes_after(after: str) -> list[dt.datetime]:
    """Those of two days."""
    start = at(after).astimezone(dt.UTC)
    return [(start + dt.timedelta(minutes=i)).astimezone(BERLIN) for i in range(1, 48 * 60)]


FIELD = st.one_of(
    st.just("*"), st.sets(st.integers(0, 23), min_size=1, max_size=3).map(lambda s: ",".join(map(str, s)))
)


@given(FIELD, FIELD, st.sampled_from([MARCH, OCTOBER, "2026-06-01T00:00"]))
@settings(max_examples=50, deadline=None)
def test_cron_is_what_looking_at_the_clock_each_minute_finds(minute: str, hour: str, after: str) -> None:
    def fits(moment: dt.datetime) -> bool:
        return all(f == "*" or str(v) in f.split(",") for f, v in ((minute, moment.minute), (hour, moment.hour)))

    start, clock = at(after), minutes_after(after)
    looked = [moment for moment in clock if fits(moment)]
    if "*" not in (minute, hour):  # at certain hours: not a second time, and what is skipped at the end of the jump
        looked = [moment for moment in looked if not moment.fold]
        skipped = any(fits(dt.datetime(2026, 3, 29, 2, m)) for m in range(60)) and after == MARCH
        if skipped and (end := at("2026-03-29T03:00")) not in looked:
            looked = sorted([*looked, end])
    found = time.cron_next.fn(f"{minute} {hour} * * *", start, len(looked) + 1)
    assert [m.astimezone(dt.UTC) for m in found[: len(looked)]] == [m.astimezone(dt.UTC) for m in looked]
    assert found[-1].astimezone(dt.UTC) > clock[-1].astimezone(dt.UTC)


FLOW = """
import time

flow firsts(start: datetime) -> list[str]:
    found = []
    for moment in time.cron_runs("0 0 1 * *", start, "Europe/Berlin"):
        found.append(time.format(moment, "%d.%m.%Y"))
        if len(found) == 3:
            break
    return found
"""


def test_a_stream_of_moments_is_made_as_it_is_asked_for() -> None:
    assert cflow.loads(FLOW).firsts.run(dt.datetime(2026, 11, 30, tzinfo=dt.UTC)) == [
        "01.12.2026", "01.01.2027", "01.02.2027",
    ]  # fmt: skip
