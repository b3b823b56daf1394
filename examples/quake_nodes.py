"""The nodes of the earthquake example: finding the data, reading a record, the words of the report."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cflow import node
from cflow.stdlib_nodes import text

DATA = Path(__file__).parent / "data"

STATES = {"CA": "California", "MX": "Mexico", "B.C.": "British Columbia", "PR": "Puerto Rico"}


@dataclass(frozen=True, kw_only=True)
class Quake:
    """One event of the feed. Building one checks it: a record without a place on earth never gets further."""

    id: str
    kind: str
    place: str
    region: str
    time: dt.datetime
    mag: float
    depth: float
    lon: float
    lat: float
    rms: float

    def __post_init__(self) -> None:
        if not (-180 <= self.lon <= 180 and -90 <= self.lat <= 90):
            msg = f"{self.id} lies nowhere on earth: longitude {self.lon}, latitude {self.lat}"
            raise ValueError(msg)
        if not -3 <= self.mag <= 10:
            msg = f"{self.id} has a magnitude of {self.mag}"
            raise ValueError(msg)


@node(pure=True)
def find_data(name: str) -> Path:
    """The path of a data file: one that comes with the example by its bare name, any other as it stands."""
    return DATA / name if "/" not in name else Path(name)


@node(pure=True)
def flat(feature: dict[str, Any]) -> dict[str, Any]:
    """The fields of a GeoJSON feature as a flat record; what its values are worth is checked later."""
    properties = feature["properties"]
    lon, lat, depth = feature["geometry"]["coordinates"]
    place = properties["place"]
    region = place.rpartition(", ")[2]
    return {
        "id": feature["id"],
        "kind": properties["type"],
        "place": place,
        "region": STATES.get(region, region),
        "time": dt.datetime.fromtimestamp(properties["time"] / 1000, dt.UTC),
        "mag": properties["mag"],
        "depth": depth,
        "lon": lon,
        "lat": lat,
        "rms": properties["rms"],
    }


def day_of(moment: dt.date) -> str:
    return f"{moment.day} {moment:%B}"


@node(pure=True)
def sequence_of(quakes: list[Quake], main: Quake) -> str:
    """A sentence about what came before and after the main shock of a region."""
    others = [quake for quake in quakes if quake is not main and quake.mag >= 4]
    before = sum(quake.time < main.time for quake in others)
    shocks = "shock" if len(others) == 1 else "shocks"
    return (
        f"M {main.mag:.1f} {main.place}, {main.depth:.0f} km deep, on {day_of(main.time)} at {main.time:%H:%M} UTC; "
        f"{len(others)} more {shocks} of M 4 or above, {before} of them before it."
    )


@node(pure=True)
def report(quakes: list[Quake], studies: list[Any], left_out: list[str]) -> str:
    """The report, in Markdown."""
    first, last = min(quake.time for quake in quakes), max(quake.time for quake in quakes)
    notable = [study for study in studies if study.level != "quiet"]
    rows = [
        {
            "region": s.region,
            "quakes": s.quakes,
            "strongest": s.strongest,
            "median depth, km": round(s.depth),
            "level": s.level,
        }
        for s in studies[:15]
    ]
    strong = sum(quake.mag >= 4.5 for quake in quakes)
    parts = [
        f"# Earthquakes, {day_of(first)} to {day_of(last)} {last.year}\n",
        f"{len(quakes):,} earthquakes in {len(studies)} regions, {strong} of them of M 4.5 or more.\n",
        "![A map of the week](map.svg)\n",
        "## What stood out\n",
        "\n".join(f"- **{study.region}** ({study.level}): {study.note}" for study in notable) + "\n",
        "## The regions\n",
        text.table.fn(rows),
        "![How strong they were](magnitudes.svg)\n",
    ]
    if left_out:
        parts += ["## Left out\n", "\n".join(f"- {line}" for line in left_out) + "\n"]
    parts.append("Data: U.S. Geological Survey, public domain. Coast lines: Natural Earth, public domain.\n")
    return "\n".join(parts)
