"""The state of lowering one flow: the region being filled, the names, the values, the blocks around.

Owns the making of operations, values and regions. What each form of the language becomes is said in the modules
beside this one, as
functions that take this state first and are found by the tables ``expressions`` and ``statements``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define, field, frozen

from ...compiler.diagnostics import Span
from ...compiler.effects import can_fail
from ...compiler.ir import Apply, Comprehension, Const, Eval, Expr, Mark, Op, Ref, Region
from ...compiler.types import ANY, Type
from ...compiler.walk import needs, refs_of
from .. import syntax as s
from ..scope import Scope
from .env import Bound, Env, Maybe, State
from .live import Liveness
from .ownership import Ownership
from .report import Reporter
from .streams import Stream, check_stream_values

if TYPE_CHECKING:
    from .program import Program

MAX_STEPS = 100_000
"""Operations in one flow."""


@frozen
class Typed:
    """A lowered expression and what is known of its type."""

    expr: Expr
    type: Type


UNKNOWN = Typed(Const(None), ANY)
"""What an erroneous expression lowers to: nothing more is said about it."""


@define
class RegionBuilder:
    """A region while it is filled."""

    params: tuple[str, ...] = ()
    ops: list[Op] = field(factory=list)
    marks: list[Mark] = field(factory=list)
    used: dict[str, None] = field(factory=dict)
    defined: set[str] = field(factory=set)
    ended: bool = False
    """Is the end out of reach (after a ``return`` and the like)?"""

    def append(self, op: Op) -> None:
        self.used.update(needs(op))
        self.defined.update(op.results)
        self.ops.append(op)

    def insert(self, index: int, op: Eval) -> None:
        """Put a pure step before ``ops[index]``, after what was assigned before it."""
        self.used.update(needs(op))
        self.defined.update(op.results)
        self.ops.insert(index, op)
        self.marks = [Mark(m.index + (m.index > index), m.var, m.value) for m in self.marks]

    def close(self, results: Iterable[Expr] | None) -> Region:
        """The region; ``results`` are left out where its end cannot be reached."""
        done = None if self.ended or results is None else tuple(results)
        for expr in (*(done or ()), *(m.value for m in self.marks)):
            self.used.update(dict.fromkeys(refs_of(expr)))
        takes = tuple(id for id in self.used if id not in self.defined and id not in self.params)
        return Region(self.params, takes, tuple(self.ops), done, tuple(self.marks))


@define
class Leaving:
    """A ``break`` or ``continue`` on its way: for each name that its loop carries, what it stands for. A ``finally``
    that it leaves through may still assign some."""

    carried: tuple[str, ...]
    states: list[State | None]
    types: list[Type]
    owned: list[bool]


@define
class Frame:
    """A block around the statement being lowered, as far as control and names care.

    ``kind``: ``loop``, ``foreach``, ``arm`` (of ``parallel:``), ``race``, ``final``, ``handler``, ``scope``.
    """

    kind: str
    span: Span
    loop: str = ""
    carried: tuple[str, ...] = ()
    flag: str = ""
    """The hidden name that says whether a ``break`` was taken, where an ``else`` asks."""
    ends: list[list[Type]] = field(factory=list)
    """The types that the carried names had at each end of a pass, ``break`` and ``continue``."""
    owned: list[list[bool]] = field(factory=list)
    """Whether they were collections of the flow's own there."""
    breaks: list[list[State | None]] = field(factory=list)
    """What the carried names stood for at each ``break``."""
    finals: frozenset[str] = frozenset()
    """The names that the ``finally`` of this ``try`` assigns."""
    leaving: list[Leaving] = field(factory=list)
    """The exits through this ``finally``."""
    catches: bool = False
    """A ``try`` with handlers."""


@define
class Collector:
    """A loop that collects: where a ``yield`` goes."""

    loop: str
    depth: int
    """How many frames there were around the loop."""
    types: list[Type] = field(factory=list)


@define(eq=False)
class FlowLowering:
    """One flow, while it is lowered.

    Parameters
    ----------
    program: what the flows of one graph share.
    source: the flow's syntax, or that of a test.
    expressions, statements: how to lower each kind of syntax node.
    """

    program: Program
    source: s.Flow
    scope: Scope
    live: Liveness
    expressions: Mapping[type, Callable[[FlowLowering, Any, str], Typed]]
    statements: Mapping[type, Callable[[FlowLowering, Any], None]]
    is_stream: bool = False
    is_test: bool = False
    returns: Type = ANY
    env: Env = field(factory=Env)
    region: RegionBuilder = field(factory=RegionBuilder)
    frames: list[Frame] = field(factory=list)
    collectors: list[Collector] = field(factory=list)
    owners: Ownership = field(factory=Ownership)
    tracked: dict[str, list[list[Bound]]] = field(factory=dict)
    """The names that a ``try`` around tracks, with the lists that want what they are bound to."""
    pure: str = ""
    """Where set, an expression must stay a tree here, and these words say why a node cannot be called."""
    hidden: int = 0
    assumed: dict[int, dict[str, Any]] = field(factory=dict)
    """Per loop: what earlier attempts learned of the types of its carried names."""
    steps: int = 0
    _ids: dict[str, int] = field(factory=dict)
    _op_ids: dict[str, int] = field(factory=dict)
    _waits: dict[int, bool] = field(factory=dict)
    streams: dict[str, Stream] = field(factory=dict)
    """The streams that were opened, by value id."""
    yielding: dict[tuple[str, str], str] = field(factory=dict)
    """The arm of a ``parallel:`` block that adds to what a loop collects."""

    @property
    def report(self) -> Reporter:
        return self.program.report

    # ---- going down ------------------------------------------------------------------------------

    def expr(self, node: s.Expr | s.FormattedValue, hint: str = "") -> Typed:
        """Lower an expression; ``hint`` is a name for its value, should it become one."""
        return self.expressions[type(node)](self, node, hint)

    def body(self, body: Iterable[s.Stmt]) -> None:
        """Lower the statements of a block, as far as they can be reached."""
        from .bodies import lower_body

        lower_body(self, tuple(body))

    # ---- values ----------------------------------------------------------------------------------

    def fresh(self, name: str) -> str:
        """A value id, unique in the flow, made from a name that a person knows."""
        return _unique(name or "value", self._ids)

    def op_id(self, name: str) -> str:
        """An id for an operation."""
        return _unique(name, self._op_ids)

    def emit(self, op: Op) -> None:
        """Add an operation to the region being filled."""
        self.steps += 1
        if self.steps == MAX_STEPS + 1:
            self.report(
                "too-big", op.span, f"the flow has more than {MAX_STEPS} steps", help="split it into several flows"
            )
        if self.steps > MAX_STEPS:
            return
        self._noted(op)
        self.region.append(op)

    def _noted(self, op: Op) -> None:
        """Look at a new step before it takes its place."""
        self.owners.noted(op)
        if self.streams:
            check_stream_values(self, op)

    def name_value(self, value: Typed, name: str, span: Span) -> Typed:
        """The value as an atom: a step of its own, where it is more than one already."""
        if not isinstance(value.expr, (Apply, Comprehension)) or self.pure:
            return value
        result = self.fresh(name)
        self.emit(Eval(self.op_id(name or "value"), value.expr, result, span))
        if self.owners.is_new_box(value.expr) or _combined(value):
            self.owners.own(result)
        return Typed(Ref(result), value.type)

    def pin(self, value: Typed, position: int, span: Span) -> Typed:
        """Evaluate an earlier operand before what was emitted after it, if it may fail: left to right."""
        if self.pure or len(self.region.ops) == position or not can_fail(value.expr):
            return value
        result = self.fresh("value")
        self.steps += 1
        step = Eval(self.op_id("value"), value.expr, result, span)
        self._noted(step)
        self.region.insert(position, step)
        return Typed(Ref(result), value.type)

    def in_order(
        self, nodes: Iterable[s.Expr | s.FormattedValue], lower: Callable[[Any], Typed] | None = None
    ) -> list[Typed]:
        """Lower several operands, evaluated from left to right."""
        values: list[Typed] = []
        loose: list[tuple[int, Span]] = []
        """The place and span of each last operand after which nothing was emitted yet."""
        for node in nodes:
            before = len(self.region.ops)
            value = self.expr(node) if lower is None else lower(node)
            if len(self.region.ops) != before:
                # From the right, so that the positions of those to the left stay true.
                for i in range(1, len(loose) + 1):
                    values[-i] = self.pin(values[-i], *loose[-i])
                loose = []
            values.append(value)
            loose.append((len(self.region.ops), node.span))
        return values

    # ---- names -----------------------------------------------------------------------------------

    def bind(self, name: str, value: Typed, span: Span) -> None:
        """Give a local name a value."""
        atom = self.name_value(value, name, span)
        self.set_name(name, Bound(atom.expr, atom.type))

    def set_name(self, name: str, state: Bound | Maybe) -> None:
        """Change what a name stands for, and mark it where a ``try`` around tracks it."""
        old = self.env.get(name)
        self.env.set(name, state)
        same = isinstance(old, Bound) and isinstance(state, Bound) and old.atom == state.atom
        if isinstance(state, Bound) and name in self.tracked and not same:
            self.region.marks.append(Mark(len(self.region.ops), name, state.atom))
            for wanted in self.tracked[name]:
                wanted.append(state)

    def hidden_name(self, what: str) -> str:
        """A name that no program can write, for what the language itself carries through a loop."""
        self.hidden += 1
        return f"<{what} {self.hidden}>"

    # ---- regions ---------------------------------------------------------------------------------

    def open(self, params: tuple[str, ...] = ()) -> RegionBuilder:
        """Begin a region; gives the one around, to be handed to :meth:`back`."""
        outer = self.region
        self.region = RegionBuilder(params)
        return outer

    def back(self, outer: RegionBuilder) -> RegionBuilder:
        """End the region; gives what was filled."""
        inner = self.region
        self.region = outer
        return inner

    # ---- what waits ------------------------------------------------------------------------------

    def waits(self, node: s.Expr | s.UndoCall | s.FormattedValue) -> bool:
        """Does lowering this expression call a node, a flow or a form, so that it cannot stay a tree?"""
        from .waiting import waits

        return waits(self, node, self._waits)


def _combined(value: Typed) -> bool:
    """Is it what an operator makes of collections (``[0] * 3``, ``a | b``): always a new one?"""
    return isinstance(value.expr, Apply) and value.expr.fn in _COMBINING and value.type.name in ("list", "set", "dict")


_COMBINING = frozenset("+ * | & - ^".split())


def _unique(name: str, taken: dict[str, int]) -> str:
    name = name.strip("<>").replace(" ", "_")
    n = taken.get(name, 0) + 1
    id = name if n == 1 else f"{name}_{n}"
    while n > 1 and id in taken:
        n += 1
        id = f"{name}_{n}"
    taken[name] = n
    if id != name:
        taken.setdefault(id, 1)
    return id
