"""Read an access log of any length, still compressed, and tell which pages are asked for and which fail.

cflow run examples/cookbook/log_report.py path=access.log.gz
"""

from typing import Any

from log_lines import count_lines

from cflow import batched, flow
from cflow.stdlib_nodes import compress, csv, data, log


@flow
def sums(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One record a path."""
    return data.summarize(rows, "path", requests="sum requests", errors="sum errors", bytes="sum bytes")


@flow
def log_report(path: str, out: str = "log-report", size: int = 20_000) -> dict[str, Any]:
    """Count the requests of each path, `size` lines at a time in a process of their own, and write the table."""
    paths = []
    for lines in batched(compress.lines(path), size):
        counted = count_lines.options(timeout=60)(lines)
        paths = sums(paths + counted)
    known, unread = data.split(paths, "path", "!=", "?")
    if unread:
        log.warning(f"{unread[0]['requests']} lines of {path} cannot be read")
    ranked = data.sort(known, "-requests", "path")
    csv.write(f"{out}/paths.csv", ranked)
    worst = [row for row in ranked if row["errors"] * 50 > row["requests"]]
    csv.write(f"{out}/failing.csv", data.drop(worst, "bytes"))
    return {"requests": sum([row["requests"] for row in known]), "failing": data.pluck(worst, "path")}
