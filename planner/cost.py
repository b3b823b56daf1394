"""What steps are expected to cost, and how long a flow takes by that.

Times come from outside: a profile of earlier runs, or what was measured in this process. A step nobody has timed counts
as an average one, and where nothing at all is known every call that waits counts as 1. A loop counts as many passes as
earlier runs made (:mod:`.counts`), one where nobody has counted them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Mapping
from typing import TYPE_CHECKING

from attrs import field, frozen

from ..compiler import ir
from .order import OpOrder, RegionOrder

if TYPE_CHECKING:
    from .counts import Counts
    from .recurrence import Recurrence

QUICK = 0.001
"""Of a step that cannot wait, beside the 1 of a call, where nothing is known: enough to tell longer from shorter."""


@frozen
class Times:
    """What is known of operations, by their ids.

    ``seconds``: of each. ``pauses``: of those that wait for a time that the program says. ``tries``: of calls that may
    be made again, the seconds between the attempts where a call is made so many times more. ``computing``: the seconds
    that a run keeps the processor busy, all in all: Python computes one thing at a time.
    """

    seconds: Mapping[str, float] = field(factory=dict)
    pauses: Mapping[str, float] = field(factory=dict)
    tries: Mapping[str, Callable[[float], float]] = field(factory=dict)
    computing: float = 0.0


class Costs:
    """Expected costs of the operations of one graph; answers are kept.

    Parameters
    ----------
    times: what is known of them.
    waits: can the operation wait for something other than the processor?
    flows: the order of each flow's body, by key. ``recursive``: the keys of flows that can reach themselves. ``entry``:
    that of the flow that is run.
    counts: how often a run makes calls and enters blocks, where that is known.
    """

    def __init__(
        self,
        times: Times,
        waits: Callable[[OpOrder], bool],
        flows: Mapping[str, RegionOrder],
        recursive: Container[str],
        entry: str,
        counts: Counts | None = None,
    ) -> None:
        self.known = known = times.seconds
        self.counts = counts
        self._times = times
        self._waits = waits
        self._flows = flows
        self._recursive = recursive
        self._entry = entry
        self._again: Recurrence | None = None
        if counts is not None and counts.of_blocks and any(key in recursive for key in flows):
            from .recurrence import Recurrence

            self._again = Recurrence(flows, recursive, entry, counts)
        self.usual = sum(known.values()) / len(known) if known else 1.0
        """What a call costs that nobody has timed."""
        self._spans: dict[int, float] = {}
        self._kept: list[RegionOrder] = []

    def over(self, flows: Mapping[str, RegionOrder]) -> Costs:
        """The same costs over another order of the same flows."""
        counts = None if self.counts is None else self.counts.over(flows)
        return Costs(self._times, self._waits, flows, self._recursive, self._entry, counts)

    def makespan(self) -> float:
        """How long a run takes where all that may overlap does: the longest path, but not less than it computes."""
        return max(self._whole(self.span), self._times.computing)

    def total(self) -> float:
        """How long a run takes one step at a time."""
        return self._whole(self.work)

    def _whole(self, cost: Callable[[RegionOrder], float]) -> float:
        if self._again is not None and self._entry in self._recursive:
            return sum(times * cost(body) for body, times in self._again.entered(self._entry))
        return cost(self._flows[self._entry])

    def of(self, order: OpOrder) -> float:
        """One operation, each time that its block is entered: what is known of it, else of what it holds, else an
        average call; in seconds, or in calls where nothing is known."""
        own = self._own(order)
        if own is not None:
            return own
        if isinstance(order.op, ir.Subflow):
            return self._called(order.op.target, self.span)
        return self._held(order, [(self._passes(region), self.span(region)) for region in order.regions])

    def _own(self, order: OpOrder) -> float | None:
        """The cost of an operation that is not that of what it holds; None of the others."""
        op = order.op
        known = self.known.get(op.id, self._times.pauses.get(op.id))
        made = 1.0 if self.counts is None else self.counts.made(order)
        if known is not None:
            return known * made + self._between(op.id, made)
        if self._again is not None and self._again.inside(order):
            return 0.0
        worked_out = isinstance(op, ir.Subflow) and (self._again is not None or op.target not in self._recursive)
        holds = bool(order.regions) or worked_out
        if not self._waits(order) and not (holds and self.known):
            return 0.0 if self.known else QUICK
        if holds:
            return None
        return self.usual * made if isinstance(op, (ir.Call, ir.Subflow)) or not self.known else 0.0

    def _between(self, id: str, made: float) -> float:
        """The pauses between the attempts of a call; without counted blocks, more calls may be more passes."""
        between = self._times.tries.get(id)
        if made <= 1.0 or between is None or self.counts is None or not self.counts.of_blocks:
            return 0.0
        return between(made - 1.0)

    def _called(self, target: str, cost: Callable[[RegionOrder], float]) -> float:
        """A call of a flow: of one that calls itself, all that comes of it."""
        if self._again is not None and target in self._recursive:
            return sum(times * cost(body) for body, times in self._again.entered(target))
        return cost(self._flows[target])

    def _passes(self, region: RegionOrder) -> float:
        return 1.0 if self.counts is None else self.counts.passes(region)

    def _held(self, order: OpOrder, parts: list[tuple[float, float]]) -> float:
        """The span of an operation from the passes and the spans of its regions."""
        op = order.op
        if isinstance(op, ir.ForEach):
            said = op.parallel.value if isinstance(op.parallel, ir.Const) else None
            limit = said if said is not None or self.counts is None else self.counts.limit(order.regions[0])
            at_once = limit if isinstance(limit, int) and limit > 0 else math.inf
            return sum(min(passes, max(1.0, math.ceil(passes / at_once))) * span for passes, span in parts)
        if isinstance(op, (ir.Parallel, ir.Race)):
            return max(passes * span for passes, span in parts)
        return _either(op, parts)

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
        own = self._own(order)
        if own is not None:
            return own
        if isinstance(order.op, ir.Subflow):
            return self._called(order.op.target, self.work)
        return _either(order.op, [(self._passes(region), self.work(region)) for region in order.regions])

    def untimed(self, region: RegionOrder) -> Iterator[tuple[str, bool]]:
        """The calls below a region that count as an average one, by id, each with whether it is expected to be made at
        all: those of nodes whose time nobody knows, and of flows that call themselves."""
        for order in region.ops:
            op = order.op
            if isinstance(op, (ir.Call, ir.Subflow)) and self._unknown(op.id):
                inside = self._again is not None and self._again.inside(order)
                if self._waits(order) and self._own(order) is not None and not inside:
                    made = self.counts is None or (self.counts.entered(region) > 0 and self.counts.made(order) > 0)
                    yield op.id, made
            for inner in order.regions:
                yield from self.untimed(inner)

    def _unknown(self, id: str) -> bool:
        return id not in self.known and id not in self._times.pauses


def _either(op: ir.Op, parts: list[tuple[float, float]]) -> float:
    """What the regions of an operation cost one after another; of a branch the one that is taken, the most expensive
    one where nobody knows which that is."""
    if isinstance(op, ir.Branch) and sum(passes for passes, _ in parts) > 1.0 + 1e-9:
        return max(passes * cost for passes, cost in parts)
    return sum(passes * cost for passes, cost in parts)


def duration(seconds: float) -> str:
    """Seconds for people."""
    unit, size = next(((u, s) for u, s in (("s", 1.0), ("ms", 1e-3)) if seconds >= 0.9995 * s), ("µs", 1e-6))
    value = seconds / size
    return f"{value:.0f} {unit}" if value >= 999.5 else f"{value:.3g} {unit}"
