"""Short words for expressions, durations and policies: the labels of a drawing, not a form that parses back."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

from ...compiler import ir
from ...compiler.types import Type

LONGEST = 44

_SIGNS = {"neg": "-", "pos": "+", "invert": "~", "not": "not "}
_INFIX = frozenset("+ - * / // % ** << >> & | ^ @ == != < <= > >= in is".split()) | {"not in", "is not"}


def short(text: str, longest: int = LONGEST) -> str:
    """One line of at most ``longest`` characters."""
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def expression(expr: ir.Expr | ir.Star) -> str:
    """An expression as its author would have written it, nearly."""
    return short("".join(_pieces(expr)), 160)


def _pieces(expr: ir.Expr | ir.Star) -> Iterator[str]:
    match expr:
        case ir.Const(value):
            yield constant(value)
        case ir.Ref(name) | ir.Ambient(_, name):
            yield name
        case ir.Global(_, key):
            yield key.rpartition(".")[2]
        case ir.Star(value):
            yield f"*{expression(value)}"
        case ir.Comprehension(kind=kind, element=element, clauses=clauses):
            loops = " ".join(f"for {target(c.target)} in {expression(c.source)}" for c in clauses)
            opening, closing = {"list": ("[", "]"), "set": ("{", "}"), "dict": ("{", "}")}.get(kind, (f"{kind}(", ")"))
            yield f"{opening}{expression(element)} {loops}{closing}"
        case ir.Apply():
            yield _applied(expr)


def _applied(expr: ir.Apply) -> str:
    fn, args = expr.fn, [expression(arg) for arg in expr.args]
    if fn in _SIGNS and len(args) == 1:
        return _SIGNS[fn] + args[0]
    if fn in _INFIX and len(args) == 2:
        return f"{args[0]} {fn} {args[1]}"
    match fn, expr.args:
        case (("and" | "or"), _):
            return f" {fn} ".join(args)
        case "if", (_, _, _):
            return f"{args[1]} if {args[0]} else {args[2]}"
        case "compare", (ir.Const(signs), *_):
            return args[1] + "".join(f" {sign} {arg}" for sign, arg in zip(signs, args[2:], strict=False))
        case "attr", (_, ir.Const(name)):
            return f"{args[0]}.{name}"
        case "method", (_, ir.Const(name), *_):
            return f"{args[0]}.{name}({', '.join(args[2:])})"
        case "item", (_, _):
            return f"{args[0]}[{args[1]}]"
        case "slice", _:
            return ":".join("" if arg == "None" else arg for arg in args[:2])
        case (("list" | "set" | "tuple"), _):
            opening, closing = {"list": ("[", "]"), "set": ("{", "}"), "tuple": ("(", ")")}[fn]
            return f"{opening}{', '.join(args)}{closing}"
        case "dict", _:
            pairs = zip(args[::2], args[1::2], strict=False)
            return "{" + ", ".join(f"{key}: {value}" for key, value in pairs) + "}"
        case "fstring", _:
            parts = [str(a.value) if isinstance(a, ir.Const) else f"{{{expression(a)}}}" for a in expr.args]
            return f'f"{"".join(parts)}"'
        case "format", (_, *_):
            return args[0]
        case "new", _:
            return f"{args[0]}({', '.join([*args[1:], *_keywords(expr)])})"
    return f"{fn.removeprefix('py.')}({', '.join([*args, *_keywords(expr)])})"


def _keywords(expr: ir.Apply) -> list[str]:
    return [f"**{expression(value)}" if name == "**" else f"{name}={expression(value)}" for name, value in expr.kwargs]


def constant(value: Any) -> str:
    if isinstance(value, dt.timedelta):
        return duration(value.total_seconds())
    if isinstance(value, Type):
        return str(value).rpartition(".")[2]
    return repr(value)


def duration(seconds: float) -> str:
    """``90`` -> ``1m30s``."""
    if 0 < seconds < 1:
        return f"{seconds * 1000:g}ms"
    text, rest = "", seconds
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if rest >= size:
            text += f"{int(rest // size)}{unit}"
            rest %= size
    return text + (f"{rest:g}s" if rest or not text else "")


def target(names: ir.Target) -> str:
    return names if isinstance(names, str) else ", ".join(target(name) for name in names)


def policy(options: ir.Policy) -> str:
    """``retry 3, timeout 10s``."""
    said = []
    for name in ("retry", "timeout", "cache", "rate", "lock", "default", "once"):
        value = getattr(options, name)
        if value is not None:
            said.append(f"{name} {seconds(value) if name in ('timeout', 'cache') else expression(value)}")
    if options.undo is not None:
        said.append(f"undo {options.undo.target.rpartition('.')[2]}")
    return ", ".join(said)


def seconds(expr: ir.Expr) -> str:
    """A duration, whichever of its forms it is written in."""
    if isinstance(expr, ir.Const) and isinstance(expr.value, (int, float)) and not isinstance(expr.value, bool):
        return duration(expr.value)
    return expression(expr).strip("'")
