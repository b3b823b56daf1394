"""The curve of growth as a picture and a table, from what a run of the benchmark has kept.

    ./dev bench benchmarks/test_growth.py --benchmark-json=growth.json
    .venv/bin/python benchmarks/growth.py growth.json

writes ``docs/img/growth.svg`` with the project's own chart pack, and prints the table of docs/performance.md.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cflow.stdlib_nodes import chart

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "img" / "growth.svg"
STAGES = ("read", "check", "digest", "optimize", "order", "link", "plan")
TITLE = "Seconds of processor time to read, check, plan and link, by steps"

Rows = dict[str, dict[int, dict[str, float]]]
"""The seconds of each stage, by spelling and by steps."""


def rows(saved: Mapping[str, Any]) -> Rows:
    """The figures of a file that pytest-benchmark has written.

    Raises
    ------
    ValueError: they are not in it.
    """
    found: Rows = {}
    for benchmark in saved.get("benchmarks", ()):
        extra, params = benchmark.get("extra_info", {}), benchmark.get("params") or {}
        if "stages" in extra and "spelling" in params:
            found.setdefault(params["spelling"], {})[params["steps"]] = extra["stages"]
    if not found:
        raise ValueError("it has no figures of benchmarks/test_growth.py")
    return found


def picture(found: Rows) -> str:
    """The curves, one a spelling, as SVG: a straight line is linear growth."""
    steps = sorted({size for sizes in found.values() for size in sizes})
    points = [
        {"steps": size, **{name: sum(sizes[size].values()) if size in sizes else None for name, sizes in found.items()}}
        for size in [0, *steps]
    ]
    points[0].update(dict.fromkeys(found, 0.0))
    drawn: str = chart.lines(points, "steps", list(found), title=TITLE)
    return drawn


def table(found: Rows) -> str:
    """Microseconds a step as Markdown; the last column is what checking and planning takes in all."""
    lines = ["| | " + " | ".join([*STAGES, "checked and planned"]) + " |", "|---" * (len(STAGES) + 2) + "|"]
    for spelling, sizes in found.items():
        for steps, stages in sorted(sizes.items()):
            each = [f"{stages[stage] / steps * 1e6:.0f}" for stage in STAGES]
            whole = sum(seconds for stage, seconds in stages.items() if stage not in ("digest", "link"))
            lines.append(f"| {steps:,} steps, {spelling} | " + " | ".join([*each, f"{whole:.2f} s"]) + " |")
    return "\n".join(lines)


def main() -> None:
    """Write the picture, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("saved", type=Path, help="what --benchmark-json has written")
    path = parser.parse_args().saved
    try:
        found = rows(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        parser.error(f"{path}: {error}")
    PICTURE.write_text(picture(found), encoding="utf-8")
    print(table(found))


if __name__ == "__main__":
    sys.exit(main())
