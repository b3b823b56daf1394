"""Functions that a model may call: their signatures as JSON Schema, their arguments converted. Knows no server."""

from __future__ import annotations

import inspect
import re
import typing
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import trio
from attrs import frozen

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # what the protocol permits
_HERE = ("auto", "loop", "thread")


@frozen
class Tool:
    """``wire`` is how the protocol describes it; ``call`` is None for one that only the author can call."""

    name: str
    wire: dict[str, Any]
    call: Callable[..., Any] | None
    types: dict[str, Any]

    async def run(self, arguments: dict[str, Any]) -> Any:
        """Convert the arguments and call.

        Raises
        ------
        ValueError: arguments that do not fit; what the function itself raises passes.
        """
        assert self.call is not None
        for name in arguments:
            if name not in self.types:
                msg = f"{self.name} has no parameter {name!r}"
                raise ValueError(msg)
        given = {}
        for name, value in arguments.items():
            try:
                given[name] = msgspec.convert(value, self.types[name])
            except msgspec.ValidationError as error:
                msg = f"{self.name}, parameter {name!r}: {error}"
                raise ValueError(msg) from error
        missing = [name for name in self.wire["function"]["parameters"]["required"] if name not in given]
        if missing:
            msg = f"{self.name} needs {', '.join(missing)}"
            raise ValueError(msg)
        if inspect.iscoroutinefunction(self.call):
            return await self.call(**given)
        return await trio.to_thread.run_sync(lambda: self.call(**given))  # type: ignore[misc]


def tools_of(given: Sequence[Any]) -> dict[str, Tool]:
    """Tools by name: nodes, functions, and descriptions in the protocol's own form.

    Raises
    ------
    TypeError: a thing that is none of these, or whose signature JSON Schema cannot say.
    ValueError: two of one name, or a name that the protocol does not permit.
    """
    found: dict[str, Tool] = {}
    for one in given:
        tool = _described(one) if isinstance(one, dict) else _of_function(one)
        if not _NAME.fullmatch(tool.name):
            msg = f"{tool.name!r} is no name for a tool: at most 64 letters, digits, _ and -"
            raise ValueError(msg)
        if tool.name in found:
            msg = f"two tools are called {tool.name!r}"
            raise ValueError(msg)
        found[tool.name] = tool
    return found


def _described(one: dict[str, Any]) -> Tool:
    function = one.get("function", one)
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        msg = 'a tool is described by {"name": ..., "description": ..., "parameters": a JSON Schema}'
        raise ValueError(msg)
    return Tool(function["name"], {"type": "function", "function": function}, None, {})


def _of_function(one: Any) -> Tool:
    spec, function = getattr(one, "spec", None), getattr(one, "fn", one)
    name = getattr(function, "__name__", repr(one))
    if (
        not inspect.isfunction(function)
        or inspect.isasyncgenfunction(function)
        or inspect.isgeneratorfunction(function)
    ):
        msg = f"{name} is no tool: give nodes and functions that return a value"
        raise TypeError(msg)
    if spec is not None and (spec.transactional or spec.runs not in _HERE):
        msg = f"{name} is no tool: it is transactional or runs elsewhere; call it in the flow (llm.chat, llm.result)"
        raise TypeError(msg)
    hints = typing.get_type_hints(function, include_extras=True)
    parameters = inspect.signature(function).parameters
    if any(p.kind not in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) for p in parameters.values()):
        msg = f"{name} is no tool: each parameter must have a name"
        raise TypeError(msg)
    types = {p: hints.get(p, Any) for p in parameters}
    try:
        schemas, parts = msgspec.json.schema_components(list(types.values()), ref_template="#/$defs/{name}")
    except TypeError as error:
        msg = f"{name} is no tool: JSON Schema cannot say its parameters: {error}"
        raise TypeError(msg) from error
    schema: dict[str, Any] = {
        "type": "object",
        "properties": dict(zip(types, schemas, strict=True)),
        "required": [p.name for p in parameters.values() if p.default is p.empty],
        "additionalProperties": False,
    }
    if parts:
        schema["$defs"] = parts
    doc = inspect.getdoc(function) or ""
    wire = {"name": name, "description": doc.partition("\n\n")[0], "parameters": schema}
    return Tool(name, {"type": "function", "function": wire}, function, types)
