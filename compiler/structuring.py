"""What is not of its type yet is converted by ``cattrs``; every problem says the path to the wrong part."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Callable
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

from .convert import Classes, ConversionError, hint_of
from .diagnostics import Problem
from .structure import Mismatch, make_converter, near_choice
from .types import Type


def structured(value: Any, type: Type, classes: Classes) -> Any:
    """``value`` as a value of ``type``.

    Parameters
    ----------
    value, type: as for :func:`~.convert.convert`.
    classes: the real classes behind the keys in ``type``, and no others.

    Raises
    ------
    ConversionError: it does not fit.
    """
    return _told(_structurer(type, tuple(classes.items())), value)


def structured_as(value: Any, hint: Any) -> Any:
    """``value`` as a value of a type hint. Raises ConversionError where it does not fit."""
    hook = make_converter().get_structure_hook(hint)
    return _told(lambda value: hook(value, hint), value)


def _told(structure: Callable[[Any], Any], value: Any) -> Any:
    """What ``structure`` makes of a value, with its errors as ours."""
    try:
        return structure(value)
    except (
        BaseValidationError, StructureHandlerNotFoundError, ValueError, TypeError, KeyError, NameError, ArithmeticError
    ) as error:  # fmt: skip
        raise ConversionError(tuple(_problems(error, ""))) from None


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
