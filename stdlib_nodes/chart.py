"""Charts as SVG text: bars, lines, histograms. All nodes are pure; ``files.write("totals.svg", chart.bars(...))``
keeps one.

The pictures need no fonts or styles of their own and scale to any size.
"""

from __future__ import annotations

import datetime as dt
import math
from html import escape
from typing import Any

from .. import node
from ._fields import field, finite

COLOURS = ("#2f6fb4", "#d9673b", "#3b9a6d", "#8a5aa8", "#b8912f", "#4b5563")
_INK = "#1f2933"
_FAINT = "#e3e8ee"
_SOFT = "#66727f"


@node(pure=True)
def bars(rows: list[Any], label: str, value: str, title: str = "", width: int = 720) -> str:
    """One horizontal bar a record, from top to bottom.

    ``chart.bars(totals, "region", "orders", title="Orders by region")``

    Raises ValueError for a missing field, TypeError where a value is no number.
    """
    names = [str(field(row, label)) for row in rows]
    values = [finite(field(row, value), value) for row in rows]
    left = 34 + 7.2 * max((min(len(name), 32) for name in names), default=0)
    top = 52 if title else 20
    low, high = min([0.0, *values]), max([0.0, *values])
    scale = (width - left - 70) / ((high - low) or 1)
    zero = left - low * scale
    parts = []
    for i, (name, number) in enumerate(zip(names, values, strict=True)):
        y = top + i * 26
        x = min(zero, zero + number * scale)
        shown = name if len(name) <= 32 else name[:31] + "…"
        parts.append(_text(left - 10, y + 13, shown, anchor="end"))
        parts.append(
            f'<rect x="{x:.1f}" y="{y}" width="{abs(number) * scale:.1f}" height="18" rx="3" fill="{COLOURS[0]}">'
            f"<title>{escape(name)}: {number:g}</title></rect>"
        )
        parts.append(_text(zero + max(number, 0) * scale + 8, y + 13, f"{number:,g}", colour=_SOFT))
    return _document(width, top + len(names) * 26 + 16, title, parts)


@node(pure=True)
def lines(rows: list[Any], x: str, y: str | list[str], title: str = "", width: int = 720, height: int = 360) -> str:
    """The fields ``y`` over the field ``x`` (numbers, dates or moments), one line a field; None leaves a gap.

    ``chart.lines(days, "day", ["orders", "returns"], title="This month")``
    """
    names = [y] if isinstance(y, str) else y
    points = sorted(((field(row, x), row) for row in rows), key=lambda point: point[0])
    at = [_position(place, x) for place, _ in points]
    series = [[_optional(field(row, name), name) for _, row in points] for name in names]
    frame = _Frame(at, [value for one in series for value in one if value is not None], title, width, height)
    parts = frame.grid(_place_label(points[0][0]) if points else "", _place_label(points[-1][0]) if points else "")
    for i, (name, values) in enumerate(zip(names, series, strict=True)):
        colour = COLOURS[i % len(COLOURS)]
        path, pen = [], "M"
        for place, value in zip(at, values, strict=True):
            if value is None:
                pen = "M"
            else:
                path.append(f"{pen}{frame.x(place):.1f} {frame.y(value):.1f}")
                pen = "L"
        parts.append(
            f'<path d="{"".join(path)}" fill="none" stroke="{colour}" stroke-width="2.2" stroke-linejoin="round" '
            f'stroke-linecap="round"><title>{escape(name)}</title></path>'
        )
        if len(names) > 1:
            parts.append(f'<circle cx="{frame.left + 8 + i * 130}" cy="{height - 14}" r="5" fill="{colour}"/>')
            parts.append(_text(frame.left + 20 + i * 130, height - 10, name))
    return _document(width, height, title, parts)


@node(pure=True)
def histogram(values: list[float], bins: int = 20, title: str = "", width: int = 720, height: int = 320) -> str:
    """How many of the values lie in each of ``bins`` equal parts of their range.

    ``chart.histogram([q.mag for q in quakes], bins=30, title="Magnitudes")``

    Raises ValueError where ``bins`` is below 1.
    """
    if bins < 1:
        msg = f"a histogram has at least one bin, not {bins}"
        raise ValueError(msg)
    numbers = [finite(value, "value") for value in values]
    low, high = min(numbers, default=0.0), max(numbers, default=1.0)
    step = (high - low) / bins or 1.0
    counts = [0] * bins
    for number in numbers:
        counts[min(bins - 1, int((number - low) / step))] += 1
    frame = _Frame([low, low + step * bins], [0.0, *map(float, counts)], title, width, height)
    parts = frame.grid(f"{low:g}", f"{low + step * bins:g}")
    for i, count in enumerate(counts):
        left, right = frame.x(low + i * step), frame.x(low + (i + 1) * step)
        parts.append(
            f'<rect x="{left + 0.5:.1f}" y="{frame.y(count):.1f}" width="{max(0.5, right - left - 1):.1f}" '
            f'height="{frame.y(0) - frame.y(count):.1f}" fill="{COLOURS[0]}">'
            f"<title>{low + i * step:g} to {low + (i + 1) * step:g}: {count}</title></rect>"
        )
    return _document(width, height, title, parts)


class _Frame:
    """A plot area: places values, draws the grid."""

    def __init__(self, at: list[float], values: list[float], title: str, width: int, height: int) -> None:
        self.left, self.right = 62.0, width - 22.0
        self.top, self.bottom = 56.0 if title else 20.0, height - 46.0
        self.first, self.last = min(at, default=0.0), max(at, default=1.0)
        self.step = _round_step((max([0.0, *values]) - min([0.0, *values])) / 5 or 0.2)
        self.low = math.floor(min([0.0, *values]) / self.step) * self.step
        self.high = max(self.low + self.step, math.ceil(max([0.0, *values]) / self.step) * self.step)

    def x(self, place: float) -> float:
        return self.left + (place - self.first) / ((self.last - self.first) or 1) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - (value - self.low) / (self.high - self.low) * (self.bottom - self.top)

    def grid(self, first: str, last: str) -> list[str]:
        parts = []
        for i in range(round((self.high - self.low) / self.step) + 1):
            value = self.low + i * self.step
            y = self.y(value)
            line = f'<line x1="{self.left}" x2="{self.right}" y1="{y:.1f}" y2="{y:.1f}" stroke="{_FAINT}"/>'
            parts += [line, _text(self.left - 8, y + 4, f"{value:,.6g}", anchor="end", colour=_SOFT)]
        parts.append(_text(self.left, self.bottom + 20, first, colour=_SOFT))
        parts.append(_text(self.right, self.bottom + 20, last, anchor="end", colour=_SOFT))
        return parts


def _round_step(rough: float) -> float:
    """The next of 1, 2, 5, 10, ... times a power of ten."""
    power = 10.0 ** math.floor(math.log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough * 0.999999)


def _document(width: float, height: float, title: str, parts: list[str]) -> str:
    head = f'<text x="24" y="32" font-size="17" font-weight="600" fill="{_INK}">{escape(title)}</text>' if title else ""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" '
        'font-family="Helvetica, Arial, DejaVu Sans, sans-serif" font-size="12.5">'
        f'<rect width="{width:g}" height="{height:g}" fill="#ffffff"/>{head}\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _text(x: float, y: float, text: str, anchor: str = "start", colour: str = _INK) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'


def _optional(value: Any, name: str) -> float | None:
    return None if value is None else finite(value, name)


def _position(place: Any, name: str) -> float:
    if isinstance(place, dt.datetime):
        return place.timestamp()
    return float(place.toordinal()) if isinstance(place, dt.date) else finite(place, name)


def _place_label(place: Any) -> str:
    if isinstance(place, dt.datetime):
        return place.strftime("%Y-%m-%d %H:%M")
    return place.isoformat() if isinstance(place, dt.date) else f"{place:g}"
