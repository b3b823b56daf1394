"""The order rule: what each operation of a region waits for, and why.

Owns LANGUAGE section 5, rules 1 to 4 and 11, as one pass over a region in program order. It knows effects and
regions, and nothing of tasks, threads or generated code. Two kinds of waits are told apart:

- before *entry*: the operation as a whole may not start earlier;
- *late*: only something inside the operation's regions waits (a write within an ``if``), the block itself may be
entered.

Edges stay linear in the length of the region: a write waits for all that came since the last write that is
certain to happen (the *retire point*), and a :class:`Join` stands for a set that several later operations wait for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import define, field

from ..compiler import ir
from ..compiler.effects import (
    Control,
    enters_in_order,
    flow_control,
    flow_effects,
    op_control,
    op_effects,
    opener_of,
    openers,
)
from ..compiler.spec import BARRIER, LOG, PURE, WORLD, Effects
from ..compiler.walk import operands, regions_of

IN_PLACE = frozenset({"append", "extend", "set_item", "add_item"})
"""Operators that change a local collection in place: they wait for whoever still reads the version before."""

ENTRY_JOIN = 3
"""From so many conflicting writers on, later readers wait for one join instead of for each."""


@define
class Wait:
    """One edge: ``on`` is an operation's index in the region, or, from ``len(ops)`` on, a join.

    ``kind``: ``value`` (``value`` names it), ``guard``, ``writer`` (it may write what is read), ``all`` (every
    earlier step), ``log``, ``emit``, ``change`` (still reads what is about to change in place).
    """

    on: int
    why: str
    kind: str
    value: str = ""


@define
class OpOrder:
    """What one operation waits for.

    ``entry``, ``late``: edges within the region. ``outer_values``/``outer_reads``/``outer_all``: what it needs,
    before entry, of the blocks around it: values, the last writers of some resources, the success of every earlier
    step; ``late_*``: the same for what is inside.
    """

    op: ir.Op
    effects: Effects
    guard: bool
    entry: list[Wait] = field(factory=list)
    late: list[Wait] = field(factory=list)
    entry_values: frozenset[str] = frozenset()
    late_values: frozenset[str] = frozenset()
    entry_reads: frozenset[str] = frozenset()
    late_reads: frozenset[str] = frozenset()
    entry_all: bool = False
    late_all: bool = False
    regions: tuple[RegionOrder, ...] = ()


@define
class RegionOrder:
    """The order of a region: one :class:`OpOrder` an operation, and the joins, each a list of what it waits for.

    ``takes``: the region's outer values; ``reads``, ``retires``: does something in it wait for outer writers (of which
    resources), or for the success of every earlier step around it?
    """

    region: ir.Region
    ops: list[OpOrder]
    joins: list[list[int]]
    effects: Effects
    reads: frozenset[str]
    retires: bool
    leaves: frozenset[str]
    """The ways out of the region that later steps wait for: ``return break continue raise while``. Those of an
    ``except`` take a failure to reach and are left out."""
    exits: frozenset[str]
    """The ways out of the region that its code may take: ``return break continue``."""


def conflicts(reads: Iterable[str], writes: frozenset[str]) -> bool:
    """May a writer of ``writes`` change what a reader of ``reads`` sees? The world conflicts with all but the log."""
    reads = frozenset(reads)
    others = writes - {LOG}
    if not reads or not writes:
        return False
    if WORLD in others or (WORLD in reads and others):
        return True
    return bool(reads & writes)


class Orderer:
    """Orders the regions of one graph."""

    def __init__(self, graph: ir.Graph) -> None:
        self.graph = graph
        self.flow_effects: Mapping[str, Effects] = flow_effects(graph)
        self.control: Mapping[str, Control] = flow_control(graph)

    def region(self, region: ir.Region) -> RegionOrder:
        """The order of ``region`` and of all regions in it."""
        return _Scan(self, region).run()

    def summary(self, op: ir.Op, opened: Mapping[str, ir.Op]) -> OpOrder:
        """The operation by itself: its effects, what it needs of the world before entry and inside.

        ``opened``: the calls of this region that may have opened a stream, by their result.
        """
        regions = tuple(self.region(r) for r in regions_of(op))
        match op:
            case ir.Call():
                effects = self.graph.nodes[op.target].effects
                return OpOrder(op, effects, False, entry_reads=effects.reads, entry_all=effects.retires)
            case ir.Subflow():
                if op.detached:
                    return OpOrder(op, BARRIER, False, entry_all=True)
                effects = self.flow_effects[op.target]
                guard = op_control(op, self.graph, self.control).guards
                strict = enters_in_order(op, self.graph, self.flow_effects)
                return OpOrder(
                    op,
                    effects,
                    guard,
                    entry_reads=effects.reads,
                    entry_all=strict,
                    late_all=effects.retires and not strict,
                )
            case ir.Emit(loop=""):
                return OpOrder(op, BARRIER, False, entry_all=True)
            case ir.Exit() | ir.Raise():
                return OpOrder(op, PURE, True)
            case ir.Eval() | ir.Emit():
                return OpOrder(op, PURE, False)
        effects = PURE
        for region in regions:
            effects |= region.effects
        strict = enters_in_order(op, self.graph, self.flow_effects)
        reads = frozenset().union(*(r.reads for r in regions))
        begins: frozenset[str] = frozenset()
        retires = any(r.retires for r in regions)
        if isinstance(op, ir.Race) or (isinstance(op, ir.ForEach) and op.take is not None):
            effects |= op_effects(op, self.graph, self.flow_effects)  # and of the losers' undos
        if isinstance(op, (ir.Loop, ir.ForEach)) and op.source is not None and op.stream is not False:
            # Reading on from a stream is what its node does, so the loop has the effects of the call that opened it.
            opener = opener_of(op.source, opened)
            source = op_effects(opener, self.graph, self.flow_effects) if opener is not None else PURE
            effects |= source
            begins = source.reads  # the first item, or as many as are read ahead, before any pass
            strict = strict or source.retires
        return OpOrder(
            op,
            effects,
            guard=_is_guard(op, regions),
            entry_reads=reads | begins if strict else begins,
            late_reads=frozenset() if strict else reads,
            entry_all=strict,
            late_all=retires and not strict,
            regions=regions,
        )


class _Scan:
    """One region, in program order. Fields are what later operations may have to wait for."""

    def __init__(self, orderer: Orderer, region: ir.Region) -> None:
        self.orderer = orderer
        self.region = region
        self.ops: list[OpOrder] = []
        self.joins: list[list[int]] = []
        self.opened = openers(region)
        self.defined: dict[str, int] = {}
        self.users: dict[str, list[int]] = {}
        self.guard = -1
        self.since: list[int] = []  # all steps since the retire point, which is their first where there is one
        self.writers: list[tuple[int, frozenset[str]]] = []  # likewise, those that write
        self.log = -1
        self.emit = -1
        self.left = -1  # the last step out of which a handler may end the pass
        self.exits: set[str] = set()

    def run(self) -> RegionOrder:
        for index, op in enumerate(self.region.ops):
            order = self.orderer.summary(op, self.opened)
            self.ops.append(order)
            self.values(index, order)
            self.place(index, order)
            self.note(index, order)
        effects = PURE
        reads: set[str] = set()
        retires = False
        leaves: set[str] = set()
        for order in self.ops:
            effects |= order.effects
            reads |= order.entry_reads | order.late_reads
            retires = retires or order.entry_all or order.late_all
            leaves |= _leaves(order)
        return RegionOrder(
            self.region,
            self.ops,
            self.joins,
            effects,
            frozenset(reads),
            retires,
            frozenset(leaves),
            frozenset(self.exits),
        )

    def values(self, index: int, order: OpOrder) -> None:
        """Rule 1, the arguments; and whoever still reads a collection that is about to change."""
        op = order.op
        entry = set(operands(op))
        late = {v for r in order.regions for v in r.region.takes} - entry
        order.entry_values, order.late_values = frozenset(entry), frozenset(late)
        for value in sorted(entry):
            if value in self.defined:
                order.entry.append(Wait(self.defined[value], f"needs {value}", "value", value))
        for value in sorted(late):
            if value in self.defined:
                order.late.append(Wait(self.defined[value], f"needs {value}", "value", value))
        for value in sorted(_changed_in_place(op)):
            why = f"reads {value} before it changes"
            order.entry += [Wait(user, why, "change", value) for user in self.users.get(value, ())]
        for value in entry | late:
            self.users.setdefault(value, []).append(index)

    def place(self, index: int, order: OpOrder) -> None:
        """Rules 1 (guards), 2 (reads), 3 (writes) and 11 (log lines)."""
        if self.guard >= 0:
            order.entry.append(Wait(self.guard, "a guard decides whether control comes here", "guard"))
        for reads, waits in ((order.entry_reads, order.entry), (order.late_reads, order.late)):
            found = [i for i, writes in self.writers if conflicts(reads, writes)]
            if len(found) > ENTRY_JOIN:
                found = [self.join_writers(found)]
            waits += [Wait(i, "may write what it reads", "writer") for i in found]
        if order.entry_all or order.late_all:
            waits = order.entry if order.entry_all else order.late
            why = "log lines wait for every earlier step" if order.effects.logs_only else _why_all(order)
            waits += [Wait(i, why, "all") for i in self.all_earlier()]
        if self.log >= 0 and (LOG in order.effects.writes or yields(order)):
            # Behind a ``yield`` stand the log lines of whoever reads the stream.
            (order.entry if order.entry_all else order.late).append(Wait(self.log, "log lines keep their order", "log"))
        if _emits(order) and self.emit >= 0:
            order.entry.append(Wait(self.emit, "what a loop collects keeps its order", "emit"))
        if _emits(order) and self.left > self.guard:
            # Its exits are no guard, but what was collected is seen when the pass has been left.
            order.entry.append(Wait(self.left, "a handler may end the pass first", "emit"))

    def all_earlier(self) -> list[int]:
        if len(self.since) > 1:
            self.joins.append(list(self.since))
            self.since = [len(self.region.ops) + len(self.joins) - 1]
        return list(self.since)

    def join_writers(self, found: list[int]) -> int:
        writes = frozenset[str]().union(*(w for i, w in self.writers if i in set(found)))
        self.joins.append(found)
        join = len(self.region.ops) + len(self.joins) - 1
        self.writers = [(i, w) for i, w in self.writers if i not in set(found)] + [(join, writes)]
        return join

    def note(self, index: int, order: OpOrder) -> None:
        """What the operation means for those after it."""
        for value in order.op.results:
            self.defined[value] = index
        if order.guard:
            self.guard = index
        if _emits(order):
            self.emit = index
        exits = exits_of(order)
        self.exits |= exits
        if exits & {"break", "continue"}:
            self.left = index
        if LOG in order.effects.writes:
            self.log = index
        if order.effects.logs_only and isinstance(order.op, ir.Call):
            # Only later log lines, and the end of the block, wait for a log line. Of a block that holds one, something
            # else may fail (its test, a pure step), so that counts like any step.
            return
        if order.entry_all:
            self.since = []
        self.since.append(index)
        if order.effects.retires:
            # A barrier is ordered like a writer of the world, whatever it touches.
            writes = order.effects.writes | {WORLD} if order.effects.barrier else order.effects.writes
            if order.entry_all:
                # It has waited for all of these, so whoever waits for it has too; a reader of something else has not.
                self.writers = [(i, w) for i, w in self.writers if not (w <= writes or WORLD in writes)]
            self.writers.append((index, writes))


def _why_all(order: OpOrder) -> str:
    match order.op:
        case ir.Scope(kind=kind):
            return f"a {kind} scope is entered in its place"
        case ir.Try():
            return "a try with finally is entered in its place"
        case ir.Subflow() if order.entry_all and not order.effects.barrier:
            return "a flow call that writes and has options is entered in its place"
    if order.effects.barrier:
        return "a barrier waits for every earlier step"
    if not order.effects.declared:
        return "it declares no effects, so it may write the world"
    return "a write waits for every earlier step"


def _changed_in_place(op: ir.Op) -> set[str]:
    """Values of the region that the operation, or what is inside it, changes in place."""
    if isinstance(op, ir.Eval):
        expr = op.expr
        if isinstance(expr, ir.Apply) and expr.fn in IN_PLACE and isinstance(expr.args[0], ir.Ref):
            return {expr.args[0].id}
        return set()
    found: set[str] = set()
    for region in regions_of(op):
        inner: set[str] = set()
        for nested in region.ops:
            inner |= _changed_in_place(nested)
        found |= inner & set(region.takes)
    if isinstance(op, ir.Loop) and op.initial:
        # A carried collection is changed by its first pass under the loop's own parameter.
        found |= {r for e in op.initial if isinstance(e, ir.Ref) for r in (e.id,)}
    return found


def _emits(order: OpOrder) -> bool:
    if isinstance(order.op, ir.Emit):
        return order.op.loop != ""
    own = order.op.id if isinstance(order.op, (ir.Loop, ir.ForEach)) else None
    return any(loop != own for r in order.regions for loop in emit_loops(r))


def yields(order: OpOrder) -> bool:
    """Is there a ``yield`` of a stream flow in it?"""
    if isinstance(order.op, ir.Emit):
        return order.op.loop == ""
    return any(yields(o) for region in order.regions for o in region.ops)


def emit_loops(region: RegionOrder) -> set[str]:
    found: set[str] = set()
    for order in region.ops:
        if isinstance(order.op, ir.Emit):
            if order.op.loop:
                found.add(order.op.loop)
        else:
            for nested in order.regions:
                found |= emit_loops(nested)
    return found


def exits_of(order: OpOrder) -> set[str]:
    """How the code of an operation may leave the region that holds it."""
    if isinstance(order.op, ir.Exit):
        return {order.op.kind}
    found: set[str] = set().union(*(r.exits for r in order.regions))
    return found - {"break", "continue"} if isinstance(order.op, (ir.Loop, ir.ForEach)) else found


def _leaves(order: OpOrder) -> set[str]:
    """How control can leave the region that holds the operation, so that what follows has to wait for it."""
    op = order.op
    match op:
        case ir.Exit():
            return {op.kind}
        case ir.Raise():
            return {"raise"}
        case ir.Subflow():
            return {"raise"} if order.guard else set()
        case ir.Loop():
            found: set[str] = set().union(*(r.leaves for r in order.regions)) - {"break", "continue"}
            return found | ({"while"} if op.condition is not None else set())
        case ir.ForEach():
            return set().union(*(r.leaves for r in order.regions)) - {"break", "continue"}
        case ir.Try():
            # An exit in an `except` arm takes a failure to reach, so it is no guard.
            arms = len(op.handlers)
            regions = (order.regions[0], *order.regions[1 + arms :])
            return set().union(*(r.leaves for r in regions))
    return set().union(*(r.leaves for r in order.regions)) if order.regions else set()


def _is_guard(op: ir.Op, regions: tuple[RegionOrder, ...]) -> bool:
    return bool(_leaves(OpOrder(op, PURE, False, regions=regions)))
