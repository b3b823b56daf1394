"""Computes before a loop what no pass changes. Only pure steps that cannot fail: the loop may make no pass at all.

What builds a collection stays, since each pass may go on to change its own.
"""

from __future__ import annotations

from attrs import evolve

from ..effects import can_fail
from ..exprs import refs_of, subexpressions
from ..ir import Apply, Comprehension, Eval, Expr, FlowGraph, ForEach, Graph, Loop, Op, Region
from ..walk import map_flows, map_ops, map_regions, recompute_takes

_COLLECTIONS = frozenset({"list", "set", "dict"})


def hoist_invariants(graph: Graph) -> Graph:
    """The graph with loop invariants in front of their loops."""

    def flow(flow: FlowGraph) -> FlowGraph:
        body = _region(flow.body)
        return flow if body is flow.body else evolve(flow, body=recompute_takes(body))

    return map_flows(graph, flow)


def _region(region: Region) -> Region:
    return map_ops(region, _hoisted)


def _hoisted(op: Op) -> Op | tuple[Op, ...]:
    op = map_regions(op, _region)
    if not isinstance(op, (Loop, ForEach)):
        return op
    body, moved = _split(op.body)
    if not moved:
        return op
    return (*moved, evolve(op, body=body))


def _split(body: Region) -> tuple[Region, list[Eval]]:
    """The body without its invariants, and these."""
    inside = set(body.params)
    moved: list[Eval] = []
    for op in body.ops:
        if (
            isinstance(op, Eval)
            and not can_fail(op.expr)
            and not _builds(op.expr)
            and inside.isdisjoint(refs_of(op.expr))
        ):
            moved.append(op)
        else:
            inside.update(op.results)
    if not moved:
        return body, moved
    gone = {op.id for op in moved}
    return map_ops(body, lambda op: () if op.id in gone else op), moved


def _builds(expr: Expr) -> bool:
    """Does evaluating ``expr`` make a new collection?"""
    return any(
        isinstance(e, Comprehension) or (isinstance(e, Apply) and e.fn in _COLLECTIONS) for e in subexpressions(expr)
    )
