"""What linking asks before it writes: can this wait, can it start early, can it be fused, can it do without a loop?

The answers follow from the order, the policies and where nodes run just now; nothing is written here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from ..compiler import ir
from ..compiler.promises import Promise, promise
from ..compiler.spec import PURE, NodeSpec, Objects
from ..compiler.walk import all_ops
from ..planner.cost import Costs, Times
from ..planner.fusion import SEGMENT, is_eager, overlaps, segments
from ..planner.optimizations import Optimizations
from ..planner.order import OpOrder, RegionOrder
from . import invoke
from .calls import waiting_policy
from .elsewhere import located
from .tiers import TIERS, Tier

if TYPE_CHECKING:
    from ..planner.counts import Counts
    from ..planner.profile import Profile

QUICK_OPS = 64
"""Operations in a sub-flow that is called in place although a loop is running."""

BEFORE_THE_CAP = ("lock", "rate", "cache", "once")
"""Options that may wait, or do without the call, before it takes a slot."""

Substitute = Callable[[NodeSpec, Callable[..., Any]], "Callable[..., Any] | None"]


def placement(spec: NodeSpec, fn: Callable[..., Any], in_place: bool = True) -> str:
    """Where a node runs: what is declared is obeyed; a ``def`` node that is not known to be quick, or may not be called
    ``in_place`` for that, goes to a thread."""
    if spec.awaited or inspect.iscoroutinefunction(fn):
        return invoke.LOOP
    if spec.transactional:
        return invoke.LANE
    if spec.trusted or spec.runs == "loop":
        return invoke.PLACE
    if spec.runs == "thread":
        return invoke.LANE
    return invoke.PLACE if in_place and TIERS.of(fn).trusted else invoke.LANE


class Questions:
    """The questions about one graph; answers are kept.

    Parameters
    ----------
    graph, objects: the program. ``orders``: the order of each flow's body. events: does anybody listen?
    ``substitute``: another function for a node (mocks), or None. ``profile``: what is known of earlier runs, or None.
    recorded: has each run a journal? ``on``: what is done for speed.
    """

    def __init__(
        self,
        graph: ir.Graph,
        objects: Objects,
        orders: Mapping[str, RegionOrder],
        events: bool,
        substitute: Substitute | None,
        profile: Profile | None,
        recorded: bool,
        on: Optimizations,
    ) -> None:
        self.graph = graph
        self.objects = objects
        self.orders = orders
        self.events = events
        self.recorded = recorded
        self.on = on
        self.recursive = _recursive(graph)
        self._substitute = substitute
        seconds = {} if profile is None else profile.seconds
        counts: Counts | None = None
        if profile is not None and profile.calls:  # most programs are linked without
            from ..planner.counts import Counts

            counts = Counts(graph, orders, profile.calls, profile.blocks, profile.limits)
        self.costs = Costs(Times(seconds), self.waits, orders, self.recursive, graph.entry, counts)
        self.computing = 0.0 if profile is None else profile.computing
        """Seconds that a run keeps the processor busy, where that is known."""
        self._promises: dict[str, Promise | None] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._sites: dict[int, invoke.Site] = {}
        self._waits: dict[int, bool] = {}
        self._eager: dict[int, bool] = {}
        self._outlasts: dict[int, bool] = {}
        self._direct: dict[str, bool] = {}
        self._still: dict[str, bool] = {}
        self._keep: list[Any] = []

    def function(self, spec: NodeSpec) -> Callable[..., Any]:
        """The function of a node: its own, or what stands in for it."""
        fn = self._functions.get(spec.key)
        if fn is None:
            own = self.objects.nodes[spec.key]
            fn = self._substitute(spec, own) if self._substitute is not None else None
            fn = fn or located(spec, own)
            self._functions[spec.key] = fn
        return fn

    def site(self, op: ir.Call) -> invoke.Site:
        """What is known of one call."""
        site = self._sites.get(id(op))
        if site is None:
            site = self._sites[id(op)] = self.new_site(op.id, self.graph.nodes[op.target])
            self._keep.append(op)
        return site

    def new_site(self, id: str, spec: NodeSpec) -> invoke.Site:
        fn = self.function(spec)
        tier = TIERS.of(fn) if self.on.nodes_in_place else Tier(math.inf)
        promise, reader = self.promise(spec), not spec.effects.retires
        hold: Any = getattr(fn, "held_to", None)
        if spec.transactional and promise is not None and hold is not None:
            fn, promise = hold(promise.check), None  # what is not as promised is not committed
        return invoke.Site(id, spec, fn, placement(spec, fn, self.on.nodes_in_place), tier, reader, promise)

    def promise(self, spec: NodeSpec) -> Promise | None:
        """What the node's results are held to; nothing for what the language itself ships."""
        if spec.trusted or spec.is_stream or spec.builtin:
            return None
        if spec.key not in self._promises:
            self._promises[spec.key] = promise(spec.name, spec.signature.returns, self.objects.classes)
        return self._promises[spec.key]

    def waits(self, order: OpOrder) -> bool:
        """Can the operation wait for something other than the processor?"""
        key = id(order)
        found = self._waits.get(key)
        if found is None:
            found = self._waits[key] = self._can_wait(order)
            self._keep.append(order)
        return found

    def _can_wait(self, order: OpOrder) -> bool:
        op = order.op
        match op:
            case ir.Eval() | ir.Exit() | ir.Raise():
                return False
            case ir.Emit():
                return op.loop == ""
            case ir.Call():
                spec = self.graph.nodes[op.target]
                if spec.is_stream:
                    return False
                if spec.builtin or waiting_policy(op.policy) or self.journaled(op):
                    return True
                return self.site(op).placement != invoke.PLACE
            case ir.Subflow():
                flow = self.graph.flows[op.target]
                if flow.stream and not op.detached:
                    return False
                if op.detached or waiting_policy(op.policy):
                    return True
                # A flow that only calls itself is not called in place, where it could not be cut, and yet never waits.
                return not (self.is_quick(op.target) or (op.target in self.recursive and self.still(op.target)))
            case ir.Scope() | ir.Race():
                return True
            case ir.Loop() | ir.ForEach() if op.stream is not False or op.buffer or op.window or op.batch:
                return True
            case ir.ForEach() if op.collect or op.take is not None:
                return True
        return any(self.waits(o) for r in order.regions for o in r.ops)

    def journaled(self, op: ir.Call) -> bool:
        """Is the call recorded, and repeated from what was? All are that are not pure, and pure ones that may wait:
        they may take long."""
        spec = self.graph.nodes[op.target]
        if not self.recorded or spec.builtin or spec.is_stream or spec.trusted:
            return False
        return not spec.effects.pure or waiting_policy(op.policy) or self.site(op).placement != invoke.PLACE

    def still(self, key: str) -> bool:
        """Can nothing in a flow wait, nor in any flow that it reaches?"""
        found = self._still.get(key)
        if found is None:
            reached = {key}
            waiting = [key]
            found = True
            while waiting and found:
                flow = self.graph.flows[waiting.pop()]
                found = not flow.stream and not waiting_policy(flow.policy)
                for op in all_ops(flow):
                    if isinstance(op, ir.Subflow):
                        found = found and not op.detached and not waiting_policy(op.policy)
                        if op.target not in reached:
                            reached.add(op.target)
                            waiting.append(op.target)
                    else:  # its regions are gone through by themselves
                        found = found and not self._can_wait(OpOrder(op, PURE, False))
            self._still[key] = found
        return found

    @staticmethod
    def starts(op: ir.Op) -> bool:
        """May the operation start a call, or hand on an item? Of a block it is not asked what it holds."""
        return not (isinstance(op, (ir.Eval, ir.Exit, ir.Raise)) or (isinstance(op, ir.Emit) and op.loop != ""))

    def looks(self, op: ir.Op) -> bool:
        """Does it look by itself, before it starts, whether it is cut? A hop to a thread does."""
        return isinstance(op, ir.Call) and not self.events and not waiting_policy(op.policy) and self.in_thread(op)

    def in_thread(self, op: ir.Call) -> bool:
        spec = self.graph.nodes[op.target]
        return not spec.builtin and not spec.is_stream and self.site(op).placement == invoke.LANE

    def outlasts(self, order: OpOrder) -> bool:
        """Can the operation end well although it was cut? A writer in a thread is waited for, and so is what runs under
        a shield: the ``finally`` of a ``try``, the undos of losers, the closing of a stream. An async node is taken to
        be cut where it waits."""
        key = id(order)
        found = self._outlasts.get(key)
        if found is None:
            self._outlasts[key] = False  # a flow that calls itself: its inner calls add nothing
            found = self._outlasts[key] = self._can_outlast(order)
            self._keep.append(order)
        return found

    def _can_outlast(self, order: OpOrder) -> bool:
        op = order.op
        match op:
            case ir.Call():
                spec = self.graph.nodes[op.target]
                return bool(spec.builtin) or (self.in_thread(op) and spec.effects.retires)
            case ir.Subflow():
                return not op.detached and any(self.outlasts(o) for o in self.orders[op.target].ops)
            case ir.Loop() | ir.ForEach() if op.stream is not False:
                return True
            case ir.Try() if op.final is not None and any(self.waits(o) for o in order.regions[-1].ops):
                return True
            case ir.Race():
                return True
            case ir.ForEach() if op.take is not None:
                return True
        return any(self.outlasts(o) for r in order.regions for o in r.ops)

    def eager(self, order: OpOrder) -> bool:
        """For a block: can something in it start while earlier steps are running? Other operations have no inside."""
        if not (order.late or order.late_all or order.late_reads or order.late_values):
            return True
        key = id(order)
        found = self._eager.get(key)
        if found is None:
            self._eager[key] = False  # a flow that calls itself: its inner calls add nothing
            found = self._is_eager(order)
            self._eager[key] = found
            self._keep.append(order)
        return found

    def _is_eager(self, order: OpOrder) -> bool:
        if isinstance(order.op, ir.Subflow):
            return is_eager(self.orders[order.op.target], self.waits, self.eager)
        return any(is_eager(r, self.waits, self.eager) for r in order.regions)

    def tabled(self, order: RegionOrder) -> bool:
        """Is the region a table, where the code around it waits?"""
        return overlaps(order, self.waits, self.eager) or (not self.on.straight and any(map(self.waits, order.ops)))

    def rows(self, order: RegionOrder) -> list[list[int]]:
        """The rows of a table, as runs of operations."""
        return segments(order, self.fusible, self.eager, SEGMENT if self.on.segments else 1)

    def fusible(self, order: OpOrder, levels: int = 30) -> str:
        """Can the operation be part of a segment? Loops cannot: they may be long, and a segment does not yield. Nor
        can blocks of more ``levels``: they do not fit into one function."""
        op = order.op
        if not levels or self.waits(order):
            return ""
        match op:
            case ir.Eval():
                return "quick"
            case ir.Emit():
                return "quick"
            case ir.Call():
                return "" if op.policy.undo is not None or self.graph.nodes[op.target].is_stream else "quick"
            case ir.Branch():
                inner = [o for r in order.regions for o in r.ops]
                if any(r.region.marks for r in order.regions):
                    return ""
                quick = all(isinstance(o.op, (ir.Exit, ir.Raise)) or self.fusible(o, levels - 1) for o in inner)
                return "quick" if quick else ""
        return ""

    def plain_call(self, op: ir.Call) -> bool:
        """A call that needs no code of its own: no options, and arguments that are values or constants."""
        spec = self.graph.nodes[op.target]
        if not self.on.plain_rows or spec.builtin or spec.is_stream or op.policy != ir.NO_POLICY or self.journaled(op):
            return False
        if self.site(op).placement == invoke.PLACE:
            return False
        values = [*op.args, *(v for _, v in op.kwargs)]
        return all(isinstance(v, (ir.Ref, ir.Const)) for v in values) and all(k != "**" for k, _ in op.kwargs)

    def one_slot(self, op: ir.Call) -> bool:
        """Does the call need one slot of the cap and nothing before it? Then its row can have its turn beforehand."""
        spec = self.graph.nodes[op.target]
        if spec.builtin or spec.is_stream or self.journaled(op):
            return False
        if any(getattr(op.policy, p) is not None for p in BEFORE_THE_CAP):
            return False
        return waiting_policy(op.policy) or self.site(op).placement != invoke.PLACE

    def plain_lane(self, op: ir.Call) -> bool:
        """A call for a thread without options."""
        spec = self.graph.nodes[op.target]
        return (
            not spec.builtin
            and not spec.is_stream
            and op.policy == ir.NO_POLICY
            and self.site(op).placement == invoke.LANE
            and not self.journaled(op)
        )

    def cost(self, ops: list[int], order: RegionOrder) -> float:
        """The expected duration of a row: in seconds, or in calls where nothing was ever measured."""
        return sum(self.costs.of(order.ops[i]) for i in ops)

    def node_ids(self, order: RegionOrder) -> list[str]:
        """The ids of the calls in a region."""
        found: list[str] = []
        for o in order.ops:
            if isinstance(o.op, ir.Call):
                found.append(o.op.id)
            for region in o.regions:
                found += self.node_ids(region)
        return found

    def is_quick(self, key: str) -> bool:
        """A small flow that cannot wait and has no loops: called in place even where a loop is running."""
        flow = self.graph.flows[key]
        if not self.on.flows_in_place or key in self.recursive or flow.stream or waiting_policy(flow.policy):
            return False
        ops = list(all_ops(flow))
        if len(ops) > QUICK_OPS or any(isinstance(op, (ir.Loop, ir.ForEach)) for op in ops):
            return False
        # What it owes is noted in a log, which a plain function is not given.
        if any(isinstance(op, (ir.Call, ir.Subflow)) and op.policy.undo is not None for op in ops):
            return False
        return not any(self.waits(o) for o in self.orders[key].ops)

    def can_be_direct(self, key: str) -> bool:
        """Can the flow be a plain function call without losing anything?

        Nothing in it needs a loop, and nothing in it that may block could overlap with something else.
        """
        found = self._direct.get(key)
        if found is None:
            self._direct[key] = True  # as far as a call of itself is concerned
            flow = self.graph.flows[key]
            found = not flow.stream and not waiting_policy(flow.policy) and self._direct_region(self.orders[key])
            self._direct[key] = found
        return found

    def _direct_region(self, order: RegionOrder) -> bool:
        for o in order.ops:
            op = o.op
            match op:
                case ir.Call():
                    spec = self.graph.nodes[op.target]
                    if spec.builtin or spec.is_stream or waiting_policy(op.policy) or self.journaled(op):
                        return False
                    if self.site(op).placement == invoke.LOOP or spec.runs == "thread":
                        return False
                case ir.Subflow():
                    if op.detached or waiting_policy(op.policy) or not self.can_be_direct(op.target):
                        return False
                case ir.Scope() | ir.Race():
                    return False
                case ir.Loop() | ir.ForEach() if op.stream or op.buffer or op.window or op.batch:
                    return False
                case ir.ForEach():
                    if op.collect or op.take is not None or any(self.waits(i) for i in o.regions[0].ops):
                        return False
                    if op.parallel is not None and not isinstance(op.parallel, ir.Const):
                        return False
                case ir.Parallel():
                    if any(self.waits(i) for r in o.regions for i in r.ops):
                        return False
                case ir.Emit(loop=""):
                    return False
            if not all(self._direct_region(r) for r in o.regions):
                return False
        return not overlaps(order, self.waits, self.eager)

    def sites(self) -> list[invoke.Site]:
        """The calls that code was written for so far."""
        return list(self._sites.values())


def _recursive(graph: ir.Graph) -> set[str]:
    """Flows that can reach themselves."""
    calls = {
        key: {op.target for op in all_ops(flow) if isinstance(op, ir.Subflow)} for key, flow in graph.flows.items()
    }
    found: set[str] = set()
    for key, targets in calls.items():
        seen: set[str] = set()
        stack = list(targets)
        while stack:
            target = stack.pop()
            if target not in seen:
                seen.add(target)
                stack += calls.get(target, ())
        if key in seen:
            found.add(key)
    return found


def nodes_behind(graph: ir.Graph, key: str) -> list[str]:
    """The keys of the nodes that a flow calls, by itself or through other flows; none of the engine's own."""
    flows: list[str] = [key]
    nodes: dict[str, None] = {}
    for flow in flows:  # it grows meanwhile
        for op in all_ops(graph.flows[flow]):
            if isinstance(op, ir.Subflow):
                flows += [op.target] * (op.target not in flows)
            elif isinstance(op, ir.Call) and not graph.nodes[op.target].builtin:
                nodes[op.target] = None
    return list(nodes)
