"""The graph of a flow means what Python does with its text: results, errors and calls, on random programs."""

from __future__ import annotations

import ast
import copy
from typing import Any

import pytest
from python_programs import program

from cflow.compiler.diagnostics import Collector
from cflow.compiler.interpret import interpret
from cflow.compiler.verify import verify
from cflow.dsl.lower import lower
from cflow.dsl.nodes import NodeDef, binding_of
from cflow.dsl.python import read_flow_ast
from cflow.dsl.scope import DictScope, FlowSource


class E1(Exception):
    """One error."""


class E2(Exception):
    """Another."""


TRACE: list[Any] = []


def _node(name: str, step: int) -> Any:
    def node(x: Any) -> Any:
        TRACE.append((name, copy.deepcopy(x)))
        if x % 11 == step:
            raise E1(name, x)
        if x % 13 == step:
            raise E2(name, x)
        return (x * step + 1) % 10

    node.__name__ = node.__qualname__ = name
    return node


def pair(x: Any) -> Any:
    TRACE.append(("pair", x))
    return [x, x + 1, x + 2][: 2 + x % 2]


FUNCTIONS = {"f": _node("f", 3), "g": _node("g", 7), "h": _node("h", 5), "pair": pair}
SCOPE = DictScope(
    {**{n: binding_of(NodeDef(f)) for n, f in FUNCTIONS.items()}, "E1": binding_of(E1), "E2": binding_of(E2)}
)


def in_python(text: str, inputs: dict[str, Any]) -> Any:
    TRACE.clear()
    namespace: dict[str, Any] = {**FUNCTIONS, "E1": E1, "E2": E2}
    exec(text, namespace)
    return _outcome(lambda: namespace["main"](**inputs))


def _outcome(run: Any) -> Any:
    try:
        result: Any = run()
    except UnboundLocalError:
        raise
    except Exception as error:
        result = (type(error).__name__, error.args if isinstance(error, (E1, E2, AssertionError)) else ())
    return result, list(TRACE)


def lowered(text: str) -> Any:
    collector = Collector()

    def load() -> Any:
        node = ast.parse(text).body[0]
        assert isinstance(node, ast.FunctionDef)
        return read_flow_ast(node, "<program>", SCOPE, collector), SCOPE

    result = lower(FlowSource("main", "main", "<program>", load), collector)
    errors = [d for d in collector.items if d.severity == "error"]
    return result, errors


EXPECTED = {"unbound-name", "shared-collection", "not-iterable", "operator-types"}
"""The errors that a random program may well have."""


def compare(seed: int) -> str:
    """What is wrong with the program of this seed; "" if nothing is, "skipped" where it does not check."""
    text = program(seed)
    result, errors = lowered(text)
    if result is None:
        assert {d.id for d in errors} <= EXPECTED, f"{text}\n{errors}"
        return "skipped"
    verify(result.graph)
    for inputs in ({"a": 1, "b": 2}, {"a": 7, "b": 0}, {"a": 4, "b": 9}):
        expected = in_python(text, inputs)
        TRACE.clear()
        found = _outcome(lambda: interpret(result.graph, result.objects, inputs))
        if found != expected:
            return f"{text}\ninputs {inputs}\nPython {expected}\ngraph  {found}"
    return ""


@pytest.mark.parametrize("start", range(0, 400, 50))
def test_the_graph_does_what_python_does(start: int) -> None:
    outcomes = [compare(seed) for seed in range(start, start + 50)]
    wrong = [o for o in outcomes if o not in ("", "skipped")]
    assert not wrong, wrong[0]
    assert outcomes.count("skipped") < 35, "most programs should check"
