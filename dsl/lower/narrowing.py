"""What a test tells about the types of names: ``x is not None``, ``isinstance(x, C)``, ``x == "a"``, and plain
truth."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.assignable import assignable, join
from ...compiler.types import ANY, BOOL, NONE, Type, class_type, union
from .. import syntax as s
from ..scope import BuiltinBinding, ClassBinding, TypeBinding
from .env import Bound
from .optypes import members
from .state import FlowLowering
from .waiting import dotted_binding


def narrow(at: FlowLowering, test: s.Expr, outcome: bool) -> None:
    """Narrow the types of names, given how ``test`` came out."""
    match test:
        case s.Unary(op="not"):
            narrow(at, test.value, not outcome)
        case s.Logical() if (test.op == "and") == outcome:
            for operand in test.values:
                narrow(at, operand, outcome)
        case s.Name():
            _keep(at, test, lambda m: _truthy(m, outcome))
        case s.Compare(left=s.Name() as name, ops=(op,), rights=(right,)):
            _compared(at, name, op, right, outcome)
        case s.Call(func=s.Name(id="isinstance") as func, args=(s.Name() as name, cls), keywords=()):
            if isinstance(dotted_binding(at, func), BuiltinBinding):
                _instance(at, name, cls, outcome)
        case _:
            return


def _compared(at: FlowLowering, name: s.Name, op: str, right: s.Expr, outcome: bool) -> None:
    if op in ("!=", "is not", "not in"):
        op, outcome = {"!=": "==", "is not": "is", "not in": "in"}[op], not outcome
    match op, right:
        case (("is" | "=="), s.Constant(value=None)):
            _keep(at, name, lambda m: m if (m == NONE) == outcome or (m == ANY) else None)
        case "==", s.Constant(value=str() | int() as value) if not isinstance(value, bool):
            _keep(at, name, lambda m: _without(m, (value,), outcome))
        case "in", s.Display(items=items) if all(isinstance(i, s.Constant) for i in items):
            values = tuple(i.value for i in items if isinstance(i, s.Constant))
            _keep(at, name, lambda m: _without(m, values, outcome))
        case _:
            return


def _without(member: Type, values: tuple[object, ...], outcome: bool) -> Type | None:
    """A literal type, reduced to (or by) some values; other types say nothing."""
    if member.name != "literal":
        return member
    marks = {(type(v), v) for v in values}
    left = tuple(v for v in member.args if ((type(v), v) in marks) == outcome)
    return Type("literal", left) if left else None


def _truthy(member: Type, outcome: bool) -> Type | None:
    if member == NONE:
        return None if outcome else member
    if member.name == "class" and not outcome:
        return member
    if member.name == "literal":
        left = tuple(v for v in member.args if bool(v) == outcome)
        return Type("literal", left) if left else None
    return member


def _instance(at: FlowLowering, name: s.Name, cls: s.Expr, outcome: bool) -> None:
    nodes = cls.items if isinstance(cls, s.Display) else (cls,)
    types: list[Type] = []
    for node in nodes:
        binding = dotted_binding(at, node)
        match binding:
            case ClassBinding():
                types.append(class_type(binding.spec.key))
            case TypeBinding():
                types.append(binding.type)
            case BuiltinBinding():
                types.append(Type(binding.name))
            case _:
                return
    classes = at.program.classes
    state = at.env.get(name.id)
    if outcome and isinstance(state, Bound) and state.type == ANY:
        if all(t.name in _WHOLE or t.name == "class" for t in types):
            at.env.set(name.id, Bound(state.atom, join(types)))
        return
    if outcome:
        _keep(
            at,
            name,
            lambda m: (
                m if any(_same(m, t) or assignable(m, t, classes) or assignable(t, m, classes) for t in types) else None
            ),
        )
    else:
        _keep(at, name, lambda m: m if m == ANY or not any(_same(m, t) or m == t for t in types) else None)


_WHOLE = frozenset({"int", "float", "str", "bool", "bytes", "date", "datetime", "time", "timedelta", "Decimal", "Path"})


def _same(member: Type, cls: Type) -> bool:
    """Is the member of that built-in class (``list[int]`` of ``list``)?"""
    return member.name == cls.name and cls.name != "class" and not (cls.name == "int" and member == BOOL)


def _keep(at: FlowLowering, name: s.Name, keep: Callable[[Type], Type | None]) -> None:
    state = at.env.get(name.id)
    if not isinstance(state, Bound) or state.type == ANY:
        return
    left = [kept for kept in map(keep, members(state.type)) if kept is not None]
    if left and union(*left) != state.type:
        at.env.set(name.id, Bound(state.atom, union(*left)))
