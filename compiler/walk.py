"""Going through a graph: what every pass, the verifier, the printer and the planner share.

Owns the knowledge of which fields of an operation hold expressions and which hold regions; nobody else spells
that out. Knows nothing of what an operation means. Nesting may use the Python stack, the length of a region never does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from attrs import evolve

from .exprs import children, map_expr, refs_of, same, subexpressions, substitute, target_ids
from .ir import (
    NO_POLICY,
    Branch,
    Call,
    Emit,
    Eval,
    Exit,
    Expr,
    FlowGraph,
    ForEach,
    Graph,
    Handler,
    Loop,
    Mark,
    Op,
    Parallel,
    Policy,
    Race,
    Raise,
    Region,
    Scope,
    Star,
    Subflow,
    Try,
    Undo,
)

__all__ = [
    "all_ops",
    "children",
    "exprs_of",
    "map_expr",
    "map_exprs",
    "map_flows",
    "map_ops",
    "map_policy",
    "map_region_exprs",
    "map_regions",
    "needs",
    "operands",
    "ops_in",
    "policy_exprs",
    "policy_of",
    "recompute_takes",
    "refs_of",
    "region_exprs",
    "regions_in",
    "regions_of",
    "same",
    "subexpressions",
    "substitute",
    "target_ids",
    "uses",
]

# ---- operations ----------------------------------------------------------------------------------


_POLICY_EXPRS = ("retry", "timeout", "cache", "rate", "lock", "default", "once")

# ---- operations ----------------------------------------------------------------------------------


def regions_of(op: Op) -> tuple[Region, ...]:
    """The regions that ``op`` holds, in the order of the text."""
    match op:
        case Branch() | Parallel() | Race():
            return op.regions
        case Loop():
            return (op.body,) if op.condition is None else (op.condition, op.body)
        case ForEach() | Scope():
            return (op.body,)
        case Try():
            rest = tuple(r for r in (op.orelse, op.final) if r is not None)
            return (op.body, *(h.region for h in op.handlers), *rest)
        case _:
            return ()


def policy_of(op: Op) -> Policy:
    """The options of a call; no options for anything else."""
    return op.policy if isinstance(op, (Call, Subflow)) else NO_POLICY


def exprs_of(op: Op) -> Iterator[Expr]:
    """The expressions ``op`` itself holds, not those in its regions; options and the arguments of an undo included."""
    match op:
        case Eval():
            yield op.expr
        case Call() | Subflow():
            yield from _arguments(op.args, op.kwargs)
            yield from policy_exprs(op.policy)
        case Branch():
            yield from op.tests
        case Loop():
            yield from op.initial
            yield from _present(op.source, op.limit, op.buffer, op.window, op.batch)
        case ForEach():
            yield op.source
            yield from _present(op.parallel, op.max_failed, op.take, op.buffer, op.window, op.batch)
        case Try():
            for _, entry in op.tracked:
                yield from _present(entry)
            for handler in op.handlers:
                yield from handler.types or ()
        case Scope():
            yield from _present(op.arg)
        case Race():
            yield from _present(op.timeout)
        case Exit():
            yield from op.values
        case Raise():
            yield from _present(op.error, op.cause)
        case Emit():
            yield op.value
        case Parallel():
            return


def policy_exprs(policy: Policy) -> Iterator[Expr]:
    """The expressions of a policy, the arguments of its undo last."""
    if policy is NO_POLICY:
        return
    for key in _POLICY_EXPRS:
        yield from _present(getattr(policy, key))
    if policy.undo is not None:
        yield from _arguments(policy.undo.args, policy.undo.kwargs)


def _arguments(args: Iterable[Expr | Star], kwargs: Iterable[tuple[str, Expr]]) -> Iterator[Expr]:
    for arg in args:
        yield arg.value if isinstance(arg, Star) else arg
    for _, value in kwargs:
        yield value


def _present(*exprs: Expr | None) -> Iterator[Expr]:
    return (e for e in exprs if e is not None)


def map_exprs(op: Op, f: Callable[[Expr], Expr]) -> Op:
    """``op`` with ``f`` applied to each expression it holds itself; the same object where nothing changes."""
    changes: dict[str, Any] = {}

    def put(name: str, new: Any) -> None:
        if new is not getattr(op, name):
            changes[name] = new

    def each(*names: str) -> None:
        for name in names:
            old = getattr(op, name)
            if old is not None:
                put(name, f(old))

    match op:
        case Eval():
            each("expr")
        case Call() | Subflow():
            put("args", _map_args(op.args, f))
            put("kwargs", _map_kwargs(op.kwargs, f))
            put("policy", map_policy(op.policy, f))
        case Branch():
            put("tests", same(op.tests, [f(t) for t in op.tests]))
        case Loop():
            put("initial", same(op.initial, [f(e) for e in op.initial]))
            each("source", "limit", "buffer", "window", "batch")
        case ForEach():
            each("source", "parallel", "max_failed", "take", "buffer", "window", "batch")
        case Try():
            entries = [None if e is None else f(e) for _, e in op.tracked]
            if any(new is not old for new, (_, old) in zip(entries, op.tracked, strict=True)):
                changes["tracked"] = tuple((v, e) for (v, _), e in zip(op.tracked, entries, strict=True))
            put("handlers", same(op.handlers, [_map_handler(h, f) for h in op.handlers]))
        case Scope():
            each("arg")
        case Race():
            each("timeout")
        case Exit():
            put("values", same(op.values, [f(v) for v in op.values]))
        case Raise():
            each("error", "cause")
        case Emit():
            each("value")
        case Parallel():
            pass
    return evolve(op, **changes) if changes else op


def map_policy(policy: Policy, f: Callable[[Expr], Expr]) -> Policy:
    """The policy with ``f`` applied to each of its expressions; the same object where nothing changes."""
    if policy is NO_POLICY:
        return policy
    changes: dict[str, Any] = {}
    for key in _POLICY_EXPRS:
        old = getattr(policy, key)
        if old is not None and (new := f(old)) is not old:
            changes[key] = new
    undo = policy.undo
    if undo is not None:
        args, kwargs = _map_args(undo.args, f), _map_kwargs(undo.kwargs, f)
        if args is not undo.args or kwargs is not undo.kwargs:
            changes["undo"] = Undo(undo.target, undo.result, args, kwargs, undo.is_flow)
    return evolve(policy, **changes) if changes else policy


def _map_args(args: tuple[Expr | Star, ...], f: Callable[[Expr], Expr]) -> tuple[Expr | Star, ...]:
    new: list[Expr | Star] = []
    for arg in args:
        if isinstance(arg, Star):
            value = f(arg.value)
            new.append(arg if value is arg.value else Star(value))
        else:
            new.append(f(arg))
    return same(args, new)


def _map_kwargs(kwargs: tuple[tuple[str, Expr], ...], f: Callable[[Expr], Expr]) -> tuple[tuple[str, Expr], ...]:
    values = [f(v) for _, v in kwargs]
    if all(new is old for new, (_, old) in zip(values, kwargs, strict=True)):
        return kwargs
    return tuple((k, v) for (k, _), v in zip(kwargs, values, strict=True))


def _map_handler(handler: Handler, f: Callable[[Expr], Expr]) -> Handler:
    if handler.types is None:
        return handler
    types = same(handler.types, [f(t) for t in handler.types])
    return handler if types is handler.types else Handler(types, handler.region)


def map_regions(op: Op, f: Callable[[Region], Region]) -> Op:
    """``op`` with ``f`` applied to each region it holds; the same object where nothing changes."""
    changes: dict[str, Any] = {}
    match op:
        case Branch() | Parallel() | Race():
            new = same(op.regions, [f(r) for r in op.regions])
            if new is not op.regions:
                changes["regions"] = new
        case Loop() | ForEach() | Scope() | Try():
            for name in ("condition", "body", "orelse", "final"):
                old: Region | None = getattr(op, name, None)
                if old is not None and (region := f(old)) is not old:
                    changes[name] = region
            if isinstance(op, Try):
                regions = [f(h.region) for h in op.handlers]
                if any(r is not h.region for r, h in zip(regions, op.handlers, strict=True)):
                    changes["handlers"] = tuple(Handler(h.types, r) for r, h in zip(regions, op.handlers, strict=True))
        case _:
            return op
    return evolve(op, **changes) if changes else op


# ---- regions, flows, graphs ----------------------------------------------------------------------


def ops_in(region: Region) -> Iterator[Op]:
    """Every operation of a region and of the regions inside it, in program order, each before what it holds."""
    stack: list[Iterator[Op]] = [iter(region.ops)]
    while stack:
        op = next(stack[-1], None)
        if op is None:
            stack.pop()
            continue
        yield op
        stack.extend(iter(r.ops) for r in reversed(regions_of(op)))


def regions_in(region: Region) -> Iterator[Region]:
    """``region`` and every region inside it."""
    yield region
    for op in ops_in(region):
        yield from regions_of(op)


def all_ops(within: Graph | FlowGraph | Region) -> Iterator[Op]:
    """Every operation of a graph, a flow or a region."""
    match within:
        case Graph():
            for flow in within.flows.values():
                yield from ops_in(flow.body)
        case FlowGraph():
            yield from ops_in(within.body)
        case Region():
            yield from ops_in(within)


def operands(op: Op) -> Iterator[str]:
    """The ids that the expressions of ``op`` itself use, with repeats; not what its regions take (:func:`needs`)."""
    undo = policy_of(op).undo
    for expr in exprs_of(op):
        for ref in refs_of(expr):
            if undo is None or ref != undo.result:
                yield ref


def needs(op: Op) -> dict[str, None]:
    """The ids that ``op`` needs from the region around it: its operands and what its regions take. An ordered set."""
    found = dict.fromkeys(operands(op))
    for region in regions_of(op):
        found.update(dict.fromkeys(region.takes))
    return found


def region_exprs(region: Region) -> Iterator[Expr]:
    """The expressions a region holds beside its operations: its results and its marks."""
    yield from region.results or ()
    for mark in region.marks:
        yield mark.value


def uses(region: Region) -> dict[str, None]:
    """What ``region`` uses from outside, in the order of first use: what its ``takes`` must be. An ordered set."""
    own = set(region.params)
    for op in region.ops:
        own.update(op.results)
    found: dict[str, None] = {}
    for op in region.ops:
        found.update(needs(op))
    for expr in region_exprs(region):
        found.update(dict.fromkeys(refs_of(expr)))
    return {id: None for id in found if id not in own}


def recompute_takes(region: Region) -> Region:
    """``region`` with exact ``takes``, its own and those of the regions inside it.

    The same object where all were exact.
    """
    ops = same(region.ops, [map_regions(op, recompute_takes) for op in region.ops])
    if ops is not region.ops:
        region = evolve(region, ops=ops)
    used = uses(region)
    return region if used.keys() == set(region.takes) else evolve(region, takes=tuple(used))


def map_ops(region: Region, f: Callable[[Op], Op | Iterable[Op]]) -> Region:
    """``region`` with ``f`` applied to each of its own operations; ``f`` may give several, or none.

    Marks keep pointing before the same operation. Nested regions are ``f``'s business.
    """
    ops: list[Op] = []
    starts: list[int] = []
    for op in region.ops:
        starts.append(len(ops))
        new = f(op)
        if isinstance(new, Iterable):
            ops.extend(new)
        else:
            ops.append(new)
    starts.append(len(ops))
    if len(ops) == len(region.ops) and all(a is b for a, b in zip(ops, region.ops, strict=True)):
        return region
    marks = tuple(Mark(starts[m.index], m.var, m.value) for m in region.marks)
    return evolve(region, ops=tuple(ops), marks=marks)


def map_region_exprs(region: Region, f: Callable[[Expr], Expr]) -> Region:
    """``region`` with ``f`` applied to every expression in it, nested regions included."""

    def inside(op: Op) -> Op:
        return map_regions(map_exprs(op, f), lambda r: map_region_exprs(r, f))

    region = map_ops(region, inside)
    results = region.results if region.results is None else same(region.results, [f(r) for r in region.results])
    values = [f(m.value) for m in region.marks]
    if results is region.results and all(v is m.value for v, m in zip(values, region.marks, strict=True)):
        return region
    marks = tuple(Mark(m.index, m.var, v) for m, v in zip(region.marks, values, strict=True))
    return evolve(region, results=results, marks=marks)


def map_flows(graph: Graph, f: Callable[[FlowGraph], FlowGraph]) -> Graph:
    """``graph`` with ``f`` applied to each flow; the same object where nothing changes."""
    flows = {key: f(flow) for key, flow in graph.flows.items()}
    if all(flows[key] is flow for key, flow in graph.flows.items()):
        return graph
    return evolve(graph, flows=flows)
