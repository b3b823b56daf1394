"""A program's constants are its own: what a run hands out holds none of them, so that nobody can change them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_CONTAINERS = (list, dict, set, tuple)


def containers_in(values: Iterable[Any]) -> dict[int, Any]:
    """The lists, dicts and sets in these values, at any depth, by their ids."""
    found: dict[int, Any] = {}
    stack = list(values)
    while stack:
        value = stack.pop()
        if type(value) in _CONTAINERS and id(value) not in found:
            found[id(value)] = value
            stack += [*value.keys(), *value.values()] if type(value) is dict else value
    return {key: value for key, value in found.items() if type(value) is not tuple}


def apart(value: Any, held: dict[int, Any]) -> Any:
    """``value`` with a copy in the place of every container that is in ``held``; itself where it holds none."""
    return _apart(value, held, {})


def _apart(value: Any, held: dict[int, Any], known: dict[int, Any]) -> Any:
    kind = type(value)
    if kind not in _CONTAINERS:
        return value
    if id(value) in known:
        return known[id(value)]
    known[id(value)] = value  # one that holds itself is no constant
    made: Any
    if kind is dict:
        made = {key: _apart(item, held, known) for key, item in value.items()}
        changed = any(made[key] is not item for key, item in value.items())
    else:
        items = [_apart(item, held, known) for item in value]
        changed = any(a is not b for a, b in zip(items, value, strict=True))
        made = kind(items)
    if changed or id(value) in held:
        known[id(value)] = made
        return made
    return value
