"""What ``@node``, ``@flow``, ``env`` and ``secret`` keep of what they are given, and whether it may be said at all.

Apart from what it means to a program (:mod:`.nodes`), so that a file that declares nodes is imported without all that
reads annotations, source and classes.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar, get_args

from attrs import define, field

from ..compiler.durations import seconds
from ..compiler.sizes import size_in_bytes
from ..compiler.spec import LIMITS, RUNTIMES, UNDECLARED, WORLD, Effects, Retry, Runs

if TYPE_CHECKING:
    from ..compiler.ir import AmbientSpec
    from ..compiler.spec import NodeSpec
    from .scope import Binding, FlowSource

P = ParamSpec("P")
R = TypeVar("R")
Raw = TypeVar("Raw")

EFFECTS = ("pure", "reads", "writes", "barrier")
"""What a declaration says of the node's effects."""

POLICY = ("retry", "timeout", "cache", "rate", "lock", "default", "undo", "once")
"""What it says of how the node is called; the same words as options at a call."""

RUNTIME = tuple(dict.fromkeys(word for words in RUNTIMES.values() for word in words))
"""What it says to the runtime that ``runs`` names."""

DECLARED = (*EFFECTS, *POLICY, "version", "runs", "seek", *RUNTIME)

OF_NODES = (*DECLARED, "transactional")
"""What `@node(...)` says; an import in text cannot name a database."""


@define(eq=False, slots=False)
class NodeDef(Generic[P, R, Raw]):
    """A declared node: the function, and what was said of it.

    Parameters
    ----------
    fn: the function itself; within another node call this.
    declared: the keywords of ``@node(...)``, as given.
    others: its other versions, by what they call themselves: those that its module had under this name before.
    """

    fn: Callable[P, Raw]
    declared: Mapping[str, Any] = field(factory=dict)
    others: Mapping[str, NodeDef[Any, Any, Any]] = field(factory=dict, repr=False)
    _replaced: bool = field(default=False, init=False, repr=False)
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
            from .nodes import spec_of

            self._spec = spec_of(self.fn, replaced=self._replaced, **self.declared)
        return self._spec

    @property
    def version(self) -> str:
        """What it calls itself."""
        return str(self.declared.get("version", "") or "")

    def beside(self) -> Self:
        """The node, once it knows the versions that its module has under the name that it is about to get."""
        before = getattr(self.fn, "__globals__", {}).get(self.__name__)
        if isinstance(before, NodeDef) and before.fn is not self.fn and _same_place(before.fn, self.fn):
            before._replaced = True
            self.others = {name: node for name, node in before.all_versions().items() if name != self.version}
        return self

    def all_versions(self) -> dict[str, NodeDef[Any, Any, Any]]:
        """This one and the others, by what they call themselves."""
        return {**self.others, **({self.version: self} if self.version else {})}

    def pinned(self, version: str) -> tuple[NodeDef[Any, Any, Any], dict[str, NodeDef[Any, Any, Any]]]:
        """One of its versions, and the others.

        Raises
        ------
        ValueError: it has none of that name.
        """
        versions = self.all_versions()
        found = versions.pop(version, None)
        if found is None:
            raise ValueError(no_version(self.__name__, version, versions))
        return found, versions

    @cached_property
    def plain(self) -> bool:
        """Is one call of it by itself no more than a call of its function?"""
        from . import hints

        policy = any(name in POLICY and name != "undo" for name in self.declared)
        away = self.declared.get("runs", "auto") not in ("auto", "loop")
        transactional = self.declared.get("transactional") is not None
        return not (policy or away or transactional or hints.is_async(self.fn) or hints.is_stream(self.fn))

    @property
    def call(self) -> Callable[..., Any]:
        """What the engine calls: the function, in its transaction where it has one."""
        return call_of(self.fn, self.declared)

    @property
    def undo(self) -> Binding | None:
        """What takes a completed call back, if declared."""
        if self._undo is None and self.declared.get("undo") is not None:
            from .nodes import binding_of

            self._undo = binding_of(self.declared["undo"])
        return self._undo


def _same_place(one: Any, other: Any) -> bool:
    return all(getattr(one, name, None) == getattr(other, name, None) for name in ("__module__", "__qualname__"))


def no_version(name: str, version: object, known: Iterable[str]) -> str:
    """What is wrong with a pin: there is no such version of the node ``name``."""
    listed = ", ".join(map(repr, known))
    return f"{name} has no version {version!r}: it has {listed or 'only one, which calls itself nothing'}"


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


def call_of(function: Callable[..., Any], declared: Mapping[str, Any]) -> Callable[..., Any]:
    """What the engine calls of a function that is declared so; the same object each time."""
    database = declared.get("transactional")
    found: Callable[..., Any] = function if database is None else database.bound(function)
    return found


def check_declared(declared: Mapping[str, Any]) -> None:
    """Are these keywords good ones for a node?

    Raises
    ------
    TypeError, ValueError: an unknown keyword, a value of the wrong kind, or declarations that contradict each other.
    """
    for name in declared:
        if name not in OF_NODES:
            msg = f"@node does not know {name!r}; it knows {', '.join(OF_NODES)}"
            raise TypeError(msg)
    for name in ("pure", "barrier"):
        if declared.get(name) not in (None, True, False):
            msg = f"{name}= is True or False, not {declared[name]!r}"
            raise TypeError(msg)
    if declared.get("pure") and (declared.get("reads") or declared.get("writes") or declared.get("barrier")):
        msg = "a node is either pure or reads, writes or is a barrier: leave out pure=True"
        raise ValueError(msg)
    seek = declared.get("seek") or ""
    if not isinstance(seek, str):
        msg = f"seek= is the name of a parameter, not {seek!r}"
        raise TypeError(msg)
    if declared.get("transactional") is not None:
        _check_transactional(declared)
    effects_of(declared)
    runtime_of(declared)
    check_options({name: value for name, value in declared.items() if name in POLICY})


def check_seek(spec: NodeSpec) -> None:
    """Can the source of a stream be told where to begin as it is declared to?

    Raises
    ------
    ValueError: it is no stream, or has no such parameter.
    """
    if not spec.seek:
        return
    if not spec.is_stream:
        msg = f"seek= tells a stream where to begin, and {spec.name} is none: it does not yield"
        raise ValueError(msg)
    named = [p.name for p in spec.signature.params if p.kind in ("pos_or_kw", "kw")]
    if spec.signature.known and spec.seek not in named:
        msg = f"seek= names a parameter that can be given by name, and {spec.name} has no {spec.seek!r}"
        raise ValueError(msg)


def _check_transactional(declared: Mapping[str, Any]) -> None:
    if not callable(getattr(declared["transactional"], "bound", None)):
        msg = f"transactional= is a database: SQLite(path) of cflow.transactional, not {declared['transactional']!r}"
        raise TypeError(msg)
    if declared.get("pure") or (declared.get("reads") and not declared.get("writes")):
        msg = 'a transactional node writes: declare writes="..." too, or leave out transactional='
        raise ValueError(msg)
    if declared.get("runs", "auto") not in ("auto", "thread"):
        msg = "a transactional node runs in a thread, as its database is waited for there: leave out runs="
        raise ValueError(msg)


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


def runtime_of(declared: Mapping[str, Any]) -> dict[str, Any]:
    """What these declarations say to the runtime that they name, as plain values; a ``version`` says nothing to it.

    Raises
    ------
    TypeError, ValueError: there is no such runtime, or it is told what it does not know, or not told what it must know.
    """
    runs = declared.get("runs", "auto")
    if runs not in get_args(Runs):
        msg = f"runs= is one of {', '.join(map(repr, get_args(Runs)))}, not {runs!r}"
        raise ValueError(msg)
    known = RUNTIMES.get(runs, ())
    for word in RUNTIME:
        if word in declared and word not in known:
            homes = " or ".join(f"runs={name!r}" for name, words in RUNTIMES.items() if word in words)
            msg = f"{word}= belongs to {homes}, not to runs={runs!r}"
            raise ValueError(msg)
        if word in known and word not in LIMITS and word not in declared:
            msg = f"runs={runs!r} needs {word}="
            raise ValueError(msg)
    return {word: _RUNTIME_VALUES[word](declared[word]) for word in known if declared.get(word) is not None}


_ASYNC, _GENERATOR = 0x80 | 0x200, 0x20
"""Of code objects: a coroutine or an async generator, a generator (``inspect.CO_COROUTINE`` and the like)."""


def check_function(function: Callable[..., Any], declared: Mapping[str, Any]) -> None:
    """Can this function run where it is declared to?

    Raises
    ------
    TypeError: it cannot.
    """
    runs = declared.get("runs")
    if runs in RUNTIMES:
        # By its code alone: while a file declares, its folder is first among those that an import searches.
        flags = getattr(getattr(function, "__code__", None), "co_flags", 0)
        if runs == "asyncio" and not flags & _ASYNC:
            msg = f"runs='asyncio' is for an async def, and {function!r} is none: a plain def runs in a thread"
            raise TypeError(msg)
        if runs != "asyncio" and flags & _ASYNC:
            msg = f"runs={runs!r} is for a plain def, and {function!r} is an async one"
            raise TypeError(msg)
        if runs in ("wasm", "native") and flags & _GENERATOR:
            msg = f"runs={runs!r} gives one result, and {function!r} yields several"
            raise TypeError(msg)


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


def _words(value: Any) -> tuple[str, ...]:
    words = tuple(value) if isinstance(value, (list, tuple)) else ()
    if not words or not all(isinstance(word, str) for word in words):
        msg = f'command= is a program and its arguments, as ["node", "score.js"], not {value!r}'
        raise TypeError(msg)
    return words


def _fuel(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        msg = f"fuel= is how many instructions a call may take, at least 1, not {value!r}"
        raise ValueError(msg)
    return value


def _path(value: Any) -> str:
    if not isinstance(value, (str, os.PathLike)):
        msg = f"module=, library= and signature= are text, not {value!r}"
        raise TypeError(msg)
    return str(value)


_RUNTIME_VALUES: dict[str, Callable[[Any], Any]] = {
    "memory": size_in_bytes, "command": _words, "fuel": _fuel, "module": _path, "library": _path, "signature": _path,
}  # fmt: skip

_POLICY_VALUES: dict[str, Callable[[Any], Any]] = {
    "retry": _retry, "timeout": seconds, "cache": _cache, "rate": _rate, "lock": _text, "once": _text,
}  # fmt: skip
