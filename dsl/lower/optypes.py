"""The types of operators: what an expression gives, and which operands can never fit.

Where anything is unknown the answer is ``Any``: a finding of this module is never a guess.
"""

from __future__ import annotations

from collections.abc import Mapping

from ...compiler.assignable import assignable, bases_of, join
from ...compiler.spec import ClassSpec
from ...compiler.types import ANY, BOOL, ELLIPSIS, FLOAT, INT, STR, Type
from .constants import widen

Classes = Mapping[str, ClassSpec]

_NUMBERS = ("bool", "int", "float", "complex")
_SEQUENCES = ("str", "bytes", "list", "tuple")
_SETS = ("set", "frozenset")
_PLAIN = frozenset((*_NUMBERS, *_SEQUENCES, *_SETS, "dict", "none"))
"""The types of which every operator is known without a table."""
_TIMES = frozenset({"date", "datetime", "time", "timedelta"})
_CLOSED = _PLAIN | _TIMES
"""The types of which every operator between them is known."""

_DATES: dict[tuple[str, str, str], str] = {
    ("-", "date", "date"): "timedelta",
    ("-", "datetime", "datetime"): "timedelta",
    ("-", "date", "datetime"): "timedelta",  # what is a date for the program may be a datetime, which is one too
    ("-", "datetime", "date"): "timedelta",
    ("-", "date", "timedelta"): "date",
    ("+", "date", "timedelta"): "date",
    ("+", "timedelta", "date"): "date",
    ("-", "datetime", "timedelta"): "datetime",
    ("+", "datetime", "timedelta"): "datetime",
    ("+", "timedelta", "datetime"): "datetime",
    ("+", "timedelta", "timedelta"): "timedelta",
    ("-", "timedelta", "timedelta"): "timedelta",
    ("*", "timedelta", "int"): "timedelta",
    ("*", "int", "timedelta"): "timedelta",
    ("*", "timedelta", "float"): "timedelta",
    ("*", "float", "timedelta"): "timedelta",
    ("/", "timedelta", "timedelta"): "float",
    ("/", "timedelta", "int"): "timedelta",
    ("/", "timedelta", "float"): "timedelta",
    ("//", "timedelta", "int"): "timedelta",
    ("//", "timedelta", "float"): "timedelta",  # an int passes for a float
    ("//", "timedelta", "timedelta"): "int",
    ("%", "timedelta", "timedelta"): "timedelta",
    ("/", "Path", "str"): "Path",
    ("/", "Path", "Path"): "Path",
    ("/", "str", "Path"): "Path",
    **{
        (op, "Decimal", other): "Decimal"
        for op in ("+", "-", "*", "/", "//", "%", "**")
        for other in ("Decimal", "int")
    },
    **{(op, "int", "Decimal"): "Decimal" for op in ("+", "-", "*", "/", "//", "%", "**")},
}


def binary(op: str, left: Type, right: Type) -> Type | None:
    """The type of ``left op right``; None: these operands can never fit."""
    left, right = widen(left), widen(right)
    if "union" in (left.name, right.name):
        parts = [binary(op, a, b) for a in members(left) for b in members(right)]
        if None in parts:
            return ANY if any(p is not None for p in parts) else None
        return join(p for p in parts if p is not None)
    if left.name not in _PLAIN or right.name not in _PLAIN:
        known = _DATES.get((op, _as_int(left.name), _as_int(right.name)))
        if known is not None:
            return Type(known)
        return None if left.name in _CLOSED and right.name in _CLOSED else ANY
    return _plain(op, left, right)


def _as_int(name: str) -> str:
    return "int" if name == "bool" else name


def _plain(op: str, left: Type, right: Type) -> Type | None:
    a, b = left.name, right.name
    if a in _NUMBERS and b in _NUMBERS:
        return _number(op, a, b)
    if op == "+" and a == b and a in _SEQUENCES:
        return (
            Type("tuple", (*left.args, *right.args)) if a == "tuple" and _fixed(left, right) else _joined(left, right)
        )
    if op == "*":
        for seq, n in ((left, right), (right, left)):
            if seq.name in _SEQUENCES and n.name in ("int", "bool"):
                return Type("tuple", (join(items_of(seq)), ELLIPSIS)) if seq.name == "tuple" else seq
        return None
    if op in ("-", "&", "|", "^") and a in _SETS and b in _SETS:
        return _joined(left, Type(a, right.args)) if op in ("|", "^") else left
    if op == "|" and a == b == "dict":
        return _joined(left, right)
    return None


def _fixed(*tuples: Type) -> bool:
    return all(ELLIPSIS not in t.args for t in tuples)


def _joined(left: Type, right: Type) -> Type:
    if left == right or left.name in ("str", "bytes"):
        return left
    if left.name == "tuple":
        return Type("tuple", (join((*items_of(left), *items_of(right))), ELLIPSIS))
    if not left.args or not right.args:
        return Type(left.name)
    return Type(left.name, tuple(join(pair) for pair in zip(left.args, right.args, strict=True)))


def _number(op: str, a: str, b: str) -> Type | None:
    widest = max(a, b, key=_NUMBERS.index)
    match op:
        case "/":
            return Type("complex") if widest == "complex" else FLOAT
        case "//" | "%":
            return None if widest == "complex" else FLOAT if widest == "float" else INT
        case "**":
            return ANY if widest in ("bool", "int") else Type(widest)
        case "<<" | ">>":
            return INT if widest in ("bool", "int") else None
        case "&" | "|" | "^":
            return BOOL if widest == "bool" else INT if widest == "int" else None
        case "@":
            return None
    return INT if widest == "bool" else Type(widest)


def unary(op: str, value: Type) -> Type | None:
    """The type of ``op value``; None: it can never fit."""
    if op == "not":
        return BOOL
    value = widen(value)
    if value.name in _NUMBERS:
        if op == "~":
            return INT if value.name in ("bool", "int") else None
        return INT if value.name == "bool" else value
    if value.name == "Decimal" or (value.name == "timedelta" and op != "~"):
        return value
    return None if value.name in _CLOSED else ANY


def is_time(value: Type) -> bool:
    """Is it a date, a time of day or a duration?"""
    return value.name in _TIMES


def compare(op: str, left: Type, right: Type) -> bool:
    """Can ``left op right`` be evaluated at all, as far as is known?"""
    left, right = widen(left), widen(right)
    if op in ("==", "!=", "is", "is not") or ANY in (left, right):
        return True
    if op in ("in", "not in"):
        return not all(
            m.name in ("bool", "int", "float", "complex", "none") or m.name in _TIMES for m in members(right)
        )
    for a in members(left):
        for b in members(right):
            if not (a.name in _CLOSED and b.name in _CLOSED) or _ordered(a.name, b.name):
                return True
    return False


def _ordered(a: str, b: str) -> bool:
    real = ("bool", "int", "float")
    dates = ("date", "datetime")
    return (
        (a in real and b in real)
        or (a in dates and b in dates)
        or (a == b and (a in _SEQUENCES or a in _TIMES))
        or (a in _SETS and b in _SETS)
    )


def item(value: Type, index: Type, constant: object = None) -> Type | None:
    """The type of ``value[index]``; None: it has no items."""
    value = widen(value)
    match value.name:
        case "union":
            parts = [item(m, index, constant) for m in members(value)]
            return join(p for p in parts if p is not None) if any(parts) else None
        case "tuple":
            if (
                isinstance(constant, int)
                and ELLIPSIS not in value.args
                and -len(value.args) <= constant < len(value.args)
            ):
                return _type(value.args[constant])
            return join(items_of(value)) if value.args else ANY
        case "list":
            return _type(value.args[0]) if value.args else ANY
        case "dict":
            return _type(value.args[1]) if value.args else ANY
        case "str":
            return STR
        case "bytes" | "range":
            return INT
        case "none" | "bool" | "int" | "float" | "complex" | "set" | "frozenset" | "stream" | "collected":
            return None
    return ANY


def sliced(value: Type) -> Type | None:
    """The type of ``value[a:b]``; None: it cannot be sliced."""
    value = widen(value)
    if value.name == "tuple":
        return Type("tuple", (join(items_of(value)), ELLIPSIS))
    if value.name in ("list", "str", "bytes", "range", "any", "class"):
        return value
    if value.name in ("none", "bool", "int", "float", "complex", "set", "frozenset", "dict", "stream", "collected"):
        return None
    return ANY


def items_of(container: Type) -> list[Type]:
    """The item types of a list, tuple or set."""
    return [_type(a) for a in container.args if a != ELLIPSIS]


def element(source: Type) -> Type | None:
    """The type of what a loop over ``source`` gives; None: it cannot be gone over."""
    source = widen(source)
    match source.name:
        case "union":
            parts = [element(m) for m in members(source)]
            return join(p for p in parts if p is not None) if all(p is not None for p in parts) else None
        case "list" | "set" | "frozenset" | "stream" | "dict" | "sequence" | "collection" | "iterable" | "mapping":
            return _type(source.args[0]) if source.args else ANY
        case "tuple":
            return join(items_of(source)) if source.args else ANY
        case "str":
            return STR
        case "bytes" | "range":
            return INT
        case (
            "none"
            | "bool"
            | "int"
            | "float"
            | "complex"
            | "date"
            | "datetime"
            | "time"
            | "timedelta"
            | "Decimal"
            | "collected"
        ):
            return None
    return ANY


def is_stream(source: Type) -> bool | None:
    """Is a source of this type a stream? None: not known before it is there."""
    names = {m.name for m in members(source)}
    if names == {"stream"}:
        return True
    return None if names & {"stream", "any", "class", "iterable"} else False


def members(type: Type) -> tuple[Type, ...]:
    """The members of a union; any other type alone."""
    return type.args if type.name == "union" else (type,)


def is_error(type: Type, classes: Classes) -> bool | None:
    """Is it the type of an exception? None: not known."""
    type = widen(type)
    if type.name != "class":
        return False if type.name in _PLAIN else None
    spec = classes.get(type.args[0])
    return None if spec is None or spec.kind == "other" else spec.kind == "exception"


def known_to_be(source: Type, target: Type, classes: Classes) -> bool:
    """Is every value of ``source`` surely one of ``target`` already, so that converting it would change nothing?"""
    if target == ANY:
        return True
    if source.name == "union":
        return all(known_to_be(m, target, classes) for m in source.args)
    if target.name == "union":
        return any(known_to_be(source, m, classes) for m in target.args) or (
            source.name == "literal"
            and all(known_to_be(Type("literal", (v,)), target, classes) for v in source.args)
            and len(source.args) > 1
        )
    if source == target:
        return source.name != "any"
    if source.name == "literal":
        if target.name == "literal":
            return assignable(source, target, classes)
        return widen(source) == target
    if source.name == "class" and target.name == "class":
        return target.args[0] in bases_of(source.args[0], classes)
    if source.name == "tuple" == target.name and ELLIPSIS in target.args:
        return all(known_to_be(i, _type(target.args[0]), classes) for i in items_of(source))
    if source.name != target.name or len(source.args) != len(target.args) or not target.args:
        return False
    pairs = [(_type(a), _type(b)) for a, b in zip(source.args, target.args, strict=True)]
    return all(a == b or known_to_be(a, b, classes) for a, b in pairs)


def _type(value: object) -> Type:
    return value if isinstance(value, Type) else ANY
