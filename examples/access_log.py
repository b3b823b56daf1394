"""The nodes of the stream example: a made-up access log of a web shop, and what a slice of one says."""

from __future__ import annotations

import datetime as dt
import math
import random
import re
from pathlib import Path
from typing import Any

from cflow import node

PATHS = ("/", "/search", "/item", "/basket", "/pay", "/help")
LINE = re.compile(r"(?P<time>\S+) (?P<path>\S+) (?P<status>\d{3}) (?P<ms>\d+)ms")


@node(writes="files")
def write_log(path: str, lines: int, seed: int = 7) -> str:
    """Write a log of so many requests, always the same for the same seed; gives its path.

    There is a bad spell in it: from three to four fifths of the way, paying is slow and often fails.
    """
    chance = random.Random(seed)
    moment = dt.datetime(2026, 3, 1, 6, tzinfo=dt.UTC)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        for number in range(lines):
            moment += dt.timedelta(seconds=chance.expovariate(2))
            wanted = chance.choice(PATHS)
            bad = wanted == "/pay" and 3 * lines <= 5 * number < 4 * lines
            status = 500 if chance.random() < (0.4 if bad else 0.004) else 200
            ms = int(chance.lognormvariate(6.2 if bad else 4, 0.5))
            file.write(f"{moment:%Y-%m-%dT%H:%M:%SZ} {wanted} {status} {ms}ms\n")
    return path


@node(pure=True)
def measure(lines: list[str]) -> dict[str, Any]:
    """What the lines of a slice say, summed up; lines that are none are counted."""
    found = [match for match in map(LINE.fullmatch, lines) if match]
    times = sorted(int(match["ms"]) for match in found)
    failed = [match["path"] for match in found if match["status"] >= "500"]
    return {
        "start": found[0]["time"] if found else "",
        "requests": len(found),
        "unread": len(lines) - len(found),
        "errors": len(failed),
        "worst": max(PATHS, key=failed.count) if failed else "",
        "p95": times[math.ceil(len(times) * 0.95) - 1] if times else 0,
    }
