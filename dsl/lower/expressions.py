"""Operators, displays, attributes, items and f-strings: what stays a tree of pure operators."""

from __future__ import annotations

from ...compiler.assignable import join
from ...compiler.ir import Apply, Const, Expr, Star
from ...compiler.nearest import did_you_mean
from ...compiler.operators import FORBIDDEN_ATTRIBUTES, MAX_POWER_BITS, MAX_REPEAT
from ...compiler.types import ANY, ELLIPSIS, FLOAT, INT, STR, Type, class_type
from .. import syntax as s
from ..scope import BadBinding, BuiltinBinding, ClassBinding, PackBinding, TypeBinding
from . import optypes
from .attributes import attribute_type
from .constants import type_of, widen
from .names import binding_value, forbidden_name, peek, unknown_owner
from .state import UNKNOWN, FlowLowering, Typed
from .waiting import dotted_binding

_LONGEST_CHAIN = 40
"""A chain of operators becomes a step of its own after so many: trees in the graph stay shallow."""


def lower_constant(at: FlowLowering, node: s.Constant, hint: str = "") -> Typed:
    if node.value is Ellipsis:
        at.report(
            "unsupported",
            node.span,
            "`...` is not a value in a flow",
            help="write what the flow should do here, or pass",
        )
        return UNKNOWN
    return Typed(Const(node.value), type_of(node.value))


def lower_binary(at: FlowLowering, node: s.Binary, hint: str = "") -> Typed:
    """A chain of operators, its left spine in a loop: ``a + b + c + ...`` may be thousands long."""
    spine = [node]
    while isinstance(spine[-1].left, s.Binary):
        spine.append(spine[-1].left)
    spine.reverse()
    value = peek(at, spine[0].left)
    for depth, part in enumerate(spine, 1):
        place = len(at.region.ops)
        right = peek(at, part.right)
        value = at.pin(value, place, part.left.span)
        value = _binary(at, part, value, right)
        if depth % _LONGEST_CHAIN == 0:
            value = at.name_value(value, hint or "value", part.span)
    return value


def _binary(at: FlowLowering, node: s.Binary, left: Typed, right: Typed) -> Typed:
    bound = _bounds(node.op, left.expr, right.expr)
    if bound:
        at.report("too-big", node.span, bound, help="compute it in a node")
        return UNKNOWN
    if node.op == "%" and widen(left.type) in (STR, Type("bytes")):
        at.report(
            "operator-types",
            node.span,
            "text is formatted with f-strings here, not with %",
            help='write f"... {value}"',
        )
        return UNKNOWN
    type = optypes.binary(node.op, left.type, right.type)
    if type is None:
        help, python = _operator_help(node.op, left, right)
        at.report(
            "operator-types",
            node.span,
            f"{left.type} {node.op} {right.type} is not possible",
            found=f"{left.type} {node.op} {right.type}",
            help=help,
            python=python,
        )
        return UNKNOWN
    return Typed(Apply(node.op, (left.expr, right.expr)), type)


def _operator_help(op: str, left: Typed, right: Typed) -> tuple[str, str]:
    """The fix for operands that do not go together, and as Python writes it where that differs."""
    sides = [widen(value.type) for value in (left, right)]
    if op == "+" and STR in sides:
        return "convert with str(...), or write an f-string", ""
    number = next((v.expr for v, side in zip((left, right), sides, strict=True) if side in (INT, FLOAT)), None)
    if op not in ("+", "-") or number is None or not any(map(optypes.is_time, sides)):
        return "convert one of the two sides", ""
    days = Type("date") in sides
    n = number.value if isinstance(number, Const) else "n * 1"
    units = f"{n}d" if days else f"{n}s, {n}m or {n}h"
    given = f"{'days' if days else 'seconds'}={n if isinstance(number, Const) else 'n'}"
    return f"add and take away durations: {units}", f"add and take away durations: timedelta({given})"


def _bounds(op: str, left: Expr, right: Expr) -> str:
    """What is wrong with the size of a constant result; nothing, mostly."""
    if not (isinstance(left, Const) and isinstance(right, Const)):
        return ""
    a, b = left.value, right.value
    match op:
        case "**" if isinstance(a, int) and isinstance(b, int) and b > 0 and a.bit_length() * b > MAX_POWER_BITS:
            return f"the result of ** would have more than {MAX_POWER_BITS} bits"
        case "<<" if isinstance(a, int) and isinstance(b, int) and b > MAX_POWER_BITS:
            return f"the result of << would have more than {MAX_POWER_BITS} bits"
        case "*":
            for seq, n in ((a, b), (b, a)):
                if isinstance(seq, (str, bytes)) and isinstance(n, int) and len(seq) * n > MAX_REPEAT:
                    return f"the result of * would have more than {MAX_REPEAT} characters"
    return ""


def lower_unary(at: FlowLowering, node: s.Unary, hint: str = "") -> Typed:
    value = peek(at, node.value)
    if node.op == "-" and isinstance(value.expr, Const) and value.expr.value.__class__ in (int, float):
        return Typed(Const(-value.expr.value), type_of(-value.expr.value))
    type = optypes.unary(node.op, value.type)
    if type is None:
        at.report("operator-types", node.span, f"{node.op}{value.type} is not possible", help="use a number")
        return UNKNOWN
    return Typed(Apply({"-": "neg", "+": "pos", "~": "invert", "not": "not"}[node.op], (value.expr,)), type)


def lower_display(at: FlowLowering, node: s.Display, hint: str = "") -> Typed:
    values = at.in_order(
        node.items, lambda item: peek(at, item.value) if isinstance(item, s.Starred) else at.expr(item)
    )
    args: list[Expr | Star] = []
    types: list[Type] = []
    spread = False
    for item, value in zip(node.items, values, strict=True):
        if isinstance(item, s.Starred):
            spread = True
            types.append(element_type(at, value, item.value))
            args.append(Star(value.expr))
        else:
            types.append(value.type)
            args.append(value.expr)
    if node.kind == "tuple":
        if all(isinstance(a, Const) for a in args):
            constant = tuple(a.value for a in args if isinstance(a, Const))
            return Typed(Const(constant), Type("tuple", tuple(types)))
        type = Type("tuple", (join(types), ELLIPSIS)) if spread else Type("tuple", tuple(types))
        return Typed(Apply("tuple", tuple(args)), type)
    return Typed(Apply(node.kind, tuple(args)), Type(node.kind, (join(types) if types else NEVER,)))


NEVER = Type("union", ())
"""The items of an empty display: they fit everywhere."""


def lower_dict(at: FlowLowering, node: s.DictDisplay, hint: str = "") -> Typed:
    nodes = [e for pair in node.items for e in pair if e is not None]
    values = iter(at.in_order(nodes))
    args: list[Expr | Star] = []
    keys: list[Type] = []
    types: list[Type] = []
    for key, _ in node.items:
        first = next(values)
        if key is None:
            args.append(Star(first.expr))
            inner = widen(first.type)
            keys.append(inner.args[0] if inner.name == "dict" and inner.args else ANY)
            types.append(inner.args[1] if inner.name == "dict" and inner.args else ANY)
            continue
        value = next(values)
        args += [first.expr, value.expr]
        keys.append(widen(first.type))
        types.append(value.type)
    return Typed(Apply("dict", tuple(args)), Type("dict", (join(keys), join(types)) if keys else (NEVER, NEVER)))


def element_type(at: FlowLowering, source: Typed, node: s.Expr) -> Type:
    """The type of the items of something that is gone over; a finding where it has none."""
    type = optypes.element(source.type)
    if type is None:
        hint = (
            "loop over .ok or .failed" if source.type.name == "collected" else "loop over a list, a range or a stream"
        )
        at.report(
            "not-iterable",
            node.span,
            f"{source.type} has no items to go over",
            expected="a list, a dict, a stream ...",
            found=str(source.type),
            help=hint,
        )
        return ANY
    return type


def lower_starred(at: FlowLowering, node: s.Starred, hint: str = "") -> Typed:
    at.report("unsupported", node.span, "`*` stands here alone", help="use it in a call, in a display or in a target")
    return UNKNOWN


# ---- attributes and items ------------------------------------------------------------------------


def lower_attribute(at: FlowLowering, node: s.Attribute, hint: str = "") -> Typed:
    base = dotted_binding(at, node.value)
    if isinstance(base, PackBinding):
        member = base.members(node.name)
        if member is None:
            at.report(
                "unknown-member",
                node.span,
                f"{base.name} has no {node.name!r}",
                help=did_you_mean(node.name, base.names(), f"see what {base.name} offers: cflow nodes {base.name}"),
            )
            return UNKNOWN
        return binding_value(at, member, f"{base.name}.{node.name}", node.span)
    if isinstance(base, BadBinding):
        forbidden_name(at, base, base.name, node.span)
        return UNKNOWN
    if forbidden(at, node):
        return UNKNOWN
    if isinstance(base, ClassBinding):
        declared = base.members(node.name)
        if declared is not None:
            return binding_value(at, declared, f"{base.spec.name}.{node.name}", node.span)
        # A member of an enum, or a constant of the class.
        value = binding_value(at, base, base.spec.name, node.value.span)
        type = class_type(base.spec.key) if node.name in base.spec.members else ANY
        return Typed(Apply("attr", (value.expr, Const(node.name))), type)
    if isinstance(base, (TypeBinding, BuiltinBinding)):
        # Its attributes are functions and descriptors of Python's own, not values of a program.
        at.report(
            "unknown-attribute",
            node.span,
            f"{node.name!r} is read from a built-in class or function: a flow reads attributes of values",
            help="read it in a node and return what you need",
        )
        return UNKNOWN
    if unknown_owner(at, node):
        return UNKNOWN
    value = peek(at, node.value)
    return Typed(Apply("attr", (value.expr, Const(node.name))), attribute_type(at, value.type, node))


def forbidden(at: FlowLowering, node: s.Attribute) -> bool:
    """Report an attribute that a flow must not read."""
    if not node.name.startswith("_") and node.name not in FORBIDDEN_ATTRIBUTES:
        return False
    message, help = (
        f"the attribute {node.name!r} cannot be read in a flow",
        "read it in a node and return what you need",
    )
    if node.name in ("format", "format_map"):
        message, help = f"text is formatted with f-strings here, not with .{node.name}()", 'write f"... {value}"'
    at.report("forbidden-attribute", node.span, message, help=help)
    return True


def lower_subscript(at: FlowLowering, node: s.Subscript, hint: str = "") -> Typed:
    value, index = at.in_order((node.value, node.index), lambda e: peek(at, e))
    if isinstance(node.index, s.Slice):
        type = optypes.sliced(value.type)
    else:
        constant = index.expr.value if isinstance(index.expr, Const) else None
        type = optypes.item(value.type, index.type, constant)
    if type is None:
        what = "a slice" if isinstance(node.index, s.Slice) else "items"
        at.report(
            "not-indexable",
            node.span,
            f"{value.type} has no {what} to take with [...]",
            found=str(value.type),
            help=_index_help(value.type),
        )
        return UNKNOWN
    return Typed(Apply("item", (value.expr, index.expr)), type)


def _index_help(type: Type) -> str:
    if type.name == "collected":
        return "index .ok or .failed"
    if type.name == "stream":
        return "go over the stream with `for`"
    return "use a list, a dict or a string"


def lower_slice(at: FlowLowering, node: s.Slice, hint: str = "") -> Typed:
    parts = [s.Constant(None) if e is None else e for e in (node.lower, node.upper, node.step)]
    values = at.in_order(parts)
    return Typed(Apply("slice", tuple(v.expr for v in values)), ANY)


# ---- text ----------------------------------------------------------------------------------------


def lower_fstring(at: FlowLowering, node: s.FString, hint: str = "") -> Typed:
    holes = [p for p in node.parts if isinstance(p, s.FormattedValue)]
    values = at.in_order(holes)
    rest = iter(values)
    parts = [Const(p) if isinstance(p, str) else next(rest).expr for p in node.parts]
    return Typed(Apply("fstring", tuple(parts)), STR)


def lower_formatted(at: FlowLowering, node: s.FormattedValue, hint: str = "") -> Typed:
    if node.spec is None:
        value, spec = peek(at, node.value), Typed(Const(""), STR)
    else:
        value, spec = at.in_order((node.value, node.spec), lambda e: peek(at, e))
    if isinstance(spec.expr, Apply) and spec.expr.fn == "fstring" and all(isinstance(p, Const) for p in spec.expr.args):
        spec = Typed(Const("".join(p.value for p in spec.expr.args if isinstance(p, Const))), STR)
    return Typed(Apply("format", (value.expr, Const(node.conversion), spec.expr)), STR)
