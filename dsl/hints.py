"""Real Python annotations and classes to the symbols of :mod:`..compiler.types`.

Annotation *text* is read elsewhere (the loader); here are objects: ``list[int]``, ``Order | None``, a dataclass. What
cannot be said with those symbols, or not be resolved, is ``Any``: a check must never fail for what it does not know.
"""

from __future__ import annotations

import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import enum
import functools
import inspect
import itertools
import pathlib
import sys
import types
import typing
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Literal

import attrs
from attrs import evolve, frozen

from ..compiler.operators import BUILTIN_EXCEPTIONS
from ..compiler.spec import ClassSpec, FieldSpec
from ..compiler.types import ANY, ELLIPSIS, FLOAT, NONE, STR, Parameter, Signature, Type, class_type, stream_of, union
from ..compiler.values import Collected
from .contents import content, factory_content
from .keys import qualified, unique_key
from .scope import ClassBinding
from .source import source_digest

PLAIN: dict[type, str] = {
    **{t: t.__name__ for t in (int, float, bool, str, bytes, complex, range)},
    **{t: t.__name__ for t in (dt.date, dt.datetime, dt.time, dt.timedelta)},
    decimal.Decimal: "Decimal",
    pathlib.Path: "Path",
    pathlib.PurePath: "Path",
    pathlib.PosixPath: "Path",
    pathlib.WindowsPath: "Path",
}  # fmt: skip
"""The value types of the language that take no arguments."""

_CONTAINERS: dict[Any, tuple[str, int]] = {
    list: ("list", 1), set: ("set", 1), frozenset: ("frozenset", 1), dict: ("dict", 2),
    abc.Sequence: ("sequence", 1), abc.MutableSequence: ("sequence", 1), abc.Collection: ("collection", 1),
    abc.Iterable: ("iterable", 1), abc.Set: ("frozenset", 1),
    abc.Mapping: ("mapping", 2), abc.MutableMapping: ("mapping", 2),
}  # fmt: skip
_STREAMS = (abc.Iterator, abc.Generator, abc.AsyncIterator, abc.AsyncGenerator, abc.AsyncIterable)


def type_of(hint: Any, names: Mapping[str, Any] | None = None) -> Type:
    """The type that an annotation stands for; ``names`` resolves the text in it (forward references)."""
    return _Reader(names or {}).read(hint)


@frozen
class _Reader:
    names: Mapping[str, Any]
    given: bool = False
    """Is it of what a function gives? Of a type variable with constraints that is the one that fits the arguments."""

    def read(self, hint: Any, depth: int = 0) -> Type:
        if depth > 50:  # an alias that holds itself
            return ANY
        match hint:
            case None | types.NoneType:
                return NONE
            case str():
                return self.read(self.evaluate(hint), depth + 1)
            case typing.ForwardRef():
                return self.read(self.evaluate(hint.__forward_arg__), depth + 1)
            case type() if typing.get_origin(hint) is None:
                return self.of_class(hint)
            case typing.TypeVar():
                if hint.__constraints__:
                    return ANY if self.given else union(*(self.read(one, depth + 1) for one in hint.__constraints__))
                return self.read(hint.__bound__, depth + 1) if hint.__bound__ is not None else ANY
            case typing.NewType():
                return self.read(hint.__supertype__, depth + 1)
        if type(hint).__name__ == "TypeAliasType":  # `type X = ...` of Python 3.12
            try:
                return self.read(hint.__value__, depth + 1)
            except NameError:
                return ANY
        return self.generic(hint, typing.get_origin(hint), typing.get_args(hint), depth)

    def generic(self, hint: Any, origin: Any, args: tuple[Any, ...], depth: int) -> Type:
        if origin is typing.Literal:
            return self.literal(args)
        if origin in (typing.Union, types.UnionType):
            return union(*(self.read(a, depth + 1) for a in args))
        if origin in (typing.Annotated, typing.Final, typing.ClassVar, typing.Required, typing.NotRequired) and args:
            return self.read(args[0], depth + 1)
        inner = tuple(self.read(a, depth + 1) for a in args if a is not Ellipsis)
        if origin is tuple:
            return Type("tuple", (*inner, ELLIPSIS) if Ellipsis in args else inner)
        if origin in _CONTAINERS:
            name, arity = _CONTAINERS[origin]
            return Type(name, inner if len(inner) == arity else (ANY,) * arity)
        if origin in _STREAMS:
            return stream_of(inner[0] if inner else ANY)
        if origin is Collected and inner:
            return Type("collected", inner[:1])
        # A generic class of the user's: its arguments are not tracked.
        return self.of_class(typing.cast("type[Any]", origin)) if isinstance(origin, type) else ANY

    def literal(self, values: tuple[Any, ...]) -> Type:
        if any(isinstance(v, enum.Enum) for v in values):
            return ANY
        said = tuple(v for v in values if v is not None)
        members = ([Type("literal", said)] if said else []) + ([NONE] if len(said) < len(values) else [])
        return union(*members)

    def of_class(self, cls: type) -> Type:
        if cls in PLAIN:
            return Type(PLAIN[cls])
        if cls in _CONTAINERS:
            name, arity = _CONTAINERS[cls]
            return Type(name, (ANY,) * arity)
        if cls is tuple:
            return Type("tuple", (ANY, ELLIPSIS))
        if cls in _STREAMS:
            return stream_of(ANY)
        if typing.is_typeddict(cls):
            return Type("dict", (STR, ANY))
        if cls is Collected:
            return Type("collected", (ANY,))
        # What other classes can claim to be without inheriting from it says nothing.
        if getattr(cls, "_is_protocol", False) or cls.__module__ in _ABSTRACT or cls in (object, type):
            return ANY
        return class_type(class_spec(cls).key)

    def evaluate(self, text: str) -> Any:
        try:
            return eval(text, dict(self.names))  # the author's own annotation, of a module that was imported
        except Exception:  # a name imported for type checkers alone, or anything else: it says nothing
            return Any


_ABSTRACT = frozenset({"abc", "collections.abc", "typing", "typing_extensions", "numbers", "types", "collections"})


# ---- classes -------------------------------------------------------------------------------------

_SPECS: weakref.WeakKeyDictionary[type, ClassSpec] = weakref.WeakKeyDictionary()
_BY_KEY: weakref.WeakValueDictionary[str, type] = weakref.WeakValueDictionary()


def class_spec(cls: type) -> ClassSpec:
    """What the compiler knows of a class. Fields are read at once, their types may name the class itself."""
    spec = _SPECS.get(cls)
    if spec is not None:
        return spec
    builtin = BUILTIN_EXCEPTIONS.get(cls.__name__) is cls
    key = cls.__name__ if builtin else unique_key(qualified(cls), cls)
    kind: Literal["record", "exception", "other"] = "other"
    if issubclass(cls, BaseException):
        kind = "exception"
    elif is_record(cls):
        kind = "record"
    bases = tuple(class_spec(b).key if not _builtin_base(b) else b.__name__ for b in cls.__bases__ if b is not object)
    spec = ClassSpec(key, cls.__name__, kind, None, bases)
    _SPECS[cls] = spec  # before its fields: they may name the class
    _BY_KEY[key] = cls
    if kind == "record":
        spec = ClassSpec(key, cls.__name__, kind, _fields(cls), bases)
    elif not builtin:
        spec = ClassSpec(key, cls.__name__, kind, None, bases, source_digest(cls), _enum_members(cls))
    _SPECS[cls] = spec
    return spec


def _enum_members(cls: type) -> tuple[str, ...]:
    closed = issubclass(cls, enum.Enum) and not issubclass(cls, enum.Flag)
    return tuple(m.name for m in cls) if closed else ()  # type: ignore[attr-defined]


def declare_class(cls: type, spec: ClassSpec) -> None:
    """Make a class known that was made from its spec (a record of a ``.cflow`` file)."""
    _SPECS[cls] = spec
    _BY_KEY[spec.key] = cls


_READ: weakref.WeakValueDictionary[str, ClassBinding] = weakref.WeakValueDictionary()


def declare_read(binding: ClassBinding) -> None:
    """Make a class known, as long as its binding lives, of which only the text was read."""
    _READ[binding.spec.key] = binding


def class_binding(key: str) -> ClassBinding | None:
    """The class behind a key that :func:`type_of` has put in a type; None where no class of this process has it."""
    cls = _BY_KEY.get(key)
    if cls is None and key in BUILTIN_EXCEPTIONS:
        cls = BUILTIN_EXCEPTIONS[key]
    return _READ.get(key) if cls is None else ClassBinding(class_spec(cls), cls)


def is_record(cls: type) -> bool:
    """A dataclass, an attrs class or a named tuple: pure to build."""
    named_tuple = issubclass(cls, tuple) and hasattr(cls, "_fields")
    return dataclasses.is_dataclass(cls) or attrs.has(cls) or named_tuple


def _builtin_base(cls: type) -> bool:
    return cls.__module__ == "builtins" or cls.__module__ in _ABSTRACT or cls in (enum.Enum, enum.IntEnum, enum.StrEnum)


def _fields(cls: type) -> tuple[FieldSpec, ...] | None:
    """The fields of a record, by the names its constructor takes; None where it has a constructor of its own."""
    module = sys.modules.get(cls.__module__)
    reader = _Reader({**(vars(module) if module else {}), cls.__name__: cls})

    def field_type(name: str, hint: Any) -> Type:
        for base in cls.__mro__:
            if name in (own := inspect.get_annotations(base)):
                hint = own[name]
                break
        return reader.read(hint) if hint is not None else ANY

    if attrs.has(cls):
        if hasattr(cls, "__attrs_init__") or "__attrs_attrs__" not in cls.__dict__:
            return None  # attrs gives that method to classes with an __init__ of their own
        return tuple(
            _field(a.alias or a.name, ANY if a.converter else field_type(a.name, a.type), a.default, keyword=a.kw_only)
            for a in attrs.fields(cls)
            if a.init
        )
    if dataclasses.is_dataclass(cls):
        params = getattr(cls, "__dataclass_params__", None)
        if params is None or not params.init:
            return None
        return tuple(
            _field(f.name, field_type(f.name, f.type), f.default, f.default_factory, keyword=bool(f.kw_only))
            for f in dataclasses.fields(cls)
            if f.init
        )
    hints = inspect.get_annotations(cls)
    names: tuple[str, ...] = getattr(cls, "_fields", ())
    defaults: dict[str, Any] = getattr(cls, "_field_defaults", {})
    return tuple(_field(n, field_type(n, hints.get(n, Any)), defaults.get(n, attrs.NOTHING)) for n in names)


def _field(
    name: str, type: Type, default: Any, factory: Any = dataclasses.MISSING, *, keyword: bool = False
) -> FieldSpec:
    if isinstance(default, attrs.Factory):  # type: ignore[arg-type]  # a function to type checkers
        default, factory = attrs.NOTHING, default.factory
    if factory is not dataclasses.MISSING:
        return FieldSpec(name, type, False, factory_content(factory), keyword)
    if default is attrs.NOTHING or default is dataclasses.MISSING:
        return FieldSpec(name, type, keyword=keyword)
    return FieldSpec(name, type, False, default_content(type, default), keyword)


def default_content(type: Type, default: Any) -> str:
    """The default of a field as text; the same for ``0`` and ``0.0`` in a field of floats."""
    return content(float(default) if type == FLOAT and default.__class__ is int else default)


# ---- signatures ----------------------------------------------------------------------------------

_KINDS = {
    inspect.Parameter.POSITIONAL_ONLY: "pos",
    inspect.Parameter.POSITIONAL_OR_KEYWORD: "pos_or_kw",
    inspect.Parameter.VAR_POSITIONAL: "var_pos",
    inspect.Parameter.KEYWORD_ONLY: "kw",
    inspect.Parameter.VAR_KEYWORD: "var_kw",
}


def names_of(function: Callable[..., Any]) -> Mapping[str, Any]:
    """The names that the annotations of a function can use: its globals, and what it closes over."""
    inner = inspect.unwrap(function)
    if not isinstance(inner, types.FunctionType):
        return {}
    held = {}
    for name, cell in zip(inner.__code__.co_freevars, inner.__closure__ or (), strict=True):
        try:
            held[name] = cell.cell_contents
        except ValueError:
            continue
    return {**inner.__globals__, **held}


def signature_of(function: Callable[..., Any]) -> Signature:
    """How a function is called, as far as it says; unknown where nothing can be said (many functions written in C)."""
    try:
        signature = inspect.signature(function)
    except (ValueError, TypeError, NameError):
        return Signature(known=False)
    reader = _Reader(names_of(function))

    def hint(value: Any, reader: _Reader = reader) -> Type:
        return ANY if value is inspect.Signature.empty else reader.read(value)

    params = tuple(
        Parameter(
            p.name,
            hint(p.annotation),
            _KINDS[p.kind],
            p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD),
            None if p.default is p.empty else p.default,
        )
        for p in signature.parameters.values()
    )
    returns = hint(signature.return_annotation, evolve(reader, given=True))
    if is_stream(function) and returns.name != "stream":
        returns = stream_of(returns.args[0] if returns.name == "list" else ANY)
    return Signature(params, returns)


def is_stream(function: Callable[..., Any]) -> bool:
    """Does calling it give items one by one?"""
    inner = _innermost(function)
    return inspect.isasyncgenfunction(inner) or inspect.isgeneratorfunction(inner)


def is_async(function: Callable[..., Any]) -> bool:
    """Is it ``async def``, or a callable object whose call is? An async generator counts."""
    inner = _innermost(function)
    return inspect.iscoroutinefunction(inner) or inspect.isasyncgenfunction(inner)


def _innermost(function: Callable[..., Any]) -> Any:
    """What runs when it is called. A decorator's wrapper is what runs, not what it wraps."""
    while isinstance(function, functools.partial):
        function = function.func
    if inspect.isroutine(function) or isinstance(function, type):
        return function
    return type(function).__call__ if callable(function) else function


def type_of_value(value: Any) -> Type:
    """The type of a constant of the enclosing scope; mixed or empty containers hold ``Any``."""
    return _type_of_value(value, {})


def _type_of_value(value: Any, known: dict[int, Type]) -> Type:
    """``known``: the containers met so far, since one may be held a thousand times."""
    kind = type(value)
    if value is None:
        return NONE
    if kind not in (list, set, frozenset, tuple, dict):
        return ANY if isinstance(value, (list, set, frozenset)) else type_of(kind)
    found = known.get(id(value))
    if found is None:
        known[id(value)] = ANY  # it may hold itself
        if kind is tuple:
            found = Type("tuple", tuple(_type_of_value(item, known) for item in value))
        elif kind is dict:
            found = Type("dict", (_common(value, known), _common(value.values(), known)))
        else:
            found = Type(kind.__name__, (_common(value, known),))
        known[id(value)] = found
    return found


def _common(items: Any, known: dict[int, Type]) -> Type:
    kinds = {_type_of_value(item, known) for item in itertools.islice(items, 100)}
    return kinds.pop() if len(kinds) == 1 else ANY


def is_plain(cls: type) -> bool:
    """Is the class a type of the language: a value type, an abstract container, the result of ``collect``?"""
    return cls in PLAIN or cls in _CONTAINERS or cls in _STREAMS or cls is Collected


def is_annotation(value: Any) -> bool:
    """Is this object an annotation without being a class (``int | None``, ``Literal["a"]``, ``list[int]``)?"""
    return typing.get_origin(value) is not None or isinstance(value, (typing.TypeVar, typing.NewType)) or value is Any


_SPECIAL = "Any Optional Union Literal Annotated Final ClassVar Required NotRequired".split()


def is_special(value: Any) -> str | None:
    """The name of a special form of :mod:`typing`, which is an annotation only with arguments."""
    return next((name for name in _SPECIAL if value is getattr(typing, name)), None)
