"""How often a run enters the blocks of a program, and makes the calls in them, by what earlier runs counted.

Whoever counts is a :class:`Tally`: generated code tells it, where an engine was given one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from ..compiler import ir
from ..compiler.walk import regions_of
from .order import OpOrder, RegionOrder


def block_names(graph: ir.Graph) -> dict[int, str]:
    """The names of a graph's blocks, by the ids of their regions: a flow's body has the flow's name, any other block
    the flow's, its operation's and its number there: ``main/for[0]``."""
    names: dict[int, str] = {}

    def look(region: ir.Region, name: str, flow: str) -> None:
        names[id(region)] = name
        for op in region.ops:
            for number, inner in enumerate(regions_of(op)):
                look(inner, f"{flow}/{op.id}[{number}]", flow)

    for flow in graph.flows.values():
        look(flow.body, flow.name, flow.name)
    return names


class Tally(Protocol):
    """Hears of blocks, by their names, in whatever thread comes to them."""

    def enter(self, block: str) -> None:
        """A run enters a block."""

    def limit(self, block: str, passes: int | None) -> None:
        """A run comes to a loop whose passes overlap; so many may at once, None: all."""


class Counts:
    """Expected counts of one program.

    Parameters
    ----------
    graph: the program. flows: the order of each flow's body, by key. calls: by operation id, how often a run makes the
    call. blocks: by name, how often a run enters the block; one that is not in it is entered once each time that the
    block around it is. limits: by name, how many passes of a loop may overlap, where the program's text does not say.
    """

    def __init__(
        self,
        graph: ir.Graph,
        flows: Mapping[str, RegionOrder],
        calls: Mapping[str, float],
        blocks: Mapping[str, float],
        limits: Mapping[str, int],
    ) -> None:
        self._graph = graph  # kept, or the ids of what is in it could be given to others
        self._calls = calls
        self._blocks = blocks
        self._limits = limits
        self._entered: dict[int, float] = {}
        self._around: dict[int, float] = {}
        self._made_in: dict[str, float] = {}
        self._names = names = block_names(graph)
        for region in flows.values():
            self._look(region, 1.0, names)

    def over(self, flows: Mapping[str, RegionOrder]) -> Counts:
        """The same over another order of the same flows."""
        return Counts(self._graph, flows, self._calls, self._blocks, self._limits)

    @property
    def of_blocks(self) -> bool:
        """Has anybody counted passes?"""
        return bool(self._blocks)

    def entered(self, region: RegionOrder) -> float:
        """How often a run enters a block."""
        return self._entered[id(region.region)]

    def passes(self, region: RegionOrder) -> float:
        """How often a block is entered each time that the block around it is."""
        outside = self._around[id(region.region)]
        return self.entered(region) / outside if outside else 0.0

    def limit(self, region: RegionOrder) -> int | None:
        """How many passes of a loop with this body may overlap; None where nobody knows."""
        return self._limits.get(self._names[id(region.region)])

    def made(self, order: OpOrder) -> float:
        """How often a call is made each time that its block is entered; 1 where nobody knows."""
        calls, entered = self._calls.get(order.op.id), self._made_in.get(order.op.id, 0.0)
        return 1.0 if calls is None or not entered else calls / entered

    def _look(self, region: RegionOrder, around: float, names: Mapping[int, str]) -> None:
        key = id(region.region)
        entered = self._entered[key] = self._blocks.get(names[key], around)
        self._around[key] = around
        for order in region.ops:
            # Two flows may each have a call of one id: then only the sum of both is known.
            self._made_in[order.op.id] = self._made_in.get(order.op.id, 0.0) + entered
            for inner in order.regions:
                self._look(inner, entered, names)
