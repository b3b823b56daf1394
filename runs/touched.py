"""What a parked run is told of a program that has changed: what differs, and which recorded steps that touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ..compiler import ir
from ..compiler.walk import all_ops
from .differences import Changed, Differences
from .history import History
from .since import seen_by_others
from .tree import Node, tree_of

LISTED = 8
"""Steps that are named of those that a change touches."""


def told(found: Differences, history: History, now: ir.Graph) -> str:
    """The differences in words, each with the steps on record that it touches; the writes that have no place now.

    Parameters
    ----------
    now: the optimized graph of the program of today.
    """
    calls = [node for node in _below(tree_of(history)) if node.entry is not None or node.tries or node.items]
    ops = {key: {op.id: op for op in all_ops(flow)} for key, flow in now.flows.items()}
    lines = ["the program has changed since the run began:"]
    for change in found.nodes:
        lines += _change(change, [node.key for node in calls if _target(node) == change.key])
    for change in found.flows:
        others: Mapping[str, ir.Op] = ops.get(change.key, {})
        inside = (node for node in calls if node.flow == change.key and node.op is not None)
        lines += _change(change, [node.key for node in inside if others.get(node.id) != node.op])
    lost = [node.key for node in calls if node.id not in ops.get(node.flow, ()) and seen_by_others(history, node)]
    if lost:
        lines += ["`--accept` does not find this, so what stands there now is done anew:", f"  {_listed(lost)}"]
    return "\n".join(lines)


def _change(change: Changed, keys: list[str]) -> Iterator[str]:
    yield f"  {change.text}"
    yield f"    on record: {_listed(keys)}" if keys else "    no step on record is touched"


def _listed(keys: list[str]) -> str:
    return " ".join(keys[:LISTED]) + (f" … ({len(keys)})" if len(keys) > LISTED else "")


def _below(node: Node) -> Iterator[Node]:
    for child in node.inner():
        yield child
        yield from _below(child)


def _target(node: Node) -> str:
    """The key of the node that a step has called."""
    op = node.op
    if not isinstance(op, (ir.Call, ir.Subflow)):
        return ""
    if node.kind == "undo":
        return "" if op.policy.undo is None else op.policy.undo.target
    return op.target
