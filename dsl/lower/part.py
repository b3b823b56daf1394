"""One flow out of a program that holds all flows of a file: the graph that lowering the flow alone would give."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...compiler.ir import Graph
from ...compiler.types import Type
from .api import Lowered
from .constants import by_content
from .program import Program, Uses


def part(program: Program, entry: str) -> Lowered | None:
    """The graph of the flow ``entry`` and all it reaches; None where the program has named something by what its other
    flows hold, so that the flow has to be lowered alone.

    Parameters
    ----------
    program: checked, and without errors.
    entry: the key of a flow in it.
    """
    if not all(map(by_content, program.objects.values)):
        return None
    reached: list[str] = []
    uses = Uses(flows={entry})
    waiting = [entry]
    while waiting:
        key = waiting.pop()
        reached.append(key)
        uses.add(own := program.uses[key])
        waiting += [k for k in own.flows if k not in reached and k not in waiting]
    if any("#" in key for key in uses.nodes):
        return None
    flows = {k: program.flows[k] for k in [entry, *program.flows] if k in uses.flows}
    nodes = {k: v for k, v in program.nodes.items() if k in uses.nodes}
    classes = _closed(program, uses, flows.values(), nodes.values())
    graph = Graph(
        entry,
        flows,
        nodes,
        {k: v for k, v in program.classes.items() if k in classes},
        {k: v for k, v in program.ambient.items() if k in uses.ambient},
    )
    return Lowered(graph, program.objects)


def _closed(program: Program, uses: Uses, flows: Iterable[Any], nodes: Iterable[Any]) -> set[str]:
    """The classes used, with those that signatures, fields and bases name."""
    found: set[str] = set()
    stack = list(uses.classes)
    for flow in flows:
        stack += _named([*(p.type for p in flow.params), flow.returns])
    for node in nodes:
        stack += _named([*(p.type for p in node.signature.params), node.signature.returns])
    stack += _named(program.ambient[name].type for name in uses.ambient)
    while stack:
        key = stack.pop()
        spec = program.classes.get(key)
        if key in found or spec is None:
            continue
        found.add(key)
        stack += [*spec.bases, *_named(f.type for f in spec.fields or ())]
    return found


def _named(types: Iterable[Type]) -> list[str]:
    """The keys of the classes that types name."""
    found: list[str] = []
    stack = list(types)
    while stack:
        type = stack.pop()
        if type.name == "class":
            found.append(type.args[0])
        elif type.name != "literal":
            stack += [t for t in type.args if isinstance(t, Type)]
    return found
