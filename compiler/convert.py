"""Values at the door: inputs and ``x: T = ...`` are converted to their type once, and checked while at it.

Owns what converts to what, and the words for what does not. It is strict where a person expects it (``"12"`` is no
``int``) and lenient where JSON leaves no choice (a date is a string there, a record a dict, a tuple a list). Text from
a command line is another matter: :mod:`.textvalues`. What is of its type already needs no more than a look at its
class; for all else :mod:`.structuring` is loaded, and ``cattrs`` with it.
"""

from __future__ import annotations

import collections.abc as abc
import datetime as dt
import decimal
import pathlib
import types
import typing
from collections.abc import Mapping
from typing import Any

from .diagnostics import Problem
from .types import ELLIPSIS, Type

Classes = Mapping[str, type]


class ConversionError(ValueError):
    """A value does not fit its type. ``.problems``: each wrong part, by its path (``""``: the value itself)."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{p.name}: {p.message}" if p.name else p.message for p in problems))


def convert(value: Any, type: Type, classes: Classes) -> Any:
    """``value`` as a value of ``type``: itself where it fits already, else converted.

    Parameters
    ----------
    value: a Python value, or one read from JSON.
    type: what is wanted. What a :class:`~.types.Type` cannot say (``Any``, an unknown class) is passed on as it is.
    classes: the real classes behind the keys in ``type``.

    Raises
    ------
    ConversionError: a ``ValueError``; its ``.problems`` name every wrong part by its path, such as ``lines[2].qty``.
    """
    if value.__class__ is EXACT.get(type.name) and not type.args:
        return value
    if type.name == "class" and value.__class__ is classes.get(type.args[0]):
        return value
    if type.name == "any":
        return value
    from .structuring import structured

    return structured(value, type, {key: classes[key] for key in class_keys(type) if key in classes})


def as_hint(value: Any, hint: Any) -> Any:
    """The same with a type hint of Python.

    Raises
    ------
    ConversionError: as above.
    """
    if hint is Any or value.__class__ is hint:
        return value
    from .structuring import structured_as

    return structured_as(value, hint)


def hint_of(type: Type, classes: Classes, *, ordered: bool = False) -> Any:
    """The Python type hint that says what ``type`` says; ``Any`` where none does. ``ordered``: unions as
    :class:`OrderedUnion`."""

    def hint(arg: Any) -> Any:
        return hint_of(arg, classes, ordered=ordered)

    match type.name, type.args:
        case "class", (key,):
            return classes.get(key, Any)
        case "literal", values:
            return typing.Literal[tuple(values)]
        case "union", members:
            hints = tuple(map(hint, members))
            if ordered:
                from .structure import OrderedUnion

                return OrderedUnion(hints)
            return typing.Union[hints]  # noqa: UP007 - they are computed
        case "none", ():
            return types.NoneType
        case "tuple", (item, end) if end == ELLIPSIS:
            return tuple[hint(item), ...]  # type: ignore[misc]
        case name, args if name in _CONTAINERS:
            origin = _CONTAINERS[name]
            return origin[tuple(map(hint, args))] if args else origin
    return EXACT.get(type.name) or _SIMPLE.get(type.name, Any)


EXACT: dict[str, type] = {
    "bool": bool, "int": int, "float": float, "complex": complex, "str": str, "bytes": bytes,
    "Decimal": decimal.Decimal, "date": dt.date, "datetime": dt.datetime, "time": dt.time, "timedelta": dt.timedelta,
}  # fmt: skip
"""The types whose values are told by their class alone."""

_SIMPLE: dict[str, Any] = {"Path": pathlib.Path, "range": range}
_CONTAINERS: dict[str, Any] = {
    "list": list, "set": set, "frozenset": frozenset, "dict": dict, "tuple": tuple,
    "sequence": abc.Sequence, "collection": abc.Collection, "iterable": abc.Iterable, "mapping": abc.Mapping,
}  # fmt: skip


def class_keys(type: Type) -> set[str]:
    """The keys of the classes in a type."""
    if type.name == "class":
        return {type.args[0]}
    return set().union(*(class_keys(arg) for arg in type.args if isinstance(arg, Type)))


_SHOWN = 60
"""Characters of a value that a message shows whole."""


def describe(value: Any) -> str:
    """A value in a few words, for messages."""
    if value is None:
        return "None"
    text = repr(value)
    if isinstance(value, (str, int, float, bool)):
        return text if len(text) <= _SHOWN else f"{_a(value)} of {len(text)} characters"
    if isinstance(value, (list, tuple, set, frozenset, dict)):
        return f"{_a(value)} of {len(value)}"
    return _a(value)


def _a(value: Any) -> str:
    name = type(value).__name__
    return f"{'an' if name[0] in 'aeiouAEIOU' else 'a'} {name}"
