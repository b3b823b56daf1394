"""The pure operators of the language: one table that the interpreter calls and the code generator prints.

Each operator has a function, which is its meaning, and, where plain Python source means exactly the same,
a template that generated code uses instead. Lazy operators (``and or if compare``) and operators with a variable shape
(``list tuple set dict fstring new``) have no function here: both users of the table know them by name (:data:`LAZY`,
:data:`SHAPED`).
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .secrets import made_with, text_of


@frozen
class Operator:
    """``template`` has ``{0}``, ``{1}`` for the operands; ``fails``: may raise for some operands."""

    function: Callable[..., Any]
    template: str = ""
    fails: bool = True


LAZY = frozenset({"and", "or", "if", "compare"})
"""``and``/``or`` (operands), ``if`` (test, then, else), ``compare`` (Const of the tuple of operators, then the
operands): they evaluate only what Python would."""

SHAPED = frozenset({"list", "tuple", "set", "dict", "fstring", "new", "method"})
"""``list``/``tuple``/``set`` (items, maybe Star), ``dict`` (each entry: a key and then its value, or one Star of a
mapping), ``fstring`` (parts, each a string), ``new`` (Global class, then arguments), ``method`` (value, Const name,
then arguments; :func:`call_method`)."""

MAX_POWER_BITS = 1 << 17
MAX_REPEAT = 1 << 26
"""Bounds of ``**`` and of sequence repetition: a text from a stranger must not eat the machine."""


def power(a: Any, b: Any) -> Any:
    """``a ** b`` with a bounded result."""
    if isinstance(a, int) and isinstance(b, int) and b > 0 and a.bit_length() * b > MAX_POWER_BITS:
        msg = f"the result of ** would have more than {MAX_POWER_BITS} bits"
        raise OverflowError(msg)
    return a**b


def multiply(a: Any, b: Any) -> Any:
    """``a * b`` with bounded repetition."""
    for seq, n in ((a, b), (b, a)):
        if isinstance(seq, (str, bytes, list, tuple)) and isinstance(n, int) and len(seq) * n > MAX_REPEAT:
            msg = f"the result of * would have more than {MAX_REPEAT} items"
            raise OverflowError(msg)
    return a * b


def shift(a: Any, b: Any) -> Any:
    """``a << b`` with a bounded result."""
    if isinstance(a, int) and isinstance(b, int) and b > MAX_POWER_BITS:
        msg = f"the result of << would have more than {MAX_POWER_BITS} bits"
        raise OverflowError(msg)
    return a << b


def percent(a: Any, b: Any) -> Any:
    """``a % b``; text formatting with ``%`` has a bounded width."""
    if isinstance(a, (str, bytes)):
        msg = "text is formatted with f-strings here, not with %"
        raise TypeError(msg)
    return a % b


def format_value(value: Any, conversion: str, spec: str) -> str:
    """One ``{value!conversion:spec}`` of an f-string. Widths are bounded."""
    if conversion == "r":
        value = repr(value)
    elif conversion == "s":
        value = text_of(value)
    elif conversion == "a":
        value = ascii(value)
    digits = "".join(c if c.isdigit() else " " for c in spec).split()
    if any(len(d) > 5 for d in digits):
        msg = f"the format {spec!r} is too wide"
        raise ValueError(msg)
    return format(value, spec)


def unpack(value: Any, before: int, star: bool, after: int) -> tuple[Any, ...]:
    """The values of ``a, b, *rest, z = value``: a tuple of ``before`` values, the list of the rest if ``star``, and
    ``after`` values."""
    items = list(value) if not isinstance(value, (list, tuple)) else value
    n = len(items)
    if n < before + after:
        msg = f"not enough values to unpack (expected {'at least ' if star else ''}{before + after}, got {n})"
        raise ValueError(msg)
    if not star:
        if n > before:
            msg = f"too many values to unpack (expected {before})"
            raise ValueError(msg)
        return tuple(items)
    tail = n - after
    return (*items[:before], list(items[before:tail]), *items[tail:])


def append(items: list[Any], item: Any) -> list[Any]:
    """``xs.append(y)`` as a rebinding: a new version of a list that nothing else holds."""
    items.append(item)
    return items


def extend(items: list[Any], more: Any) -> list[Any]:
    """``xs += more`` / ``xs.extend(more)``."""
    items.extend(more)
    return items


def set_item(box: Any, key: Any, value: Any) -> Any:
    """``d[k] = v``."""
    box[key] = value
    return box


def add_item(box: set[Any], item: Any) -> set[Any]:
    """``s.add(x)``."""
    box.add(item)
    return box


def appended(items: list[Any], item: Any) -> list[Any]:
    """``append`` for a name that a ``try`` tracks: a copy, since a handler may see the version before."""
    return [*items, item]


def extended(items: list[Any], more: Any) -> list[Any]:
    """``extend`` for a tracked name."""
    return [*items, *more]


def with_item(box: Any, key: Any, value: Any) -> Any:
    """``d[k] = v`` for a tracked name."""
    return set_item(box.copy(), key, value)


def with_added(box: set[Any], item: Any) -> set[Any]:
    """``s.add(x)`` for a tracked name."""
    return box | {item}


def match_sequence(value: Any, least: int, exact: bool) -> bool:
    """Does a sequence pattern of this length fit?"""
    if isinstance(value, (str, bytes, bytearray)) or not isinstance(value, (list, tuple, range)):
        return False
    return len(value) == least if exact else len(value) >= least


def match_mapping(value: Any, keys: tuple[Any, ...]) -> bool:
    """Is it a mapping with these keys?"""
    return isinstance(value, Mapping) and all(k in value for k in keys)


def match_rest(value: Any, keys: tuple[Any, ...]) -> dict[Any, Any]:
    """``**rest`` of a mapping pattern."""
    return {k: v for k, v in value.items() if k not in keys}


def has_attr(value: Any, name: str) -> bool:
    """Does a class pattern's field exist?"""
    return hasattr(value, name)


_DATE = """
    ctime date day days dst fold fromordinal hour isocalendar isoformat isoweekday max microsecond microseconds
    min minute month replace resolution second seconds strftime time timestamp timetuple timetz toordinal
    total_seconds tzinfo tzname utcoffset utctimetuple weekday year astimezone
""".split()
_TEXT = """
    capitalize casefold center count encode endswith expandtabs find index isalnum isalpha isascii isdecimal
    isdigit isidentifier islower isnumeric isprintable isspace istitle isupper join ljust lower lstrip partition
    removeprefix removesuffix replace rfind rindex rjust rpartition rsplit rstrip split splitlines startswith
    strip swapcase title translate upper zfill
""".split()

METHODS: dict[type, frozenset[str]] = {
    str: frozenset(_TEXT),
    bytes: frozenset((*_TEXT, "decode", "hex")),
    int: frozenset("bit_count bit_length as_integer_ratio conjugate to_bytes".split()),
    float: frozenset("is_integer hex as_integer_ratio conjugate".split()),
    complex: frozenset({"conjugate"}),
    list: frozenset("copy count index".split()),
    tuple: frozenset("count index".split()),
    dict: frozenset("copy get items keys values".split()),
    set: frozenset("copy difference intersection isdisjoint issubset issuperset symmetric_difference union".split()),
    frozenset: frozenset(
        "copy difference intersection isdisjoint issubset issuperset symmetric_difference union".split()
    ),
    range: frozenset("count index".split()),
    dt.date: frozenset(_DATE),
    dt.time: frozenset(_DATE),
    dt.timedelta: frozenset(_DATE),
    dt.tzinfo: frozenset({"utcoffset", "tzname", "dst"}),
    decimal.Decimal: frozenset(
        "quantize to_integral_value normalize copy_abs is_nan is_zero sqrt as_tuple compare exp ln log10".split()
    ),
    pathlib.PurePath: frozenset(
        "as_posix as_uri is_absolute is_relative_to joinpath match relative_to with_name with_stem with_suffix".split()
    ),
}
"""The methods that may be called, by class: the pure ones. Subclasses inherit the permission."""

ALL_METHODS = frozenset().union(*METHODS.values())

FORBIDDEN_ATTRIBUTES = frozenset(
    """
    gi_frame gi_code gi_yieldfrom cr_frame cr_code cr_await cr_origin ag_frame ag_code ag_await f_back
    f_builtins f_code f_globals f_locals f_trace tb_frame tb_next func_globals func_code co_code co_consts mro
    format format_map
    """.split()
)
"""Names that lead from a value to Python's own objects; with every name that begins with ``_`` they cannot be read."""

_BOUNDED_WIDTH = frozenset({"center", "ljust", "rjust", "zfill", "expandtabs"})


def permitted(value: Any, name: str) -> bool:
    """May method ``name`` be called on ``value``?"""
    return any(name in METHODS[base] for base in type(value).__mro__ if base in METHODS)


def call_method(value: Any, name: str, *args: Any, **kwargs: Any) -> Any:
    """``value.name(...)`` for the pure methods of built-in values."""
    if not permitted(value, name):
        msg = f"the method {name!r} of {type(value).__name__} cannot be called in a flow: make it a node"
        raise TypeError(msg)
    if name in _BOUNDED_WIDTH and args and isinstance(args[0], int) and args[0] > MAX_REPEAT:
        msg = f"the result of {name} would be too long"
        raise OverflowError(msg)
    if name == "strftime" and len(str(args[:1])) > 1000:
        msg = "the format of strftime is too long"
        raise ValueError(msg)
    result = getattr(value, name)(*args, **kwargs)
    return made_with(result, args) if isinstance(value, str) else result


def read_attribute(value: Any, name: str) -> Any:
    """``value.name`` where the name is not known to be harmless (the generated code prints the harmless ones)."""
    if name.startswith("_") or name in FORBIDDEN_ATTRIBUTES:
        msg = f"the attribute {name!r} cannot be read in a flow"
        raise AttributeError(msg)
    return getattr(value, name)


def _binary(symbol: str) -> Operator:
    namespace: dict[str, Any] = {}
    exec(f"def op(a, b): return a {symbol} b", namespace)  # a fixed list of symbols
    return Operator(namespace["op"], f"({{0}} {symbol} {{1}})", fails=symbol not in ("is", "is not"))


BUILTINS: dict[str, Callable[..., Any]] = {
    f.__name__: f
    for f in (
        abs, all, any, ascii, bin, bool, bytes, chr, complex, dict, divmod, enumerate, filter, float, frozenset, hash,
        hex, int, isinstance, len, list, map, max, min, oct, ord, range, repr, reversed, round, set, slice, sorted, str,
        sum, tuple, zip,
    )
}  # fmt: skip
"""The built-in functions of the language: fixed and pure. A ``key=`` may only name one of these."""


def _listed(function: Callable[..., Any]) -> Callable[..., Any]:
    """An iterator is consumed by its first reader, so it is not a value; a flow gets the list."""

    def listed(*args: Any, **kwargs: Any) -> list[Any]:
        return list(function(*args, **kwargs))

    return listed


for _lazy in ("enumerate", "filter", "map", "reversed", "zip"):
    BUILTINS[_lazy] = _listed(BUILTINS[_lazy])

BUILTIN_EXCEPTIONS: dict[str, type[BaseException]] = {
    name: cls
    for name, cls in vars(__import__("builtins")).items()
    if isinstance(cls, type)
    and issubclass(cls, Exception)
    and not issubclass(cls, (StopIteration, StopAsyncIteration, ExceptionGroup, Warning))
}

OPERATORS: dict[str, Operator] = {
    **{s: _binary(s) for s in ("+", "-", "/", "//", "@", ">>", "&", "|", "^")},
    **{s: _binary(s) for s in ("==", "!=", "<", "<=", ">", ">=", "in", "not in", "is", "is not")},
    "*": Operator(multiply),
    "**": Operator(power),
    "<<": Operator(shift),
    "%": Operator(percent),
    "neg": Operator(lambda a: -a, "(-{0})"),
    "pos": Operator(lambda a: +a, "(+{0})"),
    "invert": Operator(lambda a: ~a, "(~{0})"),
    "not": Operator(lambda a: not a, "(not {0})"),
    "attr": Operator(read_attribute),
    "item": Operator(lambda a, b: a[b], "{0}[{1}]"),
    "slice": Operator(slice, fails=False),
    "format": Operator(format_value),
    "unpack": Operator(unpack),
    "append": Operator(append),
    "extend": Operator(extend),
    "set_item": Operator(set_item),
    "add_item": Operator(add_item),
    "appended": Operator(appended),
    "extended": Operator(extended),
    "with_item": Operator(with_item),
    "with_added": Operator(with_added),
    "match_sequence": Operator(match_sequence, fails=False),
    "match_mapping": Operator(match_mapping),
    "match_rest": Operator(match_rest),
    "has_attr": Operator(has_attr, fails=False),
    **{f"py.{name}": Operator(f) for name, f in BUILTINS.items()},
}
"""Every strict operator by the name that :class:`~.ir.Apply` uses; built-in functions are ``py.<name>``."""
