"""What a node promised to return, checked on what it did return.

A check of the outermost form only: that a ``list[int]`` is a list, not that its items are integers, so that a result of
any size costs the same. What an annotation cannot be held to (``Any``, protocols, classes known by their text alone)
passes.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Mapping
from typing import Any

from attrs import frozen

from .secrets import redact
from .types import Type as Promised

_CLASSES: dict[str, type | tuple[type, ...]] = {
    **{c.__name__: c for c in (bool, bytes, complex, dict, frozenset, int, list, set, str, tuple, range)},
    **{c.__name__: c for c in (dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal)},
    "float": (float, int),
    "Path": pathlib.PurePath,
    "none": type(None),
}


@frozen
class Promise:
    """What is held of one node's results.

    ``quick``: the class that most results have exactly, so that most need no call; None: ask :attr:`check` each time.
    """

    node: str
    type: Promised
    classes: tuple[Any, ...]
    literals: tuple[Any, ...]
    quick: Any

    def check(self, value: Any) -> None:
        """Does ``value`` keep the promise?

        Raises
        ------
        TypeError: it does not; says what was promised and what came.
        """
        if isinstance(value, self.classes) or any(value == v and value.__class__ is v.__class__ for v in self.literals):
            return
        shown = repr(redact(value))
        shown = shown if len(shown) <= 60 else shown[:59] + "…"
        msg = (
            f"the node {self.node} promises {self.type} and returned {type(value).__name__}: {shown}; "
            "mend the node or its annotation"
        )
        raise TypeError(msg)


def promise(node: str, type: Promised, classes: Mapping[str, type]) -> Promise | None:
    """The promise in a node's return annotation; None where there is nothing to hold it to."""
    found: list[Any] = []
    literals: list[Any] = []
    for member in type.args if type.name == "union" else (type,):
        if member.name == "literal":
            literals += member.args
            continue
        cls = _CLASSES.get(member.name) if member.name != "class" else classes.get(member.args[0])
        if cls is None or not _usable(cls):
            return None
        found += cls if isinstance(cls, tuple) else (cls,)
    quick = found[0] if found else None
    return Promise(node, type, tuple(found), tuple(literals), quick)


def _usable(cls: Any) -> bool:
    """Can ``isinstance`` be asked about it? (Not about typed dicts, most protocols, and the like.)"""
    try:
        isinstance(None, cls)
    except TypeError:
        return False
    return True
