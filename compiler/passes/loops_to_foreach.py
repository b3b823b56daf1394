"""Lets the passes of a sequential ``for`` overlap where nobody can see it: nothing carried, everything pure, no guard.

Only a loop that calls something is worth it; one of operators alone is quicker as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve

from ..effects import Control, flow_control, flow_effects, region_control, region_effects
from ..ir import Call, Emit, Exit, FlowGraph, ForEach, Graph, Loop, Op, Region, Subflow
from ..spec import Effects
from ..walk import map_flows, map_ops, map_regions, ops_in, regions_in, regions_of


def loops_to_foreach(graph: Graph) -> Graph:
    """The graph with pure loops as independent passes."""
    if not any(isinstance(op, Loop) for flow in graph.flows.values() for op in ops_in(flow.body)):
        return graph
    effects, control = flow_effects(graph), flow_control(graph)

    def inside(region: Region) -> Region:
        return map_ops(region, op)

    def op(op: Op) -> Op:
        op = map_regions(op, inside)
        if isinstance(op, Loop) and independent(op, graph, effects, control):
            assert op.source is not None
            return ForEach(op.id, op.source, op.body, results=op.results, collects=op.collects, span=op.span)
        return op

    def flow(flow: FlowGraph) -> FlowGraph:
        body = inside(flow.body)
        return flow if body is flow.body else evolve(flow, body=body)

    return map_flows(graph, flow)


def independent(op: Loop, graph: Graph, effects: Mapping[str, Effects], control: Mapping[str, Control]) -> bool:
    """Are the passes of ``op`` pure, without guards, and blind to each other?"""
    if op.source is None or op.initial or op.stream is not False or any(r.marks for r in regions_in(op.body)):
        return False
    calls = False
    for inner in ops_in(op.body):
        if isinstance(inner, Emit) and inner.loop not in _collectors(op):
            return False
        calls |= isinstance(inner, Subflow) or (isinstance(inner, Call) and not graph.nodes[inner.target].trusted)
    if not calls or not region_effects(op.body, graph, effects).pure:
        return False
    inside = region_control(op.body, graph, control)
    return not inside.loops and not inside.raises and not _ended_within(op.body, frozenset({"return", "break"}))


def _ended_within(region: Region, kinds: frozenset[str]) -> bool:
    """May one of these exits end the loop around ``region``? Those in handlers count, which guard nothing."""
    for op in region.ops:
        if isinstance(op, Exit) and op.kind in kinds:
            return True
        inner = kinds - {"break"} if isinstance(op, (Loop, ForEach)) else kinds
        if any(_ended_within(r, inner) for r in regions_of(op)):
            return True
    return False


def _collectors(op: Loop) -> set[str]:
    return {op.id, *(inner.id for inner in ops_in(op.body) if isinstance(inner, (Loop, ForEach)))}
