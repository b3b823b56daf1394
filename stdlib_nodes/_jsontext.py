"""Values to JSON text and back; shared by the packs that speak JSON. Knows nothing of nodes."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Iterator
from decimal import Decimal
from pathlib import PurePath
from typing import Any

import msgspec

from ._fields import fields_of

_decode = msgspec.json.Decoder().decode


def dump(value: Any, indent: int | None = None, sort_keys: bool = False) -> str:
    """The JSON text of a value. Raises TypeError for what JSON cannot say, ValueError for NaN and infinity."""
    if indent is None and not sort_keys:
        return _encode(value)
    return json.dumps(value, indent=indent, sort_keys=sort_keys, default=_plain, ensure_ascii=False, allow_nan=False)


def parse(text: str | bytes, origin: str, line: int | None = None) -> Any:
    """The value a JSON text stands for; ``line`` is its place in ``origin`` where it is one line of many.

    Raises ValueError that names ``origin``, line and column.
    """
    try:
        return _decode(text)
    except (msgspec.DecodeError, UnicodeError):
        pass  # json says where it is wrong, and takes what is JSON only to Python: UTF-16, NaN, lone surrogates
    except RecursionError as error:
        raise _too_deep(origin) from error
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        msg = f"{origin} is not JSON: {error.msg} at line {line or error.lineno}, column {error.colno}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        place = f"line {line}, " if line else ""
        msg = f"{origin} is not JSON: {place}byte {error.start} is not {error.encoding} text"
        raise ValueError(msg) from error
    except RecursionError as error:
        raise _too_deep(origin) from error


def parse_lines(lines: Iterable[bytes], origin: str) -> Iterator[Any]:
    """The values of lines; empty ones are passed over. Raises as :func:`parse`."""
    for number, line in enumerate(lines, 1):
        try:
            value = _decode(line)
        except (msgspec.DecodeError, UnicodeError, RecursionError):
            if not line.strip():
                continue
            value = parse(line, origin, number)
        yield value


def simple(value: Any, keep: tuple[type, ...] = ()) -> Any:
    """The value in dicts, lists, text and numbers alone, and what is of the types in ``keep``.

    Raises TypeError for what has no such form, ValueError for a value that holds itself.
    """
    try:
        return _simple(value, (str, int, float, type(None), *keep))
    except RecursionError as error:
        msg = "the value holds itself, or is nested too deeply"
        raise ValueError(msg) from error


def _simple(value: Any, keep: tuple[type, ...]) -> Any:
    match value:
        case dict():
            return {key: _simple(item, keep) for key, item in value.items()}
        case list() | tuple():
            return [_simple(item, keep) for item in value]
    return value if isinstance(value, keep) else _simple(_plain(value), keep)


def _too_deep(origin: str) -> ValueError:
    return ValueError(f"{origin} is nested too deeply")


def _plain(value: Any) -> Any:
    """What JSON says instead of a value that it has no form for."""
    fields = fields_of(value)
    if fields is not None:
        return fields
    match value:
        case dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case set() | frozenset():
            return sorted(value, key=repr)
        case PurePath() | Decimal():
            return str(value)
    msg = f"JSON has no form for {type(value).__name__}: turn it into text, numbers, lists or dicts first"
    raise TypeError(msg)


_encode = json.JSONEncoder(default=_plain, ensure_ascii=False, allow_nan=False).encode
"""Made once: ``json.dumps`` would make one for each call that is not all defaults."""
