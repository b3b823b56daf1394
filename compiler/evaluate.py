"""The meaning of expressions: operators over values, evaluated as Python would.

Owns nothing that waits or writes; that is :mod:`.interpret`. Strict operators are looked up in
:mod:`.operators`; the lazy ones and those of variable shape are spelled out here.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from .convert import convert
from .diagnostics import EngineBug
from .ir import Ambient, Apply, Clause, Comprehension, Const, Expr, Global, Ref, Star, Target
from .operators import BUILTIN_EXCEPTIONS, BUILTINS, OPERATORS, call_method, unpack
from .secrets import join, text_of
from .spec import Objects

Env = Mapping[str, Any]

BUILTIN_CLASSES: dict[str, type] = {
    **{name: cls for name, cls in BUILTINS.items() if isinstance(cls, type)},
    **BUILTIN_EXCEPTIONS,
    **{c.__name__: c for c in (dt.date, dt.datetime, dt.time, dt.timedelta, decimal.Decimal, pathlib.Path)},
}
"""The classes that need no object beside the graph."""


def evaluate(expr: Expr, env: Env, objects: Objects, ambient: Mapping[str, Any]) -> Any:
    """The value of ``expr``.

    Parameters
    ----------
    env: the value of each :class:`~.ir.Ref`.
    objects: what each :class:`~.ir.Global` stands for.
    ambient: the ``secret`` and ``env`` values by name.

    Raises whatever the operators raise.
    """

    def value_of(e: Expr) -> Any:
        return evaluate(e, env, objects, ambient)

    match expr:
        case Const(value):
            return value
        case Ref(id):
            return env[id]
        case Ambient(_, name):
            return ambient[name]
        case Global():
            return global_value(expr, objects)
        case Apply():
            return _apply(expr, value_of, objects)
        case Comprehension():
            return _comprehension(expr, env, objects, ambient)


def global_value(expr: Global, objects: Objects) -> Any:
    """The object behind a global; a node or a flow named as a value is its own handle."""
    match expr.kind:
        case "class":
            return objects.classes[expr.key] if expr.key in objects.classes else BUILTIN_CLASSES[expr.key]
        case "value":
            return objects.values[expr.key]
        case "builtin":
            return BUILTINS[expr.key]
        case "node" | "flow":
            return expr


def arguments(
    args: tuple[Expr | Star, ...], kwargs: tuple[tuple[str, Expr], ...], value_of: Callable[[Expr], Any]
) -> tuple[list[Any], dict[str, Any]]:
    """The values of a call's arguments, left to right, ``*`` and ``**`` spread."""
    positional: list[Any] = []
    for arg in args:
        if isinstance(arg, Star):
            positional.extend(value_of(arg.value))
        else:
            positional.append(value_of(arg))
    named: dict[str, Any] = {}
    for name, expr in kwargs:
        for key, value in dict(value_of(expr)).items() if name == "**" else ((name, value_of(expr)),):
            if key in named:
                msg = f"got multiple values for keyword argument {key!r}"
                raise TypeError(msg)
            named[key] = value
    return positional, named


def _apply(expr: Apply, value_of: Callable[[Expr], Any], objects: Objects) -> Any:
    match expr.fn:
        case "and" | "or" | "if" | "compare":
            return _lazy(expr, value_of)
        case "dict":
            return _dict(expr, value_of)
        case fn:
            args, kwargs = arguments(expr.args, expr.kwargs, value_of)
    match fn:
        case "list":
            return args
        case "tuple":
            return tuple(args)
        case "set":
            return set(args)
        case "fstring":
            return join(tuple(args))
        case "py.str":
            return text_of(*args, **kwargs)
        case "new":
            return args[0](*args[1:], **kwargs)
        case "method":
            return call_method(*args, **kwargs)
        case "convert":
            return convert(args[0], args[1], objects.classes)
        case _:
            return OPERATORS[fn].function(*args, **kwargs)


def _lazy(expr: Apply, value_of: Callable[[Expr], Any]) -> Any:
    operands = [a.value if isinstance(a, Star) else a for a in expr.args]
    value: Any = None
    match expr.fn:
        case "and":
            for operand in operands:
                value = value_of(operand)
                if not value:
                    break
            return value
        case "or":
            for operand in operands:
                value = value_of(operand)
                if value:
                    break
            return value
        case "if":
            return value_of(operands[1]) if value_of(operands[0]) else value_of(operands[2])
        case _:
            left = value_of(operands[1])
            for op, operand in zip(value_of(operands[0]), operands[2:], strict=True):
                right = value_of(operand)
                value = OPERATORS[op].function(left, right)
                if not value:
                    break
                left = right
            return value


def _dict(expr: Apply, value_of: Callable[[Expr], Any]) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    rest = iter(expr.args)
    for entry in rest:
        if isinstance(entry, Star):
            result.update(value_of(entry.value))
            continue
        value = next(rest)
        if isinstance(value, Star):
            msg = "a spread stands where the value of a dict's key belongs"
            raise EngineBug(msg)
        key = value_of(entry)
        result[key] = value_of(value)
    return result


def bind(target: Target, value: Any, env: dict[str, Any]) -> None:
    """Binds the ids of a comprehension's target to the parts of ``value``."""
    if isinstance(target, str):
        env[target] = value
        return
    stars = [i for i, t in enumerate(target) if isinstance(t, str) and t.startswith("*")]
    before = stars[0] if stars else len(target)
    after = len(target) - before - 1 if stars else 0
    for part, item in zip(target, unpack(value, before, bool(stars), after), strict=True):
        bind(part.removeprefix("*") if isinstance(part, str) else part, item, env)


class _Scope(Mapping[str, Any]):
    """The values a comprehension binds over those around it; a chain, since copying would cost the size of the flow."""

    def __init__(self, own: Env, outer: Env) -> None:
        self.own, self.outer = own, outer

    def __getitem__(self, id: str) -> Any:
        return self.own[id] if id in self.own else self.outer[id]

    def __iter__(self) -> Iterator[str]:
        return iter({**self.outer, **self.own})

    def __len__(self) -> int:
        return len({**self.outer, **self.own})


def _comprehension(expr: Comprehension, env: Env, objects: Objects, ambient: Mapping[str, Any]) -> Any:
    def passes(clauses: tuple[Clause, ...], outer: Env) -> Iterator[Env]:
        if not clauses:
            yield outer
            return
        clause = clauses[0]
        for item in evaluate(clause.source, outer, objects, ambient):
            local: dict[str, Any] = {}
            bind(clause.target, item, local)
            inner = _Scope(local, outer)
            if all(evaluate(c, inner, objects, ambient) for c in clause.conditions):
                yield from passes(clauses[1:], inner)

    values = (evaluate(expr.element, e, objects, ambient) for e in passes(expr.clauses, env))
    match expr.kind:
        case "list":
            return list(values)
        case "set":
            return set(values)
        case "any":
            return any(values)
        case "all":
            return all(values)
        case "dict":
            if expr.key is None:
                msg = "a dict comprehension has no key"
                raise EngineBug(msg)
            result: dict[Any, Any] = {}
            for e in passes(expr.clauses, env):
                key = evaluate(expr.key, e, objects, ambient)
                result[key] = evaluate(expr.element, e, objects, ambient)
            return result
