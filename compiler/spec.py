"""What a graph refers to by name: nodes, classes, and the effects and policies they declare.

These are data: they print, hash and pickle. The callables and classes themselves travel beside the
graph in :class:`Objects`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

from attrs import evolve, field, frozen

from .types import ANY, Signature, Type

WORLD = "world"
"""The resource that conflicts with every other."""

LOG = "log"
"""The reserved resource of log and metric nodes (they wait like writes; only later such lines wait for them)."""

Runs = Literal["auto", "loop", "thread", "process", "asyncio", "command", "wasm", "native"]

RUNTIMES: Mapping[str, tuple[str, ...]] = {
    "process": ("memory",),
    "asyncio": (),
    "command": ("command", "memory"),
    "wasm": ("module", "fuel", "memory"),
    "native": ("library", "signature", "memory"),
}
"""The places for code that the executor does not call itself, and what a node may say of each; the first word has to be
said, unless it is a limit."""

LIMITS = ("memory", "fuel")
"""Those of the words that may be left out: what a call may use up."""


@frozen(cache_hash=True)
class Effects:
    """What a step does to the world beyond its result.

    ``reads`` and ``writes`` are sets of resource names; neither: pure. ``barrier``: ordered like a
    writer of the world whatever it touches (timers, signals, the clock, a stream's ``yield``).
    """

    reads: frozenset[str] = frozenset()
    writes: frozenset[str] = frozenset()
    barrier: bool = False
    declared: bool = field(default=True, eq=False)
    """False where the world is assumed because nothing was said; only ``explain`` asks."""

    @property
    def pure(self) -> bool:
        return not (self.reads or self.writes or self.barrier)

    @property
    def logs_only(self) -> bool:
        return self.writes == {LOG} and not self.reads and not self.barrier

    @property
    def retires(self) -> bool:
        """Does it wait for all earlier steps (a write or a barrier)?"""
        return bool(self.writes) or self.barrier

    def __or__(self, other: Effects) -> Effects:
        return Effects(
            self.reads | other.reads,
            self.writes | other.writes,
            self.barrier or other.barrier,
            self.declared and other.declared,
        )


PURE = Effects()
UNDECLARED = Effects(writes=frozenset({WORLD}), declared=False)
BARRIER = Effects(writes=frozenset({WORLD}), barrier=True)


def _exception_classes(retry: Retry, attribute: Any, value: Any) -> None:
    classes = value if isinstance(value, tuple) else (value,)
    if value is not None and not all(isinstance(c, type) and issubclass(c, BaseException) for c in classes):
        msg = f"on= is an exception class or a tuple of them, not {value!r}"
        raise TypeError(msg)


def _attempts(retry: Retry, attribute: Any, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        msg = f"a Retry begins with the number of more attempts, not {value!r}"
        raise TypeError(msg)
    if value < 0:
        msg = f"a number of more attempts cannot be negative: {value!r}"
        raise ValueError(msg)


@frozen(cache_hash=True)
class Retry:
    """How often and how to try again.

    ``times`` more attempts after the first; the pause before attempt ``k + 2`` is
    ``min(max, 0.1 * backoff**k)`` seconds, scaled by a random factor in [0.5, 1.5) (capped at ``max``)
    when ``jitter``. ``on`` is the exception class, or tuple of classes, that is worth another try;
    ``None``: every ``Exception``.
    """

    times: int = field(default=0, validator=_attempts)
    backoff: float = 2.0
    max: float = 60.0
    jitter: bool = True
    on: Any = field(default=None, validator=_exception_classes)


POLICY_KEYS = ("retry", "timeout", "cache", "rate", "lock", "default", "undo", "once")

STREAM_KEYS = ("timeout", "rate")
"""Those that fit a stream: how long it may last, and how often it may be opened."""
"""The options a call may carry, in the order they are printed."""


@frozen
class NodeSpec:
    """All that the compiler knows of a node.

    ``key`` is unique within a graph and is the key of :class:`Objects`; it never enters the digest.
    ``policy`` holds the node's own options as plain values (``{"retry": Retry(3), "timeout": 10.0}``), seconds for
    durations; options at a call are laid over it key by key when the call is lowered. ``undo`` in it is the
    *key* of the undoing node's spec. ``source`` is the digest of the function's code (layout, comments and docstrings
    left out); ``version`` replaces it where given.
    """

    key: str
    name: str
    signature: Signature = field(default=Signature(known=False))
    effects: Effects = UNDECLARED
    policy: Mapping[str, Any] = field(factory=dict)
    is_async: bool = False
    is_stream: bool = False
    runs: Runs = "auto"
    version: str = ""
    source: str = ""
    trusted: bool = False
    """On the shipped list of pure, quick standard-library callables: always called in place."""
    builtin: str = ""
    """For the engine's own operations (``sleep``, ``wait_signal``, ``mock`` ...): its name; no object is bound."""
    seek: str = ""
    """Of a stream whose source can begin anywhere: the parameter that takes the last item that was used up, after which
    it is to begin. It decides how a recorded run goes on, and nothing of what the program means."""
    transactional: bool = False
    """Does it write through the handle of a transaction that the engine opens and commits? The handle is no parameter
    of its signature."""
    grants: str = ""
    """The short name of the grants it is called under (:attr:`.permissions.Permissions.tag`); empty: its program is
    trusted. Not in the digest, since it says nothing of what the program means; what is cached is kept by it."""
    doc: str = field(default="", eq=False)
    runtime: Mapping[str, Any] = field(factory=dict)
    """What its runtime is told, as plain values (:data:`RUNTIMES`): ``{"memory": 512_000_000}``."""

    @property
    def awaited(self) -> bool:
        """Is what the engine calls for it an ``async def``: its own, or one that waits for code elsewhere?"""
        return self.is_async or self.runs in RUNTIMES

    def with_(self, **changes: Any) -> NodeSpec:
        return evolve(self, **changes)


@frozen
class FieldSpec:
    """A field of a record. ``default``: what a field that may be left out then is, as text that tells its content."""

    name: str
    type: Type = ANY
    required: bool = True
    default: str = ""
    keyword: bool = field(default=False, eq=False)
    """Is it given by keyword only? Asked by the check of a call alone: a program that passes it means the same."""


@frozen
class ClassSpec:
    """A class the program names: a record (pure to build), an exception (pure to build, can be raised and caught) or
    some other class (good for annotations and ``isinstance`` alone).

    ``bases``: keys of its bases, nearest first, as far as they are known; built-in names for built-in bases.
    ``members``: the names of all values of an enum, which makes it a closed type; flags are none.
    """

    key: str
    name: str
    kind: Literal["record", "exception", "other"] = "other"
    fields: tuple[FieldSpec, ...] | None = None
    bases: tuple[str, ...] = ()
    source: str = ""
    members: tuple[str, ...] = ()


@frozen
class Objects:
    """The real objects behind a graph's names.

    ``nodes``: spec key -> function; ``classes``: class key -> class; ``values``: key -> any other constant that
    has no literal form (snapshots of enclosing Python scopes); ``ambient``: ``env``/``secret`` readers are not here,
    they are read when a run starts.
    """

    nodes: dict[str, Callable[..., Any]] = field(factory=dict)
    classes: dict[str, type] = field(factory=dict)
    values: dict[str, Any] = field(factory=dict)

    def update(self, other: Objects) -> None:
        self.nodes.update(other.nodes)
        self.classes.update(other.classes)
        self.values.update(other.values)
