"""The drawing as SVG: one file, no scripts, readable on paper."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from . import style
from .model import Drawing
from .scene import Box, Path, Shape, Text, compose, segments

FONT = "Inter, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif"


def to_svg(drawing: Drawing) -> str:
    """The text of an SVG file."""
    scene = compose(drawing)
    size = f'width="{scene.width:.0f}" height="{scene.height:.0f}" viewBox="0 0 {scene.width:.0f} {scene.height:.0f}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family={quoteattr(FONT)}>',
        f'<rect width="100%" height="100%" fill="{style.PAPER}"/>',
        *map(_shape, scene.shapes),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def _shape(shape: Shape) -> str:
    match shape:
        case Box():
            place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" width="{shape.width:.1f}" height="{shape.height:.1f}"'
            ink = f'rx="{shape.radius:.1f}" fill="{shape.fill}" stroke="{shape.frame}" stroke-width="1.2"'
            return f"<rect {place} {ink}{_dashes(shape.dashes)}>{_hint(shape.hint)}</rect>"
        case Text():
            place = f'x="{shape.x:.1f}" y="{shape.y:.1f}" text-anchor="{shape.anchor}"'
            weight = ' font-weight="600"' if shape.bold else ""
            return f'<text {place} font-size="{shape.size:g}" fill="{shape.fill}"{weight}>{_escape(shape.text)}</text>'
        case Path():
            stroke = shape.stroke
            ink = f'fill="none" stroke="{stroke.colour}" stroke-width="{stroke.width:g}"{_dashes(stroke.dashes)}'
            head = f'<path d="{_head(shape)}" fill="{stroke.colour}"/>' if shape.arrow else ""
            return f'<g>{_hint(shape.hint)}<path d="{_way(shape)}" {ink}/>{head}</g>'


def _way(path: Path) -> str:
    x, y = path.points[0]
    way = f"M{x:.1f} {y:.1f}"
    for _, (x, y), bend in segments(path):
        way += "L" if bend is None else "C" + "".join(f"{bx:.1f} {by:.1f} " for bx, by in bend)
        way += f"{x:.1f} {y:.1f}"
    return way


def _head(path: Path) -> str:
    x, y = path.points[-1]
    return f"M{x - 4:.1f} {y - 7:.1f}L{x:.1f} {y:.1f}L{x + 4:.1f} {y - 7:.1f}Z"


def _dashes(dashes: tuple[float, ...]) -> str:
    return f' stroke-dasharray="{" ".join(f"{d:g}" for d in dashes)}"' if dashes else ""


def _hint(text: str) -> str:
    return f"<title>{_escape(text)}</title>" if text else ""


def _escape(text: str) -> str:
    """XML has no place for control characters, not even escaped."""
    return escape("".join(c if c.isprintable() else " " for c in text))
