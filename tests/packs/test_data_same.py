"""What is the same, what is unknown, what is no number; and errors that name the record."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cflow.stdlib_nodes import data, text

NAN = float("nan")


def test_what_is_not_known_has_no_partner() -> None:
    left: list[Any] = [{"k": None, "l": 1}, {"k": 2, "l": 2}]
    right: list[Any] = [{"k": None, "r": 3}, {"k": 2, "r": 4}]
    both = {"k": 2, "l": 2, "r": 4}
    alone = {"k": None, "l": 1, "r": None}
    assert data.join.fn(left, right, "k") == [both]
    assert data.join.fn(left, right, "k", "left") == [alone, both]
    assert data.join.fn(left, right, "k", "right") == [both, {"k": None, "l": None, "r": 3}]
    assert data.join.fn(left, right, "k", "full") == [alone, both, {"k": None, "l": None, "r": 3}]
    assert data.join.fn(left, right, "k", "only left") == left[:1]
    assert data.join.fn(left, right, "k", "only right") == right[:1]
    assert data.join.fn([{"a": 1, "b": None}], [{"a": 1, "b": None}], ["a", "b"]) == []


def test_truth_values_are_no_numbers() -> None:
    rows: list[Any] = [{"x": value} for value in (1, True, 1.0, Decimal(1), 0, False, NAN, float("nan"), [1], [True])]
    kept = [row["x"] for row in data.dedupe.fn(rows, "x")]
    assert repr(kept) == "[1, True, 0, False, nan, [1], [True]]"
    assert [row["x"] for row in data.dedupe.fn(rows)] == kept
    assert [row["n"] for row in data.summarize.fn(rows, "x", n="count")] == [3, 1, 1, 1, 2, 1, 1]
    assert len(data.aggregate.fn(rows, x="unique x")["x"]) == 7
    assert data.join.fn([{"x": 1, "l": 1}], [{"x": True, "r": 2}], "x") == []
    assert data.compare.fn([{"k": 1, "x": 1}], [{"k": 1, "x": True}], "k").changed[0].fields == ["x"]
    nested: list[Any] = [{"x": {"a": [1, {2}]}}, {"x": {"a": [1, {2}]}}, {"x": {"a": [True, {2}]}}]
    assert data.dedupe.fn(nested) == [nested[0], nested[2]]


@pytest.mark.parametrize("kind", ["int", "float", "Decimal"])
@pytest.mark.parametrize("figures", ["1_000", "١٢", "1 0"])
def test_numbers_are_as_files_hold_them(kind: Any, figures: str) -> None:
    with pytest.raises(ValueError, match=f"record 0: field 'n': '{figures}' is not an? {kind}"):
        data.cast.fn([{"n": figures}], {"n": kind})


def test_what_holds_no_list_is_not_split_out() -> None:
    rows: list[Any] = [{"id": 1, "tags": None}, {"id": 2, "tags": ("a",)}]
    assert data.split_out.fn(rows, "tags") == [{"id": 2, "tags": "a"}]
    for value, word in (("ab", "str"), (7, "int"), ({"a": 1}, "dict")):
        with pytest.raises(TypeError, match=f"record 2: the field 'tags' is {word}, not a list"):
            data.split_out.fn([*rows, {"id": 3, "tags": value}], "tags")


ROWS: list[Any] = [{"k": 1, "x": 2}, {"k": 2}]

FIELD_MISSING: dict[str, Callable[[], Any]] = {
    "select": lambda: data.select.fn(ROWS, "x"),
    "rename": lambda: data.rename.fn(ROWS, {"x": "y"}),
    "cast": lambda: data.cast.fn(ROWS, {"x": "int"}),
    "pluck": lambda: data.pluck.fn(ROWS, "x"),
    "filter": lambda: data.filter.fn(ROWS, "x", ">", 1),
    "split": lambda: data.split.fn(ROWS, "x", ">", 1),
    "sort": lambda: data.sort.fn(ROWS, "x"),
    "group": lambda: data.group.fn(ROWS, "x"),
    "group by two": lambda: data.group.fn(ROWS, "k", "x"),
    "summarize": lambda: data.summarize.fn(ROWS, "x", n="count"),
    "aggregate": lambda: data.aggregate.fn(ROWS, n="sum x"),
    "dedupe": lambda: data.dedupe.fn(ROWS, "x"),
    "merge": lambda: data.merge.fn(ROWS, [], "x"),
    "join": lambda: data.join.fn(ROWS, [], "x"),
    "join on the right": lambda: data.join.fn([], ROWS, "x"),
    "compare": lambda: data.compare.fn([], ROWS, "x"),
    "pivot": lambda: data.pivot.fn(ROWS, "k", "x", "k"),
    "unpivot": lambda: data.unpivot.fn(ROWS, "x"),
    "split_out": lambda: data.split_out.fn([{"x": []}, {}], "x"),
    "text.table": lambda: text.table.fn(ROWS),
}


@pytest.mark.parametrize("call", FIELD_MISSING.values(), ids=FIELD_MISSING)
def test_errors_name_the_record(call: Callable[[], Any]) -> None:
    with pytest.raises(ValueError, match="record 1: the record has no field 'x'"):
        call()


def test_errors_of_values_name_the_record_too() -> None:
    with pytest.raises(TypeError, match="record 1: the field 'x' is str: '>' cannot compare it with int"):
        data.filter.fn([{"x": 1}, {"x": "a"}], "x", ">", 1)
    for call in (lambda: data.drop.fn([{}, 1], "x"), lambda: data.join.fn([{}, 1], [{}], how="cross")):
        with pytest.raises(TypeError, match="record 1: a record is a dict"):
            call()
    with pytest.raises(ValueError, match="on the right, record 1:"):
        data.join.fn([], ROWS, "x")
