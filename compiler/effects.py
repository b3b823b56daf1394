"""What operations do to the world, where control can leave them, and what can fail: the facts that order rests on.

Effects belong to nodes; a block has the effects of all its arms, a flow those of its body (the least fixed
point over recursive flows). Nothing here orders anything: the planner does, from these facts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TypeVar

from attrs import frozen

from .ir import (
    NO_POLICY,
    Ambient,
    Apply,
    Branch,
    Call,
    Comprehension,
    Const,
    Emit,
    Eval,
    Exit,
    Expr,
    FlowGraph,
    ForEach,
    Global,
    Graph,
    Handler,
    Loop,
    Op,
    Parallel,
    Race,
    Raise,
    Ref,
    Region,
    Scope,
    Star,
    Subflow,
    Try,
)
from .operators import OPERATORS
from .spec import BARRIER, PURE, UNDECLARED, Effects
from .walk import exprs_of, ops_in, policy_of, regions_of

_T = TypeVar("_T")

# ---- effects -------------------------------------------------------------------------------------


def flow_effects(graph: Graph) -> dict[str, Effects]:
    """The effects of every flow of the graph: the least fixed point over the flows that call each other."""
    return _fixed_point(graph, PURE, lambda flow, table: region_effects(flow.body, graph, table))


def region_effects(region: Region, graph: Graph, table: Mapping[str, Effects]) -> Effects:
    """The union of the effects of a region's operations."""
    opened = openers(region)
    total = PURE
    for op in region.ops:
        total |= op_effects(op, graph, table, opened)
    return total


def op_effects(op: Op, graph: Graph, table: Mapping[str, Effects], opened: Mapping[str, Op] | None = None) -> Effects:
    """The effects of one operation, all its arms counted.

    Parameters
    ----------
    table: what :func:`flow_effects` gave.
    opened: what :func:`openers` gave for the region ``op`` stands in. A loop over a stream has the effects of the call
        that opened it; without ``opened`` it is taken for a writer of the world.
    """
    match op:
        case Call():
            return graph.nodes[op.target].effects
        case Subflow():
            return BARRIER if op.detached else table[op.target]
        case Emit():
            return PURE if op.loop else BARRIER
        case Eval() | Exit() | Raise():
            return PURE
        case _:
            pass
    total = PURE
    for region in regions_of(op):
        total |= region_effects(region, graph, table)
    if isinstance(op, (Loop, ForEach)) and op.source is not None and op.stream is not False:
        opener = opener_of(op.source, opened)
        if opener is not None:
            total |= op_effects(opener, graph, table)
        elif op.stream and opened is None:
            total |= UNDECLARED
    if isinstance(op, Race) or (isinstance(op, ForEach) and op.take is not None):
        total |= _undo_effects(op, graph, table)
    return total


def openers(region: Region) -> dict[str, Op]:
    """The calls of a region that may have opened a stream, by the id of their result."""
    return {op.result: op for op in region.ops if isinstance(op, (Call, Subflow))}


def opener_of(source: Expr, opened: Mapping[str, Op] | None) -> Op | None:
    """The call that opened the stream which ``source`` names, if it is known."""
    return opened.get(source.id) if opened and isinstance(source, Ref) else None


def _undo_effects(op: Op, graph: Graph, table: Mapping[str, Effects]) -> Effects:
    """The effects of every undo owed inside ``op``: what a race or a partial join may still do to its losers."""
    total = PURE
    seen: set[str] = set()
    work = [regions_of(op)]
    while work:
        for region in work.pop():
            for inner in ops_in(region):
                undo = policy_of(inner).undo
                if undo is not None:
                    total |= table[undo.target] if undo.is_flow else graph.nodes[undo.target].effects
                if isinstance(inner, Subflow) and not inner.detached and inner.target not in seen:
                    seen.add(inner.target)
                    work.append((graph.flows[inner.target].body,))
    return total


def enters_in_order(op: Op, graph: Graph, table: Mapping[str, Effects]) -> bool:
    """Is entering ``op`` ordered like a write (LANGUAGE.md section 5, rule 3), whatever stands first in it?

    True of ``timeout``, ``lock`` and ``transaction`` scopes, of a ``try`` with ``finally``, and of a flow call that has
    options and writes.
    """
    match op:
        case Scope():
            return True
        case Try():
            return op.final is not None
        case Subflow():
            options = op.policy != NO_POLICY or graph.flows[op.target].policy != NO_POLICY
            return options and not op.detached and table[op.target].retires
        case _:
            return False


# ---- control -------------------------------------------------------------------------------------


@frozen
class Control:
    """How control can surprise the steps after a block: does it hold a ``while``, can a ``raise`` leave it, and
    which exits can."""

    loops: bool = False
    raises: bool = False
    exits: frozenset[str] = frozenset()

    @property
    def guards(self) -> bool:
        return self.loops or self.raises or bool(self.exits)

    def __or__(self, other: Control) -> Control:
        return Control(self.loops or other.loops, self.raises or other.raises, self.exits | other.exits)


STRAIGHT = Control()


def flow_control(graph: Graph) -> dict[str, Control]:
    """For every flow: does it hold a ``while``, and can an ``assert`` or ``raise`` leave it?"""

    def of(flow: FlowGraph, table: Mapping[str, Control]) -> Control:
        body = region_control(flow.body, graph, table)
        return Control(body.loops, body.raises and flow.policy.default is None)

    return _fixed_point(graph, STRAIGHT, of)


def region_control(region: Region, graph: Graph, table: Mapping[str, Control]) -> Control:
    """The union over a region's operations."""
    opened = openers(region)
    total = STRAIGHT
    for op in region.ops:
        total |= op_control(op, graph, table, opened)
    return total


def op_control(op: Op, graph: Graph, table: Mapping[str, Control], opened: Mapping[str, Op] | None = None) -> Control:
    """Where control can leave ``op`` other than by its end. Parameters as of :func:`is_guard`."""
    match op:
        case Exit():
            return Control(exits=frozenset({op.kind}))
        case Raise():
            return Control(raises=True)
        case Subflow():
            if op.detached or graph.flows[op.target].stream:
                return STRAIGHT  # it runs apart, or when the stream is read
            inner = table[op.target]
            return Control(inner.loops, inner.raises and op.policy.default is None)
        case Loop():
            total = Control(loops=op.condition is not None)
            for region in regions_of(op):
                total |= region_control(region, graph, table)
            total = Control(total.loops, total.raises, total.exits - {"break", "continue"})
            return total | _stream_control(op.source, table, opened)
        case ForEach():
            body = region_control(op.body, graph, table)
            borne = op.collect and op.max_failed is None
            total = Control(body.loops, body.raises and not borne, body.exits - {"break", "continue"})
            return total | _stream_control(op.source, table, opened)
        case Try():
            body = region_control(op.body, graph, table)
            if any(_catches_all(h) for h in op.handlers):
                body = Control(body.loops, False, body.exits)
            for after in (op.orelse, op.final):
                if after is not None:
                    body |= region_control(after, graph, table)
            return body
        case _:
            total = STRAIGHT
            for region in regions_of(op):
                total |= region_control(region, graph, table)
            return total


def is_guard(op: Op, graph: Graph, table: Mapping[str, Control], opened: Mapping[str, Op] | None = None) -> bool:
    """Must every later step of the block wait for ``op`` (LANGUAGE.md section 5, rule 1)?

    Parameters
    ----------
    table: what :func:`flow_control` gave.
    opened: what :func:`openers` gave for the region ``op`` stands in: a loop over the stream of a flow is as that flow.
    """
    return op_control(op, graph, table, opened).guards


def _stream_control(source: Expr | None, table: Mapping[str, Control], opened: Mapping[str, Op] | None) -> Control:
    opener = None if source is None else opener_of(source, opened)
    if isinstance(opener, Subflow) and not opener.detached:
        return table[opener.target]
    return STRAIGHT


def _catches_all(handler: Handler) -> bool:
    if handler.types is None:
        return True
    return any(isinstance(t, Global) and t.key in ("Exception", "BaseException") for t in handler.types)


def _fixed_point(graph: Graph, bottom: _T, step: Callable[[FlowGraph, Mapping[str, _T]], _T]) -> dict[str, _T]:
    """The least table with ``table[key] == step(flow, table)``; a change wakes the callers."""
    callers: dict[str, list[str]] = {key: [] for key in graph.flows}
    for key, flow in graph.flows.items():
        for callee in dict.fromkeys(op.target for op in ops_in(flow.body) if isinstance(op, Subflow)):
            callers[callee].append(key)
    table = dict.fromkeys(graph.flows, bottom)
    waiting = dict.fromkeys(reversed(list(graph.flows)))  # callees usually come later in a graph
    while waiting:
        key = next(iter(waiting))
        del waiting[key]
        new = step(graph.flows[key], table)
        if new != table[key]:
            table[key] = new
            waiting.update(dict.fromkeys(callers[key]))
    return table


# ---- failure -------------------------------------------------------------------------------------

_BOOLEAN = frozenset({"not", "compare", "is", "is not", "match_sequence", "has_attr", "py.isinstance", "py.bool"})


def can_fail(expr: Expr) -> bool:
    """May evaluating ``expr`` raise? When in doubt: yes."""
    match expr:
        case Const() | Ref() | Ambient() | Global():
            return False
        case Comprehension():
            return True  # iterating may fail
        case Apply():
            return _apply_can_fail(expr)


def _apply_can_fail(expr: Apply) -> bool:
    if expr.kwargs or any(isinstance(a, Star) for a in expr.args):
        return True
    args = _plain(expr.args)
    if any(can_fail(a) for a in args):
        return True
    match expr.fn:
        case "list" | "tuple":
            return False
        case "fstring":
            return not all(isinstance(a, Const) and isinstance(a.value, str) for a in args)
        case "set":
            return not all(_hashable(a) for a in args)
        case "dict":
            return not all(_hashable(a) for a in args[::2])
        case "if":
            return not _has_plain_truth(args[0])
        case "and" | "or":
            return not all(_has_plain_truth(a) for a in args[:-1])
        case "not":
            return not _has_plain_truth(args[0])
        case "compare":
            ops = args[0].value if isinstance(args[0], Const) else ()
            return not all(op in ("is", "is not") for op in ops)
        case fn:
            return fn not in OPERATORS or OPERATORS[fn].fails


def _plain(args: Iterable[Expr | Star]) -> list[Expr]:
    return [a.value if isinstance(a, Star) else a for a in args]


def _hashable(expr: Expr) -> bool:
    return isinstance(expr, Const)


def _has_plain_truth(expr: Expr) -> bool:
    """Is the truth of this value never a surprise? An object may raise when it is asked (an array does)."""
    match expr:
        case Const():
            return True
        case Apply("list" | "tuple" | "set" | "dict" | "fstring"):
            return True
        case Apply("and" | "or" | "if", args):
            return all(_has_plain_truth(a) for a in _plain(args))
        case Apply(fn):
            return fn in _BOOLEAN
        case _:
            return False


def op_can_fail(op: Op) -> bool:
    """May ``op`` raise, or leave by an exit? Any call may; a block may as what it holds may."""
    match op:
        case Eval():
            return can_fail(op.expr)
        case Branch():
            if any(can_fail(t) or not _has_plain_truth(t) for t in op.tests):
                return True
            return any(region_can_fail(r) for r in op.regions)
        case Emit():
            return op.loop == "" or can_fail(op.value)
        case Parallel():
            return any(region_can_fail(r) for r in op.regions)
        case Call() | Subflow() | Loop() | ForEach() | Try() | Scope() | Race() | Exit() | Raise():
            return True


def region_can_fail(region: Region) -> bool:
    """May anything in a region raise or leave it, its results included?"""
    return region.results is None or any(map(op_can_fail, region.ops)) or any(map(can_fail, region.results))


def failing_exprs(op: Op) -> Iterator[Expr]:
    """The expressions of ``op`` itself that may raise."""
    return (e for e in exprs_of(op) if can_fail(e))
