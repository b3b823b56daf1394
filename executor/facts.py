"""What the plan asks the linker: where steps run, what is fused, what overlaps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..compiler import ir
from ..compiler.durations import seconds
from ..planner.cost import Costs
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
    costs = Costs({**measured, **expected}, linker.waits, linker.orders, linker.recursive, counts, pauses)
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
