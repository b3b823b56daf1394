"""What a name may stand for, whichever spelling it is written in.

A front end hands lowering a :class:`FlowSource`: the syntax of a flow and the scope its names are looked up in.
Lowering never asks whether a name came from Python's globals or from a ``.cflow`` import.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, field, frozen

from ..compiler.spec import ClassSpec, NodeSpec
from ..compiler.types import Type

if TYPE_CHECKING:  # its many classes take a while to make, and declaring a flow needs none of them
    from ..compiler.ir import AmbientSpec
    from . import syntax


@frozen
class NodeBinding:
    """A node. ``fn``: the real function (for a stdlib callable: itself), None where only its text was read. ``undo``:
    the binding of a node's declared ``undo=``. ``others``: its other versions, by what they call themselves."""

    spec: NodeSpec
    fn: Callable[..., Any] | None = field(default=None, eq=False)
    undo: Binding | None = field(default=None, eq=False)
    others: Mapping[str, NodeBinding] = field(factory=dict, eq=False)

    def versions(self) -> dict[str, NodeBinding]:
        """This one and the others."""
        return {**self.others, **({self.spec.version: self} if self.spec.version else {})}


@frozen
class FlowBinding:
    """A flow. ``undo``: the binding of the ``undo=`` that ``.options(...)`` gave it, for each call."""

    source: FlowSource
    undo: Binding | None = field(default=None, eq=False)


def _no_members(name: str) -> Binding | None:
    return None


@frozen
class ClassBinding:
    """A record, an exception or another class. ``cls`` is None where only its text was read. Built-in exceptions
    too. ``members``: resolves the nodes and flows that are its static methods; None for any other name.
    ``defined``: the names that its text, where only that was read, defines by ``def``, properties among them."""

    spec: ClassSpec
    cls: type | None = field(default=None, eq=False)
    members: Callable[[str], Binding | None] = field(default=_no_members, eq=False)
    defined: frozenset[str] = field(default=frozenset(), eq=False)


@frozen
class PackBinding:
    """A pack or module: ``members`` resolves its public names; None for an unknown one. ``names``: what it has."""

    name: str
    members: Callable[[str], Binding | None] = field(eq=False)
    names: Callable[[], Iterable[str]] = field(eq=False)


@frozen
class ValueBinding:
    """A constant: a ``const``, or a snapshot of a name of the enclosing Python scope."""

    value: Any = field(eq=False)
    type: Type
    name: str = ""


@frozen
class AmbientBinding:
    spec: AmbientSpec


@frozen
class TypeBinding:
    """A type alias, or a type that is usable in annotations. ``varies``: a type variable with constraints: what
    a node takes is one of them, what it gives the one that fits, and a flow, which has no such types, says nothing."""

    type: Type
    varies: bool = False


@frozen
class BuiltinBinding:
    """A built-in function of the language (a key of ``operators.BUILTINS``)."""

    name: str


@frozen
class UnknownBinding:
    """A name that exists but of which nothing can be said without running something: its type is ``Any``, calling it
    is calling an undeclared node."""

    name: str


@frozen
class BadBinding:
    """A name that exists and must not be used; the words of the diagnostic (``os.environ``, an ``_api`` module...).

    ``python``: the fix as Python writes it, where that differs."""

    name: str
    reason: str
    help: str = ""
    python: str = ""


Binding = (
    NodeBinding | FlowBinding | ClassBinding | PackBinding | ValueBinding | AmbientBinding | TypeBinding
    | BuiltinBinding | UnknownBinding | BadBinding
)  # fmt: skip


class Scope(Protocol):
    """Resolves the free names of a flow."""

    def lookup(self, name: str) -> Binding | None: ...

    def names(self) -> Iterable[str]:
        """Every name that would resolve: for "did you mean"."""
        ...


@define(eq=False)
class FlowSource:
    """A flow that can be lowered. ``key`` is unique in the process and readable (``orders.settle``).

    ``load`` is called at the first use, and again after :meth:`forget`: it may read and parse source, and raises
    ``ProgramError`` where it cannot.
    """

    name: str
    key: str
    file: str
    load: Callable[[], tuple[syntax.Flow, Scope]]
    allow: tuple[str, ...] | None = None
    """What its file was loaded with, wherever it is read again; None: it is trusted."""
    _loaded: tuple[syntax.Flow, Scope] | None = None

    def loaded(self) -> tuple[syntax.Flow, Scope]:
        if self._loaded is None:
            self._loaded = self.load()
        return self._loaded

    def forget(self) -> None:
        """The flow could not be compiled: what its names meant then says nothing about the next time."""
        self._loaded = None


@frozen
class DictScope:
    """A scope over a plain mapping, over another scope (a module's own names over the built-in ones)."""

    bindings: Mapping[str, Binding]
    outer: Scope | None = None

    def lookup(self, name: str) -> Binding | None:
        found = self.bindings.get(name)
        return self.outer.lookup(name) if found is None and self.outer is not None else found

    def names(self) -> Iterable[str]:
        yield from self.bindings
        if self.outer is not None:
            yield from self.outer.names()
