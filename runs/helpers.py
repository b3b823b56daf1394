"""The functions that a node calls, and those that they call: a run is pinned to their code as to that of its nodes.

Only what is surely a part of the program counts, since a run that waits for a person in vain is worse than a change
that nobody notices: functions and methods that are not installed and whose text can be had. Constants do not count, as
they may be read from the environment when a module is imported.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import itertools
import json
import types
import weakref
from collections.abc import Iterator, Mapping
from typing import Any

from ..compiler.spec import NodeSpec
from ..dsl.source import NoSource, digest_of_ast, find_function
from ..executor.code_keys import is_ours

Helpers = Mapping[tuple[str, str], str]
"""By the node's key and the helper's name: a digest of its code. No module is named: a function that is moved to
another file stays the same one."""

Text = ast.FunctionDef | ast.AsyncFunctionDef

_HEAD = "# helper "
"""Lines with "# " are comments to whoever reads a graph."""

_DEEPEST = 50
"""Wrappers around one another that are looked into."""

_known: weakref.WeakKeyDictionary[Any, dict[str, str]] = weakref.WeakKeyDictionary()


def helper_lines(specs: Mapping[str, NodeSpec], functions: Mapping[str, Any]) -> str:
    """The helpers of all nodes of a plan, as comments.

    Parameters
    ----------
    specs: the nodes, by their keys. functions: their functions.
    """
    lines = [
        f"{_HEAD}{json.dumps([key, name, digest])}\n"
        for key, spec in specs.items()
        if not (spec.builtin or spec.trusted or spec.version) and key in functions
        for name, digest in sorted(helpers_of(functions[key]).items())
    ]
    return "".join(lines)


def read_helpers(plan: str) -> Helpers:
    """What :func:`helper_lines` wrote; of a plan without any, none."""
    found = {}
    for line in plan.splitlines():
        if line.startswith(_HEAD):
            key, name, digest = json.loads(line[len(_HEAD) :])
            found[key, name] = digest
    return found


def helpers_of(function: Any) -> Mapping[str, str]:
    """The functions and methods that a node's function reaches by name, each with a digest of its text."""
    try:
        found = _known.get(function)
        if found is None:
            found = _known[function] = _reached(function)
    except TypeError:  # it cannot be referred to weakly
        return _reached(function)
    return found


def _reached(function: Any) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    own = list(_layers(function))
    waiting: list[Any] = list(own)
    methods: list[types.FunctionType] = []
    """Of the classes that are reached: each counts where something reached names it, or Python may call it."""
    used: set[str] = set()
    seen: set[int] = set()
    while waiting:
        value = waiting.pop()
        if id(value) not in seen and is_ours(value):
            seen.add(id(value))
            if isinstance(value, type):
                methods += (m for member in vars(value).values() for m in _layers(member) if not isinstance(m, type))
                waiting += value.__bases__
            elif (text := _text(value)) is not None:
                if value not in own:
                    texts.setdefault(value.__code__.co_qualname, []).append(digest_of_ast(text))
                used.update(_names(value.__code__))
                waiting += _named(text, value)
        if not waiting:
            waiting = [m for m in methods if m.__name__ in used or m.__name__.startswith("__")]
            methods = [m for m in methods if m not in waiting]
    return {name: _short("".join(sorted(digests))) for name, digests in texts.items()}


def _text(function: types.FunctionType) -> Text | None:
    try:
        text = find_function(function).node
    except NoSource:  # a lambda, what a decorator has made of text, a file that has changed meanwhile
        return None
    return None if isinstance(text, ast.ClassDef) else text


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _names(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _names(constant)


def _named(text: Text, function: types.FunctionType) -> Iterator[Any]:
    """The functions and classes that a function's text names, also as a part of a module or a class."""
    scope = dict(function.__globals__)
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        try:
            scope[name] = cell.cell_contents
        except ValueError:  # not bound yet
            continue
    for name in function.__code__.co_varnames:
        scope.pop(name, None)
    called = (text.args, *text.body)  # its decorators have had their say when it was imported
    for part in itertools.chain.from_iterable(map(ast.walk, called)):
        if isinstance(part, (ast.Name, ast.Attribute)):
            try:
                yield from list(_layers(_value(part, scope)))
            except Exception:  # a stand-in for an object that is not there now: it is no function of the program's
                continue


def _value(text: ast.expr, scope: Mapping[str, Any]) -> Any:
    match text:
        case ast.Name(id=name):
            return scope.get(name)
        case ast.Attribute(value=inner, attr=name):
            holder = _value(inner, scope)
            return vars(holder).get(name) if isinstance(holder, (types.ModuleType, type)) else None
    return None


def _layers(value: Any) -> Iterator[Any]:
    """The functions and classes that something is or wraps."""
    for _ in range(_DEEPEST):
        if isinstance(value, property):
            for part in (value.fget, value.fset, value.fdel):
                yield from _layers(part)
            return
        if isinstance(value, (types.FunctionType, type)):
            yield value
        if isinstance(value, (staticmethod, classmethod, types.MethodType)):
            value = value.__func__
        elif isinstance(value, (functools.partial, functools.partialmethod)):
            value = value.func
        elif value is None or isinstance(value, (type, types.ModuleType)):
            return
        else:  # a decorator's, or a node
            value = getattr(value, "__dict__", {}).get("__wrapped__")
