"""What steps are expected to cost, and how long a flow takes by that.

Times come from outside: a profile of earlier runs, or what was measured in this process. A step nobody has timed counts
as an average one, and where nothing at all is known every call that waits counts as 1. A loop counts one pass.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping

from ..compiler import ir
from .order import OpOrder, RegionOrder

QUICK = 0.001
"""Of a step that cannot wait, beside the 1 of a call, where nothing is known: enough to tell longer from shorter."""


class Costs:
    """Expected costs of the operations of one graph; answers are kept.

    Parameters
    ----------
    known: seconds by operation id.
    waits: can the operation wait for something other than the processor?
    flows: the order of each flow's body, by key. ``recursive``: the keys of flows that can reach themselves.
    """

    def __init__(
        self,
        known: Mapping[str, float],
        waits: Callable[[OpOrder], bool],
        flows: Mapping[str, RegionOrder],
        recursive: Container[str],
    ) -> None:
        self.known = known
        self._waits = waits
        self._flows = flows
        self._recursive = recursive
        self._usual = sum(known.values()) / len(known) if known else 1.0
        self._spans: dict[int, float] = {}
        self._kept: list[RegionOrder] = []

    def over(self, flows: Mapping[str, RegionOrder]) -> Costs:
        """The same costs over another order of the same flows."""
        return Costs(self.known, self._waits, flows, self._recursive)

    def of(self, order: OpOrder) -> float:
        """One operation: what is known of it, else of what it holds, else an average call; in seconds, or in calls
        where nothing is known."""
        known = self.known.get(order.op.id)
        if known is not None:
            return known
        if not self._waits(order):
            return 0.0 if self.known else QUICK
        if isinstance(order.op, ir.Subflow) and order.op.target not in self._recursive:
            return self.span(self._flows[order.op.target])
        if order.regions:
            spans = [self.span(region) for region in order.regions]
            return max(spans) if isinstance(order.op, (ir.Branch, ir.Parallel, ir.Race)) else sum(spans)
        return self._usual

    def span(self, region: RegionOrder) -> float:
        """The longest expected path through a region: how long it takes where everything that may overlap does."""
        found = self._spans.get(id(region))
        if found is None:
            ends: list[float] = []
            joined: list[float] = []
            ops = len(region.ops)

            def end(on: int) -> float:
                if on < ops:
                    return ends[on]
                while len(joined) <= on - ops:  # a join waits for earlier operations and earlier joins
                    joined.append(max((end(i) for i in region.joins[len(joined)]), default=0.0))
                return joined[on - ops]

            for order in region.ops:
                start = max((end(wait.on) for wait in (*order.entry, *order.late)), default=0.0)
                ends.append(start + self.of(order))
            found = self._spans[id(region)] = max(ends, default=0.0)
            self._kept.append(region)  # or its id could be given to another
        return found

    def work(self, region: RegionOrder) -> float:
        """The sum of a region's costs: how long it takes one step at a time."""
        return sum(self._work_of(order) for order in region.ops)

    def _work_of(self, order: OpOrder) -> float:
        if order.op.id not in self.known and self._waits(order):
            if isinstance(order.op, ir.Subflow) and order.op.target not in self._recursive:
                return self.work(self._flows[order.op.target])
            if order.regions:
                works = [self.work(region) for region in order.regions]
                return max(works) if isinstance(order.op, ir.Branch) else sum(works)
        return self.of(order)


def duration(seconds: float) -> str:
    """Seconds for people."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds * 1e6:.0f} µs"
