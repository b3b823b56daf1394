"""Constants as text and back: the one spelling that the printed graph, the digest and equality of expressions share.

``1``, ``1.0`` and ``True`` are equal to Python and different programs, so nothing here goes by ``==``.
"""

from __future__ import annotations

import ast
import datetime as dt
import decimal
import json
import math
import pathlib
from collections.abc import Callable
from typing import Any

from attrs import frozen

from .operators import BUILTIN_EXCEPTIONS
from .spec import Retry
from .types import Type


@frozen
class Opaque:
    """A value without a literal form, as its ``repr``: it prints, and it stays what it is when read back."""

    text: str


def quoted(text: str) -> str:
    """A string on one line: printable text as it is, anything else escaped."""
    return json.dumps(text, ensure_ascii=not text.isprintable())


def write_constant(value: Any) -> str:
    """The text of a constant; what has no literal form gives an opaque one."""
    match value:
        case None | bool():
            return str(value)
        case str():
            return quoted(value)
        case Type():
            return f"#type({write_type(value)})"
        case tuple():
            return f"#({', '.join([write_constant(v) for v in value])})"
        case Retry():
            on = _exceptions(value.on)
            return f"#Retry({value.times}, {value.backoff!r}, {value.max!r}, {value.jitter}, {write_constant(on)})"
        case Opaque(text):
            return f"#opaque{quoted(text)}"
        case _:
            pass
    cls = value.__class__
    if cls is int:
        return hex(value) if value.bit_length() > 4096 else str(value)  # Python bounds the decimal digits it converts
    if cls is float and math.isfinite(value):
        return repr(value)
    if cls is bytes:
        return repr(value)
    if cls in _WRITERS:
        name, write = _WRITERS[cls]
        return f"#{name}{quoted(write(value))}"
    if isinstance(value, pathlib.PurePath):
        return f"#Path{quoted(str(value))}"
    return f"#opaque{quoted(repr(value))}"


def has_literal_form(value: Any) -> bool:
    """May ``value`` stand in a :class:`~.ir.Const`: does it come back from its text as it is?"""
    if isinstance(value, tuple):
        return value.__class__ is tuple and all(map(has_literal_form, value))
    if value is None or isinstance(value, (bool, Type)):
        return True
    cls = value.__class__
    return cls in (str, bytes, int) or cls in _WRITERS or isinstance(value, pathlib.PurePath)


def _exceptions(on: Any) -> Any:
    """The exceptions of a ``Retry`` as text: built-in ones by name."""
    if on is None or isinstance(on, (str, Opaque)):
        return on
    if isinstance(on, tuple):
        return tuple(_exceptions(cls) for cls in on)
    name = getattr(on, "__name__", repr(on))
    return name if BUILTIN_EXCEPTIONS.get(name) is on else Opaque(f"{on.__module__}.{on.__qualname__}")


def _named_exceptions(on: Any) -> Any:
    if isinstance(on, tuple):
        return tuple(_named_exceptions(name) for name in on)
    return BUILTIN_EXCEPTIONS.get(on, on) if isinstance(on, str) else on


def _duration(value: dt.timedelta) -> str:
    return f"{value.days},{value.seconds},{value.microseconds}"


_WRITERS: dict[type, tuple[str, Callable[[Any], str]]] = {
    float: ("float", repr),
    complex: ("complex", repr),
    dt.date: ("date", dt.date.isoformat),
    dt.datetime: ("datetime", dt.datetime.isoformat),
    dt.time: ("time", dt.time.isoformat),
    dt.timedelta: ("timedelta", _duration),
    decimal.Decimal: ("Decimal", str),
}

_READERS: dict[str, Callable[[str], Any]] = {
    "float": float,
    "complex": complex,
    "date": dt.date.fromisoformat,
    "datetime": dt.datetime.fromisoformat,
    "time": dt.time.fromisoformat,
    "timedelta": lambda text: dt.timedelta(*map(int, text.split(","))),
    "Decimal": decimal.Decimal,
    "Path": pathlib.Path,
    "opaque": Opaque,
}


def read_constant(name: str, text: str) -> Any:
    """The constant that :func:`write_constant` wrote as ``#name"text"``."""
    return _READERS[name](text)


def read_literal(token: str) -> Any:
    """The number, text or bytes that a token spells."""
    return json.loads(token) if token.startswith('"') else ast.literal_eval(token)


def read_retry(values: list[Any]) -> Retry:
    """The ``Retry`` that was written with these values."""
    times, backoff, most, jitter, on = values
    return Retry(times, backoff, most, jitter, _named_exceptions(on))


def write_type(type: Type) -> str:
    """``list[int]``, ``literal["a", 1]``, ``class["shop.Order"]``: the constructor and its arguments."""
    if not type.args:
        return type.name
    args = [write_type(a) if isinstance(a, Type) else write_constant(a) for a in type.args]
    return f"{type.name}[{', '.join(args)}]"
