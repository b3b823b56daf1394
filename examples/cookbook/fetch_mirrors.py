"""Fetch the files of a release from whichever mirror answers first, some at a time, and check each.

cflow run examples/cookbook/fetch_mirrors.py index=https://example.com/1.4/index.json \\
        'mirrors=["https://a.example.com/1.4","https://b.example.com/1.4"]'
"""

from dataclasses import dataclass
from pathlib import Path

from cflow import Collected, collect, convert, flow, parallel, race
from cflow.stdlib_nodes import crypto, files, http, log


@dataclass(frozen=True, kw_only=True)
class Wanted:
    name: str
    sha256: str


@flow
def fetched(mirror: str, file: Wanted) -> bytes:
    """The file from one mirror. What is not what was asked for is a failure, so the other mirror can win."""
    answer = http.get.options(retry=2, timeout=20)(f"{mirror}/{file.name}")
    assert crypto.hash(answer.body) == file.sha256, f"{mirror} has another {file.name}"
    return answer.body


@flow
def fetch_mirrors(index: str, mirrors: list[str], out: str = "release", limit: int = 6) -> list[Path]:
    """The paths of the files, all of them. The checksums come from `index`, so the mirrors need not be trusted; files
    that are there and fit are not fetched again."""
    first, second = mirrors
    wanted = convert(http.get_json.options(retry=3, timeout=10)(index), list[Wanted])
    done: Collected[Path] = collect(max_failed=3)
    for file in parallel(wanted, limit=limit):
        path = files.inside(out, file.name)
        if not (files.exists(path) and crypto.hash_file(path) == file.sha256):
            content = race(fetched(first, file), fetched(second, file), timeout=60)
            files.write(path, content)
        done.append(path)
    for bad in done.failed:
        log.error(f"{bad.item.name}: {bad.error}")
    assert not done.failed, f"{len(done.failed)} of {len(wanted)} files are missing; do it again to fetch those"
    return done.ok
