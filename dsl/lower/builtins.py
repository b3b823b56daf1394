"""Calls of the built-in functions: how many arguments each takes, and the type of what it gives."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.assignable import join
from ...compiler.ir import Apply, Comprehension, Star
from ...compiler.nearest import did_you_mean
from ...compiler.types import ANY, BOOL, BYTES, FLOAT, INT, STR, Type, list_of
from .. import syntax as s
from ..scope import BuiltinBinding, ClassBinding, FlowBinding, NodeBinding, TypeBinding
from .constants import widen
from .names import peek
from .optypes import element
from .state import UNKNOWN, FlowLowering, Typed
from .waiting import dotted_binding

_ARITY: dict[str, tuple[int, int | None, str]] = {
    "abs": (1, 1, ""),
    "all": (1, 1, ""),
    "any": (1, 1, ""),
    "ascii": (1, 1, ""),
    "bin": (1, 1, ""),
    "bool": (0, 1, ""),
    "bytes": (0, 3, "encoding errors"),
    "chr": (1, 1, ""),
    "complex": (0, 2, "real imag"),
    "dict": (0, 1, "*"),
    "divmod": (2, 2, ""),
    "enumerate": (1, 2, "start"),
    "filter": (2, 2, ""),
    "float": (0, 1, ""),
    "frozenset": (0, 1, ""),
    "hash": (1, 1, ""),
    "hex": (1, 1, ""),
    "int": (0, 2, "base"),
    "isinstance": (2, 2, ""),
    "len": (1, 1, ""),
    "list": (0, 1, ""),
    "map": (2, None, ""),
    "max": (1, None, "key default"),
    "min": (1, None, "key default"),
    "oct": (1, 1, ""),
    "ord": (1, 1, ""),
    "range": (1, 3, ""),
    "repr": (1, 1, ""),
    "reversed": (1, 1, ""),
    "round": (1, 2, "ndigits"),
    "set": (0, 1, ""),
    "slice": (1, 3, ""),
    "sorted": (1, 1, "key reverse"),
    "str": (0, 3, "encoding errors"),
    "sum": (1, 2, "start"),
    "tuple": (0, 1, ""),
    "zip": (0, None, "strict"),
}
"""The least and the most positional arguments, and the keywords."""

_FIXED: dict[str, Type] = {
    "all": BOOL,
    "any": BOOL,
    "ascii": STR,
    "bin": STR,
    "bool": BOOL,
    "bytes": BYTES,
    "chr": STR,
    "complex": Type("complex"),
    "float": FLOAT,
    "hash": INT,
    "hex": STR,
    "int": INT,
    "isinstance": BOOL,
    "len": INT,
    "oct": STR,
    "ord": INT,
    "range": Type("range"),
    "repr": STR,
    "str": STR,
}

_CALLED = {"map": 0, "filter": 0}
"""Where a function is an argument; ``key=`` is one everywhere."""

_ITERATES = frozenset("all any enumerate frozenset list reversed set sorted sum tuple".split())
_KEEPS = frozenset({"min", "max", "sum"})
"""Those that may give one of several arguments itself."""


def lower_builtin(at: FlowLowering, node: s.Call, name: str) -> Typed:
    """A call of the built-in function ``name``."""
    if (
        name in ("any", "all")
        and len(node.args) == 1
        and not node.keywords
        and isinstance(node.args[0], s.Comprehension)
    ):
        from .comprehensions import lower_any

        if node.args[0].kind == "generator":
            return lower_any(at, name, node.args[0])
    _check_shape(at, node, name)
    nodes = [*(a.value if isinstance(a, s.Starred) else a for a in node.args), *(k.value for k in node.keywords)]
    functions = {_CALLED[name]} if name in _CALLED else set()
    functions |= {i + len(node.args) for i, k in enumerate(node.keywords) if k.name == "key"}
    numbered = {id(e): i for i, e in enumerate(nodes)}

    def lower(e: s.Expr) -> Typed:
        if numbered[id(e)] in functions:
            return _function(at, e, name)
        if name == "isinstance" and numbered[id(e)] == 1:
            return _classes(at, e)
        kept = numbered[id(e)] >= len(node.args) or (name in _KEEPS and len(node.args) > 1)  # dict(a=xs)
        return at.expr(e) if kept else peek(at, e)

    values = at.in_order(nodes, lower)
    types = [v.type for v in values[: len(node.args)]]
    if name in _ITERATES and types and not isinstance(node.args[0], s.Starred):
        from .expressions import element_type

        element_type(at, values[0], nodes[0])
    args = tuple(Star(v.expr) if isinstance(a, s.Starred) else v.expr for a, v in zip(node.args, values, strict=False))
    kwargs = tuple(
        ("**" if k.name is None else k.name, v.expr) for k, v in zip(node.keywords, values[len(args) :], strict=True)
    )
    if name == "list" and len(args) == 1 and isinstance(args[0], Comprehension) and args[0].kind == "list":
        return values[0]
    spread = any(isinstance(a, s.Starred) for a in node.args)
    return Typed(Apply(f"py.{name}", args, kwargs), _result(name, types) if not spread else _FIXED.get(name, ANY))


def _check_shape(at: FlowLowering, node: s.Call, name: str) -> None:
    least, most, words = _ARITY[name]
    keywords = words.split()
    if not any(isinstance(a, s.Starred) for a in node.args):
        n = len(node.args)
        if n < least and not any(k.name is None for k in node.keywords):
            at.report(
                "missing-argument",
                node.span,
                f"{name}() takes at least {least} argument{'s' * (least != 1)}, not {n}",
                help=f"give {name}(...) what it works on",
            )
        if most is not None and n > most:
            at.report(
                "too-many-arguments",
                node.args[most].span,
                f"{name}() takes at most {most} argument{'s' * (most != 1)}",
                help="remove it",
            )
    for keyword in node.keywords:
        if keyword.name is not None and keyword.name not in keywords and words != "*":
            at.report(
                "unknown-keyword",
                keyword.span,
                f"{name}() has no parameter {keyword.name!r}",
                help=did_you_mean(
                    keyword.name, keywords, f"it has {' and '.join(keywords)}" if keywords else "remove it"
                ),
            )


def _function(at: FlowLowering, node: s.Expr, name: str) -> Typed:
    """A function as an argument: only a built-in one is pure and known."""
    if isinstance(node, s.Constant) and node.value is None:
        return at.expr(node)
    binding = dotted_binding(at, node)
    if isinstance(binding, BuiltinBinding):
        return at.expr(node)
    what = "a node" if isinstance(binding, (NodeBinding, FlowBinding)) else "this"
    at.report(
        "not-a-function",
        node.span,
        f"{name}() can only be given a built-in function to call, not {what}",
        help="write a comprehension that calls it, and sort or filter its result",
    )
    return UNKNOWN


def _classes(at: FlowLowering, node: s.Expr) -> Typed:
    """The second argument of ``isinstance``."""
    parts = node.items if isinstance(node, s.Display) else (node,)
    for part in parts:
        if isinstance(part, (s.Name, s.Attribute)):
            binding = dotted_binding(at, part)
            if binding is not None and not isinstance(binding, (BuiltinBinding, ClassBinding, TypeBinding)):
                at.report(
                    "not-a-type",
                    part.span,
                    "isinstance() wants a class here",
                    help="name a built-in type, a record or an exception",
                )
                return UNKNOWN
    return at.expr(node)


def _result(name: str, types: list[Type]) -> Type:
    fixed = _FIXED.get(name)
    if fixed is not None:
        return fixed
    first = types[0] if types else ANY
    item = (element(first) or ANY) if types else ANY
    rule = _RULES.get(name)
    return ANY if rule is None else rule(widen(first), item, types)


def _dict(first: Type, item: Type, types: list[Type]) -> Type:
    if first.name == "dict":
        return first
    if not types:
        return Type("dict", (Type("union", ()), Type("union", ())))
    if item.name == "tuple" and len(item.args) == 2 and all(isinstance(t, Type) and t.name != "..." for t in item.args):
        return Type("dict", item.args)
    return Type("dict", (ANY, ANY))


_RULES: dict[str, Callable[[Type, Type, list[Type]], Type]] = {
    "abs": lambda first, item, types: first if first.name in ("int", "float", "timedelta", "Decimal") else ANY,
    "sorted": lambda first, item, types: list_of(item),
    "reversed": lambda first, item, types: list_of(item),
    "filter": lambda first, item, types: list_of((element(types[1]) or ANY) if len(types) > 1 else ANY),
    "map": lambda first, item, types: list_of(ANY),
    "list": lambda first, item, types: list_of(item if types else Type("union", ())),
    "set": lambda first, item, types: Type("set", (item if types else Type("union", ()),)),
    "frozenset": lambda first, item, types: Type("frozenset", (item if types else Type("union", ()),)),
    "tuple": lambda first, item, types: first if first.name == "tuple" else Type("tuple", (item, Type("..."))),
    "dict": _dict,
    "enumerate": lambda first, item, types: list_of(Type("tuple", (INT, item))),
    "zip": lambda first, item, types: list_of(Type("tuple", tuple(element(t) or ANY for t in types))),
    "round": lambda first, item, types: (
        ANY if len(types) > 1 and first.name != "float" else first if len(types) > 1 else INT
    ),
    "sum": lambda first, item, types: widen(item) if widen(item).name in ("int", "float") and len(types) == 1 else ANY,
    "min": lambda first, item, types: item if len(types) == 1 else join(types),
    "max": lambda first, item, types: item if len(types) == 1 else join(types),
}
