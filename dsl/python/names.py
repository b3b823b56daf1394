"""The names of a Python flow: what it closes over, its module's globals, and the built-in names of the language."""

from __future__ import annotations

import builtins
import typing
from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, field

from ...compiler.operators import BUILTIN_EXCEPTIONS, BUILTINS
from ...compiler.types import Type
from ..hints import names_of, type_of
from ..nodes import binding_of
from ..scope import BadBinding, Binding, BuiltinBinding, TypeBinding, UnknownBinding

ANYTHING = "?"
"""The name that stands for an expression that was reported and left out: it may be anything."""

NOT_HERE: dict[str, tuple[str, str]] = {
    "print": ("a flow has no output of its own; what is printed would depend on what runs when", "write log.info(...)"),
    "open": ("files are the world", "use the nodes of the files pack, or make it a node"),
    "input": ("nobody may be there to answer", 'use wait_signal("name")'),
    "iter": ("an iterator is used up by its first reader", "loop over the value itself"),
    "next": ("an iterator is used up by its first reader", "index the list: xs[0]"),
    "getattr": ("attributes are read by name", "write value.name, or value[key] for a key"),
    "setattr": ("values do not change", "build a new value, or make it a node"),
    "delattr": ("values do not change", "build a new value, or make it a node"),
    "hasattr": ("what a value has follows from its type", "use isinstance or match"),
    "type": ("classes are not values here", "use isinstance(value, SomeClass)"),
    "issubclass": ("classes are not values here", "use isinstance(value, SomeClass)"),
    "callable": ("functions are not values here", "use isinstance"),
    "format": ("", 'write an f-string: f"{value:>10}"'),
    "pow": ("", "write a ** b"),
    "id": ("identity differs from run to run", "compare with =="),
    "bytearray": ("values do not change", "use bytes"),
    "memoryview": ("values do not change", "use bytes"),
    "BaseException": ("cancellation is never caught", "use Exception"),
    "KeyboardInterrupt": ("cancellation is never caught", "leave it out: the undos of a transaction run anyway"),
    "SystemExit": ("cancellation is never caught", "raise an error of your own"),
    "GeneratorExit": ("cancellation is never caught", "leave it out"),
}
"""Built-in names of Python that mean something else, or nothing, in a flow: why, and what to write."""


def builtin_binding(name: str) -> Binding | None:
    """What a built-in name of Python means in a flow; None where Python has no such name. :data:`ANYTHING` is one."""
    if name == ANYTHING:
        return UnknownBinding(name)
    if name in BUILTINS:
        return BuiltinBinding(name)
    if name in BUILTIN_EXCEPTIONS:
        return binding_of(BUILTIN_EXCEPTIONS[name])
    if name in NOT_HERE:
        reason, instead = NOT_HERE[name]
        return BadBinding(name, reason or f"{name} is not one of the built-in functions of a flow", instead)
    if hasattr(builtins, name) and not name.startswith("_"):
        return BadBinding(name, f"{name} is not one of the built-in functions of a flow", "make it a node")
    return None


@define(eq=False)
class PythonScope:
    """Resolves the free names of a Python function. Each name is looked up once, at its first use: a snapshot.

    Parameters
    ----------
    function: whose names these are.
    extra: objects under names that no program can write: options and defaults that were given as objects.
    """

    _function: Any  # a function: as an attribute, mypy takes it for a method
    extra: Mapping[str, Any] = field(factory=dict)
    _types: dict[str, Type] = field(factory=dict, init=False)
    _seen: dict[str, Binding | None] = field(factory=dict, init=False)

    def lookup(self, name: str) -> Binding | None:
        if name not in self._seen:
            self._seen[name] = self._find(name)
        return self._seen[name]

    def _find(self, name: str) -> Binding | None:
        if name in self.extra:
            return binding_of(self.extra[name], name)
        if name in self._types:
            return TypeBinding(self._types[name])
        if name in self._function.__code__.co_freevars:
            held = self._held()
            return binding_of(held[name], name) if name in held else None
        if name in self._function.__globals__:
            return binding_of(self._function.__globals__[name], name)
        # A function closes over what its body names; what only its annotations name, they hold themselves.
        if name in (annotated := self._annotated()):
            return binding_of(annotated[name], name)
        return builtin_binding(name)

    def _annotated(self) -> dict[str, Any]:
        """The classes in the annotations that are objects, by their names."""
        found: dict[str, Any] = {}
        stack = list(self._function.__annotations__.values()) if "<locals>" in self._function.__qualname__ else []
        while stack:
            value = stack.pop()
            if isinstance(value, type) and not typing.get_args(value) and not hasattr(builtins, value.__name__):
                found[value.__name__] = value
            else:
                stack += typing.get_args(value)
        return found

    def _held(self) -> dict[str, Any]:
        """What the flow closes over, without what the function around it has not bound yet."""
        found = {}
        for name, cell in zip(self._function.__code__.co_freevars, self._function.__closure__ or (), strict=True):
            try:
                found[name] = cell.cell_contents
            except ValueError:
                continue
        return found

    def alias(self, annotation: str) -> str:
        """A name for an annotation that the ``.cflow`` spelling has no words for: itself."""
        self._types[annotation] = type_of(annotation, names_of(self._function))
        return annotation

    def names(self) -> Iterable[str]:
        yield from self._held()
        yield from (n for n in self._function.__globals__ if not n.startswith("_"))
        yield from BUILTINS
        yield from BUILTIN_EXCEPTIONS
