"""Constants of the scope around a flow as graph values, and the types of values.

What has a literal form becomes a constant; everything else a global whose key tells its content, so that a digest can.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from typing import Any

from ...compiler.assignable import join
from ...compiler.hashing import sha256
from ...compiler.ir import Const, Expr, Global
from ...compiler.spec import Objects
from ...compiler.types import ANY, BOOL, ELLIPSIS, NONE, Type

_PLAIN = (
    bool,
    int,
    float,
    complex,
    str,
    bytes,
    dt.date,
    dt.datetime,
    dt.time,
    dt.timedelta,
    decimal.Decimal,
    pathlib.PurePath,
    Type,
)
_LOOK_AT = 200
"""How many items of a container tell its type."""


def is_literal(value: Any) -> bool:
    """Can the value stand in a :class:`~...compiler.ir.Const`? Exactly these types: a subclass may carry more."""
    if value is None or type(value) in _PLAIN or isinstance(value, pathlib.PurePath):
        return True
    return type(value) is tuple and all(map(is_literal, value))


def value_expr(value: Any, name: str, objects: Objects) -> Expr:
    """A constant of an enclosing scope as an expression; ``objects`` gets what has no literal form."""
    if is_literal(value):
        return Const(value)
    text = _content(value)
    if text is None:
        known = next((k for k, v in objects.values.items() if v is value), None)
        kind = f"{type(value).__module__}.{type(value).__qualname__}"
        key, n = known or f"{name}#{kind}", 1
        while known is None and key in objects.values:
            n += 1
            key = f"{name}#{kind}#{n}"
    else:
        key = f"{name}#{sha256(text.encode()).hexdigest()[:16]}"
    objects.values[key] = value
    return Global("value", key)


def by_content(key: str) -> bool:
    """Is the key of a value made of its content alone, and not of what else the program holds?"""
    return "." not in key.rpartition("#")[2]


def _content(value: Any) -> str | None:
    """The content of nested plain containers as text, the order of sets and dicts aside; None for any other object."""
    if is_literal(value):
        return f"{type(value).__name__}:{value!r}"
    kind = type(value)
    if kind is dict:
        keys, values = [_content(k) for k in value], [_content(v) for v in value.values()]
        if None in keys or None in values:
            return None
        return "{" + ",".join(f"{k}={v}" for k, v in zip(keys, values, strict=True)) + "}"
    if kind in (list, tuple, set, frozenset):
        items = [_content(v) for v in value]
        if None in items:
            return None
        known = [i for i in items if i is not None]
        return f"{kind.__name__}({','.join(sorted(known) if kind in (set, frozenset) else known)})"
    return None


def type_of(value: Any, depth: int = 0) -> Type:
    """The type of a constant; text and whole numbers are literals."""
    match value:
        case None:
            return NONE
        case bool():
            return BOOL
        case str() | int():
            return Type("literal", (value,)) if type(value) in (str, int) else ANY
        case Type():
            return ANY
        case pathlib.PurePath():
            return Type("Path")
    kind = type(value)
    if kind in (float, complex, bytes, dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal, range):
        return Type(kind.__name__)
    if depth > 3:
        return ANY
    if kind is tuple:
        return (
            Type("tuple", tuple(type_of(v, depth + 1) for v in value))
            if len(value) <= _LOOK_AT
            else Type("tuple", (ANY, ELLIPSIS))
        )
    if kind in (list, set, frozenset, dict):
        if len(value) > _LOOK_AT:
            return Type(kind.__name__, (ANY,) * (2 if kind is dict else 1))
        items = join(widen(type_of(v, depth + 1)) for v in value) if value else ANY
        if kind is dict:
            return Type("dict", (items, join(widen(type_of(v, depth + 1)) for v in value.values()) if value else ANY))
        return Type(kind.__name__, (items,))
    return ANY


def widen(type: Type) -> Type:
    """The type without literals: what a name that changes may hold later."""
    if type.name == "literal":
        return join(Type(v.__class__.__name__) for v in type.args)
    if type.name == "union":
        return join(widen(member) for member in type.args)
    return type
