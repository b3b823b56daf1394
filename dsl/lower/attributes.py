"""The types of attributes and method results, and which of them exist.

A record's fields, the data attributes of dates, and the pure methods of built-in values are known; everything else
is ``Any``.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Iterable

from ...compiler.assignable import join
from ...compiler.nearest import did_you_mean
from ...compiler.operators import ALL_METHODS, METHODS
from ...compiler.types import ANY, BOOL, BYTES, FLOAT, INT, STR, Type, list_of
from .. import syntax as s
from ..hints import class_binding
from .constants import widen
from .state import FlowLowering

CLASSES: dict[str, type] = {
    "str": str,
    "bytes": bytes,
    "int": int,
    "bool": int,
    "float": float,
    "complex": complex,
    "list": list,
    "tuple": tuple,
    "dict": dict,
    "set": set,
    "frozenset": frozenset,
    "range": range,
    "date": dt.date,
    "datetime": dt.datetime,
    "time": dt.time,
    "timedelta": dt.timedelta,
    "Decimal": decimal.Decimal,
    "Path": pathlib.PurePosixPath,
}
"""The built-in classes by the names that types have."""

_PATH_DATA = {
    "name": STR,
    "stem": STR,
    "suffix": STR,
    "parent": Type("Path"),
    "suffixes": list_of(STR),
    "root": STR,
    "anchor": STR,
}
_NUMBER_DATA = frozenset({"real", "imag", "numerator", "denominator"})


def attribute_type(at: FlowLowering, type: Type, node: s.Attribute) -> Type:
    """The type of ``value.name`` where ``value`` has this type; a finding where there is no such attribute."""
    if type.name == "union":
        return join(_attribute(at, m, node, quiet=True) for m in type.args) if type.args else ANY
    return _attribute(at, type, node, quiet=False)


def _attribute(at: FlowLowering, type: Type, node: s.Attribute, *, quiet: bool) -> Type:
    type = widen(type)
    name = node.name
    match type.name:
        case "class":
            return _field_type(at, type.args[0], node, quiet)
        case "collected":
            item = type.args[0] if type.args else ANY
            known: dict[str, Type] = {"ok": list_of(item), "failed": list_of(ANY)}
        case "Path":
            known = dict(_PATH_DATA)
            known.setdefault("parents", ANY)
            known.setdefault("parts", ANY)
            known.setdefault("drive", STR)
        case "date" | "datetime" | "time" | "timedelta":
            known = {n: _date_data(n) for n in dir(CLASSES[type.name]) if not callable(getattr(CLASSES[type.name], n))}
        case "int" | "float" | "bool" | "complex":
            known = dict.fromkeys(_NUMBER_DATA, ANY)
        case "str" | "bytes" | "list" | "dict" | "set" | "frozenset" | "tuple" | "none":
            known = {}
        case "range":
            known = {"start": INT, "stop": INT, "step": INT}
        case _:
            return ANY
    if name in known or quiet:
        return known.get(name, ANY)
    if name in known_methods(type):
        at.report(
            "method-not-called", node.span, f"the method {name!r} of {type} is not called", help=f"write .{name}(...)"
        )
    else:
        at.report("unknown-attribute", node.span, f"{type} has no attribute {name!r}", help=_help(type, name, known))
    return ANY


def _date_data(name: str) -> Type:
    if name in ("min", "max", "resolution", "tzinfo"):
        return ANY
    return INT


def _help(type: Type, name: str, known: Iterable[str]) -> str:
    if type.name == "dict":
        return f'a dot is an attribute; a key is ["{name}"]'
    return did_you_mean(name, known, "give the value a type with that field, or read it in a node")


def _field_type(at: FlowLowering, key: str, node: s.Attribute, quiet: bool) -> Type:
    spec = at.program.classes.get(key)
    if spec is None or spec.fields is None:
        return ANY
    for field in spec.fields:
        if field.name == node.name:
            return field.type
    # A class with code may have properties; only what is all fields is known to have no other attribute.
    binding = at.program.objects.classes.get(key)
    if quiet or spec.kind != "record" or (binding is not None and hasattr(binding, node.name)) or spec.bases:
        return ANY
    if binding is None and (spec.source != "" or ((read := class_binding(key)) and node.name in read.defined)):
        return ANY
    names = [f.name for f in spec.fields]
    at.report(
        "unknown-attribute",
        node.span,
        f"{spec.name} has no field {node.name!r}",
        expected=", ".join(names),
        found=node.name,
        help=did_you_mean(node.name, names, f"its fields are {', '.join(names)}"),
    )
    return ANY


# ---- methods -------------------------------------------------------------------------------------


def known_methods(type: Type) -> frozenset[str]:
    """The methods that may be called on a value of this type."""
    type = widen(type)
    if type.name == "union":
        return frozenset().union(*(known_methods(m) for m in type.args))
    cls = CLASSES.get(type.name)
    if cls is None:
        return frozenset() if type.name in ("none", "collected", "stream") else ALL_METHODS
    return frozenset().union(*(METHODS[base] for base in cls.__mro__ if base in METHODS))


_RESULTS: dict[str, dict[str, Type]] = {
    "str": {
        **dict.fromkeys("count find index rfind rindex".split(), INT),
        **dict.fromkeys("split rsplit splitlines".split(), list_of(STR)),
        **dict.fromkeys("partition rpartition".split(), Type("tuple", (STR, STR, STR))),
        "encode": BYTES,
    },
    "bytes": {"decode": STR, "hex": STR},
    "int": {"bit_count": INT, "bit_length": INT, "to_bytes": BYTES},
    "float": {"is_integer": BOOL, "hex": STR},
    "date": {"isoformat": STR, "strftime": STR, "weekday": INT, "isoweekday": INT, "toordinal": INT, "ctime": STR},
    "datetime": {
        "isoformat": STR,
        "strftime": STR,
        "weekday": INT,
        "timestamp": FLOAT,
        "date": Type("date"),
        "time": Type("time"),
    },
    "time": {"isoformat": STR, "strftime": STR},
    "timedelta": {"total_seconds": FLOAT},
    "Path": {"as_posix": STR, "as_uri": STR, "is_absolute": BOOL, "match": BOOL, "is_relative_to": BOOL},
}


def method_result(receiver: Type, name: str, args: list[Type]) -> Type:
    """The type of what a method gives, as far as it is known."""
    receiver = widen(receiver)
    kind = receiver.name
    known = _RESULTS.get(kind, {}).get(name)
    if known is not None:
        return known
    match kind, name:
        case "str", _:
            return BOOL if name.startswith(("is", "starts", "ends")) else STR
        case "Path", _:
            return Type("Path")
        case "date" | "datetime", "replace":
            return receiver
        case (("list" | "tuple" | "range"), ("count" | "index")):
            return INT
        case (("list" | "dict" | "set" | "frozenset"), "copy"):
            return receiver
        case (("set" | "frozenset"), _):
            return (
                BOOL
                if name.startswith("is")
                else receiver
                if name in ("difference", "intersection")
                else Type(kind, (ANY,))
            )
        case "dict", ("keys" | "values" | "items") if receiver.args:
            key, value = receiver.args
            return Type("collection", ({"keys": key, "values": value}.get(name) or Type("tuple", (key, value)),))
        case "dict", "get" if receiver.args:
            default = args[1] if len(args) > 1 else Type("none")
            return join((receiver.args[1], default))
    return ANY
