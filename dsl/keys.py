"""Unique, readable keys for real objects: ``shop.reserve``, and ``shop.reserve#2`` for another object of the same name.

Two functions of one name can live in one process (a notebook cell run twice, a function made in a loop); a graph refers
to each by its key.
"""

from __future__ import annotations

import weakref
from typing import Any

_TAKEN: dict[str, tuple[weakref.ref[Any] | Any, Any]] = {}


def unique_key(base: str, value: Any, detail: Any = None) -> str:
    """The key of ``value``: the same one whenever the same object comes with an equal ``detail``."""
    key, n = base, 1
    while (holder := _TAKEN.get(key)) is not None:
        owner = holder[0]() if isinstance(holder[0], weakref.ref) else holder[0]
        if owner is None or (owner is value and _equal(holder[1], detail)):
            break
        n += 1
        key = f"{base}#{n}"
    try:
        _TAKEN[key] = (weakref.ref(value), detail)
    except TypeError:
        _TAKEN[key] = (value, detail)
    return key


def _equal(a: Any, b: Any) -> bool:
    try:
        return bool(a == b)
    except Exception:  # values of options may compare as they like
        return False


def qualified(value: Any) -> str:
    """``module.qualname``, without the ``<locals>`` in it, and without ``__main__``."""
    module = getattr(value, "__module__", None) or ""
    name = getattr(value, "__qualname__", None) or getattr(value, "__name__", None) or type(value).__name__
    name = name.replace("<locals>.", "").replace("<lambda>", "lambda")
    return f"{module}.{name}" if module and module not in ("builtins", "__main__") else name
