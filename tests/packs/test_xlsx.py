from __future__ import annotations

import datetime as dt
import io
import zipfile
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import xlsx


@dataclass
class Sale:
    item: str
    qty: int


def streamed(path: Path, **how: Any) -> list[Any]:
    async def main() -> list[Any]:
        return [row async for row in xlsx.records.fn(path, **how)]

    return trio.run(main)


def repacked(content: bytes, name: str, body: bytes, **how: Any) -> bytes:
    """The spreadsheet with another part in place of one."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, body if info.filename == name else old.read(info), **how)
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_every_kind_of_cell_there_and_back(tmp_path: Path) -> None:
    row = {
        "text": "nüt", "whole": 7, "part": 2.5, "truth": True, "nothing": None, "day": dt.date(2026, 3, 1),
        "moment": dt.datetime(2026, 3, 1, 5, 30), "big": 2.0**60,
    }  # fmt: skip
    path = xlsx.write.fn(tmp_path / "new" / "a.xlsx", [row])
    (found,) = xlsx.read.fn(path)
    assert found == row
    assert {key: type(value) for key, value in found.items()} == {key: type(value) for key, value in row.items()}
    (again,) = xlsx.parse.fn(
        xlsx.format.fn([{"z": dt.datetime(2026, 3, 1, 7, tzinfo=dt.timezone(dt.timedelta(hours=2)))}])
    )
    assert again == {"z": dt.datetime(2026, 3, 1, 5)}
    (cell,) = xlsx.parse.fn(xlsx.format.fn([{"p": Path("a/b"), "d": Decimal("1.5")}]))
    assert cell == {"p": "a/b", "d": 1.5}


def test_text_stays_text(tmp_path: Path) -> None:
    rows = [{"a": "=1+1", "b": "https://example.com/", "c": "007", "d": "{=SUM(1)}"}]
    content = xlsx.format.fn(rows)
    assert xlsx.parse.fn(content) == rows
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(content)).read(SHEET)


def test_sheets(tmp_path: Path) -> None:
    path = xlsx.write.fn(tmp_path / "a.xlsx", {"March": [Sale("nut", 1)], "April": [{"a": 1}, {"b": 2}], "May": []})
    assert xlsx.sheets.fn(path) == ["March", "April", "May"]
    assert xlsx.read.fn(path, "March") == [{"item": "nut", "qty": 1}]
    assert xlsx.read.fn(path, 1) == streamed(path, sheet=1) == [{"a": 1, "b": None}, {"a": None, "b": 2}]
    assert xlsx.read.fn(path, "May") == []
    assert xlsx.read.fn(path, columns=["x", "y"], skip=1) == [{"x": "nut", "y": 1}]
    for sheet, message in (("Mai", "no sheet 'Mai': it has 'March', 'April', 'May'"), (3, "no sheet 3: it has 3")):
        with pytest.raises(ValueError, match=message):
            xlsx.read.fn(path, sheet)
    with pytest.raises(ValueError, match="record 1: a cell beyond the last column"):
        xlsx.read.fn(path, columns=["x"], skip=1)


def test_heads() -> None:
    content = xlsx.format.fn([{"a": 1, "b": 2, "c": 3}], ["a", "b", "c"])
    assert xlsx.parse.fn(content, columns=["a", "b", "c"], skip=1) == [{"a": 1, "b": 2, "c": 3}]
    twice = xlsx.format.fn([{"x": "a", "y": "a"}])
    with pytest.raises(ValueError, match="two columns are called 'a'"):
        xlsx.parse.fn(twice, skip=1)
    assert xlsx.parse.fn(xlsx.format.fn([{"x": None, "y": "b"}, {"x": 1, "y": 2}]), skip=1) == [{"column 1": 1, "b": 2}]


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        ([{"a": float("nan")}], ValueError, "sheet 'Sheet1', record 1, field 'a': a cell holds no NaN"),
        ([{"a": "x" * 32_768}], ValueError, "record 1, field 'a': a cell holds at most 32,767"),
        ([{"a": 1}, {"a": [1]}], TypeError, "record 2, field 'a': a cell holds no list"),
        ({"a/b": []}, ValueError, "a/b"),
        ({"x" * 32: []}, ValueError, "31"),
        ([{f"c{i}": 1 for i in range(16_385)}], ValueError, "more than a sheet holds"),
    ],
)
def test_what_a_sheet_cannot_hold_writes_nothing(
    rows: Any, error: type[Exception], message: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=message):
        xlsx.write.fn(tmp_path / "a.xlsx", rows)
    with pytest.raises(ValueError, match="record 1 has the field 'b', which is no column"):
        xlsx.write.fn(tmp_path / "a.xlsx", [{"b": 1}], ["a"])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600])
def test_what_is_no_spreadsheet(content: bytes) -> None:
    with pytest.raises(ValueError, match="the content is no"):
        xlsx.parse.fn(content)
    empty = io.BytesIO()
    zipfile.ZipFile(empty, "w").close()
    with pytest.raises(ValueError, match="the content is no"):
        xlsx.parse.fn(empty.getvalue())


def test_a_bomb_is_refused_before_it_is_read(tmp_path: Path) -> None:
    honest = repacked(xlsx.format.fn([{"a": 1}]), SHEET, b" " * (64 << 20))
    assert len(honest) < 1 << 20
    with pytest.raises(ValueError, match="the content unpacks to more than 1,000,000 bytes"):
        xlsx.parse.fn(honest, max_size=1_000_000)
    # What a file says of its own sizes is not believed: the same, with small sizes in both of its heads.
    size = (64 << 20).to_bytes(4, "little")
    lying = honest.replace(size, (100).to_bytes(4, "little"))
    assert lying != honest
    path = tmp_path / "a.xlsx"
    path.write_bytes(lying)
    with pytest.raises(ValueError, match=r"a\.xlsx unpacks to more than 1,000,000 bytes"):
        xlsx.read.fn(path, max_size=1_000_000)


def test_entities_are_no_bomb() -> None:
    names = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 12))
    row = '<row r="1"><c r="A1" t="str"><v>&a11;</v></c></row>'
    body = f'<!DOCTYPE x [<!ENTITY a0 "lol">{names}]><worksheet><sheetData>{row}</sheetData></worksheet>'
    try:
        found = xlsx.parse.fn(repacked(xlsx.format.fn([{"a": 1}]), SHEET, body.encode()), columns=["a"])
    except ValueError as error:
        found = [{"a": str(error)}]
    assert len(found[0]["a"] or "") < 1000


@given(st.integers(0, 10_000), st.binary(min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_damaged_spreadsheets_are_told(clear: Any, at: int, junk: bytes) -> None:
    content = xlsx.format.fn([{"a": 1, "b": "x"}])
    at %= len(content)
    damaged = content[:at] + junk + content[at + len(junk) :]
    clear(lambda: xlsx.parse.fn(damaged), "the content")
    clear(lambda: xlsx.parse.fn(damaged, max_size=100_000), "the content")  # so little that its true size is counted
