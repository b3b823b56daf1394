"""Values as text: results on standard output, as JSON or as a person would want to read them.

Owns how each kind of value is written in JSON.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import errno
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Set
from pathlib import PurePath
from typing import Any

import attrs

from ..compiler.secrets import hide, redact
from ..executor.told import said, shown
from .arguments import Unwritable
from .streams import results


def plain(value: Any) -> Any:
    """``value`` from JSON's own values: records as objects, dates as ISO text, durations as seconds, sets as sorted
    lists, bytes as base64. What has no form of its own is written as its ``repr``; numbers that JSON lacks become null.

    >>> plain({"day": dt.date(2026, 1, 31), "tags": {"b", "a"}, "took": dt.timedelta(minutes=2)})
    {'day': '2026-01-31', 'tags': ['a', 'b'], 'took': 120.0}
    """
    return _form(value, lambda number: None)


Lacking = Callable[[float], Any]
"""What stands for a number that JSON lacks: an infinite one, or none at all."""


def _form(value: Any, lacking: Lacking) -> Any:
    try:
        return _plain(value, lacking)
    except RecursionError:
        return "<nested too deeply>"


_RECORDS = f"{__name__.removesuffix('.cli.output')}.store.records"
"""Nobody has a stand-in for a stored record without it."""


def _is_decimal(value: Any) -> bool:
    decimal = sys.modules.get("decimal")  # nobody has one without it
    return decimal is not None and isinstance(value, decimal.Decimal)


def _plain(value: Any, lacking: Lacking) -> Any:
    match value:
        case None | bool() | int() | str() if not isinstance(value, enum.Enum):
            return value
        case float():
            return value if math.isfinite(value) else lacking(value)
        case enum.Enum():
            return _plain(value.value, lacking)
        case dt.timedelta():
            return value.total_seconds()
        case dt.date() | dt.time():
            return value.isoformat()
        case PurePath():
            return str(value)
        case _ if _is_decimal(value):
            return str(value)
        case bytes() | bytearray():
            import base64

            return base64.b64encode(value).decode()
        case Mapping():
            return {_key(key, lacking): _plain(item, lacking) for key, item in value.items()}
        case Set():
            return sorted((_plain(item, lacking) for item in value), key=lambda item: (str(type(item)), str(item)))
        case list() | tuple() | range():
            return [_plain(item, lacking) for item in value]
        case BaseException():
            return {"type": type(value).__name__, "message": said(value)}
    records = sys.modules.get(_RECORDS)
    if records is not None and isinstance(value, records.StandIn) and value.value is not value:
        return _plain(value.value, lacking)
    if attrs.has(type(value)):
        return {field.name: _plain(getattr(value, field.name), lacking) for field in attrs.fields(type(value))}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {field.name: _plain(getattr(value, field.name), lacking) for field in dataclasses.fields(value)}
    return shown(value)


def _key(key: Any, lacking: Lacking) -> str:
    if isinstance(key, str):
        return key
    made = _plain(key, lacking)
    return made if isinstance(made, str) else _as_people_write(json.dumps(made))


def to_json(value: Any) -> str:
    """One JSON value on one line."""
    return json.dumps(plain(value), ensure_ascii=False)


def to_text(value: Any, indent: int | None = 2) -> str:
    """For people: text as it is, anything else as indented JSON, to which ``inf`` and ``nan`` are added.

    >>> to_text([1e308 * 10, -1e308 * 10], indent=None)
    '[inf, -inf]'
    """
    if isinstance(value, str):
        return value
    return _as_people_write(json.dumps(_form(value, lambda number: number), ensure_ascii=False, indent=indent))


_TEXT_OR_NUMBER = re.compile(r'"(?:[^"\\]|\\.)*"|Infinity|NaN')
_WRITTEN = {"Infinity": "inf", "NaN": "nan"}


def _as_people_write(form: str) -> str:
    """The JSON of Python with its words for numbers that JSON lacks as Python writes them elsewhere."""
    return _TEXT_OR_NUMBER.sub(lambda found: _WRITTEN.get(found[0], found[0]), form)


Hide = Callable[[str], str]
"""Takes out of a text what must not be shown."""


def write_result(value: Any, *, as_json: bool, hide: Hide = hide) -> None:
    """A result on standard output. An iterator is a stream: one item a line, as it comes.

    For people, nothing is printed of ``None``; as JSON it is ``null``.
    """
    if isinstance(value, Iterator):
        form = to_json if as_json else _item
        for item in value:
            emit(hide(form(redact(item))), flush=True)
    elif as_json:
        emit(hide(to_json(redact(value))), flush=True)
    elif value is not None:
        emit(hide(to_text(redact(value))), flush=True)


def emit(text: str, *, end: str = "\n", flush: bool = False) -> None:
    """A text on standard output, as ``print`` does.

    Raises
    ------
    Unwritable: it takes nothing. BrokenPipeError: nobody reads on.
    """
    try:
        out = results()
        if out is None:
            raise OSError(errno.EBADF, "it is closed")
        try:
            print(text, end=end, flush=flush, file=out)
        except UnicodeEncodeError:  # before any of it was written
            print(writable(text), end=end, flush=flush, file=out)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise Unwritable(error) from None


def writable(text: str) -> str:
    r"""A text as far as standard output has letters for it; others as JSON escapes them, half a surrogate pair too.

    >>> writable("half: \udc80")
    'half: \\udc80'
    """
    encoding = getattr(results(), "encoding", None) or "utf-8"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return "".join(c if _has(encoding, c) else json.dumps(c)[1:-1] for c in text)
    return text


def _has(encoding: str, letter: str) -> bool:
    try:
        letter.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def _item(value: Any) -> str:
    """An item of a stream: on one line, so that a program can read along."""
    return to_text(value, indent=None)


def note(text: str) -> None:
    """A line for people, on standard error: standard output belongs to results."""
    print(text, file=sys.stderr, flush=True)


def wants_colour(stream: Any) -> bool:
    """A terminal that nobody asked to be plain."""
    return stream is not None and stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
