"""Records, as packs see them: dicts, attrs classes and dataclasses, read by field name. Knows nothing of nodes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import attrs


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


def finite(value: Any, name: str) -> float:
    """The number that a field holds. Raises TypeError for no number, ValueError for NaN and infinity."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        msg = f"the field {name!r} is {type(value).__name__}, not a number"
        raise TypeError(msg)
    if not math.isfinite(value):
        msg = f"the field {name!r} is {value}: no finite number"
        raise ValueError(msg)
    return float(value)
