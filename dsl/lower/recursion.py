"""Recursion that cannot end: flows that call themselves, or each other, on every way through."""

from __future__ import annotations

from ...compiler.ir import Branch, Exit, ForEach, Graph, Loop, Op, Parallel, Race, Raise, Region, Scope, Subflow, Try
from ...compiler.walk import ops_in
from .report import Reporter

END, LEAVE, STUCK = "end", "leave", "stuck"
"""How a way through a region comes out: at its end, by an exit or a raise, or in a call that never returns."""


def check_recursion(report: Reporter, graph: Graph) -> None:
    """Report every flow of which no call can ever return."""
    stuck = _stuck(graph)
    told: set[str] = set()
    for key, flow in graph.flows.items():
        if key not in stuck or key in told:
            continue
        cycle = _cycle(graph, key, stuck)
        if told.issuperset(cycle):
            continue
        told.update(cycle)
        flow = graph.flows[cycle[0]]  # the first one of the ring, which is not always on the way into it
        call = next(
            op for op in ops_in(flow.body) if isinstance(op, Subflow) and op.target in stuck and not op.detached
        )
        names = " -> ".join(graph.flows[k].name for k in (*cycle, cycle[0]))
        report(
            "endless-recursion",
            call.span,
            f"the flow {flow.name!r} calls itself on every way through ({names}): it can never end",
            help="return without the call in some case",
        )


def _cycle(graph: Graph, key: str, stuck: set[str]) -> list[str]:
    path = [key]
    while True:
        flow = graph.flows[path[-1]]
        after = next(
            op.target for op in ops_in(flow.body) if isinstance(op, Subflow) and op.target in stuck and not op.detached
        )
        if after in path:
            return path[path.index(after) :]
        path.append(after)


def _stuck(graph: Graph) -> set[str]:
    """The greatest set of flows every way through which calls one of the set."""
    callers: dict[str, set[str]] = {key: set() for key in graph.flows}
    stuck: set[str] = set()
    for key, flow in graph.flows.items():
        for op in ops_in(flow.body):
            if isinstance(op, Subflow) and not op.detached:
                stuck.add(key)
                callers[op.target].add(key)
    work = [key for key in graph.flows if key not in stuck]
    waiting = list(dict.fromkeys([*work, *stuck]))
    while waiting:
        key = waiting.pop(0)
        if key in stuck and _ways(graph.flows[key].body, stuck) == {STUCK}:
            continue
        if key in stuck:
            stuck.discard(key)
        elif key not in work:
            continue
        waiting.extend(c for c in callers[key] if c in stuck and c not in waiting)
    return stuck


def _ways(region: Region, stuck: set[str]) -> set[str]:
    """How the ways through a region can come out."""
    ways: set[str] = set()
    for op in region.ops:
        found = _op_ways(op, stuck)
        ways |= found - {END}
        if END not in found:
            return ways
    return ways | {END} if region.results is not None else ways


def _op_ways(op: Op, stuck: set[str]) -> set[str]:
    match op:
        case Subflow():
            return {STUCK} if op.target in stuck and not op.detached else {END}
        case Exit() | Raise():
            return {LEAVE}
        case Branch():
            return set[str]().union(*(_ways(r, stuck) for r in op.regions))
        case Loop():
            condition = _ways(op.condition, stuck) if op.condition is not None else {END}
            if END not in condition:
                return condition
            return {END} | _ways(op.body, stuck) | condition
        case ForEach():
            return {END} | _ways(op.body, stuck)
        case Scope():
            return _ways(op.body, stuck)
        case Parallel():
            arms = [_ways(r, stuck) for r in op.regions]
            return {STUCK} if any(a == {STUCK} for a in arms) else set[str]().union(*arms)
        case Race():
            return {STUCK} if all(_ways(r, stuck) == {STUCK} for r in op.regions) else {END}
        case Try():
            ways = _ways(op.body, stuck)
            if ways == {STUCK}:
                return ways
            for handler in op.handlers:
                ways |= _ways(handler.region, stuck)
            if op.orelse is not None and END in ways:
                ways |= _ways(op.orelse, stuck)
            return ways
        case _:
            return {END}
