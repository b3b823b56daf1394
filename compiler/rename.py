"""Other names for the values, operations and tracked names of a region; its structure stays.

The digest uses it to forget names, inlining to give a copy of a flow names of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import evolve, frozen

from .exprs import map_expr
from .ir import (
    Branch,
    Call,
    Clause,
    Comprehension,
    Emit,
    Expr,
    ForEach,
    Loop,
    Mark,
    Op,
    Parallel,
    Policy,
    Ref,
    Region,
    Scope,
    Subflow,
    Target,
    Try,
    Undo,
)
from .walk import map_exprs, map_policy, map_regions

_SEVERAL = (Branch, ForEach, Loop, Parallel, Scope, Try)
"""The operations that may have any number of results."""


def keep(name: str) -> str:
    """A renaming that changes nothing."""
    return name


@frozen
class Names:
    """How to rename: ``value`` the ids of values, ``op`` those of operations, ``var`` the names a ``try`` tracks."""

    value: Callable[[str], str] = keep
    op: Callable[[str], str] = keep
    var: Callable[[str], str] = keep

    def expr(self, expr: Expr) -> Expr:
        """An expression, the targets of its comprehensions included."""

        def node(e: Expr) -> Expr:
            match e:
                case Ref():
                    return Ref(self.value(e.id))
                case Comprehension():
                    clauses = tuple(Clause(self.target(c.target), c.source, c.conditions) for c in e.clauses)
                    return evolve(e, clauses=clauses)
                case _:
                    return e

        return map_expr(expr, node)

    def target(self, target: Target) -> Target:
        if isinstance(target, str):
            star = "*" if target.startswith("*") else ""
            return star + self.value(target.removeprefix("*"))
        return tuple(self.target(t) for t in target)

    def ids(self, ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(self.value(id) for id in ids)

    def policy(self, policy: Policy) -> Policy:
        """The options of a call or a flow, with the name that the undo has for the result."""
        return self._undo(map_policy(policy, self.expr))

    def _undo(self, policy: Policy) -> Policy:
        undo = policy.undo
        if undo is None:
            return policy
        return evolve(policy, undo=Undo(undo.target, self.value(undo.result), undo.args, undo.kwargs, undo.is_flow))

    def operation(self, op: Op) -> Op:
        """An operation with all that it holds. Values are met in program order, each where it is defined first."""
        changed = map_regions(map_exprs(op, self.expr), self.region)
        changes: dict[str, Any] = {"id": self.op(op.id)}
        if op.results:
            single = not isinstance(op, _SEVERAL)
            changes |= {"result": self.value(op.results[0])} if single else {"results": self.ids(op.results)}
        if isinstance(changed, (Call, Subflow)):
            changes["policy"] = self._undo(changed.policy)
        if isinstance(op, Emit) and op.loop:
            changes["loop"] = self.op(op.loop)
        if isinstance(changed, Try):
            changes["tracked"] = tuple((self.var(v), e) for v, e in changed.tracked)
        return evolve(changed, **changes)

    def region(self, region: Region) -> Region:
        """A region with all that it holds."""
        params = self.ids(region.params)
        marks: list[Mark] = []
        ops: list[Op] = []
        waiting = list(reversed(region.marks))

        def mark(until: int) -> None:
            while waiting and waiting[-1].index <= until:
                m = waiting.pop()
                marks.append(Mark(m.index, self.var(m.var), self.expr(m.value)))

        for index, op in enumerate(region.ops):
            mark(index)
            ops.append(self.operation(op))
        mark(len(region.ops))
        results = None if region.results is None else tuple(self.expr(r) for r in region.results)
        return Region(params, self.ids(region.takes), tuple(ops), results, tuple(marks))
