"""Text from a command line as a typed value: what ``tries=3`` means when ``tries`` is an ``int``.

A simple value is written plainly (``day=2026-01-31``, ``region=eu-west-1``, ``fast=yes``), anything else as JSON
(``ids=[1,2]``, ``order={"id": 1}``); a list of simple values may also be written with commas.
"""

from __future__ import annotations

import json
import types
import typing
from typing import Any

from .convert import Classes, ConversionError, convert, describe
from .diagnostics import Problem
from .types import ELLIPSIS, STR, Type

_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})
_JSON_TYPES = frozenset({"dict", "class", "tuple", "list", "set", "frozenset"})


def parse_text(text: str, type: Type, classes: Classes) -> Any:
    """The value of ``type`` that ``text`` writes.

    Parameters
    ----------
    text: what stands after the ``=``.
    type: the type of the input. ``Any``: JSON where the text is JSON, else the text itself.
    classes: the real classes behind the keys in ``type``.

    Raises
    ------
    ConversionError: it does not write one.
    """
    match type.name:
        case "any":
            try:
                return _json(text)
            except ConversionError:
                raise
            except ValueError:
                return text
        case "union":
            return _union(text, type, classes)
        case "literal":
            return _literal(text, type)
        case "none" if text.lower() in ("none", "null"):
            return None
        case "bytes":
            return text.encode()
        case "list" | "set" | "frozenset" | "tuple" if not text.lstrip().startswith("["):
            return convert(_commas(text, type, classes), type, classes)
        case name if name in _JSON_TYPES:
            return _structured(text, type, classes)
    return convert(_plain(text, type.name), type, classes)


def plain_text(text: str, hint: Any) -> Any:
    """``text`` as the plain value that a hint asks for, where it writes one; else ``text``: a dict's keys in JSON."""
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return text
    return _plain(text, getattr(hint, "__name__", ""))


def _plain(text: str, name: str) -> Any:
    """The value that the text of a simple type writes, for :func:`convert` to check."""
    try:
        match name:
            case "bool" if text.lower() in _TRUE | _FALSE:
                return text.lower() in _TRUE
            case "int":
                return int(text)
            case "float":
                return float(text)
            case "complex":
                return complex(text)
            case "timedelta":
                return float(text)
    except ValueError:
        pass
    return text


def json_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON from its fields (``object_pairs_hook``).

    Raises
    ------
    ConversionError: it has a name twice; one of the two values would be lost.
    """
    fields: dict[str, Any] = {}
    for name, value in pairs:
        if name in fields:
            raise ConversionError((Problem("", f"the name {name!r} is given twice in a JSON object"),))
        fields[name] = value
    return fields


def _json(text: str) -> Any:
    def refuse(word: str) -> Any:
        msg = f"{word} is not JSON"
        raise ValueError(msg)

    try:
        return json.loads(text, parse_constant=refuse, object_pairs_hook=json_object)
    except RecursionError:
        msg = "it is nested too deeply"
        raise ValueError(msg) from None


def _structured(text: str, type: Type, classes: Classes) -> Any:
    try:
        value = _json(text)
    except ConversionError:
        raise
    except ValueError as error:
        if type.name == "class":  # an enumeration, or another class that is made of a plain value
            value = text
        else:
            raise ConversionError((Problem("", f"expected JSON, found {describe(text)}: {error}"),)) from None
    return convert(value, type, classes)


def _commas(text: str, type: Type, classes: Classes) -> list[Any]:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    if type.name == "tuple" and ELLIPSIS not in type.args and len(type.args) == len(parts):
        items: tuple[Any, ...] = type.args
    else:
        items = (type.args[0] if type.args else STR,) * len(parts)
    values, problems = [], []
    for i, (part, item) in enumerate(zip(parts, items, strict=True)):
        try:
            values.append(parse_text(part, item, classes))
        except ConversionError as error:
            problems += [
                Problem(f"[{i}]{'.' * (p.name[:1] not in ('', '['))}{p.name}", p.message) for p in error.problems
            ]
    if problems:
        raise ConversionError(tuple(problems))
    return values


def _literal(text: str, type: Type) -> Any:
    for value in type.args:
        if value == text or (isinstance(value, bool) and text.lower() == str(value).lower()):
            return value
    for value in type.args:
        if not isinstance(value, (str, bool)) and repr(value) == text:
            return value
    return convert(text, type, {})


def _union(text: str, type: Type, classes: Classes) -> Any:
    """The first member that the text writes, ``str`` last: every text is one."""
    failures: list[ConversionError] = []
    for member in sorted(type.args, key=lambda m: m == STR):
        try:
            return parse_text(text, member, classes)
        except ConversionError as error:
            failures.append(error)
    telling = [f for f, m in zip(failures, sorted(type.args, key=lambda m: m == STR), strict=True) if m.name != "none"]
    if len(telling) == 1 and [p.name for p in telling[0].problems] != [""]:
        raise telling[0]  # it says which part does not fit
    raise ConversionError((Problem("", f"expected {type}, found {describe(text)}"),))
