"""Puts the body of a flow in the place of its call: steps inside may then run as early as their own arguments allow.

Not inlined: a flow whose value does not need all of its steps, one with options of its own or at the call, a detached
or a stream flow, one that calls itself (the limit of nesting counts calls), one that returns early, one that never
returns, and one that is large. An operation ``charge`` of the flow called by ``settle`` becomes ``settle/charge``, so
that an error still tells the way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import evolve, frozen

from ..effects import can_fail
from ..exprs import substitute
from ..ir import (
    NO_POLICY,
    Branch,
    Const,
    Eval,
    Exit,
    Expr,
    FlowGraph,
    Global,
    Graph,
    Op,
    Ref,
    Region,
    Scope,
    Star,
    Subflow,
)
from ..rename import Names
from ..walk import (
    all_ops,
    exprs_of,
    map_ops,
    map_region_exprs,
    map_regions,
    needs,
    ops_in,
    policy_exprs,
    policy_of,
    recompute_takes,
    refs_of,
    region_exprs,
    regions_in,
    subexpressions,
)

MAX_BODY = 200
"""Operations of a flow that is inlined, all its regions counted."""

MAX_FLOW = 20_000
"""Operations that a flow may have after inlining."""


def inline_subflows(graph: Graph) -> Graph:
    """The graph with plain sub-flows inlined, without the flows that nobody calls any more."""
    if not any(True for flow in graph.flows.values() for _ in _calls(flow)):
        return graph
    order = _callees_first(graph)
    recursive = _recursive(graph, order)
    flows = dict(graph.flows)
    plain: dict[str, Inlinable] = {}
    for key in order:
        flow = flows[key]
        flows[key] = flow = _inlined(flow, plain)
        found = _inlinable(flow) if key not in recursive else None
        if found is not None:
            plain[key] = found
    if all(flows[key] is flow for key, flow in graph.flows.items()):
        return graph
    reached = _reached(evolve(graph, flows=flows))
    return evolve(graph, flows={key: flow for key, flow in flows.items() if key in reached})


@frozen
class Inlinable:
    """A flow that may take the place of its call: its body, with the value it gives instead of a ``return``."""

    flow: FlowGraph
    body: Region
    size: int


# ---- which flows ---------------------------------------------------------------------------------


def _calls(flow: FlowGraph) -> Iterator[Subflow]:
    return (op for op in all_ops(flow) if isinstance(op, Subflow))


def _callees_first(graph: Graph) -> list[str]:
    """The flows, each after those it calls as far as there is no cycle."""
    order: list[str] = []
    seen: set[str] = set()
    for start in graph.flows:
        stack: list[tuple[str, Iterator[Subflow]]] = []
        if start not in seen:
            seen.add(start)
            stack.append((start, _calls(graph.flows[start])))
        while stack:
            key, calls = stack[-1]
            callee = next((c.target for c in calls if c.target not in seen), None)
            if callee is None:
                order.append(key)
                stack.pop()
            else:
                seen.add(callee)
                stack.append((callee, _calls(graph.flows[callee])))
    return order


def _recursive(graph: Graph, order: list[str]) -> set[str]:
    """The flows that may call themselves, by whatever way: what is left when leaves are taken away again and again.

    Callers of such a flow are left too where they stand in or above a cycle only by being called from one.
    """
    calls = {key: {c.target for c in _calls(graph.flows[key])} for key in order}
    callers: dict[str, set[str]] = {key: set() for key in order}
    for key, targets in calls.items():
        for target in targets:
            callers[target].add(key)

    def strip(below: Mapping[str, set[str]], above: Mapping[str, set[str]], keys: set[str]) -> set[str]:
        counts = {key: len(below[key] & keys) for key in keys}
        ready = [key for key in keys if counts[key] == 0]
        left = set(keys)
        while ready:
            key = ready.pop()
            left.discard(key)
            for other in above[key] & left:
                counts[other] -= 1
                if counts[other] == 0:
                    ready.append(other)
        return left

    return strip(callers, calls, strip(calls, callers, set(order)))


def _inlinable(flow: FlowGraph) -> Inlinable | None:
    if flow.stream or flow.policy != NO_POLICY or any(p.kind in ("var_pos", "var_kw") for p in flow.params):
        return None
    body = _value_of(flow.body)
    if body is None or body.results is None or not _all_needed(body):
        return None
    size = sum(1 for _ in ops_in(body))
    return Inlinable(flow, body, size) if size <= MAX_BODY else None


def _all_needed(body: Region) -> bool:
    """Does the value wait for every step of the body, by its arguments alone?

    The value of a call is there when all of its flow has ended. Inlined, it is there when its own step has; what uses
    it would start earlier than the plan says, unless these are the same.
    """
    needed = {ref for result in body.results or () for ref in refs_of(result)}
    for op in reversed(body.ops):
        if not needed.intersection(op.results):
            return False
        needed.update(needs(op))
    return True


def _value_of(body: Region) -> Region | None:
    """The body with a value instead of the ``return`` at its end; None if control may leave it earlier.

    Returns at the end of the arms of a last ``if`` are at the end, too.
    """
    ended = _ended(body)
    return None if _returns(ended.ops) else ended


def _returns(ops: tuple[Op, ...]) -> bool:
    return any(isinstance(op, Exit) and op.kind == "return" for op in ops_in(Region(ops=ops)))


def _ended(region: Region) -> Region:
    if not _returns(region.ops[-1:]):
        return _falling(region)
    before, last = region.ops[:-1], region.ops[-1]
    value = f"{last.id}/value"
    match last:
        case Exit():
            marks = tuple(m for m in region.marks if m.index < len(region.ops))
            return evolve(region, ops=before, results=last.values, marks=marks)
        case Branch(results=()) if not region.results:
            new: Op = evolve(last, regions=tuple(_ended(arm) for arm in last.regions), results=(value,))
        case Scope(results=()) if not region.results:
            new = evolve(last, body=_ended(last.body), results=(value,))
        case _:
            return region
    return evolve(region, ops=(*before, new), results=(Ref(value),))


def _falling(region: Region) -> Region:
    """A region whose end is reached without a ``return`` gives None."""
    return evolve(region, results=(Const(None),)) if region.results == () else region


def _reached(graph: Graph) -> set[str]:
    """The flows that the main one may still call, undo with, or name."""
    reached = {graph.entry}
    work = [graph.entry]
    while work:
        flow = graph.flows[work.pop()]
        named: set[str] = set()
        exprs: list[Expr] = [*policy_exprs(flow.policy)]
        for region in regions_in(flow.body):
            exprs.extend(region_exprs(region))
            for op in region.ops:
                exprs.extend(exprs_of(op))
                if isinstance(op, Subflow):
                    named.add(op.target)
                undo = policy_of(op).undo
                if undo is not None and undo.is_flow:
                    named.add(undo.target)
        for expr in exprs:
            named.update(e.key for e in subexpressions(expr) if isinstance(e, Global) and e.kind == "flow")
        work.extend(named - reached)
        reached |= named
    return reached


# ---- putting it in place -------------------------------------------------------------------------


def _inlined(flow: FlowGraph, plain: Mapping[str, Inlinable]) -> FlowGraph:
    size = sum(1 for _ in ops_in(flow.body))

    def inside(region: Region) -> Region:
        return map_ops(region, put)

    def put(op: Op) -> Op | list[Op]:
        nonlocal size
        callee = plain.get(op.target) if isinstance(op, Subflow) else None
        if isinstance(op, Subflow) and callee is not None and size + callee.size <= MAX_FLOW:
            steps = _steps(op, callee)
            if steps is not None:
                size += callee.size
                return steps
        return map_regions(op, inside)

    body = inside(flow.body)
    return flow if body is flow.body else evolve(flow, body=recompute_takes(body))


def _steps(call: Subflow, callee: Inlinable) -> list[Op] | None:
    """The operations that do what ``call`` does; None where it cannot be told which argument goes where."""
    if call.detached or call.policy != NO_POLICY:
        return None
    arguments = _bound(call, callee.flow)
    if arguments is None:
        return None
    prefix = f"{call.id}/"
    names = Names(prefix.__add__, prefix.__add__, prefix.__add__)
    body = names.region(callee.body)
    steps: list[Op] = []
    known: dict[str, Expr] = {}
    for id, (name, expr) in zip(body.params, arguments.items(), strict=True):
        if isinstance(expr, (Ref, Const)):
            known[id] = expr
        else:
            steps.append(Eval(f"{prefix}{name}/value", expr, id, call.span))
    body = map_region_exprs(body, lambda e: substitute(e, known.get))
    steps.extend(body.ops)
    (result,) = body.results or (Const(None),)
    steps.append(Eval(call.id, result, call.result, call.span))
    return steps


def _bound(call: Subflow, flow: FlowGraph) -> dict[str, Expr] | None:
    """The arguments by parameter, in the order of the parameters; None if some that can fail are in another order."""
    given: dict[str, Expr] = {}
    positional = [p.name for p in flow.params if p.kind in ("pos", "pos_or_kw")]
    if len(call.args) > len(positional):
        return None
    for name, arg in zip(positional, call.args, strict=False):
        if isinstance(arg, Star):
            return None
        given[name] = arg
    named = {p.name for p in flow.params if p.kind in ("pos_or_kw", "kw")}
    for name, expr in call.kwargs:
        if name in given or name not in named:
            return None
        given[name] = expr
    order = [name for name in given if can_fail(given[name])]
    for p in flow.params:
        if p.name not in given:
            if p.default is None:
                return None
            given[p.name] = p.default
    arguments = {p.name: given[p.name] for p in flow.params}
    return arguments if [name for name in arguments if name in order] == order else None
