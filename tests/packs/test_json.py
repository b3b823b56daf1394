from __future__ import annotations

import datetime as dt
import gzip
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen
from hypothesis import given, settings, strategies as st

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


def streamed(path: Path, at: str = "", **how: Any) -> list[Any]:
    async def main() -> list[Any]:
        return [item async for item in json.items.fn(path, at, **how)]

    return trio.run(main)


def test_items_of_a_long_list(tmp_path: Path) -> None:
    value = {"head": {"n": [0]}, "result": {"orders": [{"id": i, "price": 1.5, "tags": ["x"]} for i in range(2_500)]}}
    path = json.write.fn(tmp_path / "a.json", value)
    assert streamed(path, "result.orders") == value["result"]["orders"]
    assert streamed(path, "nothing") == []
    packed = tmp_path / "a.json.gz"
    packed.write_bytes(gzip.compress(b'[1, 2.5, "x", null, 10000000000000000000000]'))
    assert streamed(packed) == [1, 2.5, "x", None, 10**22]


@pytest.mark.parametrize("content", [b'[1, {"a": ', b"[1,,2]", b'["\xff"]', b"", b"[1] 2"])
def test_items_of_what_is_not_json(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json is not JSON: ."):
        streamed(path)


def test_an_item_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'["' + b"x" * (2 << 20) + b'"]'))
    with pytest.raises(ValueError, match=r"a\.json\.gz: the item has more than 1,000,000 bytes"):
        streamed(path, max_item=1_000_000)
    assert len(streamed(path)[0]) == 2 << 20


def test_query() -> None:
    value = {"people": [Point(1, 2), Point(3, 4)]}
    assert json.query.fn(value, "people[?x > `1`].y | [0]") == 4
    assert json.query.fn(value, "nothing.at.all") is None
    for wrong in ("people[", "sum(people)", "a" * 3 + "(", "none(@)"):
        with pytest.raises(ValueError, match="the expression"):
            json.query.fn(value, wrong)
    with pytest.raises(ValueError, match="nested too deeply"):
        json.query.fn(value, "(" * 20_000 + "a" + ")" * 20_000)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_bytes_are_a_value_or_a_clear_error(clear: Any, content: bytes) -> None:
    clear(lambda: json.loads.fn(content), "the text is")


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text())
@settings(max_examples=200, deadline=None)
def test_numbers_and_text_there_and_back(value: Any) -> None:
    found = json.loads.fn(json.dumps.fn(value))
    assert (found, type(found)) == (value, type(value))


def test_what_only_python_takes_for_json_is_still_taken() -> None:
    assert json.loads.fn('["\\ud800", Infinity, 1e999]') == ["\ud800", float("inf"), float("inf")]
