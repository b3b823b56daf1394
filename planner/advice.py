"""What a declaration would change: the steps that wait only because a node declares nothing.

Found by asking the order rule itself: order the program again as if the node only read something of its own, and
compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import evolve, frozen

from ..compiler import ir
from ..compiler.diagnostics import Diagnostic, Span
from ..compiler.spec import Effects
from ..compiler.walk import all_ops
from .cost import Costs, duration
from .order import Orderer, RegionOrder

ORDER_ADVICE = "order-advice"


@frozen
class Advice:
    """One node that declares nothing. ``waits``: pairs of ids, a step and one it would no longer wait for. ``saves``:
    the expected seconds by which a run would be shorter, where times are known."""

    node: str
    span: Span
    waits: tuple[tuple[str, str], ...]
    saves: float | None = None

    @property
    def text(self) -> str:
        """One line for people."""
        steps = list(dict.fromkeys(step for step, _ in self.waits))
        shown = ", ".join(steps[:6]) + (f" and {len(steps) - 6} more" if len(steps) > 6 else "")
        gain = "" if self.saves is None else f" (saves about {duration(self.saves)} of each run)"
        return (
            f"{self.node} declares nothing, so it may write the world; "
            f"{shown} would overlap with earlier steps if it said what it does{gain}"
        )

    @property
    def help(self) -> str:
        """The declaration to write."""
        return (
            'where it only looks, @node(reads="..."); where its result depends on its arguments alone, @node(pure=True)'
        )


def advise(graph: ir.Graph, orders: Mapping[str, RegionOrder], costs: Costs | None = None) -> list[Advice]:
    """For every node that declares nothing and is waited for because of that: the waits a declaration takes away, and,
    where ``costs`` knows times, what that would save."""
    called: dict[str, ir.Call] = {}
    for op in all_ops(graph):
        if isinstance(op, ir.Call) and not graph.nodes[op.target].effects.declared:
            called.setdefault(op.target, op)
    found: list[Advice] = []
    for key, op in called.items():
        spec = graph.nodes[key]
        looks = spec.with_(effects=Effects(reads=frozenset({f"what {spec.name} reads"})))
        other = Orderer(evolve(graph, nodes={**graph.nodes, key: looks}))
        then = {name: other.region(graph.flows[name].body) for name in orders}
        waits = tuple(pair for name, order in orders.items() for pair in _gone(order, then[name]))
        if waits:
            saves = None
            if costs is not None and costs.known:
                saves = costs.makespan() - costs.over(then).makespan()
            found.append(Advice(spec.name, op.span, waits, saves))
    return found


def diagnostics(graph: ir.Graph, orders: Mapping[str, RegionOrder]) -> list[Diagnostic]:
    """The same as findings of a check."""
    return [Diagnostic(ORDER_ADVICE, "info", a.text, a.span, help=a.help) for a in advise(graph, orders)]


def _gone(now: RegionOrder, then: RegionOrder) -> list[tuple[str, str]]:
    """The waits of calls on calls that are there now and would not be then."""
    found: list[tuple[str, str]] = []
    before, after = _ancestors(now), _ancestors(then)
    for index, (order, other) in enumerate(zip(now.ops, then.ops, strict=True)):
        gone = before[index] & ~after[index]
        if gone and not isinstance(order.op, (ir.Eval, ir.Exit, ir.Raise)):
            last = gone.bit_length() - 1
            found.append((order.op.id, now.ops[last].op.id))
        for region, changed in zip(order.regions, other.regions, strict=True):
            found += _gone(region, changed)
    return found


def _ancestors(order: RegionOrder) -> list[int]:
    """For each operation all that it waits for, directly or not, as bits."""
    ops = len(order.ops)
    joins: dict[int, int] = {}
    found: list[int] = []

    def of(on: int) -> int:
        if on < ops:
            return found[on] | 1 << on
        if on not in joins:
            joins[on] = 0
            for i in order.joins[on - ops]:
                joins[on] |= of(i)
        return joins[on]

    for op in order.ops:
        bits = 0
        for wait in (*op.entry, *op.late):
            bits |= of(wait.on)
        found.append(bits)
    return found
