"""The tests, measures and kinds of value that the ``data`` pack names by words. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
import operator
import statistics
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from ._fields import column, same


def tested(value: Any, test: str, other: Any, name: str) -> bool:
    """Does ``value`` (of the field ``name``) pass? Raises ValueError for an unknown test, TypeError for unlike
    values.
    """
    check = TESTS.get(test)
    if check is None:
        msg = f"no test {test!r}: the tests are {', '.join(TESTS)}"
        raise ValueError(msg)
    if value is None and test not in _FOR_NONE:
        return False
    try:
        return bool(check(value, other))
    except (TypeError, AttributeError) as error:
        msg = f"the field {name!r} is {type(value).__name__}: {test!r} cannot compare it with {type(other).__name__}"
        raise TypeError(msg) from error


def measured(rows: list[Any], what: str) -> Any:
    """A measure (``count``, ``sum total``) over records. Raises ValueError for an unknown one, TypeError for unfit
    values.
    """
    word, _, name = what.partition(" ")
    if word == "count" and not name:
        return len(rows)
    measure = MEASURES.get(word)
    if measure is None or not name:
        msg = f"no measure {what!r}: say 'count', or one of {', '.join(MEASURES)} and a field, like 'sum total'"
        raise ValueError(msg)
    values = [value for value in column(rows, name) if value is not None]
    try:
        return measure(values)
    except TypeError as error:
        msg = f"{what!r}: the values of {name!r} do not fit ({error})"
        raise TypeError(msg) from error


def read_as(value: Any, kind: str) -> Any:
    """The value that a text stands for. Raises ValueError."""
    read = KINDS.get(kind)
    if read is None:
        msg = f"no kind {kind!r}: the kinds are {', '.join(KINDS)}"
        raise ValueError(msg)
    if not isinstance(value, str):
        return value
    if not value.strip():
        return None
    try:
        return read(value.strip())
    except (ValueError, KeyError, ArithmeticError) as error:
        msg = f"{value!r} is not {'an' if kind == 'int' else 'a'} {kind}"
        raise ValueError(msg) from error


def _is_empty(value: Any, _: Any) -> bool:
    return value is None or (hasattr(value, "__len__") and len(value) == 0)


def _unique(values: list[Any]) -> list[Any]:
    first: dict[Any, Any] = {}
    for value in values:
        first.setdefault(same(value), value)
    return list(first.values())


TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "in": lambda value, other: value in other,
    "not in": lambda value, other: value not in other,
    "contains": lambda value, other: other in value,
    "starts with": lambda value, other: value.startswith(other),
    "ends with": lambda value, other: value.endswith(other),
    "is empty": _is_empty,
    "is not empty": lambda value, other: not _is_empty(value, other),
}


def _figures(text: str) -> str:
    """A number as files hold it. Python reads ``1_000`` and other scripts' figures too, as its programs are written."""
    if "_" in text or not text.isascii():
        raise ValueError
    return text


_BOOLS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}

KINDS: dict[str, Callable[[str], Any]] = {
    "int": lambda text: int(_figures(text)),
    "float": lambda text: float(_figures(text)),
    "Decimal": lambda text: Decimal(_figures(text)),
    "bool": lambda text: _BOOLS[text.lower()],
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
}

_FOR_NONE = frozenset({"==", "!=", "in", "not in", "is empty", "is not empty"})

MEASURES: dict[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "sum": sum,
    "mean": lambda values: statistics.fmean(values) if values else None,
    "median": lambda values: statistics.median(values) if values else None,
    "min": lambda values: min(values, default=None),
    "max": lambda values: max(values, default=None),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "list": lambda values: values,
    "unique": _unique,
}
"""By word; None where there is no value to measure."""
