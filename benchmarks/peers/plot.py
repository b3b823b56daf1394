"""The figures of a comparison as an SVG: a row a workload, a mark an engine, on a logarithmic axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from html import escape
from typing import Any

from engines import ENGINES
from figures import figure
from workloads import WORKLOADS, make

COLOURS = {
    "plain": "#9aa0a6",
    "by_hand": "#6b7177",
    "pool": "#c3c7cb",
    "conductor": "#d1242f",
    "hamilton": "#1f6feb",
    "pipefunc": "#2da44e",
    "tawazi": "#8250df",
    "dask": "#e8850c",
    "dbos": "#0a7d8c",
    "prefect": "#bf3989",
}
LEFT, RIGHT, TOP, ROW = 196, 30, 84, 34
WIDTH = 900
LEGEND = 5
"""Engines in one line of the legend."""


def svg(document: Mapping[str, Any]) -> str:
    """The plot of a document of ``run.py``. Floors are hollow; a mark further left is faster."""
    names = [name for name in ENGINES if document["engines"].get(name, {}).get("workloads")]
    rows = [w for w in WORKLOADS if any(_value(document, name, w) for name in names)]
    values = [v for name in names for w in rows if (v := _value(document, name, w))]
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    high = max(high, low + 1)

    def x(seconds: float) -> float:
        return LEFT + (math.log10(seconds) - low) / (high - low) * (WIDTH - LEFT - RIGHT)

    height = TOP + ROW * len(rows) + 40
    frame = f'width="{WIDTH}" height="{height}"'
    font = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
    heading = "Overhead over the critical path, for one unit of work: further left is less"
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {frame} viewBox="0 0 {WIDTH} {height}" {font}>',
        f'<rect {frame} fill="#ffffff"/>',
        f'<text x="12" y="22" font-size="15" font-weight="bold">{heading}</text>',
    ]
    for at, name in enumerate(names):
        cx, cy = 20 + (at % LEGEND) * 172, 46 + (at // LEGEND) * 20
        out.append(_mark(name, cx, cy - 4))
        out.append(f'<text x="{cx + 10}" y="{cy}">{escape(ENGINES[name].title)}</text>')
    bottom = TOP + ROW * len(rows)
    for power in range(low, high + 1):
        at_x = x(10.0**power)
        out.append(f'<line x1="{at_x:.1f}" y1="{TOP}" x2="{at_x:.1f}" y2="{bottom}" stroke="#e3e6e8"/>')
        out.append(f'<text x="{at_x:.1f}" y="{bottom + 18}" text-anchor="middle" fill="#57606a">{_power(power)}</text>')
    for at, workload in enumerate(rows):
        y = TOP + ROW * at + ROW / 2
        out.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="#c8ccd0"/>')
        out.append(f'<text x="{LEFT - 12}" y="{y + 4}" text-anchor="end">{escape(make(workload).title)}</text>')
        for name in sorted(names, key="conductor".__eq__):  # on top of the others
            value = _value(document, name, workload)
            if value:
                out.append(_mark(name, x(value), y))
    return "\n".join([*out, "</svg>", ""])


def _value(document: Mapping[str, Any], name: str, workload: str) -> float | None:
    found = figure(document["engines"].get(name, {}).get("workloads", {}).get(workload, {}))
    return max(found.median, 1e-8) if found is not None else None


def _mark(name: str, x: float, y: float) -> str:
    colour = COLOURS[name]
    if ENGINES[name].floor:
        return f'<circle cx="{x:.1f}" cy="{y}" r="5" fill="none" stroke="{colour}" stroke-width="2"/>'
    size = 7 if name == "conductor" else 5
    title = f"<title>{escape(ENGINES[name].title)}</title>"
    return f'<circle cx="{x:.1f}" cy="{y}" r="{size}" fill="{colour}" fill-opacity="0.85">{title}</circle>'


def _power(power: int) -> str:
    """A power of ten of seconds, in words."""
    size, unit = max((size, unit) for size, unit in ((0, "s"), (-3, "ms"), (-6, "µs"), (-9, "ns")) if size <= power)
    return f"{10 ** (power - size)} {unit}"
