"""Comprehensions that are one expression of the graph."""

from __future__ import annotations

from ...compiler.ir import Clause, Comprehension, Ref, Target
from ...compiler.types import ANY, BOOL, ELLIPSIS, Type, list_of
from .. import syntax as s
from . import optypes
from .constants import widen
from .env import Bound
from .expressions import element_type
from .logic import lazily
from .names import peek
from .narrowing import narrow
from .state import FlowLowering, Typed


def comprehension_tree(at: FlowLowering, node: s.Comprehension, kind: str, source: Typed) -> Typed:
    if any(c.options for c in node.clauses):
        at.report(
            "call-not-here", node.span, f"passes cannot be independent here: {at.pure}", help="collect on a line before"
        )
    before = lazily(at)
    mark = at.env.mark()
    clauses: list[Clause] = []
    for i, clause in enumerate(node.clauses):
        value = source if i == 0 else peek(at, clause.source)
        target = _target(at, clause.target, element_type(at, value, clause.source))
        conditions = []
        for condition in clause.conditions:
            conditions.append(peek(at, condition).expr)
            narrow(at, condition, True)
        clauses.append(Clause(target, value.expr, tuple(conditions)))
    key = peek(at, node.key) if node.key is not None else None
    # What is collected is held from here on: by its own name it would not change there too.
    element = peek(at, node.element) if kind in ("any", "all") else at.expr(node.element)
    at.env.rewind(mark)
    at.pure = before
    expr = Comprehension(kind, element.expr, tuple(clauses), None if key is None else key.expr)  # type: ignore[arg-type]
    return Typed(expr, _type(kind, key, element.type))


def _type(kind: str, key: Typed | None, element: Type) -> Type:
    if kind == "dict":
        return Type("dict", (widen(key.type) if key is not None else ANY, element))
    return BOOL if kind in ("any", "all") else Type(kind, (element,))


def _target(at: FlowLowering, target: s.Expr, type: Type) -> Target:
    match target:
        case s.Name():
            id = at.fresh(target.id)
            at.env.set(target.id, Bound(Ref(id), type))
            return id
        case s.Starred():
            inner = _target(at, target.value, list_of(optypes.element(type) or ANY))
            return f"*{inner}" if isinstance(inner, str) else inner
        case s.Display():
            return tuple(_target(at, t, part) for t, part in zip(target.items, _parts(target, type), strict=True))
    at.report("unsupported", target.span, "this cannot be the variable of a comprehension", help="use a name")
    return at.fresh("item")


def _parts(target: s.Display, type: Type) -> list[Type]:
    type = widen(type)
    n = len(target.items)
    if type.name == "tuple" and ELLIPSIS not in type.args and len(type.args) == n:
        return list(type.args)
    return [optypes.element(type) or ANY] * n
