from __future__ import annotations

import datetime as dt
from xml.etree import ElementTree

import pytest

from cflow.stdlib_nodes import chart

SVG = "{http://www.w3.org/2000/svg}"


def drawn(svg: str) -> ElementTree.Element:
    root = ElementTree.fromstring(svg)
    assert root.tag == SVG + "svg"
    return root


def test_bars() -> None:
    rows = [
        {"r": "<north> & co", "v": 3},
        {"r": "south", "v": 6.0},
        {"r": "a very long name " * 3, "v": -1},
    ]
    root = drawn(chart.bars.fn(rows, "r", "v", title='Bars & "more"'))
    widths = [float(bar.get("width", "0")) for bar in root.iter(SVG + "rect")][1:]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)
    assert len(widths) == 3
    drawn(chart.bars.fn([], "r", "v"))
    with pytest.raises(TypeError, match="'r' is str, not a number"):
        chart.bars.fn(rows, "r", "r")
    with pytest.raises(ValueError, match="no finite number"):
        chart.bars.fn([{"r": 1, "v": float("nan")}], "r", "v")


def test_lines() -> None:
    rows = [{"day": dt.date(2026, 3, d), "a": d, "b": None if d == 2 else 9 - d} for d in (3, 1, 2, 4)]
    root = drawn(chart.lines.fn(rows, "day", ["a", "b"], title="Lines"))
    first, second = (path.get("d", "") for path in root.iter(SVG + "path"))
    assert (first.count("M"), first.count("L")) == (1, 3)
    assert (second.count("M"), second.count("L")) == (2, 1)
    assert "2026-03-01" in chart.lines.fn(rows, "day", "a")
    drawn(chart.lines.fn([], "x", "y"))
    drawn(chart.lines.fn([{"x": 1, "y": 0}], "x", "y"))
    drawn(chart.lines.fn([{"x": dt.datetime(2026, 1, 1), "y": -5}], "x", "y"))


def test_histogram() -> None:
    root = drawn(chart.histogram.fn([1.0, 1.1, 2.0, 3.0], bins=2))
    counts = [(title.text or "").rpartition(": ")[2] for title in root.iter(SVG + "title")]
    assert counts == ["2", "2"]
    drawn(chart.histogram.fn([]))
    drawn(chart.histogram.fn([5, 5, 5]))
    with pytest.raises(ValueError, match="at least one bin"):
        chart.histogram.fn([1], bins=0)
