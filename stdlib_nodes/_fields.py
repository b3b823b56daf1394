"""Records, as packs see them: dicts, attrs classes and dataclasses, read by field name. Knows nothing of nodes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import Any, TypeVar

import attrs

T = TypeVar("T")


def fields_of(row: Any) -> dict[str, Any] | None:
    """The fields of a record, in order; None for what is no record."""
    if isinstance(row, Mapping):
        return dict(row)
    if isinstance(row, type):
        return None
    if attrs.has(type(row)):
        return {field.name: getattr(row, field.name) for field in attrs.fields(type(row))}
    if dataclasses.is_dataclass(row):
        return {field.name: getattr(row, field.name) for field in dataclasses.fields(row)}
    return None


def as_dict(row: Any) -> dict[str, Any]:
    """The fields of a record. Raises TypeError for what is none."""
    fields = fields_of(row)
    if fields is None:
        msg = f"a record is a dict or a typed record, not {type(row).__name__}"
        raise TypeError(msg)
    return fields


def field(row: Any, name: str) -> Any:
    """One field of a record. Raises ValueError that offers the nearest name."""
    fields = as_dict(row) if not isinstance(row, Mapping) else row
    try:
        return fields[name]
    except KeyError:
        near = get_close_matches(name, [str(key) for key in fields], 1)
        hint = f"; did you mean {near[0]!r}?" if near else f" (it has {', '.join(map(str, fields)) or 'none'})"
        msg = f"the record has no field {name!r}{hint}"
        raise ValueError(msg) from None


def each(rows: Sequence[Any], made: Callable[[Any], T]) -> list[T]:
    """What is made of each record. A ValueError or TypeError names the record, counted from 0 as in ``rows[0]``."""
    out: list[T] = []
    try:
        for row in rows:
            out.append(made(row))  # how many there are says which one has failed
    except (ValueError, TypeError) as error:
        kind = ValueError if isinstance(error, ValueError) else TypeError
        msg = f"record {len(out)}: {error}"
        raise kind(msg) from error
    return out


def column(rows: Sequence[Any], name: str) -> list[Any]:
    """One field of each record. Raises ValueError as :func:`field`, with the record."""
    return each(rows, lambda row: field(row, name))


def same(value: Any) -> Any:
    """What stands for a value where equal ones are looked for, also of lists and records.

    Truth values are no numbers, which Python's ``==`` takes them for; numbers are equal across their types, and NaN
    is itself, as in SQL.
    """
    match value:
        case bool():
            return (bool, value)
        case str() | int() | None:
            return value
        case float() | Decimal():
            return (float, "nan") if math.isnan(value) else value
        case list() | tuple():
            return (list, *map(same, value))
    if isinstance(value, (set, frozenset)):
        return (set, frozenset(map(same, value)))
    if (fields := fields_of(value)) is not None:
        return (dict, frozenset((name, same(part)) for name, part in fields.items()))
    try:
        hash(value)
    except TypeError:  # not to be compared in one look: it is like no other
        return (object, id(value))
    return value


def finite(value: Any, name: str) -> float:
    """The number that a field holds. Raises TypeError for no number, ValueError for NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"the field {name!r} is {type(value).__name__}, not a number"
        raise TypeError(msg)
    if not math.isfinite(value):
        msg = f"the field {name!r} is {value}: no finite number"
        raise ValueError(msg)
    return float(value)
