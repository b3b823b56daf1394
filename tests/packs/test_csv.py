from __future__ import annotations

import gzip
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st

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


def test_other_forms(tmp_path: Path) -> None:
    path = tmp_path / "bank.csv"
    path.write_bytes("Konto 7\n\nname;note\nJürgen;'a;b'\n".encode("cp1252"))
    form: dict[str, Any] = {"separator": ";", "encoding": "cp1252", "quote": "'", "skip": 2}
    assert csv.read.fn(path, **form) == streamed(path, **form) == [{"name": "Jürgen", "note": "a;b"}]
    path.write_bytes(b"a\n\xff\n")
    with pytest.raises(ValueError, match="is not ASCII text"):
        csv.read.fn(path, encoding="ascii")
    with pytest.raises(ValueError, match="there is no encoding 'none'"):
        csv.read.fn(path, encoding="none")
    with pytest.raises(ValueError, match="separator is one character, not ', '"):
        csv.parse.fn("a", ", ")
    with pytest.raises(ValueError, match="quote is one character, not ''"):
        csv.parse.fn("a", quote="")
    with pytest.raises(ValueError, match="line 4: 1 cells where 2"):
        csv.parse.fn("x\ny\na,b\n1\n", skip=2)


@pytest.mark.parametrize("suffix", [".gz", ".bz2", ".xz", ".zst"])
def test_compressed_tables(tmp_path: Path, suffix: str) -> None:
    path = csv.write.fn(tmp_path / f"a.csv{suffix}", [{"a": 1, "b": "ü"}])
    csv.append.fn(path, [{"b": "y", "a": 2}])
    wanted = [{"a": "1", "b": "ü"}, {"a": "2", "b": "y"}]
    assert csv.read.fn(path) == streamed(path) == wanted
    assert path.read_bytes()[:3] != b"a,b"


def test_append_is_all_or_nothing(tmp_path: Path) -> None:
    path = csv.write.fn(tmp_path / "a.csv", [{"a": 1}])
    with pytest.raises(ValueError, match="record 2 has the field 'b'"):
        csv.append.fn(path, [{"a": 2}, {"b": 3}])
    assert path.read_text() == "a\n1\n"


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_records_or_a_clear_error(clear: Any, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(suffix=".csv") as file:
        file.write(content)
        file.flush()
        clear(lambda: csv.read.fn(file.name), file.name)


@given(st.lists(st.fixed_dictionaries({"a": st.text(), "b b": st.text(max_size=3)}), max_size=5))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(rows: list[dict[str, str]]) -> None:
    assert csv.parse.fn(csv.format.fn(rows)) == rows


def test_a_cell_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"a\n")
        for _ in range(80):
            file.write(b"x" * (1 << 20))
    with pytest.raises(ValueError, match=r"bomb\.csv\.gz"):
        streamed(path)
