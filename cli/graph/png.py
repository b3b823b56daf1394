"""The drawing as PNG. Needs Pillow (``pip install conductor-cflow[png]``), which brings a font of its own."""

from __future__ import annotations

import io
import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from . import style
from .model import Drawing
from .scene import Box, Path, Point, Scene, Text, compose, segments

SCALE = 2
"""Pixels a unit: sharp on dense screens."""
SMOOTH = 2
"""Drawn so many times larger and shrunk: Pillow's lines have no soft edges of their own."""
MOST_PIXELS = 60_000_000
CURVE_STEPS = 24


def to_png(drawing: Drawing) -> bytes:
    """The bytes of a PNG file.

    Raises
    ------
    ImportError: Pillow is not installed.
    """
    from PIL import Image, ImageDraw

    scene = compose(drawing)
    scale = _scale(scene)
    size = (math.ceil(scene.width * scale), math.ceil(scene.height * scale))
    image = Image.new("RGB", (size[0] * SMOOTH, size[1] * SMOOTH), style.PAPER)
    brush = _Brush(ImageDraw.Draw(image), scale * SMOOTH)
    for shape in scene.shapes:
        match shape:
            case Box():
                brush.box(shape)
            case Path():
                brush.path(shape)
            case Text():
                pass
    # Text has soft edges already: it is written on the sheet in its final size.
    image = image.resize(size, Image.Resampling.BOX)
    brush = _Brush(ImageDraw.Draw(image), scale)
    for shape in scene.shapes:
        if isinstance(shape, Text):
            brush.text(shape)
    out = io.BytesIO()
    image.save(out, "PNG", optimize=True)
    return out.getvalue()


def _scale(scene: Scene) -> float:
    """Twice the size, less for posters that would not fit in memory."""
    area = scene.width * scene.height * SMOOTH**2
    return min(SCALE, math.sqrt(MOST_PIXELS / area))


class _Brush:
    """Draws shapes in a scale."""

    def __init__(self, draw: Any, scale: float) -> None:
        self.draw = draw
        self.scale = scale

    def box(self, box: Box) -> None:
        s = self.scale
        corners = (box.x * s, box.y * s, (box.x + box.width) * s, (box.y + box.height) * s)
        if not box.dashes:
            self.draw.rounded_rectangle(corners, box.radius * s, box.fill, box.frame, round(1.2 * s))
            return
        self.draw.rounded_rectangle(corners, box.radius * s, box.fill)
        r, right, bottom = 3.0, box.x + box.width, box.y + box.height
        for start, end in (
            ((box.x + r, box.y), (right - r, box.y)),
            ((right, box.y + r), (right, bottom - r)),
            ((right - r, bottom), (box.x + r, bottom)),
            ((box.x, bottom - r), (box.x, box.y + r)),
        ):
            self.line([start, end], box.frame, 1.2, box.dashes)

    def path(self, path: Path) -> None:
        points = [path.points[0]]
        for start, end, bend in segments(path):
            points += [end] if bend is None else _bezier(start, bend[0], bend[1], end)
        self.line(points, path.stroke.colour, path.stroke.width, path.stroke.dashes)
        if path.arrow:
            x, y = path.points[-1]
            s = self.scale
            head = [((x - 4) * s, (y - 7) * s), (x * s, y * s), ((x + 4) * s, (y - 7) * s)]
            self.draw.polygon(head, fill=path.stroke.colour)

    def line(self, points: list[Point], colour: str, width: float, dashes: tuple[float, ...]) -> None:
        s = self.scale
        for run in _dashed(points, dashes) if dashes else [points]:
            self.draw.line([(x * s, y * s) for x, y in run], fill=colour, width=max(round(width * s), 1), joint="curve")

    def text(self, text: Text) -> None:
        s = self.scale
        anchor = "ms" if text.anchor == "middle" else "ls"
        bold = {"stroke_width": 0.25 * s, "stroke_fill": text.fill} if text.bold else {}
        font = _font(text.size * s)
        self.draw.text((text.x * s, text.y * s), text.text, fill=text.fill, font=font, anchor=anchor, **bold)


@lru_cache(maxsize=16)
def _font(size: float) -> Any:
    from PIL import ImageFont

    return ImageFont.load_default(size)


def _bezier(a: Point, b: Point, c: Point, d: Point) -> list[Point]:
    points = []
    for i in range(1, CURVE_STEPS + 1):
        t = i / CURVE_STEPS
        wa, wb, wc, wd = (1 - t) ** 3, 3 * (1 - t) ** 2 * t, 3 * (1 - t) * t**2, t**3
        points.append((wa * a[0] + wb * b[0] + wc * c[0] + wd * d[0], wa * a[1] + wb * b[1] + wc * c[1] + wd * d[1]))
    return points


def _dashed(points: list[Point], dashes: tuple[float, ...]) -> Iterator[list[Point]]:
    """The inked stretches of a line."""
    turn, left, run = 0, dashes[0], [points[0]]
    for end in points[1:]:
        start = run[-1]
        rest = math.dist(start, end)
        while rest > left:
            start = (start[0] + (end[0] - start[0]) * left / rest, start[1] + (end[1] - start[1]) * left / rest)
            rest -= left
            run.append(start)
            if turn % 2 == 0:
                yield run
            turn += 1
            left, run = dashes[turn % len(dashes)], [start]
        left -= rest
        run.append(end)
    if turn % 2 == 0 and len(run) > 1:
        yield run
