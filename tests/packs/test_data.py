from __future__ import annotations

import copy
import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from cflow.stdlib_nodes import data

ROWS: list[Any] = [
    {"id": 1, "region": "north", "total": 10.0, "tags": ["a", "b"]},
    {"id": 2, "region": "south", "total": 30.0, "tags": []},
    {"id": 3, "region": "north", "total": None, "tags": ["c"]},
    {"id": 4, "region": "east", "total": 20.0, "tags": ["a"]},
]


@dataclass(frozen=True)
class Order:
    id: int
    total: float


@pytest.fixture(autouse=True)
def _arguments_stay_as_they_are() -> Iterator[None]:
    before = copy.deepcopy(ROWS)
    yield
    assert before == ROWS


def ids(rows: list[Any]) -> list[int]:
    return [row["id"] for row in rows]


def test_fields() -> None:
    assert data.select.fn(ROWS[:1], "total", "id") == [{"total": 10.0, "id": 1}]
    assert data.drop.fn(ROWS[:1], "tags", "nothing") == [{"id": 1, "region": "north", "total": 10.0}]
    assert data.set.fn([Order(1, 2.0)], total=5, state="new") == [{"id": 1, "total": 5, "state": "new"}]
    assert list(data.rename.fn([{"a": 1, "b": 2}], {"a": "x"})[0].items()) == [("x", 1), ("b", 2)]
    assert data.rename.fn([{"a": 1, "b": 2}], {"a": "b", "b": "a"}) == [{"b": 1, "a": 2}]
    assert data.pluck.fn(ROWS, "id") == [1, 2, 3, 4]
    with pytest.raises(ValueError, match="no field 'totl'; did you mean 'total'"):
        data.select.fn(ROWS, "totl")
    with pytest.raises(ValueError, match="two fields of a record have one name"):
        data.rename.fn([{"a": 1, "b": 2}], {"a": "b"})
    with pytest.raises(ValueError, match="no field 'zz'"):
        data.rename.fn(ROWS, {"zz": "b"})
    with pytest.raises(TypeError, match="a record is a dict or a typed record, not int"):
        data.pluck.fn([1], "id")


def test_cast() -> None:
    row = {
        "n": " 7 ",
        "f": "1.5",
        "d": "2026-03-01",
        "m": "2026-03-01T05:00:00",
        "b": "Yes",
        "p": "1.10",
        "e": "",
        "o": "x",
    }
    assert data.cast.fn(
        [row], {"n": "int", "f": "float", "d": "date", "m": "datetime", "b": "bool", "p": "Decimal", "e": "int"}
    ) == [
        {
            "n": 7, "f": 1.5, "d": dt.date(2026, 3, 1), "m": dt.datetime(2026, 3, 1, 5), "b": True,
            "p": Decimal("1.10"), "e": None, "o": "x",
        }
    ]  # fmt: skip
    assert data.cast.fn([{"n": 7}], {"n": "float"}) == [{"n": 7}]
    with pytest.raises(ValueError, match="record 1: field 'n': 'seven' is not an int"):
        data.cast.fn([{"n": "1"}, {"n": "seven"}], {"n": "int"})
    with pytest.raises(ValueError, match="'maybe' is not a bool"):
        data.cast.fn([{"n": "maybe"}], {"n": "bool"})
    with pytest.raises(ValueError, match="'1,5' is not a Decimal"):
        data.cast.fn([{"n": "1,5"}], {"n": "Decimal"})
    with pytest.raises(ValueError, match="no kind 'number'"):
        data.cast.fn([{"n": "1"}], {"n": "number"})  # type: ignore[dict-item]


@pytest.mark.parametrize(
    ("name", "test", "value", "kept"),
    [
        ("total", "==", 10, [1]),
        ("total", "!=", 10, [2, 3, 4]),
        ("total", "<", 30, [1, 4]),
        ("total", "<=", 30, [1, 2, 4]),
        ("total", ">", 10, [2, 4]),
        ("total", ">=", 10, [1, 2, 4]),
        ("id", "in", [1, 4], [1, 4]),
        ("id", "not in", [1, 4], [2, 3]),
        ("tags", "contains", "a", [1, 4]),
        ("region", "starts with", "no", [1, 3]),
        ("region", "ends with", "th", [1, 2, 3]),
        ("tags", "is empty", None, [2]),
        ("total", "is empty", None, [3]),
        ("total", "is not empty", None, [1, 2, 4]),
    ],
)
def test_filter_and_split(name: str, test: Any, value: Any, kept: list[int]) -> None:
    assert ids(data.filter.fn(ROWS, name, test, value)) == kept
    passed, others = data.split.fn(ROWS, name, test, value)
    assert ids(passed) == kept
    assert sorted(ids(passed + others)) == [1, 2, 3, 4]


def test_filter_errors() -> None:
    with pytest.raises(ValueError, match="no test '=>'"):
        data.filter.fn(ROWS, "id", "=>", 1)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="'region' is str: '<' cannot compare it with int"):
        data.filter.fn(ROWS, "region", "<", 1)
    with pytest.raises(TypeError, match="'id' is int: 'starts with'"):
        data.filter.fn(ROWS, "id", "starts with", "a")


def test_whole_records_stay_what_they_are() -> None:
    orders = [Order(1, 5.0), Order(2, 7.0)]
    assert data.sort.fn(orders, "-total") == [orders[1], orders[0]]
    assert data.filter.fn(orders, "total", ">", 6) == [orders[1]]
    assert data.group.fn(orders, "id") == {1: [orders[0]], 2: [orders[1]]}


def test_sort() -> None:
    assert ids(data.sort.fn(ROWS, "total")) == [1, 4, 2, 3]
    assert ids(data.sort.fn(ROWS, "-total")) == [2, 4, 1, 3]
    assert ids(data.sort.fn(ROWS, "region", "-id")) == [4, 3, 1, 2]
    assert ids(data.sort.fn(ROWS)) == [1, 2, 3, 4]
    with pytest.raises(TypeError, match="'a' cannot be sorted by"):
        data.sort.fn([{"a": 1}, {"a": "x"}], "a")


def test_group_and_measures() -> None:
    assert [(key, ids(rows)) for key, rows in data.group.fn(ROWS, "region").items()] == [
        ("north", [1, 3]),
        ("south", [2]),
        ("east", [4]),
    ]
    assert list(data.group.fn(ROWS, "region", "id")) == [("north", 1), ("south", 2), ("north", 3), ("east", 4)]
    assert data.summarize.fn(ROWS[:3], "region", n="count", sum="sum total", known="count total") == [
        {"region": "north", "n": 2, "sum": 10.0, "known": 1},
        {"region": "south", "n": 1, "sum": 30.0, "known": 1},
    ]
    assert data.summarize.fn([], "region", n="count") == []
    assert data.aggregate.fn(
        ROWS, mean="mean total", median="median total", low="min total", high="max total", first="first total",
        last="last total", all="list total", regions="unique region", tags="unique tags",
    ) == {
        "mean": 20.0, "median": 20.0, "low": 10.0, "high": 30.0, "first": 10.0,
        "last": 20.0, "all": [10.0, 30.0, 20.0], "regions": ["north", "south", "east"],
        "tags": [["a", "b"], [], ["c"], ["a"]],
    }  # fmt: skip
    assert data.aggregate.fn([], n="count", mean="mean x", low="min x", first="first x", sum="sum x") == {
        "n": 0, "mean": None, "low": None, "first": None, "sum": 0,
    }  # fmt: skip


@pytest.mark.parametrize("measure", ["average total", "sum", "total", ""])
def test_unknown_measures(measure: str) -> None:
    with pytest.raises(ValueError, match="no measure"):
        data.aggregate.fn(ROWS, x=measure)


def test_measures_that_do_not_fit() -> None:
    with pytest.raises(TypeError, match="'sum region'"):
        data.aggregate.fn(ROWS, x="sum region")


def test_dedupe() -> None:
    assert ids(data.dedupe.fn(ROWS, "region")) == [1, 2, 4]
    assert ids(data.dedupe.fn([*ROWS, *ROWS])) == [1, 2, 3, 4]
    assert ids(data.dedupe.fn(ROWS, "tags")) == [1, 2, 3, 4]
    assert data.dedupe.fn([{"a": 1, "b": 2}, {"b": 2, "a": 1}]) == [{"a": 1, "b": 2}]


def test_limit_batch_flatten_concat() -> None:
    assert ids(data.limit.fn(ROWS, 2, skip=1)) == [2, 3]
    assert data.limit.fn(ROWS, 0) == []
    assert data.batch.fn([1, 2, 3], 2) == [[1, 2], [3]]
    assert data.batch.fn([], 2) == []
    assert data.flatten.fn([[1], [], [2, [3]]]) == [1, 2, [3]]
    assert data.concat.fn([1], [2, 3], []) == [1, 2, 3]
    for call in (lambda: data.limit.fn(ROWS, -1), lambda: data.batch.fn(ROWS, 0)):
        with pytest.raises(ValueError, match="at least"):
            call()


def test_split_out() -> None:
    assert data.split_out.fn(data.select.fn(ROWS, "id", "tags"), "tags") == [
        {"id": 1, "tags": "a"},
        {"id": 1, "tags": "b"},
        {"id": 3, "tags": "c"},
        {"id": 4, "tags": "a"},
    ]


def test_merge() -> None:
    assert data.merge.fn([{"k": 1, "a": 1}, {"k": 2, "a": 2}], [{"k": 2, "b": 9}, {"k": 3}], on="k") == [
        {"k": 1, "a": 1},
        {"k": 2, "a": 2, "b": 9},
        {"k": 3},
    ]


LEFT = [{"k": 1, "l": "a"}, {"k": 2, "l": "b"}, {"k": 2, "l": "c"}]
RIGHT = [{"k": 2, "r": "x", "l": "lost"}, {"k": 3, "r": "y", "l": "kept"}]


@pytest.mark.parametrize(
    ("how", "joined"),
    [
        ("inner", [(2, "b", "x"), (2, "c", "x")]),
        ("left", [(1, "a", None), (2, "b", "x"), (2, "c", "x")]),
        ("right", [(2, "b", "x"), (2, "c", "x"), (3, "kept", "y")]),
        ("full", [(1, "a", None), (2, "b", "x"), (2, "c", "x"), (3, "kept", "y")]),
    ],
)
def test_join(how: Any, joined: list[Any]) -> None:
    assert [(row["k"], row["l"], row["r"]) for row in data.join.fn(LEFT, RIGHT, "k", how)] == joined


def test_join_only_left() -> None:
    assert data.join.fn(LEFT, RIGHT, "k", "only left") == [{"k": 1, "l": "a"}]
    with pytest.raises(ValueError, match="how is inner"):
        data.join.fn(LEFT, RIGHT, "k", "outer")  # type: ignore[arg-type]
