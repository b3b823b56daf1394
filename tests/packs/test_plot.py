"""The plot pack: what the pictures show, by their text and their pixels; words of strangers; limits."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import Phase, example, given, settings, strategies as st

import cflow
from cflow.stdlib_nodes import chart, image, plot
from cflow.stdlib_nodes._plots import COLOURS

REGIONS = [{"region": "North", "sold": 30, "back": 10}, {"region": "South", "sold": 10, "back": None}]
DAYS = [{"day": dt.date(2026, 3, 1) + dt.timedelta(i), "n": i if i != 3 else None} for i in range(10)]


def texts(svg: bytes) -> list[str]:
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def amount(png: bytes, colour: str) -> int:
    """How many pixels have exactly this colour."""
    pixels = image.convert(image.parse(png), "rgb").pixels
    wanted = bytes.fromhex(colour[1:])
    return sum(pixels[i : i + 3] == wanted for i in range(0, len(pixels), 3))


def longest(png: bytes, colour: str) -> tuple[int, int]:
    """How many pixels of this colour the row, and the column, with the most of them have; left of the legend."""
    picture = image.convert(image.parse(png), "rgb")
    picture = image.crop(picture, 0, 0, picture.width - 90, picture.height)
    wanted = bytes.fromhex(colour[1:])
    at = [i // 3 for i in range(0, len(picture.pixels), 3) if picture.pixels[i : i + 3] == wanted]
    rows, columns = Counter(i // picture.width for i in at), Counter(i % picture.width for i in at)
    return max(rows.values()), max(columns.values())


def test_in_a_flow_to_a_file(tmp_path: Path) -> None:
    module = cflow.loads(
        """
import files, plot

flow report(rows: list[dict[str, Any]], path: str) -> Any:
    return files.write(path, plot.bar(rows, "region", "sold", title="Sold", kind="png", width=300, height=200))
"""
    )
    module.report.run(REGIONS, str(tmp_path / "r.png"))
    info = image.info(tmp_path / "r.png")
    assert (info.format, info.width, info.height) == ("png", 300, 200)


def test_bars_are_as_long_as_their_numbers() -> None:
    one = {"kind": "png", "width": 400, "height": 300}
    beside = plot.bar(REGIONS, "region", ["sold", "back"], **one)
    assert longest(beside, COLOURS[1])[1] == pytest.approx(longest(beside, COLOURS[0])[1] / 3, rel=0.1)
    stacked = plot.bar(REGIONS, "region", ["sold", "back"], stacked=True, **one)
    assert longest(stacked, COLOURS[1])[1] == pytest.approx(longest(stacked, COLOURS[0])[1] / 3, rel=0.1)
    lying = plot.bar(REGIONS, "region", ["sold", "back"], horizontal=True, **one)
    assert longest(lying, COLOURS[1])[0] == pytest.approx(longest(lying, COLOURS[0])[0] / 3, rel=0.1)


def test_words_of_strangers_are_only_words() -> None:
    rows = [{"label": "$x^{2}$ <script>", "n": 1}, {"label": r"\frac{ & long" * 10, "n": 2}]
    svg = plot.bar(rows, "label", "n", title="$ <&> $\\oops", x_label="</text>", y_label="a $ b $")
    assert texts(svg)[:2] == ["$x^{2}$ <script>", r"\frac{ & long\frac{ & long\…"[:27] + "…"]
    assert {"$ <&> $\\oops", "</text>", "a $ b $"} <= set(texts(svg))
    assert svg == plot.bar(rows, "label", "n", title="$ <&> $\\oops", x_label="</text>", y_label="a $ b $")


def test_lines_over_dates_numbers_and_words() -> None:
    svg = plot.line(DAYS, "day", ["n"], title="March", markers=True)
    assert "2026-Mar" in texts(svg)
    assert svg.count(b"<use ") - plot.line(DAYS, "day", "n").count(b"<use ") == 9  # a marker for each but the gap
    words = texts(plot.line(REGIONS, "region", ["sold", "back"]))
    assert {"North", "South", "sold", "back"} <= set(words)
    many = [{"x": f"label {i}", "y": i} for i in range(100)]
    shown = [text for text in texts(plot.line(many, "x", "y", width=400)) if text.startswith("label")]
    assert shown[:2] == ["label 0", "label 5"]  # as many as there is room for


def test_points_groups_and_boxes() -> None:
    rows = [{"x": i, "y": i * i, "g": "ab"[i % 2]} for i in range(20)] + [{"x": None, "y": 1, "g": "c"}]
    svg = plot.scatter(rows, "x", "y", group="g")
    assert {"a", "b", "x", "y"} <= set(texts(svg))
    assert "c" not in texts(svg)
    assert {" _x", "$y$"} <= set(texts(plot.line([{"_x": 1, "$y$": 2}], "_x", ["_x", "$y$"])))
    assert plot.box(rows, "y", by="g", kind="png")[:4] == b"\x89PNG"
    assert {"a", "b", "c", "g", "y"} <= set(texts(plot.box(rows, "y", by="g")))


def test_histogram_pie_and_heat() -> None:
    png = plot.histogram([1.0] * 30 + [2.0] * 10, bins=2, kind="png")
    assert amount(png, COLOURS[0]) > 10_000
    pie = plot.pie(REGIONS, "region", "sold", kind="png")
    assert amount(pie, COLOURS[0]) == pytest.approx(3 * amount(pie, COLOURS[1]), rel=0.1)
    assert {"75 %", "25 %", "North", "South"} <= set(texts(plot.pie(REGIONS, "region", "sold")))
    cells = [{"h": h, "d": d, "n": h} for h in range(3) for d in ("Mon", "Tue") if (h, d) != (1, "Tue")]
    assert texts(plot.heat(cells, "h", "d", "n"))[:6] == ["0", "1", "2", "h", "Mon", "Tue"]


@pytest.mark.filterwarnings("error")
def test_nothing_to_show_is_an_empty_plot() -> None:
    calls: list[Callable[[], bytes]] = [
        lambda: plot.line([], "x", "y", kind="png", width=100, height=100),
        lambda: plot.bar([], "x", ["y", "z"]),
        lambda: plot.scatter([], "x", "y", group="g"),
        lambda: plot.histogram([]),
        lambda: plot.box([], "x"),
        lambda: plot.heat([], "x", "y", "z"),
        lambda: plot.heat([{"x": 1, "y": 1, "z": 0}], "x", "y", "z"),
        lambda: plot.bar([{"x": "a", "y": -1}, {"x": "a", "y": 0}], "x", "y"),
    ]
    for call in calls:
        assert call()


def test_limits_and_wrong_arguments() -> None:
    rows = [{"x": 1, "y": 2}]
    wrong: list[tuple[Callable[[], Any], type[Exception], str]] = [
        (lambda: plot.line(rows, "x", "z"), ValueError, "no field 'z'"),
        (lambda: plot.line([{"x": 1, "y": "2"}], "x", "y"), TypeError, "the field 'y' is str, not a number"),
        (lambda: plot.line([{"x": 1, "y": float("nan")}], "x", "y"), ValueError, "no finite number"),
        (lambda: plot.line([*rows, {"x": "a", "y": 2}], "x", "y"), ValueError, "mixes numbers, dates and words"),
        (lambda: plot.line(rows, "x", []), ValueError, "1 to 50 fields"),
        (lambda: plot.line(rows * 200_001, "x", "y"), ValueError, "at most 200,000 values, not 200,001: sum"),
        (lambda: plot.bar(rows * 501, "x", "y"), ValueError, "at most 500 bars"),
        (lambda: plot.pie(rows * 51, "x", "y"), ValueError, "at most 50 slices"),
        (lambda: plot.pie([{"x": "a", "y": -1}], "x", "y"), ValueError, "zero or more"),
        (lambda: plot.pie([], "x", "y"), ValueError, "not all zero"),
        (lambda: plot.histogram([1], bins=0), ValueError, "1 to 1,000 bins"),
        (
            lambda: plot.heat([{"x": i, "y": 0, "z": 0} for i in range(501)], "x", "y", "z"),
            ValueError,
            "along one side",
        ),
        (lambda: plot.line(rows, "x", "y", kind="pdf"), ValueError, "svg or png, not 'pdf'"),
        (lambda: plot.line(rows, "x", "y", width=10**6), ValueError, "100 to 5,000 pixels"),
    ]
    for call, kind, why in wrong:
        with pytest.raises(kind, match=why):
            call()


def test_the_colours_are_those_of_chart() -> None:
    assert chart.COLOURS == COLOURS


NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from(
    [0.0, -0.0, 1e-320, 1e100, -1e100, 1e101, 1e17, 1e17 + 16]
)


@settings(max_examples=5, deadline=None, phases=(Phase.explicit, Phase.generate))  # one plot takes long
@given(
    rows=st.lists(
        st.fixed_dictionaries({"x": NUMBERS, "y": NUMBERS, "g": st.text("a$\\{}<&_^\n", max_size=5)}),
        max_size=4,
        unique_by=lambda row: row["x"],
    ),
    which=st.integers(0, 4),
)
@example(rows=[{"x": 1.0, "y": 2.0, "g": ""}], which=2)
def test_any_numbers_and_words(clear: Callable[..., None], rows: list[dict[str, Any]], which: int) -> None:
    calls: list[Callable[[], bytes]] = [
        lambda: plot.line(rows, "x", "y"),
        lambda: plot.bar(rows, "g", "y", title="".join(row["g"] for row in rows)),
        lambda: plot.scatter(rows, "x", "y", group="g"),
        lambda: plot.box(rows, "y", by="g"),
        lambda: plot.histogram([row["x"] for row in rows]),
    ]
    clear(calls[which], "drawn", "finite", "bins")
