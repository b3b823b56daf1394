"""Assignments: names, unpacking, augmented ones, and the rebinding of collections (``xs.append(y)``, ``d[k] = v``,
``s.add(x)``)."""

from __future__ import annotations

from ...compiler.assignable import assignable, join
from ...compiler.diagnostics import Label, Span
from ...compiler.ir import Apply, Const
from ...compiler.types import ANY, ELLIPSIS, Type, list_of
from ...compiler.walk import refs_of
from .. import syntax as s
from . import optypes
from .constants import widen
from .conversions import converted
from .env import Bound
from .names import peek, read
from .optypes import members
from .ownership import COPYING
from .state import FlowLowering, Typed


def lower_assign(at: FlowLowering, node: s.Assign) -> None:
    target, value = node.target, node.value
    if isinstance(target, s.Subscript):
        _set_item(at, target, None, value, node.span)
        return
    hint = target.id if isinstance(target, s.Name) else ""
    if _pairs_up(target, value):
        _parallel_assign(at, target, value)
        return
    if isinstance(value, s.Name):
        result = read(at, value, alias=True)
        at.owners.hold(result.expr, value.span)
    else:
        result = at.expr(value, hint)
    if node.annotation is not None:
        result = converted(at, result, at.program.read_type(node.annotation, at.scope), value.span)
    bind_target(at, target, result, node.span)


def _pairs_up(target: s.Expr, value: s.Expr) -> bool:
    """``a, b = b, a``: no tuple is made."""
    if not (isinstance(target, s.Display) and isinstance(value, s.Display) and value.kind in ("tuple", "list")):
        return False
    if len(target.items) != len(value.items):
        return False
    return not any(isinstance(i, s.Starred) for i in (*target.items, *value.items))


def _parallel_assign(at: FlowLowering, target: s.Expr, value: s.Expr) -> None:
    assert isinstance(target, s.Display)
    assert isinstance(value, s.Display)
    values = at.in_order(value.items)
    hints = [t.id if isinstance(t, s.Name) else "value" for t in target.items]
    atoms = [at.name_value(v, hint, e.span) for v, hint, e in zip(values, hints, value.items, strict=True)]
    for part, atom in zip(target.items, atoms, strict=True):
        bind_target(at, part, atom, part.span)


def bind_target(at: FlowLowering, target: s.Expr, value: Typed, span: Span) -> None:
    """Give the names of a target their parts of a value."""
    match target:
        case s.Name():
            at.bind(target.id, value, span)
        case s.Display():
            _unpack(at, target, value, span)
        case s.Subscript():
            name = at.hidden_name("item")
            at.bind(name, value, span)
            _set_item(at, target, None, s.Name(name, span=target.span), span)
        case s.Attribute():
            at.report(
                "unsupported",
                target.span,
                "a field cannot be assigned: values do not change in a flow",
                help="build a new record with the changed field",
            )
        case _:
            at.report(
                "unsupported",
                target.span,
                "this cannot be assigned to",
                help="assign to a name, or to names in brackets",
            )


def _unpack(at: FlowLowering, target: s.Display, value: Typed, span: Span) -> None:
    items = target.items
    stars = [i for i, t in enumerate(items) if isinstance(t, s.Starred)]
    if len(stars) > 1:
        at.report(
            "unsupported",
            items[stars[1]].span,
            "only one name of a target can have a star",
            help="leave one of the stars out",
        )
    before = stars[0] if stars else len(items)
    after = len(items) - before - 1 if stars else 0
    types = _part_types(at, target, value, before, bool(stars), after)
    call = Apply("unpack", (value.expr, Const(before), Const(bool(stars)), Const(after)))
    parts = at.name_value(Typed(call, ANY), "parts", span)
    for i, (item, type) in enumerate(zip(items, types, strict=True)):
        inner = item.value if isinstance(item, s.Starred) else item
        bind_target(at, inner, Typed(Apply("item", (parts.expr, Const(i))), type), item.span)


def _part_types(at: FlowLowering, target: s.Display, value: Typed, before: int, star: bool, after: int) -> list[Type]:
    type = widen(value.type)
    n = len(target.items)
    if type.name == "tuple" and ELLIPSIS not in type.args:
        m = len(type.args)
        if m < before + after or (not star and m != n):
            wanted = f"at least {before + after}" if star else str(n)
            at.report(
                "unpack-count",
                target.span,
                f"{m} values cannot be unpacked into {wanted} names",
                expected=wanted,
                found=str(m),
                help="use as many names as there are values",
            )
            return [ANY] * n
        if not star:
            return list(type.args)
        middle = list_of(join(type.args[before : m - after]) if m > before + after else ANY)
        return [*type.args[:before], middle, *type.args[m - after :]]
    item = optypes.element(type)
    if item is None:
        at.report(
            "not-iterable", target.span, f"{type} cannot be unpacked", found=str(type), help="unpack a tuple or a list"
        )
        item = ANY
    return [list_of(item) if isinstance(t, s.Starred) else item for t in target.items]


# ---- augmented assignment ------------------------------------------------------------------------


def lower_aug_assign(at: FlowLowering, node: s.AugAssign) -> None:
    target = node.target
    if isinstance(target, s.Subscript):
        _set_item(at, target, node.op, node.value, node.span)
        return
    if not isinstance(target, s.Name):
        bind_target(at, target, Typed(Const(None), ANY), node.span)
        return
    box = read(at, target)
    kinds = {m.name for m in members(widen(box.type))}
    if node.op == "+" and kinds == {"list"}:
        rebind(at, target, "extend", (node.value,), node.span)
        return
    if (
        kinds & {"list", "set", "dict"}
        and not at.owners.owned(box.expr)
        and kinds <= {"list", "set", "dict", "frozenset"}
    ):
        _shared(at, target, box, f"{target.id} = {target.id} {node.op} ...", node.span)
        return
    value = at.expr(s.Binary(node.op, target, node.value, span=node.span), target.id)
    at.bind(target.id, value, node.span)


# ---- collections ---------------------------------------------------------------------------------


def _set_item(at: FlowLowering, target: s.Subscript, op: str | None, value: s.Expr, span: Span) -> None:
    if not isinstance(target.value, s.Name):
        at.expr(value)  # the front ends have reported it: only an item of a name can be assigned
        return
    if isinstance(target.index, s.Slice):
        at.report(
            "slice-target",
            target.span,
            "a slice cannot be assigned",
            help=f"build the new list: {target.value.id} = [...]",
        )
        return
    if op is not None:
        value = s.Binary(op, target, value, span=span)
    # Python evaluates the value before the index.
    rebind(at, target.value, "set_item", (value, target.index), span)


def rebind(at: FlowLowering, name: s.Name, operator: str, operands: tuple[s.Expr, ...], span: Span) -> None:
    """``name`` becomes a new version of its collection.

    Parameters
    ----------
    operator: ``append``, ``extend``, ``set_item`` (the value, then the key) or ``add_item``.
    """
    kept = operator in ("append", "set_item", "add_item")
    values = at.in_order(operands, at.expr if kept else lambda e: peek(at, e))
    if operator == "set_item":
        values.reverse()
    box = read(at, name)
    wanted = {"append": ("list",), "extend": ("list",), "set_item": ("dict", "list"), "add_item": ("set",)}[operator]
    kinds = {m.name for m in members(widen(box.type))}
    if box.type != ANY and not kinds & {*wanted, "any"}:
        at.report(
            "wrong-collection",
            span,
            f"{name.id!r} is {box.type}, not a {' or '.join(wanted)}",
            expected=" or ".join(wanted),
            found=str(box.type),
            help=f"use it on a {wanted[0]}",
        )
        return
    if not at.owners.owned(box.expr):
        _shared(at, name, box, _rebuilt(name.id, operator, box.type), span)
        at.set_name(name.id, Bound(box.expr, box.type))
        return
    used = {id for v in values for id in refs_of(v.expr)}
    in_place = name.id not in at.tracked and at.owners.quiet(box.expr, used)
    fn = operator if in_place else COPYING[operator]
    _check_items(at, box.type, operator, values, name, span)
    at.bind(
        name.id, Typed(Apply(fn, (box.expr, *(v.expr for v in values))), _new_type(box.type, operator, values)), span
    )


def _check_items(at: FlowLowering, box: Type, operator: str, values: list[Typed], name: s.Name, span: Span) -> None:
    """Nothing yet is declared of a local collection: it takes what it is given. Only what cannot be gone over is
    wrong."""
    if operator == "extend" and optypes.element(values[0].type) is None:
        at.report(
            "not-iterable",
            span,
            f"{values[0].type} has no items to add to {name.id!r}",
            found=str(values[0].type),
            help=f"write {name.id}.append(...)",
        )
    if (
        operator == "set_item"
        and widen(box).name == "list"
        and not assignable(values[0].type, Type("int"), at.program.classes)
    ):
        at.report(
            "argument-type",
            span,
            f"a list is indexed by int, not by {values[0].type}",
            expected="int",
            found=str(values[0].type),
            help="use a dict",
        )


def _new_type(box: Type, operator: str, values: list[Typed]) -> Type:
    box = widen(box)
    if not box.args or box.name not in ("list", "set", "dict"):
        return box
    if operator == "set_item" and box.name == "dict":
        return Type("dict", (join((box.args[0], widen(values[0].type))), join((box.args[1], values[1].type))))
    added = values[-1].type
    if operator == "extend":
        added = optypes.element(added) or ANY
    return Type(box.name, (join((box.args[0], widen(added))),))


def _rebuilt(name: str, operator: str, type: Type) -> str:
    if operator == "set_item" and widen(type).name == "list":
        return f"{name} = [*{name}[:i], value, *{name}[i + 1:]]"
    return {
        "append": f"{name} = [*{name}, item]",
        "extend": f"{name} = [*{name}, *more]",
        "set_item": f"{name} = {{**{name}, key: value}}",
        "add_item": f"{name} = {{*{name}, item}}",
    }[operator]


def _shared(at: FlowLowering, name: s.Name, box: Typed, instead: str, span: Span) -> None:
    held = at.owners.held_at(box.expr)
    labels = (Label(held, "something else holds it since here"),) if held is not None else ()
    why = "something else holds it too" if held is not None else "this flow did not make it alone"
    at.report(
        "shared-collection",
        span,
        f"{name.id!r} cannot be changed in place: {why}",
        labels=labels,
        help=f"write {instead}",
    )
