"""Plots of records: lines, bars, points, histograms, pies, boxes, heat maps, as SVG or PNG. All nodes are pure. Needs
the extra ``plot``.

By matplotlib, which draws every usual kind, with axes for dates and PNG too. The pack ``chart`` needs no library,
starts at once and draws three kinds as SVG text; take this one for the other kinds, several series, and PNG (mails).

Each gives the bytes of a picture: ``files.write("sales.png", plot.bar(...))``. ``kind`` is ``svg`` or ``png``; width
and height are pixels. Plots are drawn one at a time in a process. Raises ValueError for a missing field, too many
points, and numbers that cannot be drawn; TypeError where a value is no number.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from .. import node
from ._fields import field, finite
from ._plots import COLOURS, SOFT, drawn, label as _label, name_places

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAX_POINTS = 200_000
"""The most values in a plot: more cannot be told apart, and make an SVG that no reader opens."""

MAX_LABELS = 500
MAX_SLICES = 50
_LARGEST = 1e100
_BESIDE: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1, 1)}  # a legend, right of the axes


@node(pure=True)
def line(
    rows: list[Any],
    x: str,
    y: str | list[str],
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    markers: bool = False,
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """The fields ``y`` over the field ``x`` (numbers, dates, moments or words), in the order of the records.

    None leaves a gap.

    ``plot.line(days, "day", ["orders", "returns"], title="This month")``
    """
    names = _names(y)
    _check(len(rows) * len(names))
    places = _places([field(row, x) for row in rows], x)
    series: list[Any] = [[_optional(field(row, name), name) for row in rows] for name in names]
    words = list(dict.fromkeys(map(_label, places))) if places and isinstance(places[0], str) else []
    _check(len(words), MAX_LABELS, "words along one side")

    def draw(_: Figure, axes: Axes) -> None:
        for name, values in zip(names, series, strict=True):
            axes.plot(places, values, label=_label(name), linewidth=2, marker="o" if markers else "")
        if words:
            name_places(axes, words, width)
        if len(names) > 1:
            axes.legend(**_BESIDE)

    return drawn(draw, title, x_label, y_label, kind, width, height)


@node(pure=True)
def bar(
    rows: list[Any],
    label: str,
    value: str | list[str],
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    stacked: bool = False,
    horizontal: bool = False,
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """A bar a record; with several fields beside one another, or stacked.

    ``plot.bar(totals, "region", ["orders", "returns"], stacked=True)``

    Horizontal ones go from top to bottom.
    """
    names = _names(value)
    _check(len(rows), MAX_LABELS, "bars")
    labels = [_label(field(row, label)) for row in rows]
    series = [[_optional(field(row, name), name) or 0.0 for row in rows] for name in names]
    thick = 0.8 if stacked else 0.8 / len(names)

    def draw(_: Figure, axes: Axes) -> None:
        up, down = [0.0] * len(rows), [0.0] * len(rows)
        for i, (name, values) in enumerate(zip(names, series, strict=True)):
            at = [place + (0 if stacked else (i - (len(names) - 1) / 2) * thick) for place in range(len(rows))]
            base = [(u if v >= 0 else d) if stacked else 0.0 for u, d, v in zip(up, down, values, strict=True)]
            if horizontal:
                axes.barh(at, values, thick, left=base, label=_label(name))
            else:
                axes.bar(at, values, thick, bottom=base, label=_label(name))
            up = [u + max(v, 0.0) for u, v in zip(up, values, strict=True)]
            down = [d + min(v, 0.0) for d, v in zip(down, values, strict=True)]
        if horizontal:
            axes.set_yticks(range(len(labels)), labels)
            axes.invert_yaxis()
        else:
            name_places(axes, labels, width)
        if len(names) > 1:
            axes.legend(**_BESIDE)

    return drawn(draw, title, x_label, y_label, kind, width, height, "x" if horizontal else "y")


@node(pure=True)
def scatter(
    rows: list[Any],
    x: str,
    y: str,
    group: str = "",
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """A point a record, in a colour for each value of the field ``group``; records without a number are left out.

    ``plot.scatter(houses, "area", "price", group="town")``
    """
    _check(len(rows))
    seen = [row for row in rows if field(row, x) is not None and field(row, y) is not None]
    groups: dict[str, tuple[list[Any], list[float]]] = {}
    for row, place in zip(seen, _places([field(row, x) for row in seen], x), strict=True):
        across, up = groups.setdefault(_label(field(row, group)) if group else "", ([], []))
        across.append(place)
        up.append(_number(field(row, y), y))
    _check(len(groups), MAX_SLICES, "groups")

    def draw(_: Figure, axes: Axes) -> None:
        for name, (across, up) in groups.items():
            axes.scatter(across, up, label=name, s=22, alpha=0.75, linewidths=0)
        if groups and group:
            axes.legend(**_BESIDE)

    return drawn(draw, title, x_label or x, y_label or y, kind, width, height, "both")


@node(pure=True)
def histogram(
    values: list[float],
    bins: int = 20,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """How many of the values lie in each of ``bins`` equal parts of their range.

    ``plot.histogram([q.mag for q in quakes], bins=30, kind="png")``
    """
    if not 1 <= bins <= 1_000:
        msg = f"a histogram has 1 to 1,000 bins, not {bins}"
        raise ValueError(msg)
    numbers = [_number(value, "value") for value in values]

    def draw(_: Figure, axes: Axes) -> None:
        axes.hist(numbers, bins, edgecolor="white", linewidth=0.6)

    return drawn(draw, title, x_label, y_label, kind, width, height)


@node(pure=True)
def pie(
    rows: list[Any], label: str, value: str, title: str = "", kind: str = "svg", width: int = 600, height: int = 450
) -> bytes:
    """A slice a record, clockwise from the top.

    ``plot.pie(totals, "region", "orders")``

    Raises ValueError for numbers below zero, or none above it.
    """
    _check(len(rows), MAX_SLICES, "slices")
    labels = [_label(field(row, label)) for row in rows]
    shares = [_number(field(row, value), value) for row in rows]
    if min(shares, default=0.0) < 0 or not sum(shares):
        msg = f"the shares of a pie are zero or more, and not all zero: the field {value!r}"
        raise ValueError(msg)
    colours = [COLOURS[i % len(COLOURS)] for i in range(len(shares))]

    def draw(_: Figure, axes: Axes) -> None:
        wedges = axes.pie(
            shares,
            colors=colours,
            autopct=lambda percent: f"{percent:.0f} %" if percent >= 4 else "",
            pctdistance=0.75,
            startangle=90,
            counterclock=False,
            wedgeprops={"linewidth": 1, "edgecolor": "white"},
            textprops={"color": "white"},
        )[0]
        axes.legend(wedges, labels, loc="center left", bbox_to_anchor=(1, 0.5))

    return drawn(draw, title, "", "", kind, width, height, "")


@node(pure=True)
def box(
    rows: list[Any],
    value: str,
    by: str = "",
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """A box a value of the field ``by``: quartiles and median of the field ``value``; whiskers reach to the last value
    within 1.5 times the box, the others are points (Tukey, "Exploratory Data Analysis", 1977). None is left out.

    ``plot.box(answers, "seconds", by="server")``
    """
    _check(len(rows))
    groups: dict[str, list[float]] = {}
    for row in rows:
        number = _optional(field(row, value), value)
        if number is not None:
            groups.setdefault(_label(field(row, by)) if by else "", []).append(number)
    _check(len(groups), MAX_LABELS, "boxes")

    def draw(_: Figure, axes: Axes) -> None:
        if groups:
            axes.boxplot(
                list(groups.values()),
                positions=range(len(groups)),
                patch_artist=True,
                boxprops={"facecolor": COLOURS[0], "alpha": 0.55, "linewidth": 0},
                whiskerprops={"color": SOFT},
                capprops={"color": SOFT},
                medianprops={"color": COLOURS[1], "linewidth": 2},
                flierprops={"markersize": 4, "markerfacecolor": COLOURS[0], "markeredgewidth": 0},
            )
        name_places(axes, list(groups), width)

    return drawn(draw, title, x_label or by, y_label or value, kind, width, height)


@node(pure=True)
def heat(
    rows: list[Any],
    x: str,
    y: str,
    value: str,
    title: str = "",
    x_label: str = "",
    y_label: str = "",
    kind: str = "svg",
    width: int = 800,
    height: int = 450,
) -> bytes:
    """A field of colours: columns by the field ``x``, rows by ``y``, in order of appearance; the last record of a place
    counts, and a place without one stays empty.

    ``plot.heat(visits, "hour", "weekday", "count")``
    """
    cells = {(field(row, x), field(row, y)): _number(field(row, value), value) for row in rows}
    across, down = list(dict.fromkeys(at for at, _ in cells)), list(dict.fromkeys(at for _, at in cells))
    for places in (across, down):
        _check(len(places), MAX_LABELS, "places along one side")
    table = [[cells.get((column, row), float("nan")) for column in across] for row in down]

    def draw(figure: Figure, axes: Axes) -> None:
        name_places(axes, [_label(column) for column in across], width)
        axes.set_yticks(range(len(down)), [_label(row) for row in down])
        if table:
            figure.colorbar(axes.imshow(table, cmap="Blues", aspect="auto"), ax=axes).outline.set_visible(False)
        axes.spines[:].set_visible(False)

    return drawn(draw, title, x_label or x, y_label or y, kind, width, height, "")


def _names(given: str | list[str]) -> list[str]:
    names = [given] if isinstance(given, str) else given
    if not 1 <= len(names) <= MAX_SLICES:
        msg = f"a plot shows 1 to {MAX_SLICES} fields, not {len(names)}"
        raise ValueError(msg)
    return names


def _check(count: int, most: int = MAX_POINTS, what: str = "values") -> None:
    if count > most:
        msg = f"a plot has at most {most:,} {what}, not {count:,}: sum them up first"
        raise ValueError(msg)


def _number(value: Any, name: str) -> float:
    """Ticks and margins of the largest numbers would be beyond all numbers; the smallest are as good as zero."""
    number = finite(value, name)
    if abs(number) > _LARGEST:
        msg = f"the field {name!r} is {number}, which cannot be drawn: at most {_LARGEST} can"
        raise ValueError(msg)
    return number if abs(number) > 1 / _LARGEST else 0.0


def _optional(value: Any, name: str) -> float | None:
    return None if value is None else _number(value, name)


def _places(values: list[Any], name: str) -> list[Any]:
    """Words, dates and moments as they are; anything else has to be a number."""
    kinds = {str if isinstance(value, str) else dt.date if isinstance(value, dt.date) else float for value in values}
    if len(kinds) > 1:
        msg = f"the field {name!r} mixes numbers, dates and words: one axis shows one kind"
        raise ValueError(msg)
    return [_number(value, name) for value in values] if kinds == {float} else values
