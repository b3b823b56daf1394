"""When a value may be let go: after the last operation of its region that uses it.

A function's locals live as long as the function, so a flow that reads ten large files one after another would hold all
ten. What a ``try`` tracks is kept; so is what takes no room.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from ..compiler import ir
from ..compiler.walk import refs_of
from ..planner.order import RegionOrder

if TYPE_CHECKING:
    from .questions import Questions

SMALL = frozenset({"int", "float", "bool", "none", "date", "datetime", "timedelta"})
"""Types whose values take no room worth a store."""


def releases(order: RegionOrder, questions: Questions) -> dict[int, list[str]]:
    """For each operation, by its index in the region, the values that nothing after it uses; under the number of
    operations, those that only the region's results use.

    Parameters
    ----------
    order: of the region. Only values that its own operations make are let go: what it was given is another's.
    questions: knows the nodes.
    """
    if not questions.on.release:
        return {}
    last: dict[str, int] = {}
    for index, op_order in enumerate(order.ops):
        for value in op_order.op.results:
            if not small(op_order.op, questions):
                last[value] = index
        for value in op_order.entry_values | op_order.late_values:
            if value in last:
                last[value] = index
    for expr in order.region.results or ():
        last.update({ref: len(order.ops) for ref in refs_of(expr) if ref in last})
    kept = {ref for mark in order.region.marks for ref in refs_of(mark.value)}
    found: dict[int, list[str]] = {}
    for value, index in last.items():
        if value not in kept:
            found.setdefault(index, []).append(value)
    return found


def users(order: RegionOrder, row_of: Mapping[int, int]) -> dict[str, frozenset[int]]:
    """Where steps overlap: for each value that a row makes and that is over with the rows, the rows that make and use
    it.

    Parameters
    ----------
    order: of the region.
    row_of: the row of each operation, by its index.
    """
    found: dict[str, set[int]] = {}
    for index, op_order in enumerate(order.ops):
        for value in op_order.op.results:
            found[value] = {row_of[index]}
    for index, op_order in enumerate(order.ops):
        for value in op_order.entry_values | op_order.late_values:
            if value in found:
                found[value].add(row_of[index])
    for expr in (*(order.region.results or ()), *(mark.value for mark in order.region.marks)):
        for ref in refs_of(expr):
            found.pop(ref, None)
    return {value: frozenset(rows) for value, rows in found.items()}


def small(op: ir.Op, questions: Questions) -> bool:
    """Do the values that an operation makes take no room worth a store?"""
    match op:
        case ir.Eval(expr=ir.Const()):
            return True
        case ir.Call():
            return questions.graph.nodes[op.target].signature.returns.name in SMALL
        case ir.Subflow():
            return questions.graph.flows[op.target].returns.name in SMALL
    return False
