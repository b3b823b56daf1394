"""What a value is, as text for a digest: no address, no module, no order of a set gets into it."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pathlib
from collections.abc import Callable
from typing import Any

import attrs

from ..compiler.hashing import sha256
from .source import source_digest

_BY_REPR = (bool, int, float, complex, str, bytes, dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal)
_EMPTY = (list, dict, set, frozenset, tuple, str, int, float, bool, bytes)
"""Built-in classes that make an empty value of theirs where they are the factory of a default."""
_DEEPEST = 20
_LONGEST = 200


def content(value: Any) -> str:
    """A constant as text: by content where that can be told, a function by its source, anything else by its type.

    Parameters
    ----------
    value: the default of a field, say.
    """
    text = _content(value, 0)
    return text if len(text) <= _LONGEST else sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def factory_content(factory: Callable[..., Any]) -> str:
    """What a default that is made anew for each record comes from; ``list`` and the like are the empty value."""
    return content(factory()) if factory in _EMPTY else f"factory {source_digest(factory)}"


def _content(value: Any, depth: int) -> str:
    kind = type(value)
    if value is None or kind in _BY_REPR:
        return f"{kind.__name__}:{value!r}"
    if isinstance(value, pathlib.PurePath):
        return f"Path:{value.as_posix()!r}"
    if depth > _DEEPEST:  # it may hold itself
        return kind.__qualname__
    if isinstance(value, enum.Enum):
        return f"{kind.__qualname__}.{value.name}"
    if kind in (list, tuple):
        return f"{kind.__name__}({', '.join([_content(v, depth + 1) for v in value])})"
    if kind in (set, frozenset):
        return f"{kind.__name__}({', '.join(sorted([_content(v, depth + 1) for v in value]))})"
    if kind is dict:
        pairs = [f"{_content(k, depth + 1)}: {_content(v, depth + 1)}" for k, v in value.items()]
        return f"dict({', '.join(pairs)})"
    if dataclasses.is_dataclass(kind) or attrs.has(kind):
        fields = dataclasses.fields(kind) if dataclasses.is_dataclass(kind) else attrs.fields(kind)
        shown = [f"{f.name}={_content(getattr(value, f.name, None), depth + 1)}" for f in fields]
        return f"{kind.__qualname__}({', '.join(shown)})"
    return source_digest(value) if callable(value) else kind.__qualname__
