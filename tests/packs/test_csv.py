from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio

from cflow.stdlib_nodes import csv


@dataclass
class Sale:
    item: str
    qty: int


def streamed(path: Path, **how: Any) -> list[dict[str, str]]:
    async def main() -> list[dict[str, str]]:
        return [record async for record in csv.records.fn(path, **how)]

    return trio.run(main)


def test_parse_and_format() -> None:
    rows = [{"name": 'bolt "A"', "note": "two\nlines"}, {"name": "nut, hex", "note": ""}]
    assert csv.parse.fn(csv.format.fn(rows)) == rows
    assert csv.format.fn([Sale("bolt", 4)]) == "item,qty\nbolt,4\n"
    assert csv.format.fn([{"a": 1}, {"b": None}]) == "a,b\n1,\n,\n"
    assert csv.format.fn([]) == ""
    assert csv.parse.fn("") == []
    assert csv.parse.fn("a;b\n1;2\n\n3;4\n", separator=";") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]
    assert csv.parse.fn("1,2\n", columns=["a", "b"]) == [{"a": "1", "b": "2"}]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n1,2,3\n", "line 3: 3 cells where 2"),
        ("a,b\n1\n", "line 2: 1 cells"),
        ("a,a\n1,2\n", "two columns are called 'a'"),
        ('a\n"open', "line 2: unexpected end"),
    ],
)
def test_bad_tables(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        csv.parse.fn(text)


def test_files_there_and_back(tmp_path: Path) -> None:
    path = csv.write.fn(tmp_path / "new" / "sales.csv", [Sale("bolt", 4), Sale("nüt", 5)])
    wanted = [{"item": "bolt", "qty": "4"}, {"item": "nüt", "qty": "5"}]
    assert csv.read.fn(path) == wanted
    assert streamed(path) == wanted
    csv.append.fn(path, [{"qty": 6, "item": "pin"}])
    assert path.read_text("utf-8") == "item,qty\nbolt,4\nnüt,5\npin,6\n"
    fresh = csv.append.fn(tmp_path / "other.csv", [{"a": 1}])
    assert fresh.read_text() == "a\n1\n"


def test_a_bad_record_writes_nothing(tmp_path: Path) -> None:
    path = csv.write.fn(tmp_path / "a.csv", [{"a": 1}])
    with pytest.raises(ValueError, match="record 2 has the field 'b', which is no column"):
        csv.write.fn(path, [{"a": 1}, {"b": 2}], columns=["a"])
    with pytest.raises(ValueError, match="record 1 has the field 'b'"):
        csv.append.fn(path, [{"b": 2}])
    with pytest.raises(TypeError, match="not int"):
        csv.write.fn(path, [1])
    assert path.read_text() == "a\n1\n"


def test_a_long_stream(tmp_path: Path) -> None:
    path = csv.write.fn(tmp_path / "long.csv", [{"n": i} for i in range(25_000)])
    assert [record["n"] for record in streamed(path)] == [str(i) for i in range(25_000)]


def test_files_that_are_no_tables(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"a,b\n1,\xff\n")
    with pytest.raises(ValueError, match=r"a\.csv is not UTF-8 text"):
        csv.read.fn(path)
    path.write_bytes("\ufeffa,b\n1,2\n".encode())
    assert csv.read.fn(path) == [{"a": "1", "b": "2"}]
    with pytest.raises(FileNotFoundError):
        streamed(tmp_path / "none.csv")
