"""Lets equal calls of a pure node share one result, where the earlier call has certainly been made.

Left alone: calls with options that show (a lock, a rate, ``once``, an undo), streams, and flows that change a
collection in place.
"""

from __future__ import annotations

from attrs import evolve

from ..exprs import subexpressions
from ..ir import NO_POLICY, Apply, Call, Eval, Expr, FlowGraph, Graph, Op, Ref, Region
from ..printer import print_head
from ..walk import all_ops, exprs_of, map_flows, map_ops, map_regions, recompute_takes, regions_in

IN_PLACE = frozenset({"append", "extend", "set_item", "add_item"})
"""Operators that give their first operand back, changed."""


def share_pure_calls(graph: Graph) -> Graph:
    """The graph with repeated pure calls replaced by the first one's result."""

    def flow(flow: FlowGraph) -> FlowGraph:
        if sum(_shareable(op, graph) for op in all_ops(flow)) < 2:
            return flow
        body = _region(flow.body, {}, graph, changed_in_place(flow.body))
        return flow if body is flow.body else evolve(flow, body=recompute_takes(body))

    return map_flows(graph, flow)


def _region(region: Region, made: dict[str, str], graph: Graph, changed: bool) -> Region:
    """``made``: the results of the calls that have certainly been made, by what was called with what."""
    made = dict(made)

    def op(op: Op) -> Op:
        if changed or not _shareable(op, graph):
            return map_regions(op, lambda r: _region(r, made, graph, changed))
        assert isinstance(op, Call)
        text = print_head(evolve(op, id="", result=""))
        earlier = made.setdefault(text, op.result)
        return op if earlier == op.result else Eval(op.id, Ref(earlier), op.result, op.span)

    return map_ops(region, op)


def _shareable(op: Op, graph: Graph) -> bool:
    if not isinstance(op, Call):
        return False
    spec = graph.nodes[op.target]
    plain = evolve(op.policy, retry=None, timeout=None, default=None) == NO_POLICY
    return plain and spec.effects.pure and not spec.is_stream and not spec.builtin


def changed_in_place(region: Region) -> bool:
    """Does anything in the region change a collection in place? What it holds may then not be given to two readers."""
    exprs: list[Expr] = []
    for inner in regions_in(region):
        exprs.extend(inner.results or ())
        exprs.extend(m.value for m in inner.marks)
        for op in inner.ops:
            exprs.extend(exprs_of(op))
    return any(isinstance(e, Apply) and e.fn in IN_PLACE for expr in exprs for e in subexpressions(expr))
