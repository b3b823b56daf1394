"""How often each block of a program is entered in a run, worked out from how often its calls were made.

A call that nothing keeps from being made is made once each time its block is entered; so the most frequent call of a
block tells, and where a block holds only other blocks, theirs. What no call tells is taken to be entered as often as
the block around it (of a loop that is one pass), but for an arm beside one of which calls are known, and an ``except``:
those were not taken.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping

from attrs import frozen

from ..compiler import ir
from .order import OpOrder, RegionOrder


@frozen
class _Place:
    """Where a block stands: in which flow, and, of one that is not a flow's body, in which operation of which block."""

    flow: str
    order: OpOrder | None = None
    around: RegionOrder | None = None


class Counts:
    """Expected counts of one program.

    Parameters
    ----------
    flows: the order of each flow's body, by key. entry: the key of the flow that is run. recursive: the keys of flows
    that can reach themselves: how often they are entered is not worked out. calls: by operation id, how often a run
    makes the call.
    """

    def __init__(
        self, flows: Mapping[str, RegionOrder], entry: str, recursive: Container[str], calls: Mapping[str, float]
    ) -> None:
        self._flows = flows  # kept, or the ids of what is in them could be given to others
        self._entry = entry
        self._recursive = recursive
        self._calls = calls
        self._places: dict[int, _Place] = {}
        self._sites: dict[str, list[RegionOrder]] = {}
        self._made_in: dict[str, list[RegionOrder]] = {}
        self._told_of: dict[int, float | None] = {}
        self._entered: dict[int, float] = {}
        for key, region in flows.items():
            self._look(region, _Place(key))

    def over(self, flows: Mapping[str, RegionOrder]) -> Counts:
        """The same over another order of the same flows."""
        return Counts(flows, self._entry, self._recursive, self._calls)

    def entered(self, region: RegionOrder) -> float:
        """How often a run enters a block."""
        found = self._entered.get(id(region))
        if found is None:
            found = self._entered[id(region)] = self._enter(region)
        return found

    def passes(self, region: RegionOrder) -> float:
        """How often a block is entered each time that the block around it is."""
        around = self._places[id(region)].around
        outside = 1.0 if around is None else self.entered(around)
        return self.entered(region) / outside if outside else 0.0

    def made(self, order: OpOrder) -> float:
        """How often a call is made each time that its block is entered; 1 where nobody knows."""
        calls, entered = self._calls.get(order.op.id), sum(map(self.entered, self._made_in.get(order.op.id, ())))
        return 1.0 if calls is None or not entered else calls / entered

    # ---- inside ----------------------------------------------------------------------------------

    def _look(self, region: RegionOrder, place: _Place) -> None:
        self._places[id(region)] = place
        for order in region.ops:
            self._made_in.setdefault(order.op.id, []).append(region)
            if isinstance(order.op, ir.Subflow):
                self._sites.setdefault(order.op.target, []).append(region)
            for inner in order.regions:
                self._look(inner, _Place(place.flow, order, region))

    def _enter(self, region: RegionOrder) -> float:
        place, told = self._places[id(region)], self._told(region)
        if place.order is None or place.around is None:
            if place.flow in self._recursive:
                return 1.0 if told is None else told
            return (place.flow == self._entry) + sum(map(self.entered, self._sites.get(place.flow, ())))
        outside = self.entered(place.around)
        op = place.order.op
        if told is not None:  # calls that were tried again tell too much
            return told if isinstance(op, (ir.Loop, ir.ForEach)) else min(told, outside)
        siblings = place.order.regions
        left_out = isinstance(op, ir.Branch) and any(self._told(r) is not None for r in siblings)
        if isinstance(op, ir.Try):
            left_out = any(region.region is handler.region for handler in op.handlers)
        return 0.0 if left_out else outside

    def _told(self, region: RegionOrder) -> float | None:
        """How often a block was entered at least, by the calls in it."""
        if id(region) not in self._told_of:
            self._told_of[id(region)] = None  # of flows that call each other
            self._told_of[id(region)] = _most(self._told_by(order) for order in region.ops)
        return self._told_of[id(region)]

    def _told_by(self, order: OpOrder) -> float | None:
        op = order.op
        if isinstance(op, ir.Call):  # two flows may each have a call of one id: then only their sum is known
            return self._calls.get(op.id) if len(self._made_in[op.id]) == 1 else None
        if isinstance(op, ir.Subflow):
            return self._told(self._flows[op.target]) if len(self._sites[op.target]) == 1 else None
        told = [found for region in order.regions if (found := self._told(region)) is not None]
        if not told:
            return None
        if isinstance(op, (ir.Loop, ir.ForEach)):
            return min(1.0, max(told))
        return sum(told) if isinstance(op, ir.Branch) else max(told)


def _most(found: Iterable[float | None]) -> float | None:
    return max((times for times in found if times is not None), default=None)
