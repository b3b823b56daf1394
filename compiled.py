"""A flow, compiled: done once, kept with the flow, the same in every engine.

Knows the way from a flow's source to the ordered graph, and nothing of running it.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attrs import define, evolve, field

from .compiler import ir
from .compiler.depth import COMPILING, deep
from .compiler.diagnostics import Collector, Diagnostic, ProgramError
from .compiler.garbage import collector_held
from .compiler.sharing import containers_in
from .compiler.spec import Objects
from .dsl.scope import FlowSource

if TYPE_CHECKING:
    from .dsl.lower import Program
    from .planner.order import RegionOrder

_LOCK = threading.RLock()


@contextmanager
def compiling() -> Iterator[None]:
    """While a flow is compiled or linked: one thread at a time, so that threads that start one flow at once do it
    once; deep programs fit; no cycle collection."""
    with _LOCK, collector_held(), deep(COMPILING):
        yield


@define(eq=False)
class Compiled:
    """A flow, compiled: the graph as written, and what the passes made of it."""

    graph: ir.Graph
    objects: Objects
    _optimized: ir.Graph | None = None
    _orders: dict[str, RegionOrder] | None = None
    _digest: str | None = None
    _entered: dict[str, Compiled] = field(factory=dict)
    _held: dict[int, Any] | None = None

    @property
    def held(self) -> dict[int, Any]:
        """The lists, dicts and sets among its constants, by their ids."""
        if self._held is None:
            self._held = containers_in(self.objects.values.values())
        return self._held

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
            found = self._entered.setdefault(key, Compiled(evolve(self.graph, entry=key), self.objects))
        return found

    @property
    def digest(self) -> str:
        if self._digest is None:
            from .compiler.digest import digest

            with compiling():
                self._digest = digest(self.graph)
        return self._digest


_COMPILED: weakref.WeakKeyDictionary[FlowSource, Compiled] = weakref.WeakKeyDictionary()
_FINDINGS: weakref.WeakKeyDictionary[FlowSource, tuple[Diagnostic, ...]] = weakref.WeakKeyDictionary()
"""The warnings of flows that could be compiled. A failure is not kept: what was missing may be defined by now."""
_CHECKED: weakref.WeakKeyDictionary[FlowSource, Program] = weakref.WeakKeyDictionary()


def keep_checked(sources: Iterable[FlowSource], program: Program) -> None:
    """A file was checked without an error: its flows are lowered already, and need not be again.

    Parameters
    ----------
    sources: the flows of the file.
    program: what checking it gave.
    """
    _CHECKED.update(dict.fromkeys(sources, program))


def keep_compiled(source: FlowSource, compiled: Compiled) -> None:
    """A flow was compiled in an earlier process.

    Parameters
    ----------
    source: the flow. compiled: what compiling it gave.
    """
    _COMPILED[source] = compiled


def findings(source: FlowSource) -> list[Diagnostic]:
    """Every finding about a flow and what it reaches; looked for until the flow is right, then kept."""
    found = _FINDINGS.get(source)
    if found is None:
        with compiling():
            found = _FINDINGS.get(source)
            if found is None:
                found = _lower(source)
    return list(found)


def compile_flow(source: FlowSource) -> Compiled:
    """The compiled flow; compiling succeeds once.

    Raises
    ------
    ProgramError: the program is wrong.
    """
    found = _COMPILED.get(source)
    if found is not None:
        return found
    findings: tuple[Diagnostic, ...] = ()
    with compiling():
        if source not in _COMPILED:
            _lower_checked(source)
            if source not in _COMPILED:
                findings = _lower(source)
        found = _COMPILED.get(source)
    if found is None:
        raise ProgramError(findings)
    return found


def _lower(source: FlowSource) -> tuple[Diagnostic, ...]:
    from .dsl.lower import lower

    collector = Collector()
    reached: dict[str, FlowSource] = {}
    try:
        lowered = lower(source, collector, reached)
    except ProgramError as error:
        collector.items.extend(d for d in error.diagnostics if d not in collector.items)
        lowered = None
    found = tuple(collector.items)
    if lowered is not None and not collector.failed:
        _COMPILED.setdefault(source, Compiled(lowered.graph, lowered.objects))
        _FINDINGS[source] = found
    else:
        for flow in reached.values():
            if flow not in _COMPILED:
                flow.forget()
    return found


def _lower_checked(source: FlowSource) -> None:
    program = _CHECKED.pop(source, None)
    if program is not None:
        from .dsl.lower import part

        lowered = part(program, source.key)
        if lowered is not None:
            _COMPILED[source] = Compiled(lowered.graph, lowered.objects)
