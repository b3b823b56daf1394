"""Where something can overlap, and what can be fused into one piece of straight-line code.

A region whose waiting operations form one chain gains nothing from tasks: it is linked as straight-line code.
Otherwise it becomes a table whose rows are single waiting operations and *segments*, runs of quick operations. Which
operations wait depends on where their nodes run, which is found out by measuring, so it is a parameter here.
"""

from __future__ import annotations

from collections.abc import Callable

from ..compiler import ir
from .order import OpOrder, RegionOrder, Wait

Waits = Callable[[OpOrder], bool]
"""Can the operation wait for something other than the processor (a loop, a thread, a scope)?"""

Eager = Callable[[OpOrder], bool]
"""For an operation whose inside is elsewhere (a sub-flow): can something in it start before all earlier steps are
done?"""

SEGMENT = 64
"""Operations in one segment of a table, at most: between two segments the loop may turn to others."""


def is_eager(region: RegionOrder, waits: Waits, subflow: Eager) -> bool:
    """Can a waiting operation of the region start although steps before the region are still running?"""
    blocked = [False] * (len(region.ops) + len(region.joins))
    joins_at = len(region.ops)
    for index, order in enumerate(region.ops):
        before = [w.on for w in order.entry]
        stuck = order.entry_all or any(_blocked(on, blocked, region, joins_at) for on in before)
        blocked[index] = stuck
        if stuck or not waits(order):
            continue
        if not order.late_all:
            return True
        if isinstance(order.op, ir.Subflow):
            if subflow(order):
                return True
        elif any(is_eager(r, waits, subflow) for r in order.regions):
            return True
        blocked[index] = True
    return False


def _blocked(on: int, blocked: list[bool], region: RegionOrder, joins_at: int) -> bool:
    if on < joins_at:
        return blocked[on]
    return any(_blocked(i, blocked, region, joins_at) for i in region.joins[on - joins_at])


def before(order: OpOrder, eager: bool) -> list[Wait]:
    """The edges before an operation starts: a block in which nothing can start early is entered in its place."""
    return order.entry if eager else order.entry + order.late


def overlaps(region: RegionOrder, waits: Waits, eager: Eager) -> bool:
    """Is there a pair of waiting operations in the region (not inside its blocks) that may run at the same time?"""
    # reach[i]: how many of the waiting operations so far are certain to have ended when operation i starts
    reach = [0] * (len(region.ops) + len(region.joins))
    joins_at = len(region.ops)
    known_joins = 0
    count = 0
    for index, order in enumerate(region.ops):
        while known_joins < len(region.joins) and all(i < index or i >= joins_at for i in region.joins[known_joins]):
            reach[joins_at + known_joins] = max(reach[i] for i in region.joins[known_joins])
            known_joins += 1
        most = max((reach[w.on] for w in before(order, eager(order))), default=0)
        if waits(order):
            if most < count:
                return True
            count += 1
            most = count
        reach[index] = most
    return False


def segments(
    region: RegionOrder, fusible: Callable[[OpOrder], str], eager: Eager, most: int = SEGMENT
) -> list[list[int]]:
    """The rows of a table, as runs of at most so many operation indices in program order.

    ``fusible`` gives a kind (operations of one kind fuse) or ``""``. An operation joins the run before it if it waits
    for nothing that the run does not already wait for: nothing is delayed by it, and a run stands at one place in
    program order, which the failure law needs.
    """
    rows: list[list[int]] = []
    kind, deps = "", set[int]()
    for index, order in enumerate(region.ops):
        mine = fusible(order)
        needs = {w.on for w in before(order, eager(order))}
        if mine and mine == kind and len(rows[-1]) < most and needs <= deps | set(rows[-1]):
            rows[-1].append(index)
            continue
        rows.append([index])
        kind, deps = mine, needs
    return rows
