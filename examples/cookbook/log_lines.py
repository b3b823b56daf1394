"""The node of `log_report`: what some lines of an access log say."""

from __future__ import annotations

import re
from collections import defaultdict

from cflow import node

COMBINED = re.compile(r'\S+ \S+ \S+ \[[^]]+\] "[A-Z]+ (?P<path>[^ ?"]+)[^"]*" (?P<status>\d{3}) (?P<size>\d+|-)')


@node(pure=True, runs="process")
def count_lines(lines: list[str]) -> list[dict[str, str | int]]:
    """Requests, errors and bytes by path; a line that cannot be read counts for the path ``?``."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in lines:
        match = COMBINED.match(line)
        sums = found[match["path"] if match else "?"]
        sums[0] += 1
        if match:
            sums[1] += match["status"] >= "500"
            sums[2] += 0 if match["size"] == "-" else int(match["size"])
    return [{"path": path, "requests": n, "errors": e, "bytes": b} for path, (n, e, b) in found.items()]
