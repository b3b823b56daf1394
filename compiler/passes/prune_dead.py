"""Leaves out pure steps that nobody reads and that cannot fail. Calls stay: any node may raise."""

from __future__ import annotations

from attrs import evolve

from ..effects import can_fail, op_can_fail
from ..exprs import refs_of
from ..ir import Branch, Eval, FlowGraph, Graph, Mark, Op, Region
from ..walk import map_flows, map_regions, needs, recompute_takes, region_exprs


def prune_dead(graph: Graph) -> Graph:
    """The graph without dead steps."""

    def flow(flow: FlowGraph) -> FlowGraph:
        body = _region(flow.body)
        return flow if body is flow.body else evolve(flow, body=recompute_takes(body))

    return map_flows(graph, flow)


def _region(region: Region) -> Region:
    """Backwards: what a step reads is alive only if the step is."""
    alive: set[str] = set()
    for expr in region_exprs(region):
        alive.update(refs_of(expr))
    kept: list[Op] = []
    for old in reversed(region.ops):
        op = map_regions(old, _region)
        if op is not old:
            op = map_regions(op, recompute_takes)
        if alive.isdisjoint(op.results) and _removable(op):
            continue
        alive.update(needs(op))
        kept.append(op)
    kept.reverse()
    if len(kept) == len(region.ops) and all(a is b for a, b in zip(kept, region.ops, strict=True)):
        return region
    return evolve(region, ops=tuple(kept), marks=_moved(region, {op.id for op in kept}))


def _removable(op: Op) -> bool:
    match op:
        case Eval():
            return not can_fail(op.expr)
        case Branch():
            return all(not r.ops and not r.marks for r in op.regions) and not op_can_fail(op)
        case _:
            return False


def _moved(region: Region, kept: set[str]) -> tuple[Mark, ...]:
    """The marks, each before the same operation, or before the next one that is left."""
    starts = [0]
    for op in region.ops:
        starts.append(starts[-1] + (op.id in kept))
    return tuple(evolve(m, index=starts[m.index]) for m in region.marks)
