"""The state of the reference interpreter: one run of one flow, what it owes, how control left, how inputs are bound."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from .diagnostics import InputError, Problem
from .ir import Expr, FlowGraph, Graph

_KINDS = {
    "pos": inspect.Parameter.POSITIONAL_ONLY,
    "pos_or_kw": inspect.Parameter.POSITIONAL_OR_KEYWORD,
    "kw": inspect.Parameter.KEYWORD_ONLY,
    "var_pos": inspect.Parameter.VAR_POSITIONAL,
    "var_kw": inspect.Parameter.VAR_KEYWORD,
}


@frozen
class Detached:
    """A run of its own that a flow has asked for."""

    flow: str
    inputs: dict[str, Any]


@frozen
class Trace:
    """What a run did, in order: the paths of the operations reached, and the runs it detached."""

    steps: list[str] = field(factory=list)
    detached: list[Detached] = field(factory=list)


@frozen
class Owed:
    """An undo that a completed call owes: what to call, with the arguments taken when the call completed."""

    target: str
    is_flow: bool
    args: list[Any]
    kwargs: dict[str, Any]


@frozen
class Leave:
    """Control leaves a region by an exit instead of its end."""

    kind: str
    values: tuple[Any, ...]


@define
class Activation:
    """One run of one flow: its values, and what holds where control stands now."""

    flow: FlowGraph
    env: dict[str, Any]
    path: str = ""
    depth: int = 0
    ledger: list[Owed] | None = None
    """The undos owed to the innermost transaction, race or partial join around, in this flow or its callers."""
    names: dict[str, Any] = field(factory=dict)
    """The names that a ``try`` tracks, as the step that stands now sees them."""
    emitted: dict[str, list[Any]] = field(factory=dict)
    """What each loop has collected so far."""
    handling: list[BaseException] = field(factory=list)
    """The errors whose handlers stand around, innermost last."""

    def afresh(self) -> Activation:
        """The same activation before its first line: for another attempt."""
        return evolve(self, env=dict(self.env), names={}, emitted={}, handling=[])


def ambient_values(graph: Graph, given: Mapping[str, Any]) -> dict[str, Any]:
    """The ``secret`` and ``env`` values of a run: what is given, else the declared defaults.

    Raises
    ------
    InputError: one that has no default is not given.
    """
    missing = [s for s in graph.ambient.values() if s.required and s.name not in given]
    if missing:
        problems = tuple(Problem(s.name, f"the {s.kind} {s.name} is not set") for s in missing)
        raise InputError("; ".join(p.message for p in problems), problems)
    return {**{s.name: s.default for s in graph.ambient.values()}, **given}


def entry_inputs(flow: FlowGraph, inputs: Mapping[str, Any], value_of: Callable[[Expr], Any]) -> dict[str, Any]:
    """The inputs of a run, by name, as the values of the body's parameters.

    Raises
    ------
    InputError: one is missing or unknown.
    """
    unknown = [name for name in inputs if name not in {p.name for p in flow.params}]
    problems = [Problem(name, f"{flow.name} has no parameter {name!r}") for name in unknown]
    values: list[Any] = []
    for param in flow.params:
        if param.name in inputs:
            values.append(inputs[param.name])
        elif param.default is not None:
            values.append(value_of(param.default))
        elif param.kind in ("var_pos", "var_kw"):
            values.append(() if param.kind == "var_pos" else {})
        else:
            problems.append(Problem(param.name, f"the input {param.name!r} is missing"))
    if problems:
        raise InputError("; ".join(p.message for p in problems), tuple(problems))
    return dict(zip(flow.body.params, values, strict=True))


def call_inputs(
    flow: FlowGraph, args: list[Any], kwargs: dict[str, Any], value_of: Callable[[Expr], Any]
) -> dict[str, Any]:
    """The arguments of a call of ``flow`` as the values of the body's parameters.

    Raises
    ------
    TypeError: they do not fit, in Python's own words.
    """
    signature = inspect.Signature(
        [
            inspect.Parameter(
                p.name, _KINDS[p.kind], default=inspect.Parameter.empty if p.default is None else p.default
            )
            for p in flow.params
        ]
    )
    try:
        bound = signature.bind(*args, **kwargs)
    except TypeError as error:
        msg = f"{flow.name}() {error}"
        raise TypeError(msg) from None
    values: dict[str, Any] = {}
    for param, id in zip(flow.params, flow.body.params, strict=True):
        if param.name in bound.arguments:
            values[id] = bound.arguments[param.name]
        elif param.default is not None:
            values[id] = value_of(param.default)
        else:
            values[id] = () if param.kind == "var_pos" else {}
    return values


def as_error(value: Any) -> BaseException:
    """What ``raise value`` raises: a class is built."""
    if isinstance(value, type) and issubclass(value, BaseException):
        value = value()
    if not isinstance(value, BaseException):
        msg = "exceptions must derive from BaseException"
        raise TypeError(msg)
    return value
