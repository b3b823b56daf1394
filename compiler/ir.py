"""The graph: the one intermediate form that both spellings become.

A graph is a set of flows; a flow is a region; a region is a list of operations *in program order* with the
values it takes from outside and the results it hands out. Values are single-assignment names, unique within a flow.
Expressions are trees of pure operators over atoms; everything that can wait, write, branch or repeat is an operation.

The order between operations is not stored: it follows from the program order and the effects, by the
rules of the language, and is derived by the planner (``docs/decisions/0002-order-is-derived.md``). The meaning of
every form below is stated by :mod:`.interpret`; its laws by :mod:`.verify`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from attrs import field, frozen

from .diagnostics import NOWHERE, Span
from .spec import ClassSpec, Effects, NodeSpec
from .types import ANY, Type

# ---- expressions: atoms --------------------------------------------------------------------------


@frozen
class Const:
    """A literal: None, bool, int, float, complex, str, bytes, date, datetime, time, timedelta, Decimal, Path, a
    :class:`~.types.Type`, or a tuple of these. Lists, sets and dicts are built by operators."""

    value: Any


@frozen
class Ref:
    """A value: a parameter of a region or the result of an operation."""

    id: str


@frozen
class Ambient:
    """A ``secret`` or an ``env`` value: read once, when the run starts; never part of the digest's values."""

    kind: Literal["secret", "env"]
    name: str


@frozen
class Global:
    """An object bound beside the graph: a class (``isinstance``, ``except``, ``new``), a constant without a literal
    form, a node or a flow named as a value (``calls(f)``), or a built-in function named as a value (``key=len``)."""

    kind: Literal["class", "value", "node", "flow", "builtin"]
    key: str


# ---- expressions: trees --------------------------------------------------------------------------


@frozen
class Star:
    """``*value`` among positional arguments or in a display."""

    value: Expr


@frozen
class Apply:
    """A pure operator applied; ``fn`` is a key of :data:`.operators.OPERATORS`, which says what it does.

    ``kwargs`` are ``(name, value)`` pairs; the name ``"**"`` spreads a mapping.
    """

    fn: str
    args: tuple[Expr | Star, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()


@frozen
class Clause:
    """``for target in source if conditions``. ``target`` is a value id, or a nested tuple of targets; ``"*x"`` is the
    starred one."""

    target: Target
    source: Expr
    conditions: tuple[Expr, ...] = ()


@frozen
class Comprehension:
    """A comprehension without any node call in it. ``any``/``all`` over one stop early, as in Python."""

    kind: Literal["list", "set", "dict", "any", "all"]
    element: Expr
    clauses: tuple[Clause, ...]
    key: Expr | None = None


Target = str | tuple["Target", ...]
Expr = Const | Ref | Ambient | Global | Apply | Comprehension

# ---- policies ------------------------------------------------------------------------------------


@frozen
class Undo:
    """What takes a completed call back: ``target(*args, **kwargs)`` with the arguments taken when the call
    completes. ``result`` is the id under which ``args`` name the call's result."""

    target: str
    result: str
    args: tuple[Expr | Star, ...] = ()
    kwargs: tuple[tuple[str, Expr], ...] = ()
    is_flow: bool = False


@frozen
class Policy:
    """The resolved options of a call, scope or flow: the node's own, overlaid by those at the call.

    Values are expressions, evaluated when the call starts. ``retry`` gives an int or a :class:`~.spec.Retry`;
    ``timeout`` and ``cache`` seconds, a ``timedelta`` or a duration string (``cache`` also ``True``: for ever);
    ``rate`` ``"10/s"``; ``lock`` and ``once`` strings.
    """

    retry: Expr | None = None
    timeout: Expr | None = None
    cache: Expr | None = None
    rate: Expr | None = None
    lock: Expr | None = None
    default: Expr | None = None
    once: Expr | None = None
    undo: Undo | None = None

    @property
    def empty(self) -> bool:
        return self == NO_POLICY


NO_POLICY = Policy()

# ---- regions and operations ----------------------------------------------------------------------


@frozen
class Mark:
    """From before ``ops[index]`` on, the name that a surrounding ``Try`` tracks as ``var`` has this value.

    With these a handler sees each name as the failing step would have: the last mark at or before the
    failing operation, innermost region first, else the ``Try``'s own entry value.
    """

    index: int
    var: str
    value: Expr


@frozen
class Region:
    """A block, closed over nothing: it uses ``params`` (fresh values, bound by the operation that holds it), ``takes``
    (values of the region around it, under the same ids) and what its own operations define; operands in
    nested regions count as uses.

    ``results`` are handed to the holding operation when the end is reached; None where the end
    cannot be reached (every way through leaves by an exit or a raise).
    """

    params: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()
    ops: tuple[Op, ...] = ()
    results: tuple[Expr, ...] | None = ()
    marks: tuple[Mark, ...] = ()


@frozen
class Eval:
    """``result = expr``: a pure expression, evaluated in its place."""

    id: str
    expr: Expr
    result: str
    span: Span = field(default=NOWHERE, eq=False)

    @property
    def results(self) -> tuple[str, ...]:
        return (self.result,)


@frozen
class Call:
    """One call of a node. ``target`` is a key of ``Graph.nodes``. A call of a stream node opens the stream."""

    id: str
    target: str
    args: tuple[Expr | Star, ...]
    kwargs: tuple[tuple[str, Expr], ...]
    result: str
    policy: Policy = NO_POLICY
    span: Span = field(default=NOWHERE, eq=False)

    @property
    def results(self) -> tuple[str, ...]:
        return (self.result,)


@frozen
class Subflow:
    """A call of a flow. ``target`` is a key of ``Graph.flows``. ``detached``: a run of its own, whose id is the
    result."""

    id: str
    target: str
    args: tuple[Expr | Star, ...]
    kwargs: tuple[tuple[str, Expr], ...]
    result: str
    policy: Policy = NO_POLICY
    detached: bool = False
    span: Span = field(default=NOWHERE, eq=False)

    @property
    def results(self) -> tuple[str, ...]:
        return (self.result,)


@frozen
class Branch:
    """The first region whose test is true; the last region (one more than tests) where none is.

    Later tests are evaluated only if earlier ones were false; a test holds no node call.
    """

    id: str
    tests: tuple[Expr, ...]
    regions: tuple[Region, ...]
    results: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class Loop:
    """Passes one after another.

    ``for`` (``source`` set): body params are the item, then the carried values. ``while`` (``condition`` set, its one
    result is the test): params of condition and body are the carried values. ``initial`` are the carried values at
    first; ``body.results`` and a ``continue`` give the next ones, a ``break`` the last. ``results`` are the carried
    values at the end, then, if ``collects``, the list of what the passes emitted. ``stream``: the source is a stream
    (None: found out at run time). ``buffer``, ``window``, ``batch``: options of a stream loop. ``limit``: ``max`` of
    a ``while``.
    """

    id: str
    body: Region
    initial: tuple[Expr, ...] = ()
    source: Expr | None = None
    condition: Region | None = None
    results: tuple[str, ...] = ()
    collects: bool = False
    limit: Expr | None = None
    stream: bool | None = False
    buffer: Expr | None = None
    window: Expr | None = None
    batch: Expr | None = None
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class ForEach:
    """Independent passes, at most ``parallel`` at once (an int; None: no limit). Body params: the item. Nothing is
    carried.

    ``results``: one value if ``collects``: the list of what passes emitted, in the order of the source, or, with
    ``collect``, a ``Collected``. ``take``: the first so many successes in the order of the source; ``rest`` is
    ``"cancel"`` or ``"finish"``. ``max_failed``: with ``collect``, how many failures are borne.
    """

    id: str
    source: Expr
    body: Region
    parallel: Expr | None = None
    results: tuple[str, ...] = ()
    collects: bool = False
    collect: bool = False
    max_failed: Expr | None = None
    take: Expr | None = None
    rest: str = "cancel"
    stream: bool | None = False
    buffer: Expr | None = None
    window: Expr | None = None
    batch: Expr | None = None
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class Handler:
    """``except types as e``: region params are the error, then the tracked names. ``types`` None: every
    ``Exception``."""

    types: tuple[Expr, ...] | None
    region: Region


@frozen
class Try:
    """``try``. ``tracked`` are ``(var, value at entry or None if unbound)`` for each name that a handler or the
    ``finally`` may read and the body may assign; handler params are ``(error, *vars)``, params of ``final`` are
    ``(*vars,)``, in that order. ``orelse`` params are ``body.results``. Results: those of ``orelse`` (of ``body``
    where there is none) or of the handler that ran, then those of ``final``.

    ``exits``: pairs ``(i, j)``: where a ``break`` or ``continue`` leaves through this ``try``, the j-th result of
    ``final`` takes the place of the i-th value that it hands on.
    """

    id: str
    body: Region
    handlers: tuple[Handler, ...] = ()
    orelse: Region | None = None
    final: Region | None = None
    tracked: tuple[tuple[str, Expr | None], ...] = ()
    results: tuple[str, ...] = ()
    exits: tuple[tuple[int, int], ...] = ()
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class Scope:
    """``with timeout``, ``with lock``, ``transaction``. ``arg``: seconds (a transaction's may be None) or the lock's
    name."""

    id: str
    kind: Literal["timeout", "lock", "transaction"]
    arg: Expr | None
    body: Region
    results: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class Parallel:
    """A ``parallel:`` block; each region is an arm. Results: those of the arms, one after another."""

    id: str
    regions: tuple[Region, ...]
    results: tuple[str, ...] = ()
    span: Span = field(default=NOWHERE, eq=False)


@frozen
class Race:
    """First success wins. Each region has one result."""

    id: str
    regions: tuple[Region, ...]
    result: str
    timeout: Expr | None = None
    span: Span = field(default=NOWHERE, eq=False)

    @property
    def results(self) -> tuple[str, ...]:
        return (self.result,)


@frozen
class Exit:
    """Leaves by ``return`` (one value), ``break`` or ``continue`` (the carried values of the nearest Loop; none for a
    ForEach)."""

    id: str
    kind: Literal["return", "break", "continue"]
    values: tuple[Expr, ...] = ()
    span: Span = field(default=NOWHERE, eq=False)
    results: tuple[str, ...] = field(default=(), init=False)


@frozen
class Raise:
    """``raise error from cause``; without ``error``: the handler's own again. ``assertion``: born of an ``assert``."""

    id: str
    error: Expr | None
    cause: Expr | None = None
    has_cause: bool = False
    span: Span = field(default=NOWHERE, eq=False)
    results: tuple[str, ...] = field(default=(), init=False)


@frozen
class Emit:
    """Adds ``value`` to what the loop with id ``loop`` collects; loop ``""``: to the flow's own stream (a barrier)."""

    id: str
    value: Expr
    loop: str = ""
    span: Span = field(default=NOWHERE, eq=False)
    results: tuple[str, ...] = field(default=(), init=False)


Op = Eval | Call | Subflow | Branch | Loop | ForEach | Try | Scope | Parallel | Race | Exit | Raise | Emit

# ---- flows and graphs ----------------------------------------------------------------------------


@frozen
class FlowParam:
    """A parameter of a flow: the name callers use and, under the same id, the value in the body's region."""

    name: str
    type: Type = ANY
    required: bool = True
    default: Expr | None = None
    kind: str = "pos_or_kw"


@frozen
class FlowGraph:
    """One flow. ``body.params`` are the ids of ``params``, in order. ``policy``: the options in its header."""

    key: str
    name: str
    params: tuple[FlowParam, ...]
    body: Region
    returns: Type = ANY
    stream: bool = False
    policy: Policy = NO_POLICY
    span: Span = field(default=NOWHERE, eq=False)
    doc: str = field(default="", eq=False)


@frozen
class AmbientSpec:
    """A declared ``secret`` or ``env``: the environment variable of that name, its type, its default."""

    kind: Literal["secret", "env"]
    name: str
    type: Type = ANY
    default: Any = None
    required: bool = True


@frozen
class Graph:
    """A flow with all it reaches: closed, so that it prints, parses back, hashes and pickles."""

    entry: str
    flows: Mapping[str, FlowGraph]
    nodes: Mapping[str, NodeSpec] = field(factory=dict)
    classes: Mapping[str, ClassSpec] = field(factory=dict)
    ambient: Mapping[str, AmbientSpec] = field(factory=dict)

    @property
    def main(self) -> FlowGraph:
        return self.flows[self.entry]

    def effects_of(self, target: str) -> Effects:
        return self.nodes[target].effects
