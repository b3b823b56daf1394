"""Puts an arm that is certainly taken in the place of its branch, and drops arms that never are."""

from __future__ import annotations

from attrs import evolve

from ..ir import Branch, Const, Eval, FlowGraph, Graph, Loop, Mark, Op, Region, Try
from ..shape import ends_region
from ..walk import map_flows, map_regions, recompute_takes


def simplify_branches(graph: Graph) -> Graph:
    """The graph without branches on constants."""

    def flow(flow: FlowGraph) -> FlowGraph:
        body = _region(flow.body)
        return flow if body is flow.body else evolve(flow, body=recompute_takes(body))

    return map_flows(graph, flow)


def _region(region: Region) -> Region:
    ops: list[Op] = []
    marks: list[Mark] = []
    waiting = list(reversed(region.marks))
    results = region.results
    for index, old in enumerate(region.ops):
        while waiting and waiting[-1].index <= index:
            marks.append(evolve(waiting.pop(), index=len(ops)))
        op = _known_arms(_inside(old))
        if isinstance(op, Region):
            marks.extend(evolve(m, index=m.index + len(ops)) for m in op.marks)
            ops.extend(op.ops)
            ended = op.results is None
            for number, (id, result) in enumerate(zip(old.results, op.results or (), strict=not ended)):
                ops.append(Eval(old.id if number == 0 else f"{old.id}/{number}", result, id, old.span))
        else:
            ops.append(op)
            ended = ends_region(op)
        if ended:
            results = None
            waiting = []
            break
    marks.extend(evolve(m, index=len(ops)) for m in reversed(waiting))
    if len(ops) == len(region.ops) and all(a is b for a, b in zip(ops, region.ops, strict=True)):
        return region
    return evolve(region, ops=tuple(ops), marks=tuple(marks), results=results)


def _inside(op: Op) -> Op:
    """``op`` with its regions simplified; a condition keeps its end, so that it still has a result."""
    new = map_regions(op, _region)
    if isinstance(new, Try) and new.orelse is not None and new.body.results is None:
        return evolve(new, orelse=None)  # nothing ends the body any more, so nothing comes after it
    if isinstance(new, Loop) and isinstance(op, Loop) and new.condition is not None and new.condition.results is None:
        return evolve(new, condition=op.condition)
    return new


def _known_arms(op: Op) -> Op | Region:
    """A branch without the arms that are never taken; the arm itself where it always is."""
    if not isinstance(op, Branch) or not any(isinstance(t, Const) for t in op.tests):
        return op
    tests = []
    regions = []
    for test, region in zip(op.tests, op.regions, strict=False):
        if not isinstance(test, Const):
            tests.append(test)
            regions.append(region)
        elif test.value:
            regions.append(region)
            break
    else:
        regions.append(op.regions[-1])
    return regions[0] if not tests else evolve(op, tests=tuple(tests), regions=tuple(regions))
