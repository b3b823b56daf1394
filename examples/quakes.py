"""One week of earthquakes: a report, a map and a histogram. The twin of `quakes.cflow`: both have one digest.

cflow run examples/quakes.py
python examples/quakes.py
"""

from dataclasses import dataclass
from typing import Any

from quake_map import world_map
from quake_nodes import Quake, find_data, flat, report, sequence_of

from cflow import collect, convert, flow, parallel
from cflow.stdlib_nodes import chart, data, files, json, log


@dataclass(frozen=True, kw_only=True)
class Study:
    """What there is to say of one region."""

    region: str
    quakes: int
    strongest: float
    depth: float
    level: str
    note: str


@flow
def read_quake(feature: dict[str, Any]) -> Quake:
    """One record of the feed, converted and checked: a bad one fails here."""
    quake = convert(flat(feature), Quake)
    return quake  # noqa: RET504


@flow
def study(region: str, quakes: list[Quake], strong: float) -> Study:
    """Look at one region."""
    main = data.sort(quakes, "-mag")[0]
    sums = data.aggregate(quakes, depth="median depth")
    if main.mag >= strong:
        level = "strong"
        note = sequence_of(quakes, main)
    elif main.mag >= strong - 1.5 and len(quakes) >= 10:
        level = "lively"
        note = f"{len(quakes)} shocks up to M {main.mag:.1f}, most of them small"
    else:
        level = "quiet"
        note = f"M {main.mag:.1f} at most"
    return Study(region=region, quakes=len(quakes), strongest=main.mag, depth=sums["depth"], level=level, note=note)


@flow
def quakes(source: str = "earthquakes.json", out: str = "quakes-out", strong: float = 6.0) -> dict[str, Any]:
    """Study one week, write the report, and say where it is."""
    feed = json.read(find_data(source))
    land = json.read(find_data("land.json"))

    done = collect(read_quake(feature) for feature in parallel(feed["features"], limit=16))
    left_out = [f"record {bad.index} ({bad.item['id']}): {bad.error}" for bad in done.failed]
    for line in left_out:
        log.warning(line)

    natural = [quake for quake in done.ok if quake.kind == "earthquake"]
    regions = data.group(natural, "region")
    studies = [study(region, members, strong) for region, members in parallel(regions.items(), limit=4)]
    ranked = data.sort(studies, "-strongest", "-quakes")

    files.write(f"{out}/map.svg", world_map(natural, land, "One week of earthquakes"))
    magnitudes = chart.histogram([quake.mag for quake in natural], bins=36, title="Earthquakes by magnitude")
    files.write(f"{out}/magnitudes.svg", magnitudes)
    path = files.write(f"{out}/report.md", report(natural, ranked, left_out))
    log.info("the report is written", path=path)
    return {
        "report": str(path),
        "quakes": len(natural),
        "regions": len(ranked),
        "strongest": ranked[0].note,
        "left_out": len(left_out),
    }


if __name__ == "__main__":
    print(quakes.run())
