"""A drawing of matplotlib's, one at a time, in the looks of the pack ``chart``. It knows nothing of nodes."""

from __future__ import annotations

import io
import math
import threading
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ._extras import needs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ("#2f6fb4", "#d9673b", "#3b9a6d", "#8a5aa8", "#b8912f", "#4b5563")
INK, FAINT, SOFT = "#1f2933", "#e3e8ee", "#66727f"
_SIDE = (100, 5_000)  # pixels
_DPI = 100.0
_SHOWN = 28  # characters of a label
_LETTER, _LINE = 7, 14  # pixels: the width of a letter, the height of a line
_ALONE = threading.Lock()  # matplotlib's settings and fonts are one for all threads

_LOOKS: dict[str, Any] = {
    "text.parse_math": False,  # a dollar in a title is a dollar
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": SOFT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "grid.color": FAINT,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "legend.frameon": False,
    "font.family": ["DejaVu Sans"],  # it comes with matplotlib
    "font.size": 10,
    "svg.fonttype": "none",  # text stays text: it can be searched, and letters come from the fonts of the reader
    "svg.hashsalt": "cflow",  # the same picture is the same bytes
    "date.converter": "concise",
}


def drawn(
    draw: Callable[[Figure, Axes], None],
    title: str,
    x_label: str,
    y_label: str,
    kind: str,
    width: int,
    height: int,
    grid: str = "y",
) -> bytes:
    """The bytes of a picture.

    Parameters
    ----------
    draw: puts what is to be seen on the axes.
    kind: ``svg`` or ``png``.
    width, height: pixels.
    grid: lines across which axes: ``x``, ``y``, ``both`` or none ("").

    Raises
    ------
    ValueError: another kind, a size beyond 100 to 5,000 pixels, and what ``draw`` raises.
    """
    if kind not in ("svg", "png"):
        msg = f"a plot is drawn as svg or png, not {kind!r}"
        raise ValueError(msg)
    for side in (width, height):
        if not _SIDE[0] <= side <= _SIDE[1]:
            msg = f"a side of a plot is {_SIDE[0]} to {_SIDE[1]:,} pixels, not {side}"
            raise ValueError(msg)
    with needs("plot"):
        import matplotlib as mpl
        from cycler import cycler
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    looks: Any = _LOOKS | {"axes.prop_cycle": cycler(color=COLOURS)}
    out = io.BytesIO()
    with _ALONE, mpl.rc_context(looks), warnings.catch_warnings():
        # Where the font lacks letters (Chinese, say), a box in a PNG tells enough; an SVG has them as text.
        warnings.filterwarnings("ignore", r"Glyph .* missing from", UserWarning)
        figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        if grid:
            axes.grid(True, axis=grid)  # type: ignore[arg-type]
        draw(figure, axes)
        axes.set_title(title)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        figure.savefig(out, format=kind, metadata={"Date" if kind == "svg" else "Software": None})
    return out.getvalue()


def label(value: Any) -> str:
    """A value as a label, not too long for one. One that is empty, or begins with ``_``, would be in no legend."""
    text = str(value)
    text = f" {text}" if text.startswith("_") or not text else text
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def name_places(axes: Axes, labels: list[str], width: int) -> None:
    """Labels along the bottom, one a place from 0 on: turned where they would run into each other, and where even that
    does not help only some of them."""
    room = 0.7 * width / max(1, len(labels))
    apart = math.ceil(_LINE / room)
    axes.set_xticks(range(0, len(labels), apart), labels[::apart])
    if max(map(len, labels), default=0) * _LETTER + _LETTER > room * apart:
        for text in axes.get_xticklabels():
            text.set(rotation=35, horizontalalignment="right", rotation_mode="anchor")
