"""Lowering as the rest of the house calls it: a flow, a test, or all of a file."""

from __future__ import annotations

from attrs import frozen

from ...compiler.depth import deep
from ...compiler.diagnostics import NOWHERE, Collector
from ...compiler.ir import Const, FlowGraph, Graph
from ...compiler.spec import Objects
from ...compiler.types import ANY, NONE, Signature
from .. import syntax as s
from ..scope import FlowSource, Scope
from .flows import begin, lower_flow
from .order_checks import check_order
from .program import Header, Program
from .report import Reporter


@frozen
class Lowered:
    """A flow and all it reaches as a graph, and the real objects behind it."""

    graph: Graph
    objects: Objects


def lower(source: FlowSource, collector: Collector, reached: dict[str, FlowSource] | None = None) -> Lowered | None:
    """Lower a flow and everything it reaches.

    Parameters
    ----------
    source: the flow.
    collector: gets every finding, warnings too.
    reached: gets the sources of the flow and of all flows that it reaches, by key.

    Gives None where an error was found.
    """
    program = Program(Reporter(collector), asked={} if reached is None else reached)
    program.use_flow(source, NOWHERE)
    lower_waiting(program)
    return finish(program, source.key)


def lower_waiting(program: Program) -> None:
    """Lower the flows that were asked for, and those they ask for."""
    while program.waiting:
        lower_flow(program, program.waiting.pop(0))


def finish(program: Program, entry: str) -> Lowered | None:
    """The graph, once its order was checked; None where an error was found."""
    graph = Graph(entry, program.flows, program.nodes, program.classes, program.ambient)
    if not program.report.failed:
        check_order(program.report, graph)
    return None if program.report.failed else Lowered(graph, program.objects)


def lower_test(test: s.Test, scope: Scope, collector: Collector) -> Lowered | None:
    """Lower the body of a ``test``: like a flow without parameters, in which ``mock``, ``attempt`` and ``calls``
    have a meaning."""
    program = Program(Reporter(collector))
    lower_test_body(program, test, scope, TEST)
    lower_waiting(program)
    return finish(program, TEST)


TEST = "test"
"""The key of the flow that a test's body becomes."""


def lower_test_body(program: Program, test: s.Test, scope: Scope, key: str) -> None:
    """Lower a test's body into a program, as a flow with this key."""
    flow = s.Flow(test.title, (), test.body, span=test.span)
    program.begin(key)
    at = begin(program, flow, scope, Header(Signature((), ANY)), is_test=True)
    if at is None:
        return
    with deep():
        at.body(test.body)
    region = at.region.close(None if at.region.ended else (Const(None),))
    program.flows[key] = FlowGraph(key, test.title, (), region, NONE, span=test.span)
