"""A stream: an access log of any length, read line by line in constant memory, measured slice by slice. The twin of
`stream.cflow`: both have one digest.

    cflow run examples/stream.py
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from access_log import measure, write_log

from cflow import batched, convert, flow
from cflow.stdlib_nodes import chart, files, log


@dataclass(frozen=True, kw_only=True)
class Slice:
    start: str
    requests: int
    unread: int
    errors: int
    worst: str
    p95: int


@flow
def slices(path: str, size: int = 1_000) -> Iterator[Slice]:
    """One record for each `size` lines."""
    for lines in batched(files.lines(path), size):
        part = convert(measure(lines), Slice)
        yield part


@flow
def main(lines: int = 20_000, out: str = "stream-out") -> dict[str, Any]:
    """Make a log, measure it, and tell when it went badly."""
    path = write_log(f"{out}/access.log", lines)
    requests = 0
    parts = []
    alarms = []
    for part in slices(path):
        requests += part.requests
        parts.append(part)
        if part.errors > part.requests * 0.02:
            log.warning(f"{part.errors} errors from {part.start} on, most of them in {part.worst}", p95=part.p95)
            alarms.append(part.start)
    points = [{"slice": number, "errors": part.errors} for number, part in enumerate(parts)]
    files.write(f"{out}/errors.svg", chart.lines(points, "slice", "errors", title="Errors, slice by slice"))
    return {"requests": requests, "slices": len(parts), "alarms": alarms}


if __name__ == "__main__":
    print(main.run())
