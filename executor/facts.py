"""What the plan asks the linker: where steps run, what is fused, what overlaps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from attrs import evolve

from ..compiler import ir
from ..compiler.durations import seconds
from ..compiler.evaluate import evaluate
from ..compiler.walk import refs_of
from ..planner.cost import Costs, Times
from ..planner.order import OpOrder, RegionOrder
from ..planner.plan import Facts
from . import invoke
from .elsewhere import PLACES

if TYPE_CHECKING:
    from .link import FlowLinker

WORDS = {invoke.LOOP: "on the loop", invoke.PLACE: "in place", invoke.LANE: "in a thread"}


def facts(linker: FlowLinker) -> Facts:
    """The facts of one linker."""

    def placement(order: OpOrder) -> str:
        op = order.op
        if isinstance(op, ir.Call):
            spec = linker.graph.nodes[op.target]
            if spec.runs in PLACES:
                return PLACES[spec.runs]
            return "on the loop" if spec.builtin or spec.is_stream else WORDS[linker.site(op).placement]
        if order.regions:
            return "overlapping" if any(map(linker.tabled, order.regions)) else "in order"
        return "in place" if not linker.waits(order) else "on the loop"

    def fused(order: RegionOrder) -> list[list[int]]:
        if linker.tabled(order):
            return linker.rows(order)
        return [list(range(len(order.ops)))]

    measured = {o.op.id: seconds for o in calls(linker) if (seconds := seconds_of(linker, o.op)) is not None}
    expected, counts = linker.costs.known, linker.costs.counts
    pauses = {o.op.id: length for o in calls(linker) if (length := pause_of(linker, o.op)) is not None}
    tries = {o.op.id: between for o in calls(linker) if (between := between_attempts(linker, o.op)) is not None}
    times = Times({**measured, **expected}, pauses, tries, linker.computing)
    costs = Costs(times, linker.waits, linker.orders, linker.recursive, linker.graph.entry, counts)
    return Facts(placement, fused, linker.tabled, measured, expected, costs)


def calls(linker: FlowLinker) -> Iterator[OpOrder]:
    """Every call of a node in the graph."""
    stack = list(linker.orders.values())
    while stack:
        region = stack.pop()
        for order in region.ops:
            stack += order.regions
            if isinstance(order.op, ir.Call):
                yield order


def seconds_of(linker: FlowLinker, op: ir.Op) -> float | None:
    """What the calls of an operation's node took in this process, on average; only plain functions are timed."""
    if not isinstance(op, ir.Call) or linker.graph.nodes[op.target].builtin:
        return None
    tier = linker.site(op).tier
    return tier.total / tier.seen if tier.seen else None


def pause_of(linker: FlowLinker, op: ir.Op) -> float | None:
    """The seconds of a ``sleep`` whose length stands in the program."""
    if not isinstance(op, ir.Call) or linker.graph.nodes[op.target].builtin != "sleep" or not op.args:
        return None
    length: Any = op.args[0]
    try:
        return seconds(length.value) if isinstance(length, ir.Const) else None
    except (TypeError, ValueError):  # the run will say so
        return None


def between_attempts(linker: FlowLinker, op: ir.Op) -> Callable[[float], float] | None:
    """For a call with a ``retry`` that stands in the program: the seconds between its attempts where it is made so many
    times more; a part of a time is a part of the pause before it."""
    option = op.policy.retry if isinstance(op, ir.Call) else None
    if option is None or any(refs_of(option)):
        return None
    try:
        retry = invoke.as_retry(evaluate(option, {}, linker.objects, {}))
    except Exception:  # the run will say so
        return None
    if retry is None:
        return None
    even = evolve(retry, jitter=False)  # its factor is 1 on average

    def between(more: float) -> float:
        whole = min(int(more), even.times)
        return sum(invoke.pause(even, k) for k in range(whole)) + (more - whole) * invoke.pause(even, whole)

    return between
