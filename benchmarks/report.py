"""The table of a benchmark run: name, ours, the floor, their ratio, the aim, and the first, cold run.

``pytest benchmarks`` prints it at its end; ``.venv/bin/python benchmarks/report.py saved.json`` prints it for what
``--benchmark-json=saved.json`` has kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

COLUMNS = ("", "ours", "floor", "ratio", "best", "aim", "met", "check+plan", "first run")


def met(row: Mapping[str, Any]) -> str:
    """Does the median meet the aim? A number and a unit: ``us`` a unit of work, ``us more`` than the
    floor, ``s`` in all, ``x`` the floor."""
    aim = row.get("aim", "")
    if not aim:
        return ""
    number, unit = aim.removeprefix("<= ").removesuffix("x").split(" ", 1) if " " in aim[3:] else (aim[3:-1], "x")
    more = row["ours"] - row.get("floor", 0.0)
    value = {
        "us": row["ours"] / row["units"] * 1e6,
        "us more": more / row["units"] * 1e6,
        "s": row["ours"],
        "x": row.get("ratio", 0.0),
    }[unit]
    return "yes" if value <= float(number) else "NO"


def short(seconds: float) -> str:
    """Seconds for people."""
    if seconds >= 1:
        return f"{seconds:.2f} s"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.1f} ms"
    return f"{seconds * 1e6:.2f} us" if seconds >= 1e-8 else f"{seconds * 1e9:.2g} ns"


def cells(row: Mapping[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    units = row["units"]
    return (
        row["what"],
        short(row["ours"] / units),
        short(row["floor"] / units) if "floor" in row else "",
        f"{row['ratio']:.2f}" if "ratio" in row else "",
        f"{row['best_ratio']:.2f}" if "best_ratio" in row else "",
        row.get("aim", ""),
        met(row),
        short(row["prepare"]) if "prepare" in row else "",
        short(row["first"]) if "first" in row else "",
    )


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The table as Markdown; notes of a row (``note``) stand under it."""
    rows = list(rows)
    lines = [COLUMNS, *(cells(r) for r in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(COLUMNS))]
    text = ["| " + " | ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)) + " |" for line in lines]
    text.insert(1, "|" + "|".join("-" * (w + 2) for w in widths) + "|")
    text += [
        "",
        "ours and floor: median, for one unit (a node, an `if`, an item, a flow call); best: ratio of the minima",
    ]
    text += [f"{r['what']}: {r['note']}" for r in rows if r.get("note")]
    return "\n".join(text)


def main(path: str) -> None:
    """Print the table of a saved run.

    Raises
    ------
    SystemExit: there is none in the file; standard error tells why.
    """
    try:
        saved = json.loads(Path(path).read_text(encoding="utf-8"))
        rows = [b["extra_info"] for b in saved["benchmarks"] if "what" in b["extra_info"]]
    except OSError as error:
        sys.exit(f"{path} cannot be read: {error.strerror}")
    except (ValueError, KeyError, TypeError, RecursionError):
        sys.exit(f"{path} was not written by --benchmark-json")
    print(table(rows))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("give the file that --benchmark-json has written")
    main(sys.argv[1])
