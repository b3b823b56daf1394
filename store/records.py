"""Classes by name, and the state of their instances.

A class is named ``module:qualname``. Reading a value never imports a module: a name means a class that the program
gave, or one in a module that is imported already and whose instances are plain data. An instance is put together
without a call of anything that its class defines: it gets the state that it had.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import enum
import sys
import types
from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from typing import Any, cast

from attrs import frozen

from . import forms
from .forms import BY_KIND

Resolver = Mapping[str, type] | Callable[[str], type | None]

_OWN = __name__.partition(".store.")[0]
_PLAIN_OWN = tuple(
    f"{_OWN}.{part}"
    for part in ("compiler.values", "compiler.diagnostics", "compiler.convert", "executor.errors", "stdlib_nodes")
)
"""Where this package defines values; the rest of it is the engine, of which nothing is a value."""

_HEAP = 1 << 9  # Py_TPFLAGS_HEAPTYPE: the class was made by a class statement, and has a dict of its own
_SKIPPED = frozenset({"__dict__", "__weakref__"})
ATTRS_HASH = "_attrs_cached_hash"
"""Where attrs keeps a hash; another process has another one."""


def class_name(cls: type) -> str:
    return f"{cls.__module__}:{cls.__qualname__}"


def is_record(cls: type) -> bool:
    """A dataclass or an attrs class, and nothing besides (no ``dict`` with fields)."""
    declared = "__attrs_attrs__" in cls.__dict__ or dataclasses.is_dataclass(cls) or hasattr(cls, "__attrs_attrs__")
    return declared and all(base is object or base.__flags__ & _HEAP for base in cls.__mro__)


def is_named_tuple(cls: type) -> bool:
    return issubclass(cls, tuple) and cls is not tuple and isinstance(getattr(cls, "_fields", None), tuple)


def _is_plain(cls: type) -> bool:
    """May instances of a class that the program did not give be made from what is stored? Making and dropping one must
    do nothing."""
    if any("__del__" in base.__dict__ for base in cls.__mro__):
        return False
    if issubclass(cls, (enum.Enum, BaseException)):
        return True
    module = cls.__module__
    if module.partition(".")[0] in sys.stdlib_module_names:
        return False
    if module == _OWN or module.startswith(f"{_OWN}."):
        return module.startswith(_PLAIN_OWN)
    return is_record(cls) or is_named_tuple(cls)


class Classes:
    """The classes that a program knows, by name.

    Parameters
    ----------
    known: the classes that it gave: a mapping whose values count (under their own names, and their keys), or a function
        from a name to a class or None.
    """

    def __init__(self, known: Resolver) -> None:
        if callable(known):
            self._known: Callable[[str], type | None] = known
        else:
            by_name = {**known, **{class_name(cls): cls for cls in known.values()}}
            self._known = by_name.get
        self._shapes: dict[type, Shape] = {}
        self._plain: dict[type, bool] = {}

    def find(self, name: str) -> type | None:
        """The class of a name, if instances of it may be made."""
        known = self._known(name)
        if known is not None:
            return known
        cls = imported(name)
        if cls is None:
            return None
        allowed = self._plain.get(cls)
        if allowed is None:
            allowed = self._plain[cls] = _is_plain(cls)
        return cls if allowed else None

    def find_class(self, name: str) -> type | None:
        """The class of a name, where it is a value itself."""
        cls = self.find(name) or _NAMELESS.get(name)
        if cls is None:
            cls = imported(name)
            if cls is not None and cls.__module__ != "builtins" and cls not in BY_KIND and cls not in _CLASSES:
                return None
        return cls

    def shape(self, cls: type) -> Shape:
        found = self._shapes.get(cls)
        if found is None:
            found = self._shapes[cls] = Shape.of(cls)
        return found


_NAMELESS = {class_name(cls): cls for cls in (type(None), type(...), type(NotImplemented))}
"""Classes that no module has under their names."""

_CLASSES = frozenset({dt.date, dt.time, dt.tzinfo})


def imported(name: str) -> type | None:
    """The class of a name in a module that is imported, read without running anything."""
    module, _, path = name.partition(":")
    found: Any = sys.modules.get(module)
    if not isinstance(found, types.ModuleType):
        return None
    space: Mapping[str, Any] = types.ModuleType.__getattribute__(found, "__dict__")
    cls: Any = None
    for part in path.split("."):
        cls = space.get(part)
        if not isinstance(cls, type):
            return None
        space = type.__getattribute__(cls, "__dict__")
    return cls if class_name(cls) == name else None


@frozen
class Shape:
    """Where instances of a class keep their state. ``slots``: by name, those of all bases. ``has_dict``: they have a
    ``__dict__``. ``computed``: names in it that are computed again when asked for. ``fields``: the declared ones that
    every instance has to have. ``base``: the class of the interpreter that instances are made by."""

    slots: Mapping[str, types.MemberDescriptorType]
    has_dict: bool
    computed: frozenset[str]
    fields: tuple[str, ...]
    base: type

    @classmethod
    def of(cls, kind: type) -> Shape:
        slots: dict[str, types.MemberDescriptorType] = {}
        computed: set[str] = set()
        for base in reversed(kind.__mro__):
            if not base.__flags__ & _HEAP:
                continue
            for name, value in base.__dict__.items():
                if isinstance(value, types.MemberDescriptorType) and name not in _SKIPPED:
                    slots[name] = value
                elif isinstance(value, cached_property):
                    computed.add(name)
        base = next(b for b in kind.__mro__ if not b.__flags__ & _HEAP)
        return cls(slots, bool(kind.__dictoffset__), frozenset(computed), tuple(fields_of(kind)), base)

    def state(self, value: Any) -> dict[str, Any]:
        """All that an instance holds, by name: slots in the order of the bases, then its ``__dict__``."""
        state: dict[str, Any] = {}
        for name, slot in self.slots.items():
            try:
                state[name] = slot.__get__(value)
            except AttributeError:  # not set
                continue
        if self.has_dict:
            space = object.__getattribute__(value, "__dict__")
            state.update(space)
            for name in self.computed & space.keys():
                del state[name]
        if ATTRS_HASH in state:
            state[ATTRS_HASH] = None
        return state

    def restore(self, value: Any, state: Mapping[str, Any]) -> None:
        """Give a bare instance its state; no ``__setattr__``, property or hook of its class has a part in it.

        Raises
        ------
        LookupError: there is no place for a name.
        """
        rest: dict[str, Any] = {}
        for name, part in state.items():
            slot = self.slots.get(name)
            if slot is not None:
                slot.__set__(value, part)
            else:
                rest[name] = part
        if rest:
            if not self.has_dict:
                raise LookupError(", ".join(sorted(rest)))
            object.__getattribute__(value, "__dict__").update(rest)


def fields_of(kind: type) -> Iterator[str]:
    """The names of a record's fields."""
    if hasattr(kind, "__attrs_attrs__"):
        for attribute in cast(Any, kind).__attrs_attrs__:
            yield attribute.name
    elif dataclasses.is_dataclass(kind):
        for item in dataclasses.fields(kind):
            yield item.name


@frozen
class StandIn:
    """What stands for a value that this program cannot make (its class is not known here): its type and its parts.
    Stored again, it is the same bytes.

    ``type``: the class by name (``shop.flows:Order``). ``parts``: fields by name, or what else it was made of.
    ``value``: what stands for it among values without classes: of a record its fields, of a named tuple a list of them,
    of a member of an enumeration its value; of others, itself.
    """

    type: str
    parts: Any
    code: int
    raw: bytes
    refs: tuple[str, ...] = ()
    lossy: bool = False
    enumerated: Any = None

    @property
    def value(self) -> Any:
        match self.code:
            case forms.RECORD:
                return self.parts
            case forms.NAMED_TUPLE:
                return list(self.parts.values())
            case forms.ENUM:
                return self.enumerated
        return self

    def __repr__(self) -> str:
        name = self.type.rpartition(":")[2]
        if isinstance(self.parts, dict):
            return f"{name}({', '.join(f'{key}={value!r}' for key, value in self.parts.items())})"
        return f"{name}({self.parts!r})" if self.parts is not None else f"<class {self.type}>"

    def __hash__(self) -> int:
        return hash(self.raw)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StandIn) and (self.code, self.raw) == (other.code, other.raw)
