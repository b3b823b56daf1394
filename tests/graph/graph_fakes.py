"""Fake nodes for printed graphs: what a call gives and records follows from the node's spec and its arguments alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from cflow.compiler.interpret import Trace, interpret
from cflow.compiler.ir import Graph
from cflow.compiler.spec import NodeSpec, Objects
from cflow.compiler.values import Collected


class Err(Exception):
    """The exception class of the fixtures (``@class(shop.Err)``)."""


@define
class World:
    """What nodes did: every call of a writer, in order, and all calls by name."""

    writes: list[tuple[Any, ...]] = field(factory=list)
    calls: list[tuple[Any, ...]] = field(factory=list)

    def function(self, spec: NodeSpec) -> Callable[..., Any]:
        def node(*args: Any, **kwargs: Any) -> Any:
            called = (spec.name, *args, *sorted(kwargs.items()))
            self.calls.append(called)
            if spec.effects.writes:
                self.writes.append(called)
            return self.result(spec, args, kwargs)

        async def node_async(*args: Any, **kwargs: Any) -> Any:
            return node(*args, **kwargs)

        return node_async if spec.is_async else node

    def result(self, spec: NodeSpec, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """``boom`` raises, ``echo`` gives its argument, ``items`` a stream; others a number made from the arguments."""
        match spec.name:
            case "boom":
                raise Err(*args)
            case "flaky":  # fails until it has been called as often as its argument says
                if sum(c == ("flaky", *args) for c in self.calls) <= args[0]:
                    raise Err("flaky", *args)
                return args[0]
            case "echo":
                return args[0]
            case "items":
                return self.items(*args)
            case _:
                seen = [a for a in (*args, *kwargs.values()) if isinstance(a, int)]
                return sum(seen) * 7 + len(spec.name)

    def items(self, n: int) -> Any:
        try:
            for i in range(n):
                self.writes.append(("item", i))
                yield i
        finally:
            self.writes.append(("closed", n))

    def objects(self, graph: Graph) -> Objects:
        nodes = {key: self.function(spec) for key, spec in graph.nodes.items() if not spec.builtin}
        return Objects(nodes, {"shop.Err": Err})


def shown(value: Any) -> Any:
    """A result in a form that can be compared: errors by type and text, streams by their items."""
    if isinstance(value, BaseException):
        return type(value).__name__, str(value)
    if isinstance(value, Collected):
        return value.ok, [(f.item, f.index, shown(f.error)) for f in value.failed]
    return value


def outcome(graph: Graph, inputs: Mapping[str, Any], world: World | None = None, **options: Any) -> Any:
    """Result or error, and the writes in order."""
    world = world or World()
    try:
        result = interpret(graph, world.objects(graph), inputs, **options)
        if graph.main.stream:
            result = list(result)
    except Exception as error:
        result = error
    return shown(result), world.writes


def steps(graph: Graph, inputs: Mapping[str, Any]) -> list[str]:
    """The paths of the operations reached."""
    trace = Trace()
    interpret(graph, World().objects(graph), inputs, trace=trace)
    return trace.steps


def parse_inputs(text: str) -> dict[str, Any]:
    """``n=3 m="x"`` as inputs."""
    return {key: eval(value) for key, _, value in (part.partition("=") for part in text.split())}
