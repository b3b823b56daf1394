"""A long file flows through a filter, a grouping and a write in constant memory: 1 GB with ``--long``.

What a process holds at most is asked of the system in a process of its own, once for a tenth of the rows and once for
all: what grows with the file would show.
"""

from __future__ import annotations

import gzip
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

FLOW = """
import csv, data, json, jsonl, compress, table, xml

flow via_csv(source: str, target: str) -> dict[str, int]:
    counts = {"north": 0}
    for rows in csv.records(source) with batch=1000:
        some = data.filter(rows, "region", "==", "north")
        for region, part in data.group(some, "region").items():
            counts[region] = counts[region] + len(part)
        csv.append(target, some)
    return counts

flow via_jsonl(source: str, target: str) -> dict[str, int]:
    counts = {"north": 0}
    for rows in jsonl.records(source) with batch=1000:
        some = data.filter(rows, "region", "==", "north")
        for region, part in data.group(some, "region").items():
            counts[region] = counts[region] + len(part)
        jsonl.append(target, some)
    return counts

flow via_json(source: str, target: str) -> dict[str, int]:
    counts = {"north": 0}
    for rows in json.items(source) with batch=1000:
        some = data.filter(rows, "region", "==", "north")
        counts["north"] = counts["north"] + len(some)
        jsonl.append(target, some)
    return counts

flow via_xml(source: str, target: str) -> dict[str, int]:
    counts = {"north": 0}
    for rows in xml.items(source, "row") with batch=1000:
        some = data.filter(rows, "region", "==", "north")
        counts["north"] = counts["north"] + len(some)
        jsonl.append(target, some)
    return counts

flow via_lines(source: str, target: str) -> dict[str, int]:
    counts = {"north": 0}
    for rows in compress.lines(source) with batch=1000:
        some = [row for row in rows if "north" in row]
        counts["north"] = counts["north"] + len(some)
        jsonl.append(target, some)
    return counts

flow via_table(source: str, target: str) -> Any:
    ordered = table.scan(source) |> data.sort("-note", "id")
    table.write(ordered, f"{target}.parquet", memory="200MB")
    north = ordered |> data.filter("region", "==", "north") |> data.summarize([], north="count")
    return (north |> table.collect(memory="200MB"))[0]
"""

RUN = """
import sys, cflow
flow, program, source, target = sys.argv[1:]
found = getattr(cflow.load(program), flow).run(source, target)
with open("/proc/self/status") as file:
    highest = next(int(line.split()[1]) for line in file if line.startswith("VmHWM"))
print(found["north"], highest)
"""
"""(``ru_maxrss`` would be that of the process that started this one, where it is larger.)"""

ROW = 100
"""Bytes of a row, about."""


def fields(i: int) -> tuple[int, str, str]:
    return i, ("north", "south", "east", "west")[i % 4], f"{i * 7919 % 1_000_003:07d}" * 9


def csv_text(rows: int) -> Iterator[str]:
    yield "id,region,note\n"
    yield from ("{},{},{}\n".format(*fields(i)) for i in range(rows))


def jsonl_text(rows: int) -> Iterator[str]:
    yield from ('{{"id": {}, "region": "{}", "note": "{}"}}\n'.format(*fields(i)) for i in range(rows))


def json_text(rows: int) -> Iterator[str]:
    yield "["
    for i, line in enumerate(jsonl_text(rows)):
        yield ("," if i else "") + line.rstrip()
    yield "]"


def xml_text(rows: int) -> Iterator[str]:
    yield "<rows>"
    yield from ('<row id="{}"><region>{}</region><note>{}</note></row>\n'.format(*fields(i)) for i in range(rows))
    yield "</rows>"


def run(flow: str, program: Path, source: Path, target: Path) -> tuple[int, int]:
    """What the flow has found, and what its process held at most, in KiB."""
    done = subprocess.run(
        [sys.executable, "-c", RUN, flow, str(program), str(source), str(target)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    count, peak = map(int, done.stdout.split())
    return count, peak


@pytest.mark.slow
def test_a_table_keeps_to_its_limit(tmp_path: Path, long: bool) -> None:
    rows = (1_000_000_000 if long else 30_000_000) // ROW
    program, source = tmp_path / "program.cflow", tmp_path / "a.csv"
    program.write_text(FLOW)
    with open(source, "w") as file:
        file.writelines(csv_text(rows))
    count, peak = run("via_table", program, source, tmp_path / "out")
    assert count == rows // 4
    # Its 200 MB, Python and the library; of all 773 MB to be sorted not much more than of 23.
    assert peak < 500_000, peak


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flow", "text", "name", "megabytes"),
    [
        ("via_csv", csv_text, "a.csv", 50),
        ("via_jsonl", jsonl_text, "a.jsonl", 15),
        ("via_jsonl", jsonl_text, "a.jsonl.gz", 50),
        ("via_lines", csv_text, "a.csv.gz", 15),
        ("via_json", json_text, "a.json", 15),
        ("via_xml", xml_text, "a.xml", 15),
    ],
)
def test_memory_does_not_grow_with_the_file(
    flow: str, text: Callable[[int], Iterator[str]], name: str, megabytes: int, tmp_path: Path, long: bool
) -> None:
    whole = 1_000_000_000 if long else megabytes * 1_000_000
    program = tmp_path / "program.cflow"
    program.write_text(FLOW)
    peaks = []
    for rows in (whole // 10 // ROW, whole // ROW):
        source, target = tmp_path / name, tmp_path / "out"
        with gzip.open(source, "wt", compresslevel=1) if name.endswith(".gz") else open(source, "w") as file:
            file.writelines(text(rows))
        count, peak = run(flow, program, source, target)
        assert count == rows // 4
        assert target.stat().st_size > rows // 4 * 60
        target.unlink()
        peaks.append(peak)  # in KiB
    # Ten times the rows; some MB of play, for allocators keep what they like.
    assert peaks[1] - peaks[0] < 8_000, peaks
