"""Flows that call themselves: how often each of them is entered for one call from outside."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping

from ..compiler import ir
from .counts import Counts
from .order import OpOrder, RegionOrder


class Recurrence:
    """The flows of one program that can reach themselves, by what was counted.

    Parameters
    ----------
    flows: the order of each flow's body, by key. recursive: the keys of those that can reach themselves. entry: the key
    of the flow that is run.
    """

    def __init__(self, flows: Mapping[str, RegionOrder], recursive: Container[str], entry: str, counts: Counts) -> None:
        self._flows = flows
        self._counts = counts
        self._inside: set[int] = set()
        self._from_outside: dict[str, float] = {entry: 1.0} if entry in recursive else {}
        """By key: how often each is called by flows that do not call themselves."""
        self._targets: dict[str, set[str]] = {}
        """By key: those of them that each calls."""
        for key, body in flows.items():
            found = [site for site in _sites(body) if site[0] in recursive]
            self._targets[key] = {target for target, _, _ in found}
            for target, order, region in found:
                if key in recursive:
                    self._inside.add(id(order))
                else:
                    self._from_outside[target] = self._from_outside.get(target, 0.0) + counts.entered(region)

    def entered(self, target: str) -> list[tuple[RegionOrder, float]]:
        """The bodies that one call from outside enters, each with how often."""
        group = self._reached(target)
        calls = sum(self._from_outside.get(key, 0.0) for key in group)
        bodies = [self._flows[key] for key in sorted(group)]
        return [(body, self._counts.entered(body) / calls if calls else 0.0) for body in bodies]

    def inside(self, order: OpOrder) -> bool:
        """Is it a call of one of them by one of them? All that comes of it is in the call from outside."""
        return id(order) in self._inside

    def _reached(self, target: str) -> set[str]:
        found, todo = {target}, [target]
        while todo:
            new = self._targets[todo.pop()] - found
            found |= new
            todo += new
        return found


def _sites(body: RegionOrder) -> Iterator[tuple[str, OpOrder, RegionOrder]]:
    """The flow calls below a block: whom they call, they themselves, the block each stands in."""
    stack = [body]
    while stack:
        region = stack.pop()
        for order in region.ops:
            stack += order.regions
            if isinstance(order.op, ir.Subflow):
                yield order.op.target, order, region
