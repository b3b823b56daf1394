"""Values at the door: inputs and ``x: T = ...`` are converted to their type once, and checked while at it.

Owns what converts to what, and the words for what does not. It is strict where a person expects it (``"12"`` is no
``int``) and lenient where JSON leaves no choice (a date is a string there, a record a dict, a tuple a list). Text from
a command line is another matter: :mod:`.textvalues`. Classes are structured by ``cattrs``; every problem says the path
to the wrong part.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import functools
import pathlib
import types
import typing
from collections.abc import Callable, Mapping
from typing import Any

import attrs
import cattrs
from cattrs.errors import (
    AttributeValidationNote,
    BaseValidationError,
    ForbiddenExtraKeysError,
    IterableValidationNote,
    StructureHandlerNotFoundError,
)

from .diagnostics import Problem
from .structure import Mismatch, OrderedUnion, make_converter, near_choice
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
    if value.__class__ is _EXACT.get(type.name) and not type.args:
        return value
    if type.name == "class" and value.__class__ is classes.get(type.args[0]):
        return value
    try:
        return _structurer(type, tuple((key, classes[key]) for key in _class_keys(type) if key in classes))(value)
    except (BaseValidationError, ValueError, TypeError, KeyError, ArithmeticError) as error:
        problems = tuple(_problems(error, ""))
        raise ConversionError(problems) from None


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
            return OrderedUnion(hints) if ordered else typing.Union[hints]  # noqa: UP007 - they are computed
        case "none", ():
            return types.NoneType
        case "tuple", (item, end) if end == ELLIPSIS:
            return tuple[hint(item), ...]  # type: ignore[misc]
        case name, args if name in _CONTAINERS:
            origin = _CONTAINERS[name]
            return origin[tuple(map(hint, args))] if args else origin
    return _EXACT.get(type.name) or _SIMPLE.get(type.name, Any)


_EXACT: dict[str, type] = {
    "bool": bool, "int": int, "float": float, "complex": complex, "str": str, "bytes": bytes,
    "Decimal": decimal.Decimal, "date": dt.date, "datetime": dt.datetime, "time": dt.time, "timedelta": dt.timedelta,
}  # fmt: skip
_SIMPLE: dict[str, Any] = {"Path": pathlib.Path, "range": range}
_CONTAINERS: dict[str, Any] = {
    "list": list, "set": set, "frozenset": frozenset, "dict": dict, "tuple": tuple,
    "sequence": abc.Sequence, "collection": abc.Collection, "iterable": abc.Iterable, "mapping": abc.Mapping,
}  # fmt: skip


def _class_keys(type: Type) -> set[str]:
    if type.name == "class":
        return {type.args[0]}
    return set().union(*(_class_keys(arg) for arg in type.args if isinstance(arg, Type)))


@functools.lru_cache(256)
def _structurer(type: Type, classes: tuple[tuple[str, type], ...]) -> Callable[[Any], Any]:
    """The function that converts to ``type``. A converter keeps every class that it has met alive, so each set of
    classes gets its own, and the cache is bounded."""
    hint = hint_of(type, dict(classes), ordered=True)
    converter = _plain_converter() if not classes else make_converter()
    hook = converter.get_structure_hook(hint)
    return lambda value: hook(value, hint)


@functools.lru_cache(1)
def _plain_converter() -> cattrs.Converter:
    return make_converter()


# ---- what was wrong, and where -------------------------------------------------------------------


def _problems(error: Any, path: str) -> typing.Iterator[Problem]:
    """Every leaf of cattrs' tree of errors, with the path that its notes tell."""
    for note in reversed(getattr(error, "__notes__", ())):
        if isinstance(note, AttributeValidationNote):
            path += f".{note.name}" if path else note.name
        elif isinstance(note, IterableValidationNote):
            path += f"[{note.index!r}]"
    if isinstance(error, BaseValidationError):
        for inner in error.exceptions:
            yield from _problems(inner, path)
    elif isinstance(error, ForbiddenExtraKeysError):
        known = [f.name for f in attrs.fields(error.cl)] if attrs.has(error.cl) else list(_field_names(error.cl))
        for name in sorted(error.extra_fields):
            hint = near_choice(name, known)
            yield Problem(f"{path}.{name}" if path else name, f"no such field{f': {hint}' if hint else ''}")
    elif isinstance(error, KeyError):
        name = str(error.args[0]) if error.args else "?"
        yield (
            Problem(path, "missing") if path.endswith(name) else Problem(f"{path}.{name}" if path else name, "missing")
        )
    elif isinstance(error, StructureHandlerNotFoundError):
        yield Problem(path, f"values of type {error.type_} cannot be given from outside")
    elif isinstance(error, Mismatch):
        yield Problem(path, str(error))
    else:  # a record's own validator
        yield Problem(path, f"{type(error).__name__}: {error}" if str(error) else type(error).__name__)


def _field_names(cls: Any) -> typing.Iterator[str]:
    if dataclasses.is_dataclass(cls):
        for f in dataclasses.fields(cls):
            yield f.name
    else:
        yield from getattr(cls, "__annotations__", ())
