"""A flow, compiled: done once, kept with the flow, the same in every engine.

Knows the way from a flow's source to the ordered graph, and nothing of running it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from attrs import define, evolve, field

from .compiler import ir
from .compiler.depth import RECURSIVE, deep
from .compiler.diagnostics import Collector, Diagnostic, ProgramError
from .compiler.garbage import collector_held
from .compiler.spec import Objects
from .dsl.scope import FlowSource

if TYPE_CHECKING:
    from .planner.order import RegionOrder

_LOCK = threading.RLock()


@contextmanager
def compiling() -> Iterator[None]:
    """While a flow is compiled or linked: one thread at a time, so that threads that start one flow at once do it
    once; deep programs fit; no cycle collection."""
    with _LOCK, collector_held(), deep(RECURSIVE):
        yield


@define(eq=False)
class Compiled:
    """A flow, compiled: the graph as written, and what the passes made of it, with the findings of the check."""

    graph: ir.Graph
    objects: Objects
    diagnostics: list[Diagnostic]
    _optimized: ir.Graph | None = None
    _orders: dict[str, RegionOrder] | None = None
    _digest: str | None = None
    _entered: dict[str, Compiled] = field(factory=dict)

    @property
    def optimized(self) -> ir.Graph:
        if self._optimized is None:
            from .compiler.passes import optimize

            with compiling():
                if self._optimized is None:
                    self._optimized = optimize(self.graph)
        return self._optimized

    @property
    def orders(self) -> dict[str, RegionOrder]:
        if self._orders is None:
            from .executor.link import order_flows

            with compiling():
                if self._orders is None:
                    self._orders = order_flows(self.optimized)
        return self._orders

    def entered(self, key: str) -> Compiled:
        """The program with another of its flows as its entry."""
        found = self._entered.get(key)
        if found is None:
            found = self._entered.setdefault(
                key, Compiled(evolve(self.graph, entry=key), self.objects, self.diagnostics)
            )
        return found

    @property
    def digest(self) -> str:
        if self._digest is None:
            from .compiler.digest import digest

            with compiling():
                self._digest = digest(self.graph)
        return self._digest


@define(eq=False)
class Findings:
    """What compiling a flow gave: the program, or the findings that stand in its way."""

    compiled: Compiled | None
    diagnostics: list[Diagnostic]


_COMPILED: weakref.WeakKeyDictionary[FlowSource, Findings] = weakref.WeakKeyDictionary()


def findings(source: FlowSource) -> Findings:
    """What compiling a flow gives; it happens once."""
    found = _COMPILED.get(source)
    if found is not None:
        return found
    with compiling():
        found = _COMPILED.get(source)
        if found is not None:
            return found
        from .dsl.lower import lower

        collector = Collector()
        try:
            lowered = lower(source, collector)
        except ProgramError as error:
            collector.items.extend(d for d in error.diagnostics if d not in collector.items)
            lowered = None
        compiled = None
        if lowered is not None and not collector.failed:
            compiled = Compiled(lowered.graph, lowered.objects, collector.items)
        found = _COMPILED[source] = Findings(compiled, collector.items)
    return found


def compile_flow(source: FlowSource) -> Compiled:
    """The compiled flow; compiling happens once.

    Raises
    ------
    ProgramError: the program is wrong.
    """
    found = findings(source)
    if found.compiled is None:
        raise ProgramError(found.diagnostics)
    return found.compiled
