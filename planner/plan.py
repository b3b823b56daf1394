"""The plan as data: every step of a flow, what it waits for and why, where it runs, what it costs.

What the executor links is derived from the same order; this is the form that people and programs read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import define, evolve, frozen

from ..compiler import ir
from .advice import Advice, advise
from .cost import Costs
from .kept import kept
from .order import OpOrder, RegionOrder, Wait


@frozen
class StepWait:
    """``step``: the index of the step waited for; ``why``: in words; ``kind``: as of :class:`~.order.Wait`."""

    step: int
    why: str
    kind: str = ""

    def __iter__(self) -> Iterator[int | str]:
        return iter((self.step, self.why))


@frozen
class Step:
    """One step.

    ``index``: its place in the plan, in program order. ``id``: what a person calls it. ``kind``: ``call``, ``eval``,
    ``branch`` ... ``line``: the author's. ``depth``: how deep its block is nested; ``parent``: the index of the block
    it is in, or -1. ``waits``: ``(step, why)`` pairs. ``late``: what only something inside it waits for.
    ``placement``: ``loop``, ``thread`` or ``in place``; for a block ``in order`` or ``overlapping``. ``cost``:
    expected seconds: of a profile, else ``measured``, the seconds it took in this process on average; None where
    nobody knows. ``fused``: the number of the fused chain it is part of, or None. ``kept``: what is kept of it and
    under which key, a line each.
    """

    index: int
    id: str
    kind: str
    line: int
    file: str
    label: str
    depth: int
    parent: int
    waits: tuple[StepWait, ...]
    late: tuple[StepWait, ...]
    placement: str
    effects: str
    cost: float | None = None
    fused: int | None = None
    undeclared: bool = False
    measured: float | None = None
    kept: tuple[str, ...] = ()


@frozen
class Plan:
    """The steps of a flow and of the flows it calls; ``flows``: for each flow, the index of its first step.

    ``makespan``: the expected seconds of a run in which all overlaps that may; ``work``: of one step after another.
    None where no step was ever timed. ``counted``: is it known how often a run makes the calls? Else a loop counts one
    pass. ``untimed``: the calls whose time nobody knows, by id, each of which counts ``usual`` seconds, the average of
    the others; ``unmade``: those that the runs which were counted have not made, and which count nothing.
    """

    flow: str
    digest: str
    steps: tuple[Step, ...]
    flows: tuple[tuple[str, int], ...]
    advice: tuple[Advice, ...] = ()
    makespan: float | None = None
    work: float | None = None
    counted: bool = False
    usual: float | None = None
    untimed: tuple[str, ...] = ()
    unmade: tuple[str, ...] = ()


MANY = 32
"""Waits listed one by one; of more, the last ones."""


@define
class Facts:
    """What the plan asks of whoever knows where nodes run. ``measured``: seconds by operation id, found in this
    process; ``expected``: those of a profile; ``costs``: both together."""

    placement: Callable[[OpOrder], str]
    fused: Callable[[RegionOrder], list[list[int]]]
    overlapping: Callable[[RegionOrder], bool]
    measured: Mapping[str, float]
    expected: Mapping[str, float]
    costs: Costs


def make_plan(graph: ir.Graph, orders: dict[str, RegionOrder], digest: str, facts: Facts) -> Plan:
    """The plan of a graph."""
    steps: list[Step] = []
    flows: list[tuple[str, int]] = []
    numbers = [0]
    for key, flow in graph.flows.items():
        flows.append((flow.name, len(steps)))
        _region(orders[key], 0, -1, steps, numbers, graph, facts)
    plan = Plan(graph.main.name, digest, tuple(steps), tuple(flows), tuple(advise(graph, orders, facts.costs)))
    return _expected(plan, orders, facts.costs) if facts.costs.known else plan


def _expected(plan: Plan, orders: Mapping[str, RegionOrder], costs: Costs) -> Plan:
    """The plan with what is expected of the whole."""
    untimed = [call for order in orders.values() for call in costs.untimed(order)]
    return evolve(
        plan,
        makespan=costs.makespan(),
        work=costs.total(),
        counted=costs.counts is not None,
        usual=costs.usual,
        untimed=tuple(id for id, made in untimed if made),
        unmade=tuple(id for id, made in untimed if not made),
    )


def _region(
    order: RegionOrder, depth: int, parent: int, steps: list[Step], numbers: list[int], graph: ir.Graph, facts: Facts
) -> None:
    index_of: list[int] = []
    fused: dict[int, int] = {}
    for run in facts.fused(order):
        if len(run) > 1:
            numbers[0] += 1
            fused.update(dict.fromkeys(run, numbers[0]))
    for at, op_order in enumerate(order.ops):
        index = len(steps)
        index_of.append(index)
        op = op_order.op
        steps.append(
            Step(
                index=index,
                id=op.id,
                kind=type(op).__name__.lower(),
                line=op.span.line,
                file=op.span.file,
                label=label(op, graph),
                depth=depth,
                parent=parent,
                waits=_waits(op_order.entry, order, index_of),
                late=_waits(op_order.late, order, index_of),
                placement=facts.placement(op_order),
                effects=effects_text(op_order, graph),
                cost=facts.expected.get(op.id, facts.measured.get(op.id)),
                measured=facts.measured.get(op.id),
                fused=fused.get(at),
                undeclared=isinstance(op, ir.Call) and not op_order.effects.declared,
                kept=kept(op, graph),
            )
        )
        for region in op_order.regions:
            _region(region, depth + 1, index, steps, numbers, graph, facts)


def _waits(waits: list[Wait], order: RegionOrder, index_of: list[int]) -> tuple[StepWait, ...]:
    found: dict[int, Wait] = {}
    for wait in waits:
        for on in _expand(wait.on, order):
            if on < len(index_of):
                found.setdefault(index_of[on], wait)
    listed = sorted(found.items())
    return tuple(StepWait(i, wait.why, wait.kind) for i, wait in listed[-MANY:])


def _expand(on: int, order: RegionOrder) -> list[int]:
    """The operations behind an edge; of a long list of them the last ones."""
    ops = len(order.ops)
    found: list[int] = []
    stack = [on]
    while stack and len(found) <= MANY:
        at = stack.pop()
        if at < ops:
            found.append(at)
        else:
            stack += order.joins[at - ops]
    return found


def effects_text(order: OpOrder, graph: ir.Graph) -> str:
    """The effects in a few words."""
    effects = order.effects
    if effects.pure:
        return "pure"
    if effects.barrier:
        return "barrier"
    parts = []
    if effects.writes:
        parts.append(f"writes {', '.join(sorted(effects.writes))}")
    if effects.reads:
        parts.append(f"reads {', '.join(sorted(effects.reads))}")
    if isinstance(order.op, ir.Call) and graph.nodes[order.op.target].transactional:
        parts.append("transactional")
    return "; ".join(parts)


def label(op: ir.Op, graph: ir.Graph) -> str:
    """What a step does, in a few words."""
    match op:
        case ir.Call():
            return graph.nodes[op.target].name
        case ir.Subflow():
            return f"{'detach ' if op.detached else ''}flow {graph.flows[op.target].name}"
        case ir.Eval():
            return op.result
        case ir.Branch():
            return "if"
        case ir.Loop():
            return "while" if op.condition is not None else "for"
        case ir.ForEach():
            return "for parallel"
        case ir.Scope():
            return op.kind
        case ir.Exit():
            return op.kind
        case ir.Emit():
            return "yield"
        case _:
            return type(op).__name__.lower()
