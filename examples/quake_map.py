"""The map of the earthquake example, drawn as SVG: where, how strong, how deep, and when."""

from __future__ import annotations

import datetime as dt
import math
from html import escape
from typing import Any

from quake_nodes import Quake

from cflow import node

WIDTH, HEIGHT = 1400, 980
MAP_LEFT, MAP_TOP, MAP_WIDTH, MAP_HEIGHT = 40, 104, 1320, 642
TIME_TOP, TIME_BOTTOM = 802, 922
INK, SOFT = "#eef3f8", "#8fa3b8"
DEPTHS = ((0, "#ffd166"), (15, "#ff9f5a"), (50, "#f26076"), (120, "#b15fd0"), (300, "#6f7cf0"))
LABELS = 8
SOURCES = "Data: U.S. Geological Survey · Coast lines: Natural Earth · Projection: Equal Earth"
MIDDLE = 150


@node(pure=True)
def world_map(quakes: list[Quake], land: dict[str, Any], title: str) -> str:
    """A poster: the world with a circle for each quake, and below it the week, shock by shock."""
    faint_first = sorted(quakes, key=lambda quake: quake.mag)
    parts = [
        _head(title, quakes),
        f'<path d="{_outline()}" fill="url(#sea)"/>',
        f'<path d="{_graticule()}" fill="none" stroke="#ffffff" stroke-opacity="0.06"/>',
        f'<path d="{_coasts(land)}" fill="#26384c" stroke="#3d536b" stroke-width="0.7" stroke-linejoin="round"/>',
        *(_circle(quake, *_project(quake.lon, quake.lat), _radius(quake.mag)) for quake in faint_first),
        *_labels(quakes),
        *_legend(),
        *_timeline(faint_first),
        _text(40, HEIGHT - 18, SOURCES, 12),
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="Helvetica, Arial, DejaVu Sans, sans-serif">\n<defs><radialGradient id="sea" r="0.75">'
        '<stop offset="0" stop-color="#16293f"/><stop offset="1" stop-color="#0f1d2f"/></radialGradient></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#0a1420"/>\n' + "\n".join(parts) + "\n</svg>\n"
    )


def _project(lon: float, lat: float) -> tuple[float, float]:
    """Equal Earth (Šavrič, Patterson, Jenny 2018), fitted into the map's frame; the middle of the map is 150° E, so
    that the Pacific and its coasts, where most earthquakes are, lie together."""
    turned = (lon - MIDDLE + 180) % 360 - 180
    t = math.asin(math.sqrt(3) / 2 * math.sin(math.radians(lat)))
    a1, a2, a3, a4 = 1.340264, -0.081106, 0.000893, 0.003796
    slope = a1 + 3 * a2 * t**2 + t**6 * (7 * a3 + 9 * a4 * t**2)
    x = 2 * math.sqrt(3) * math.radians(turned) * math.cos(t) / (3 * slope)
    y = t * (a1 + a2 * t**2 + t**6 * (a3 + a4 * t**2))
    return (
        MAP_LEFT + MAP_WIDTH / 2 + x / 2.7067 * MAP_WIDTH / 2,
        MAP_TOP + MAP_HEIGHT / 2 - y / 1.3174 * MAP_HEIGHT / 2,
    )


def _line(points: list[tuple[float, float]]) -> str:
    return "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in points)


def _outline() -> str:
    west = [_project(MIDDLE - 179.999, lat) for lat in range(-90, 91, 3)]
    east = [_project(MIDDLE + 179.999, lat) for lat in range(90, -91, -3)]
    return _line(west + east) + "Z"


def _graticule() -> str:
    meridians = [[_project(lon, lat) for lat in range(-90, 91, 3)] for lon in range(-180, 180, 30)]
    parallels = [[_project(MIDDLE - 179.999, lat), _project(MIDDLE + 179.999, lat)] for lat in range(-60, 61, 30)]
    return "".join(map(_line, meridians + parallels))


def _coasts(land: dict[str, Any]) -> str:
    """The continents. Where a coast crosses the map's edge (30° W), the ring is drawn once on either side and cut
    there.
    """
    out = []
    for polygon in land["coordinates"]:
        for ring in polygon:
            unrolled = _unrolled(ring)
            for shift in (-360, 0, 360):
                cut = _clipped([(lon + shift, lat) for lon, lat in unrolled])
                if len(cut) > 2:
                    out.append(_line([_project(lon + MIDDLE, lat) for lon, lat in cut]) + "Z")
    return "".join(out)


def _unrolled(ring: list[list[float]]) -> list[tuple[float, float]]:
    """The ring in degrees from the map's middle, without a jump at the date line; one round the pole is closed over
    it.
    """
    out = [(ring[0][0] - MIDDLE, ring[0][1])]
    for lon, lat in ring[1:]:
        step = (lon - MIDDLE - out[-1][0] + 180) % 360 - 180
        out.append((out[-1][0] + step, lat))
    if abs(out[-1][0] - out[0][0]) > 180:
        out += [(out[-1][0], -89.99), (out[0][0], -89.99)]
    return out


def _clipped(ring: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """The part of a ring between the two edges of the map (Sutherland-Hodgman, one edge after the other)."""
    for edge, inside in ((-179.999, 1), (179.999, -1)):
        kept: list[tuple[float, float]] = []
        for (x0, y0), (x1, y1) in zip(ring, ring[1:] + ring[:1], strict=True):
            in0, in1 = (x0 - edge) * inside >= 0, (x1 - edge) * inside >= 0
            if in0:
                kept.append((x0, y0))
            if in0 != in1:
                kept.append((edge, y0 + (y1 - y0) * (edge - x0) / (x1 - x0)))
        # The edge is a curve on the map: points along it keep the cut from being a chord.
        ring = []
        for (x0, y0), (x1, y1) in zip(kept, kept[1:] + kept[:1], strict=True):
            ring.append((x0, y0))
            if x0 == x1 == edge:
                steps = int(abs(y1 - y0) // 3)
                ring += [(edge, y0 + (y1 - y0) * i / (steps + 1)) for i in range(1, steps + 1)]
    return ring


def _radius(mag: float) -> float:
    return 1.2 + 0.21 * math.exp(0.72 * max(mag, 0))


def _colour(depth: float) -> str:
    return next(colour for least, colour in reversed(DEPTHS) if depth >= least or least == 0)


def _circle(quake: Quake, x: float, y: float, radius: float) -> str:
    name = escape(f"M {quake.mag:.1f} {quake.place}, {quake.depth:.0f} km deep, {quake.time:%d %b %H:%M} UTC")
    colour = _colour(quake.depth)
    return (
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}" fill="{colour}" fill-opacity="0.35" '
        f'stroke="{colour}" stroke-opacity="0.9" stroke-width="0.8"><title>{name}</title></circle>'
    )


def _labels(quakes: list[Quake]) -> list[str]:
    """The strongest shock of each region by name, the strongest regions first, none over another."""
    strongest: dict[str, Quake] = {}
    for quake in sorted(quakes, key=lambda quake: -quake.mag):
        strongest.setdefault(quake.region, quake)
    out: list[str] = []
    taken: list[tuple[float, float, float, float]] = []
    for quake in strongest.values():
        shown = f"{quake.region}  {quake.mag:.1f}"
        x, y = _project(quake.lon, quake.lat)
        width, gap = 7.6 * len(shown), _radius(quake.mag) + 7
        for left, anchor in ((x + gap, "start"), (x - gap - width, "end")):
            box = (left, y - 12, left + width, y + 8)
            free = all(box[2] < b[0] or box[0] > b[2] or box[3] < b[1] or box[1] > b[3] for b in taken)
            if free and box[0] > MAP_LEFT and box[2] < MAP_LEFT + MAP_WIDTH:
                taken.append(box)
                out.append(
                    _text(left if anchor == "start" else left + width, y + 4.5, shown, 13.5, INK, anchor, halo=True)
                )
                break
        if len(out) == LABELS:
            break
    return out


def _head(title: str, quakes: list[Quake]) -> str:
    first, last = min(quake.time for quake in quakes), max(quake.time for quake in quakes)
    more = f"{len(quakes):,} earthquakes from {_day(first)} to {_day(last)} {last.year}, by magnitude and depth"
    return _text(40, 52, title, 30, INK, weight=700) + _text(40, 82, more, 16)


def _day(moment: dt.datetime) -> str:
    return f"{moment.day} {moment:%B}"


def _legend() -> list[str]:
    out = [_text(WIDTH - 40, 46, "depth, km", 12.5, anchor="end")]
    for i, (least, colour) in enumerate(DEPTHS):
        x = WIDTH - 148.0 - (len(DEPTHS) - 1 - i) * 62
        out.append(f'<rect x="{x - 16}" y="35" width="12" height="12" rx="6" fill="{colour}"/>')
        out.append(_text(x, 46, f"{least}+", 12.5))
    x = WIDTH - 40.0
    out.append(_text(x, 82, "magnitude", 12.5, anchor="end"))
    x -= 92
    for mag in (6, 5, 4, 3):
        radius = _radius(mag)
        out.append(f'<circle cx="{x - radius:.1f}" cy="78" r="{radius:.1f}" fill="none" stroke="{SOFT}"/>')
        out.append(_text(x - radius, 82, str(mag), 11, anchor="middle") if mag > 4 else "")
        x -= 2 * radius + 12
    return out


def _timeline(quakes: list[Quake]) -> list[str]:
    """Each shock of M 2.5 or more as a stem over its time."""
    first, last = min(quake.time for quake in quakes), max(quake.time for quake in quakes)
    seconds = (last - first).total_seconds() or 1.0
    left, right = 76, WIDTH - 40

    def across(moment: dt.datetime) -> float:
        return left + (moment - first).total_seconds() / seconds * (right - left)

    def up(mag: float) -> float:
        return TIME_BOTTOM - (mag - 2.5) / 4 * (TIME_BOTTOM - TIME_TOP)

    out = [_text(40, TIME_TOP - 24, "Shock by shock: M 2.5 and more", 14, INK)]
    for mag in (3, 4, 5, 6):
        out.append(f'<path d="M{left} {up(mag):.1f}H{right}" stroke="#ffffff" stroke-opacity="0.08"/>')
        out.append(_text(left - 10, up(mag) + 4, f"M {mag}", 12, anchor="end"))
    day = first.replace(hour=0, minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    while day < last:
        x = across(day)
        out.append(f'<path d="M{x:.1f} {TIME_TOP - 8}V{TIME_BOTTOM}" stroke="#ffffff" stroke-opacity="0.12"/>')
        if x < right - 60:
            out.append(_text(x + 5, TIME_BOTTOM + 16, _day(day), 12))
        day += dt.timedelta(days=1)
    for quake in quakes:
        if quake.mag >= 2.5:
            x, y = across(quake.time), up(quake.mag)
            out.append(
                f'<path d="M{x:.1f} {TIME_BOTTOM}V{y:.1f}" stroke="{_colour(quake.depth)}" stroke-opacity="0.35"/>'
            )
            out.append(_circle(quake, x, y, 1.5 + 0.6 * (quake.mag - 2.5)))
    return out


def _text(
    x: float, y: float, text: str, size: float, colour: str = SOFT, anchor: str = "start", weight: int = 400,
    *, halo: bool = False,
) -> str:  # fmt: skip
    behind = ' stroke="#0a1420" stroke-width="3.5" stroke-opacity="0.85" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" '
        f'fill="{colour}"{behind}>{escape(text)}</text>'
    )
