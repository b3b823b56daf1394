"""Checks of values by JSON Schema (draft 2020-12, or the one that a schema names). All nodes are pure. Needs the extra
``data``.

By jsonschema, the reference in Python, formats included; a schema that refers to an address is refused, not fetched.
For the types of the language itself, write ``order: Order = value``.
"""

from __future__ import annotations

import copy
from typing import Any

from attrs import frozen

from .. import node
from ._jsontext import simple
from ._libraries import library

_SHOWN = 5  # problems named in an error


@frozen(kw_only=True)
class Problem:
    """What is wrong with a value, and where: ``path`` is like ``orders[2].total``, "" for the value itself."""

    path: str
    message: str


@node(pure=True)
def check(value: Any, schema: dict[str, Any] | bool) -> Any:
    """The value as it came, if it fits the schema.

    ``validate.check({"id": 7}, {"required": ["id"]})`` gives ``{"id": 7}``

    Raises ValueError that names the first problems and their places, and for a schema that is none.
    """
    found = _problems(value, schema)
    if found:
        shown = "; ".join(f"{p.path}: {p.message}" if p.path else p.message for p in found[:_SHOWN])
        more = f" (and {len(found) - _SHOWN} more)" if len(found) > _SHOWN else ""
        msg = f"the value does not fit: {shown}{more}"
        raise ValueError(msg)
    return value


@node(pure=True)
def fits(value: Any, schema: dict[str, Any] | bool) -> bool:
    """Does the value fit the schema?

    ``validate.fits({"id": "x"}, {"properties": {"id": {"type": "integer"}}})`` gives ``False``
    """
    return not _problems(value, schema)


@node(pure=True)
def problems(value: Any, schema: dict[str, Any] | bool) -> list[Problem]:
    """All that is wrong with the value, in the order of its places.

    ``[p.path for p in validate.problems({"ids": [1, "x"]}, SCHEMA)]``
    """
    return _problems(value, schema)


@node(pure=True)
def split(rows: list[Any], schema: dict[str, Any] | bool) -> tuple[list[Any], list[Any]]:
    """The records that fit the schema, and the others.

    ``validate.split([{"id": 1}, {}], {"required": ["id"]})`` gives ``([{"id": 1}], [{}])``
    """
    validator = _validator(schema)
    good: list[Any] = []
    bad: list[Any] = []
    for row in rows:
        (bad if _found(validator, row) else good).append(row)
    return good, bad


def _problems(value: Any, schema: dict[str, Any] | bool) -> list[Problem]:
    return _found(_validator(schema), value)


_KEPT = 64
_validators: dict[str, Any] = {}  # by the text of the schema: to check one takes a hundred times as long as to use it


def _validator(schema: dict[str, Any] | bool) -> Any:
    try:
        key = repr(schema)
        found = _validators.get(key)
        if found is None:
            found = _new_validator(copy.deepcopy(schema))
            if len(_validators) >= _KEPT:
                _validators.clear()
            _validators[key] = found
    except RecursionError as error:
        raise _too_deep() from error
    return found


def _new_validator(schema: dict[str, Any] | bool) -> Any:
    jsonschema = library("validate", "jsonschema")
    registry = library("validate", "referencing").Registry()  # one that fetches nothing
    kind = jsonschema.validators.validator_for(schema, jsonschema.Draft202012Validator)
    try:
        kind.check_schema(schema)
    except jsonschema.SchemaError as error:
        msg = f"the schema is none: {error.json_path.removeprefix('$').removeprefix('.') or 'it'}: {error.message}"
        raise ValueError(msg) from error
    return kind(schema, registry=registry, format_checker=_formats(kind.FORMAT_CHECKER))


def _formats(of_kind: Any) -> Any:
    """The formats of a draft of JSON Schema, with those of RFC 3987 put down to those of RFC 3986.

    jsonschema knows them by a library that takes seconds to import.
    """
    made = copy.copy(of_kind)
    made.checkers = dict(of_kind.checkers)
    for name in ("uri", "uri-reference"):
        if name in made.checkers:
            check, raises = made.checkers[name]
            made.checkers[name.replace("u", "i", 1)] = (lambda value, check=check: check(_ascii(value)), raises)
    return made


def _ascii(value: Any) -> Any:
    """Where an IRI may have a character beyond ASCII, an URI may have an escaped one (RFC 3987, 3.1)."""
    return "".join(c if c.isascii() else "%C3" for c in value) if isinstance(value, str) else value


def _found(validator: Any, value: Any) -> list[Problem]:
    unresolved = library("validate", "referencing.exceptions").Unresolvable
    try:
        errors = sorted(validator.iter_errors(simple(value)), key=lambda error: list(map(str, error.absolute_path)))
    except unresolved as error:
        msg = f"the schema refers to what is not in it: {error}"
        raise ValueError(msg) from error
    except RecursionError as error:
        raise _too_deep() from error
    return [
        Problem(path=error.json_path.removeprefix("$").removeprefix("."), message=_short(error.message))
        for error in errors
    ]


def _short(text: str) -> str:
    return text if len(text) <= 200 else f"{text[:150]} ... {text[-45:]}"


def _too_deep() -> ValueError:
    return ValueError("the value or the schema is nested too deeply, or the schema refers to itself without end")
