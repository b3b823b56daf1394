"""The values of the language and the standard library that MessagePack has no form for: how each is taken apart and put
together.

A form is a number (the extension type in the bytes, which never gets another meaning) and two functions. ``parts``
gives what is stored in its place; ``build`` gets parts of exactly the classes in ``of`` and makes the value.
"""

from __future__ import annotations

import array
import datetime as dt
import re
import uuid
from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from pathlib import Path, PosixPath, PurePath, PurePosixPath, PureWindowsPath, WindowsPath
from typing import Any
from zoneinfo import ZoneInfo

from attrs import frozen

from .unstorable import Misfit, NotStorable

# Extension types. 1 to 31 are forms of this table; the others are read by `reading`.
TUPLE, SET, FROZENSET, PAIRS, LONG, ODD_TEXT, BYTEARRAY, COMPLEX, RANGE, SLICE = range(1, 11)
DATE, TIME, DATETIME, TIMEDELTA, TIMEZONE, ZONE, DECIMAL, FRACTION, UUID_, PATH = range(11, 21)
ARRAY, DEQUE, COUNTER, ORDERED = range(21, 25)
BLOB, SECRET, LOST, RECORD, NAMED_TUPLE, ENUM, CLASS, ERROR, PICKLE, NUMPY, NUMPY_SCALAR = range(32, 43)

ANY: tuple[type, ...] = ()
"""A part that may be of any class."""


@frozen
class Form:
    """``of``: the class of ``parts``, or of each of a list of parts. ``container``: its parts are the author's, so an
    error names the place among them."""

    code: int
    kind: type
    parts: Callable[[Any], Any]
    build: Callable[..., Any]
    of: type | tuple[Any, ...]
    container: bool = False

    def made(self, parts: Any) -> Any:
        """The value.

        Raises
        ------
        ValueError: the parts are not what this form stores.
        """
        if isinstance(self.of, type):
            if type(parts) is self.of:
                return self.build(parts)
        elif (
            type(parts) is list
            and len(parts) == len(self.of)
            and all(not of or type(part) in of for part, of in zip(parts, self.of, strict=True))
        ):
            return self.build(*parts)
        msg = f"these are no parts of a {self.kind.__name__}"
        raise ValueError(msg)


@frozen
class Raw:
    """Among parts: memory that is stored as it is; read, it is ``bytes``, or a ``bytearray`` of its own."""

    view: memoryview


def _bytearray(data: bytes | bytearray) -> bytearray:
    return data if isinstance(data, bytearray) else bytearray(data)


def _form(code: int, kind: type, parts: Callable[[Any], Any], build: Callable[..., Any], *of: Any) -> Form:
    return Form(code, kind, parts, build, tuple(one if isinstance(one, tuple) else (one,) for one in of))


def _sorted(items: set[Any] | frozenset[Any]) -> list[Any]:
    """In an order that hangs on the values alone where that is quick; others are ordered by their bytes."""
    kinds = set(map(type, items))
    return sorted(items) if kinds <= {int} or kinds <= {str} else list(items)


def _long(number: int) -> bytes:
    return number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True)


def _odd(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _array(value: array.array[Any]) -> list[Any]:
    return [value.typecode, value.itemsize, Raw(memoryview(value))]


def _zone(zone: ZoneInfo) -> str:
    if zone.key is None:
        raise NotStorable("zoneinfo.ZoneInfo", "is a time zone without a name", "make it with ZoneInfo('Area/City')")
    return zone.key


_ZONE = re.compile(r"[A-Za-z0-9_+\-]+(/[A-Za-z0-9_+\-]+)*")


def _zone_of(key: str) -> ZoneInfo:
    if not _ZONE.fullmatch(key):
        msg = f"{key!r} is no name of a time zone"
        raise ValueError(msg)
    try:
        return ZoneInfo(key)
    except (LookupError, OSError) as error:
        msg = f"the time zone {key} is not known on this machine: install the package tzdata"
        raise Misfit(msg) from error


def _timezone(zone: dt.timezone) -> list[Any]:
    named = zone.__getinitargs__()[1:]  # type: ignore[attr-defined]
    return [zone.utcoffset(None), named[0] if named else None]


def _timezone_of(offset: dt.timedelta, name: str | None) -> dt.timezone:
    if name is not None:
        return dt.timezone(offset, name)
    return dt.timezone(offset) if offset else dt.UTC


def _time(value: dt.time | dt.datetime) -> list[Any]:
    return [value.hour, value.minute, value.second, value.microsecond, value.fold, value.tzinfo]


def _time_of(hour: int, minute: int, second: int, micro: int, fold: int, zone: dt.tzinfo | None) -> dt.time:
    return dt.time(hour, minute, second, micro, zone, fold=fold)


def _datetime_of(year: int, month: int, day: int, time: dt.time) -> dt.datetime:
    return dt.datetime.combine(dt.date(year, month, day), time)


def _array_of(code: str, size: int, data: bytes | bytearray) -> array.array[Any]:
    made: array.array[Any] = array.array(code)
    if made.itemsize != size:
        msg = f"an array of {code!r} has items of {size} bytes where it was made, {made.itemsize} here"
        raise Misfit(msg)
    made.frombytes(data)
    return made


def _ordered_of(pairs: list[Any]) -> OrderedDict[Any, Any]:
    return OrderedDict(_by_two(pairs))


def _by_two(flat: list[Any]) -> Any:
    if len(flat) % 2:
        msg = "a key without its value"
        raise ValueError(msg)
    return zip(flat[::2], flat[1::2], strict=True)


def _path(kind: type[PurePath]) -> Callable[[PurePath], list[str]]:
    name = kind.__name__
    return lambda path: [name, str(path)]


_PATHS = {kind.__name__: kind for kind in (PosixPath, WindowsPath, PurePosixPath, PureWindowsPath)}


def _path_of(kind: str, text: str) -> PurePath:
    made: type[PurePath] | None = _PATHS.get(kind)
    if made is None:
        msg = f"{kind!r} is no class of paths"
        raise ValueError(msg)
    if issubclass(made, Path) and made is not type(Path()):  # of the other system
        made = PureWindowsPath if made is WindowsPath else PurePosixPath
    return made(text)


_INTS = (int,) * 3
_TIME = (int, int, int, int, int, (type(None), dt.timezone, ZoneInfo))

FORMS: tuple[Form, ...] = (
    Form(TUPLE, tuple, list, tuple, list, container=True),
    Form(SET, set, _sorted, set, list, container=True),
    Form(FROZENSET, frozenset, _sorted, frozenset, list, container=True),
    Form(PAIRS, dict, lambda d: [x for pair in d.items() for x in pair], lambda flat: dict(_by_two(flat)), list),
    Form(LONG, int, _long, lambda data: int.from_bytes(data, "little", signed=True), bytes),
    Form(ODD_TEXT, str, _odd, lambda data: data.decode("utf-8", "surrogatepass"), bytes),
    _form(BYTEARRAY, bytearray, lambda b: [Raw(memoryview(b))], _bytearray, (bytes, bytearray)),
    _form(COMPLEX, complex, lambda z: [z.real, z.imag], complex, float, float),
    _form(RANGE, range, lambda r: [r.start, r.stop, r.step], range, *_INTS),
    _form(SLICE, slice, lambda s: [s.start, s.stop, s.step], slice, ANY, ANY, ANY),
    _form(DATE, dt.date, lambda d: [d.year, d.month, d.day], dt.date, *_INTS),
    _form(TIME, dt.time, _time, _time_of, *_TIME),
    _form(DATETIME, dt.datetime, lambda d: [d.year, d.month, d.day, d.timetz()], _datetime_of, *_INTS, dt.time),
    _form(TIMEDELTA, dt.timedelta, lambda d: [d.days, d.seconds, d.microseconds], dt.timedelta, *_INTS),
    _form(TIMEZONE, dt.timezone, _timezone, _timezone_of, dt.timedelta, (str, type(None))),
    Form(ZONE, ZoneInfo, _zone, _zone_of, str),
    Form(DECIMAL, Decimal, str, Decimal, str),
    _form(FRACTION, Fraction, lambda f: [f.numerator, f.denominator], Fraction, int, int),
    Form(UUID_, uuid.UUID, lambda u: u.bytes, lambda data: uuid.UUID(bytes=data), bytes),
    *(_form(PATH, kind, _path(kind), _path_of, str, str) for kind in _PATHS.values()),
    _form(ARRAY, array.array, _array, _array_of, str, int, (bytes, bytearray)),
    _form(DEQUE, deque, lambda d: [list(d), d.maxlen], deque, list, (int, type(None))),
    Form(COUNTER, Counter, dict, Counter, dict),
    Form(ORDERED, OrderedDict, lambda d: [x for pair in d.items() for x in pair], _ordered_of, list),
)  # fmt: skip

BY_KIND: dict[type, Form] = {form.kind: form for form in FORMS if form.kind is not dict}
BY_CODE: dict[int, Form] = {form.code: form for form in FORMS}
