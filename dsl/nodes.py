"""What real Python objects mean to a program: nodes and what they declare, and the binding of any object.

``@node`` keeps the function and its declarations; the spec is made at first use, when annotations can name what the
module defines further down. Nothing here runs a node.
"""

from __future__ import annotations

import contextlib
import os
import types
import weakref
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any, Generic, ParamSpec, TypeVar

from attrs import define, evolve, field

from ..compiler.durations import seconds
from ..compiler.ir import AmbientSpec
from ..compiler.operators import BUILTIN_EXCEPTIONS, BUILTINS
from ..compiler.spec import UNDECLARED, WORLD, Effects, NodeSpec, Retry
from . import hints
from .keys import qualified, unique_key
from .purelist import is_pure
from .scope import (
    AmbientBinding,
    BadBinding,
    Binding,
    BuiltinBinding,
    ClassBinding,
    FlowBinding,
    FlowSource,
    NodeBinding,
    PackBinding,
    TypeBinding,
    UnknownBinding,
    ValueBinding,
)
from .source import source_digest

P = ParamSpec("P")
R = TypeVar("R")
Raw = TypeVar("Raw")

EFFECTS = ("pure", "reads", "writes", "barrier")
"""What a declaration says of the node's effects."""

POLICY = ("retry", "timeout", "cache", "rate", "lock", "default", "undo", "once")
"""What it says of how the node is called; the same words as options at a call."""

DECLARED = (*EFFECTS, *POLICY, "version", "runs")


@define(eq=False, slots=False)
class NodeDef(Generic[P, R, Raw]):
    """A declared node: the function, and what was said of it.

    Parameters
    ----------
    fn: the function itself; within another node call this.
    declared: the keywords of ``@node(...)``, as given.
    """

    fn: Callable[P, Raw]
    declared: Mapping[str, Any] = field(factory=dict)
    _spec: NodeSpec | None = field(default=None, init=False, repr=False)
    _undo: Binding | None = field(default=None, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.__name__ = getattr(self.fn, "__name__", type(self.fn).__name__)
        for name in ("__doc__", "__qualname__", "__module__"):
            with contextlib.suppress(AttributeError, TypeError):
                setattr(self, name, getattr(self.fn, name))
        self.__wrapped__ = self.fn

    @property
    def spec(self) -> NodeSpec:
        """All that the compiler knows of the node."""
        if self._spec is None:
            self._spec = spec_of(self.fn, **self.declared)
        return self._spec

    @cached_property
    def plain(self) -> bool:
        """Is one call of it by itself no more than a call of its function?"""
        policy = any(name in POLICY and name != "undo" for name in self.declared)
        return not (
            policy or hints.is_async(self.fn) or hints.is_stream(self.fn) or self.declared.get("runs") == "thread"
        )

    @property
    def undo(self) -> Binding | None:
        """What takes a completed call back, if declared."""
        if self._undo is None and self.declared.get("undo") is not None:
            self._undo = binding_of(self.declared["undo"])
        return self._undo


@define(eq=False, slots=False)
class FlowDef(Generic[P, R]):
    """A declared flow: where its syntax comes from. The body of a Python flow never runs."""

    source: FlowSource
    undo: Any = None
    """What takes a completed call back, if ``.options(...)`` said so."""
    door: Any = field(default=None, init=False, repr=False)
    """The engine's: the short way into the flow, once it is known."""


@define(frozen=True)
class Ambient:
    """What ``secret(...)`` and ``env(...)`` give: a name for a value that is read when a run starts."""

    spec: AmbientSpec


@define(frozen=True)
class FormName:
    """A built-in form of the language (``race``, ``parallel``), as an object that names can be bound to."""

    name: str


FORM = "cflow."
"""A :class:`BuiltinBinding` whose name begins so is a form of the language, not a function."""


_PACKAGE = __name__.partition(".dsl.")[0]
_AROUND = frozenset(f"{_PACKAGE}.{part}" for part in ("facade", "modules", "engine", "executor.context"))
"""Where the functions live that belong around a flow and never into it; they are told apart like forms."""


def check_declared(declared: Mapping[str, Any]) -> None:
    """Are these keywords good ones for a node?

    Raises
    ------
    TypeError, ValueError: an unknown keyword, a value of the wrong kind, or declarations that contradict each other.
    """
    for name in declared:
        if name not in DECLARED:
            msg = f"@node does not know {name!r}; it knows {', '.join(DECLARED)}"
            raise TypeError(msg)
    for name in ("pure", "barrier"):
        if declared.get(name) not in (None, True, False):
            msg = f"{name}= is True or False, not {declared[name]!r}"
            raise TypeError(msg)
    if declared.get("pure") and (declared.get("reads") or declared.get("writes") or declared.get("barrier")):
        msg = "a node is either pure or reads, writes or is a barrier: leave out pure=True"
        raise ValueError(msg)
    if declared.get("runs", "auto") not in ("auto", "loop", "thread"):
        msg = f"runs= is 'auto', 'loop' or 'thread', not {declared['runs']!r}"
        raise ValueError(msg)
    effects_of(declared)
    check_options({name: value for name, value in declared.items() if name in POLICY})


def check_options(options: Mapping[str, Any]) -> None:
    """Are these good options of a call, or of a flow?

    Raises
    ------
    TypeError, ValueError: an unknown option, or a value of the wrong kind.
    """
    for name in options:
        if name not in POLICY:
            msg = f"there is no option {name!r}; the options of a call are {', '.join(POLICY)}"
            raise TypeError(msg)
    undo = options.get("undo")
    if undo is not None and not callable(undo):
        msg = f"undo= is a node, a flow or a function of the result, not {undo!r}"
        raise TypeError(msg)
    policy_of(options)


def effects_of(declared: Mapping[str, Any]) -> Effects:
    """The effects that these declarations give; those of an undeclared node where they say nothing."""
    if declared.get("pure"):
        return Effects()
    reads, writes = _resources("reads", declared.get("reads")), _resources("writes", declared.get("writes"))
    barrier = bool(declared.get("barrier"))
    if reads or writes:
        return Effects(reads, writes, barrier)
    return Effects(writes=frozenset({WORLD}), barrier=True) if barrier else UNDECLARED


def _resources(option: str, value: Any) -> frozenset[str]:
    if not value:
        return frozenset()
    names = (value,) if isinstance(value, str) else tuple(value) if isinstance(value, Iterable) else ("",)
    if not all(isinstance(n, str) and n for n in names):
        msg = f'{option}= is the name of a resource or several ({option}=("orders", "mail")), not {value!r}'
        raise TypeError(msg)
    return frozenset(names)


def policy_of(declared: Mapping[str, Any]) -> dict[str, Any]:
    """The options among these declarations as plain values, durations in seconds; ``undo`` is left out."""
    policy: dict[str, Any] = {}
    for name in POLICY:
        if name not in declared or name == "undo":
            continue
        value = declared[name]
        if name == "default":  # None is a value like any other
            policy[name] = value
        elif value is not None and value is not False:
            policy[name] = _POLICY_VALUES[name](value)
    return policy


def _retry(value: Any) -> Retry:
    if isinstance(value, Retry):
        return value
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        msg = f"retry= is a number of more attempts or a Retry, not {value!r}"
        raise TypeError(msg)
    return Retry(value)


def _cache(value: Any) -> Any:
    return True if value is True else seconds(value)


def _rate(value: Any) -> str:
    count, _, unit = value.partition("/") if isinstance(value, str) else ("", "", "")
    if not count.strip().isdigit() or int(count) < 1 or not unit.strip():
        msg = f"rate= is text like '10/s', not {value!r}"
        raise ValueError(msg)
    return str(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        msg = f"lock= and once= are text, not {value!r}"
        raise TypeError(msg)
    return value


_POLICY_VALUES: dict[str, Callable[[Any], Any]] = {
    "retry": _retry, "timeout": seconds, "cache": _cache, "rate": _rate, "lock": _text, "once": _text,
}  # fmt: skip


def spec_of(function: Callable[..., Any], **declared: Any) -> NodeSpec:
    """What the compiler knows of a function as a node.

    Parameters
    ----------
    function: any callable.
    declared: the keywords of ``@node``. A function on the shipped list of pure callables is pure and trusted by itself.

    Raises
    ------
    TypeError, ValueError: as :func:`check_declared`.
    """
    check_declared(declared)
    trusted = not declared and is_pure(function)
    policy = policy_of(declared)
    if declared.get("undo") is not None:
        policy["undo"] = key_of(binding_of(declared["undo"]))
    spec = NodeSpec(
        key="",
        name=getattr(function, "__name__", type(function).__name__),
        signature=hints.signature_of(function),
        effects=Effects() if trusted else effects_of(declared),
        policy=policy,
        is_async=hints.is_async(function),
        is_stream=hints.is_stream(function),
        runs=declared.get("runs", "auto"),
        version=str(declared.get("version", "") or ""),
        source="" if trusted else source_digest(function),
        trusted=trusted,
        doc=(getattr(function, "__doc__", None) or "").strip(),
    )
    return evolve(spec, key=unique_key(qualified(function), function, spec))


def key_of(binding: Binding) -> str:
    """The key by which a graph refers to a node or flow."""
    match binding:
        case NodeBinding():
            return binding.spec.key
        case FlowBinding():
            return binding.source.key
    msg = "undo= is a node, a flow or a function of the result"
    raise TypeError(msg)


# ---- bindings ------------------------------------------------------------------------------------

_PLAIN_NODES: weakref.WeakKeyDictionary[Any, NodeBinding] = weakref.WeakKeyDictionary()
_BUILTIN_OBJECTS = {id(value): name for name, value in vars(__import__("builtins")).items() if name in BUILTINS}


def node_binding(function: Callable[..., Any]) -> NodeBinding:
    """A plain function as a node: it declares nothing, unless it is on the shipped list of pure callables."""
    try:
        found = _PLAIN_NODES.get(function)
        if found is None:
            found = _PLAIN_NODES[function] = NodeBinding(spec_of(function), function)
    except TypeError:  # cannot be hashed or referred to weakly
        return NodeBinding(spec_of(function), function)
    return found


ENVIRONMENT = ("environ", "environb", "getenv", "getenvb", "putenv")
"""The names in ``os`` that reach the environment; not every system has all."""
_NOTHING = object()


def environment_binding(name: str) -> BadBinding:
    """The environment as a name in a flow."""
    return BadBinding(
        name,
        "the environment is read once, when a run starts, so that a run can be repeated",
        'declare REGION = env("REGION", "default") or KEY = secret("KEY") beside the flow and use that name',
    )


def binding_of(value: Any, name: str = "") -> Binding:
    """What any Python object means as a name in a flow.

    Parameters
    ----------
    value: the object.
    name: how the program calls it, for messages.
    """
    if isinstance(value, NodeDef):
        return NodeBinding(value.spec, value.fn, value.undo)
    if isinstance(value, FlowDef):
        return FlowBinding(value.source, None if value.undo is None else binding_of(value.undo))
    if isinstance(value, Ambient):
        return AmbientBinding(value.spec)
    if isinstance(value, (types.FunctionType, type)):
        form = vars(value).get("__cflow_form__")
        if isinstance(form, FormName):
            return BuiltinBinding(FORM + form.name)
        if value.__module__ in _AROUND:
            return BuiltinBinding(FORM + value.__name__)
    if id(value) in _BUILTIN_OBJECTS:
        return BuiltinBinding(_BUILTIN_OBJECTS[id(value)])
    if any(value is vars(os).get(n, _NOTHING) for n in ENVIRONMENT):
        return environment_binding(name or "os.environ")
    if isinstance(value, types.ModuleType):
        return pack_binding(value)
    if hints.is_special(value):
        return UnknownBinding(f"typing.{hints.is_special(value)}")
    if hints.is_annotation(value):
        return TypeBinding(hints.type_of(value))
    if isinstance(value, type):
        return class_binding_of(value)
    if callable(value) and not isinstance(value, type):
        return node_binding(value)
    return ValueBinding(snapshot(value), hints.type_of_value(value), name)


def class_binding_of(cls: type) -> Binding:
    """A class as a name: value types of the language are types, every other is a class."""
    if hints.is_plain(cls):
        return TypeBinding(hints.type_of(cls))
    if BUILTIN_EXCEPTIONS.get(cls.__name__) is cls or cls.__module__ != "builtins":
        return ClassBinding(hints.class_spec(cls), cls, lambda name: _static_method(cls, name))
    return BadBinding(cls.__name__, "it gives access to Python's own objects, or to values that change")


def _static_method(cls: type, name: str) -> Binding | None:
    """A node or flow that is declared in a class; a method that declares nothing is none."""
    value = next((vars(base)[name] for base in cls.__mro__ if name in vars(base)), None)
    if isinstance(value, staticmethod):
        value = value.__func__
    declared = isinstance(value, (NodeDef, FlowDef)) and not name.startswith("_")
    return binding_of(value, f"{cls.__name__}.{name}") if declared else None


def pack_binding(module: types.ModuleType) -> PackBinding:
    """A module as a name: its public names are its members."""

    def member(name: str) -> Binding | None:
        if name.startswith("_"):
            return None
        try:
            value = getattr(module, name)
        except Exception:  # not there, or loaded at first use and failing at that
            return None
        return binding_of(value, f"{module.__name__}.{name}")

    def names() -> Iterable[str]:
        return [n for n in dir(module) if not n.startswith("_")]

    return PackBinding(module.__name__, member, names)


def snapshot(value: Any) -> Any:
    """The value as it is now: containers are copied, since the module may change them after the flow was compiled."""
    return _copied(value, {})


def _copied(value: Any, known: dict[int, Any]) -> Any:
    """``known``: the containers met so far, since one may be held often, or hold itself."""
    kind = type(value)
    if kind not in (list, dict, set, tuple):
        return value
    if id(value) in known:
        return known[id(value)]
    if kind is list:
        items: list[Any] = []
        known[id(value)] = items
        items.extend(_copied(item, known) for item in value)
        return items
    if kind is dict:
        pairs: dict[Any, Any] = {}
        known[id(value)] = pairs
        pairs.update((k, _copied(v, known)) for k, v in value.items())
        return pairs
    known[id(value)] = found = set(value) if kind is set else tuple(_copied(item, known) for item in value)
    return found
