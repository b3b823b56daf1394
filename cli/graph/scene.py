"""The drawing as a list of shapes, back to front: what SVG and PNG have in common.

Owns how a box, a frame, a line and the legend look; the two writers only know shapes.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Literal

from attrs import frozen

from . import style
from .layout import DETAIL, PAD, TITLE, Arm, Line, Picture, Placed, arrange, text_width
from .model import Drawing, EffectKind, WaitKind

HEADER = 44.0
LEGEND = 46.0
HEADING = 15.0

Point = tuple[float, float]


@frozen
class Box:
    """A rectangle. ``hint``: what a viewer shows when it is pointed at."""

    x: float
    y: float
    width: float
    height: float
    radius: float
    fill: str
    frame: str
    dashes: tuple[float, ...] = ()
    hint: str = ""


@frozen
class Text:
    """One line of text; ``y`` is its base line."""

    x: float
    y: float
    text: str
    size: float
    fill: str
    anchor: Literal["start", "middle"] = "start"
    bold: bool = False


@frozen
class Path:
    """A line: from point to point, straight down or as a curve that leaves and arrives vertically."""

    points: tuple[Point, ...]
    stroke: style.Stroke
    arrow: bool = True
    hint: str = ""


Shape = Box | Text | Path


@frozen
class Scene:
    """Everything on one sheet."""

    width: float
    height: float
    shapes: tuple[Shape, ...]


def compose(drawing: Drawing) -> Scene:
    """The whole sheet: heading, picture, legend."""
    picture = arrange(drawing)
    effects, kinds = style.legend(drawing)
    legend = list(_legend(effects, kinds))
    across = max((shape.x + text_width(shape.text, DETAIL) for shape in legend if isinstance(shape, Text)), default=0.0)
    width = max(picture.width, text_width(drawing.title, HEADING) + 2 * PAD, across + PAD)
    height = HEADER + picture.height + LEGEND
    shapes = [
        Text(PAD, 27, drawing.title, HEADING, style.TEXT, bold=True),
        *_moved(_body(picture), (width - picture.width) / 2, HEADER),
        *_moved(legend, 0, height - LEGEND / 2),
    ]
    return Scene(width, height, tuple(shapes))


def _moved(shapes: Iterator[Shape] | list[Shape], dx: float, dy: float) -> Iterator[Shape]:
    for shape in shapes:
        match shape:
            case Box():
                yield _at(shape, shape.x + dx, shape.y + dy)
            case Text():
                yield Text(shape.x + dx, shape.y + dy, shape.text, shape.size, shape.fill, shape.anchor, shape.bold)
            case Path():
                yield Path(tuple((x + dx, y + dy) for x, y in shape.points), shape.stroke, shape.arrow, shape.hint)


def _at(box: Box, x: float, y: float) -> Box:
    return Box(x, y, box.width, box.height, box.radius, box.fill, box.frame, box.dashes, box.hint)


def _body(picture: Picture) -> Iterator[Shape]:
    # The layout lists outer boxes first, each arm after its box: in this order nothing hides what is inside it.
    for item in picture.boxes:
        yield from _node(item) if isinstance(item, Placed) else _arm(item)
    for line in picture.lines:
        yield _line(line)


def _node(placed: Placed) -> Iterator[Shape]:
    node, ink = placed.node, style.ink(placed.node)
    radius = min(placed.height / 2, 17.0) if node.shape in ("input", "end") else 7.0
    dashes = (4.0, 3.0) if node.shape == "value" else ()
    hint = f"{node.title} {node.detail}".strip() + (f" (line {node.line})" if node.line else "")
    yield Box(placed.x, placed.y, placed.width, placed.height, radius, ink.fill, ink.frame, dashes, hint)
    middle = placed.x + placed.width / 2
    bold = node.shape not in ("value", "input")
    yield Text(middle, placed.y + TITLE + 7, node.title, TITLE, ink.text, "middle", bold)
    if node.detail:
        colour = ink.text if node.shape == "end" else style.FAINT
        yield Text(middle, placed.y + TITLE + DETAIL + 12, node.detail, DETAIL, colour, "middle")


def _arm(arm: Arm) -> Iterator[Shape]:
    yield Box(arm.x, arm.y, arm.width, arm.height, 5, style.ARM.fill, style.ARM.frame)
    if arm.title:
        yield Text(arm.x + arm.width / 2, arm.y + DETAIL + 5, arm.title, DETAIL, style.ARM.text, "middle")


def _line(line: Line) -> Path:
    return Path(line.points, style.STROKES[line.edge.kind], hint=line.edge.why)


def _legend(effects: list[EffectKind], kinds: list[WaitKind]) -> Iterator[Shape]:
    x: float = PAD
    for effect in effects:
        ink, words = style.CALLS[effect], style.EFFECT_WORDS[effect]
        yield Box(x, -6, 16, 12, 3, ink.fill, ink.frame)
        yield Text(x + 22, 4, words, DETAIL, style.FAINT)
        x += text_width(words, DETAIL) + 40
    for kind in kinds:
        stroke = style.STROKES[kind]
        yield Path(((x, 0), (x + 20, 0)), stroke, arrow=False)
        yield Text(x + 26, 4, stroke.words, DETAIL, style.FAINT)
        x += text_width(stroke.words, DETAIL) + 44


def curve(start: Point, end: Point) -> tuple[Point, Point] | None:
    """The two control points between two points of a line; None where it runs straight."""
    (x0, y0), (x1, y1) = start, end
    if abs(x0 - x1) < 0.5 or abs(y0 - y1) < 0.5:
        return None
    bend = (y1 - y0) / 2
    return (x0, y0 + bend), (x1, y1 - bend)


def segments(path: Path) -> Iterator[tuple[Point, Point, tuple[Point, Point] | None]]:
    """Each stretch of a line, with its control points."""
    for start, end in pairwise(path.points):
        yield start, end, curve(start, end)
