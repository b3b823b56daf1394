from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen

from cflow.stdlib_nodes import json


@frozen
class Point:
    x: int
    y: int


@dataclass
class Box:
    corner: Point
    tags: set[str]


def test_there_and_back(tmp_path: Path) -> None:
    value = {"a": [1, 2.5, None, True], "ü": "z"}
    assert json.loads.fn(json.dumps.fn(value)) == value
    path = json.write.fn(tmp_path / "new" / "a.json", value)
    assert path.read_text("utf-8").endswith("}\n")
    assert "ü" in path.read_text("utf-8")
    assert json.read.fn(path) == value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Box(Point(1, 2), {"b", "a"}), '{"corner": {"x": 1, "y": 2}, "tags": ["a", "b"]}'),
        (
            [dt.date(2026, 3, 1), dt.datetime(2026, 3, 1, 5, tzinfo=dt.UTC)],
            '["2026-03-01", "2026-03-01T05:00:00+00:00"]',
        ),
        ([dt.timedelta(seconds=1.5), Path("a/b"), Decimal("1.10")], '[1.5, "a/b", "1.10"]'),
    ],
)
def test_values_with_an_obvious_form(value: Any, text: str) -> None:
    assert json.dumps.fn(value) == text


@pytest.mark.parametrize(("value", "error"), [(object(), TypeError), (Point, TypeError), (float("nan"), ValueError)])
def test_values_without_a_form(value: Any, error: type[Exception]) -> None:
    with pytest.raises(error):
        json.dumps.fn(value)


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = json.write.fn(tmp_path / "a.json", 1)
    with pytest.raises(TypeError, match="object"):
        json.write.fn(path, [object()])
    assert json.read.fn(path) == 1


def test_errors_name_the_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the text is not JSON: .* at line 2, column 1"):
        json.loads.fn("[1,\n")
    path = tmp_path / "bad.json"
    path.write_text('{"a": 1,}')
    with pytest.raises(ValueError, match=r"bad\.json is not JSON: .* line 1"):
        json.read.fn(path)
    path.write_bytes(b'"\xff"')
    with pytest.raises(ValueError, match=r"bad\.json is not JSON: byte 1"):
        json.read.fn(path)
    with pytest.raises(ValueError, match="nested too deeply"):
        json.loads.fn("[" * 100_000)


def test_other_encodings(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    for encoding in ("utf-8-sig", "utf-16"):
        path.write_bytes('{"a": "ü"}'.encode(encoding))
        assert json.read.fn(path) == {"a": "ü"}
