"""What is known of operators before a run agrees with what Python does."""

from __future__ import annotations

import datetime as dt
import itertools
import operator
from collections.abc import Callable
from typing import Any

import pytest

from cflow.compiler.types import BOOL, Type
from cflow.dsl.lower.constants import type_of
from cflow.dsl.lower.optypes import binary, compare, unary

VALUES: dict[str, Any] = {
    "date": dt.date(2026, 1, 31),
    "datetime": dt.datetime(2026, 1, 31, 12),
    "time": dt.time(12, 30),
    "timedelta": dt.timedelta(minutes=10),
    "none": None,
    "bool": True,
    "int": 2,
    "float": 2.5,
    "complex": 1j,
    "str": "a",
    "bytes": b"a",
    "list": [1],
    "tuple": (1,),
    "set": {1},
    "dict": {1: 2},
}
TIMES = ("date", "datetime", "time", "timedelta")
PAIRS = [pair for pair in itertools.product(VALUES, VALUES) if set(pair) & set(TIMES)]
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "+": operator.add, "-": operator.sub, "*": operator.mul, "/": operator.truediv, "//": operator.floordiv,
    "%": operator.mod, "**": operator.pow, "<<": operator.lshift, "&": operator.and_, "|": operator.or_,
    "@": operator.matmul,
}  # fmt: skip
ORDERS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt, ">=": operator.ge, "==": operator.eq, "in": lambda a, b: a in b
}  # fmt: skip
PASSES = {
    ("-", "date", "datetime"), ("-", "datetime", "date"), ("//", "timedelta", "float"),
    *((op, *pair) for op in ("<", ">=") for pair in (("date", "datetime"), ("datetime", "date"))),
}  # fmt: skip
"""What may go well after all: what is a date for the program may be a datetime, and an int passes for a float."""


def typed(name: str) -> Type:
    return Type(name) if name in TIMES else type_of(VALUES[name])


def outcome(apply: Callable[..., Any], *names: str) -> str | None:
    try:
        return type(apply(*(VALUES[name] for name in names))).__name__
    except TypeError:
        return None


@pytest.mark.parametrize("op", OPERATORS)
def test_arithmetic_of_dates_and_durations(op: str) -> None:
    for a, b in PAIRS:
        if op == "%" and a in ("str", "bytes"):
            continue  # formatting, which a flow has not
        found = binary(op, typed(a), typed(b))
        if (op, a, b) in PASSES:
            assert found is not None, (op, a, b)
        else:
            assert (found.name if found is not None else None) == outcome(OPERATORS[op], a, b), (op, a, b)


@pytest.mark.parametrize("op", ORDERS)
def test_comparisons_of_dates_and_durations(op: str) -> None:
    for a, b in PAIRS:
        if op == "in" and b not in TIMES:
            continue  # of what is in it nothing is said
        fits = outcome(ORDERS[op], a, b) is not None
        assert compare(op, typed(a), typed(b)) == (fits or (op, a, b) in PASSES), (op, a, b)


@pytest.mark.parametrize(("op", "apply"), [("-", operator.neg), ("+", operator.pos), ("~", operator.invert)])
def test_signs_of_dates_and_durations(op: str, apply: Callable[[Any], Any]) -> None:
    for name in TIMES:
        found = unary(op, typed(name))
        assert (found.name if found is not None else None) == outcome(apply, name), (op, name)
        assert unary("not", typed(name)) == BOOL
