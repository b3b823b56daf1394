"""Durations as users write them: seconds, a ``timedelta``, or the literal as text (``"1h30m"``)."""

from __future__ import annotations

import math
import re
from datetime import timedelta

UNITS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
"""Seconds in one of each unit."""

_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])")


def parse_duration(text: str) -> timedelta:
    """``"1h30m"`` -> ``timedelta(hours=1, minutes=30)``.

    Raises
    ------
    ValueError: the text is not a duration.

    >>> parse_duration("1h30m")
    datetime.timedelta(seconds=5400)
    """
    parts = _PART.findall(text.strip())
    if not parts or "".join(n + unit for n, unit in parts) != text.strip():
        msg = f"{text!r} is not a duration: write it like '250ms', '10s', '5m', '1h30m' or '2d'"
        raise ValueError(msg)
    return timedelta(seconds=math.fsum(float(n) * UNITS[unit] for n, unit in parts))


def seconds(value: float | timedelta | str) -> float:
    """A duration in seconds.

    Raises
    ------
    TypeError, ValueError: it is none of the three forms, or negative.
    """
    if isinstance(value, str):
        value = parse_duration(value)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"a duration is seconds, a timedelta or text like '1h30m', not {value!r}"
        raise TypeError(msg)
    if not value >= 0:
        msg = f"a duration cannot be negative: {value!r}"
        raise ValueError(msg)
    return float(value)
