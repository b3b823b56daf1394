"""Linking: from an ordered graph and the real functions to runnable code.

One :class:`FlowLinker` writes one module of generated code for a graph: for each flow a function that may wait and,
where nothing in it can, one that is a plain function call. What is linked depends on where nodes run just now
(:mod:`.tiers`) and on whether anybody listens; :class:`Linked` says whether it still holds.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import trio
from attrs import define

from ..compiler import ir
from ..compiler.diagnostics import MAX_DEPTH, LoopLimit, RecursionLimit
from ..compiler.promises import Promise, promise
from ..compiler.spec import NodeSpec, Objects
from ..compiler.walk import all_ops
from ..planner.fusion import is_eager, overlaps
from ..planner.order import OpOrder, Orderer, RegionOrder
from . import invoke
from .blockcode import Blocks
from .blocks import for_each, parallel, race
from .calls import waiting_policy
from .expressions import Printer
from .frame import run_frame
from .lanes import lane_each
from .leave import Leave
from .place import Outer, Place
from .run import Run
from .scopes import timeout
from .source import Module
from .straight import Straight
from .streams import FlowStream, opened
from .tables import Tabled, Tabler, yields
from .tiers import TIERS
from .undo import UndoLog

Builtin = Callable[..., Awaitable[Any]]
"""An operation of the engine: an async function of the run, the undo log and the arguments."""

QUICK_OPS = 64
"""Operations in a sub-flow that is called in place although a loop is running."""


@define(eq=False)
class Linked:
    """Runnable code of one graph, written when first asked for.

    ``direct``: the entry flow as a plain function, where that is as good; None where it has to wait. ``epoch``: the
    state of the tiers it was made for. ``waiting``: the entry flow as an async function, once it is written.
    """

    linker: FlowLinker
    direct: Callable[..., Any] | None
    epoch: int
    waiting: Callable[..., Awaitable[Any]] | None = None

    @property
    def module(self) -> Module:
        return self.linker.module

    @property
    def graph(self) -> ir.Graph:
        return self.linker.graph

    @property
    def recursive(self) -> bool:
        return bool(self.linker.recursive)

    def written(self) -> Callable[..., Awaitable[Any]]:
        """The entry flow as an async function, written now if it is not yet."""
        self.waiting = self.linker.entry(waits=True)
        return self.waiting

    def holds(self) -> bool:
        """Would linking again give the same?"""
        if self.epoch == TIERS.epoch:
            return True
        if any(placement(s.spec, s.fn) != s.placement for s in self.linker.sites()):
            return False
        self.epoch = TIERS.epoch
        return True


def placement(spec: NodeSpec, fn: Callable[..., Any]) -> str:
    """Where a node runs: what is declared is obeyed; a ``def`` node that is not known to be quick goes to a thread."""
    if spec.is_async or inspect.iscoroutinefunction(fn):
        return invoke.LOOP
    if spec.trusted or spec.runs == "loop":
        return invoke.PLACE
    if spec.runs == "thread":
        return invoke.LANE
    return invoke.PLACE if TIERS.of(fn).trusted else invoke.LANE


class FlowLinker:
    """Links one graph.

    Parameters
    ----------
    graph, objects: the program. ``orders``: the order of each flow's body. ``builtins``: the engine's own operations
    by name. events: does anybody listen? ``substitute``: another function for a node (mocks), or None. ``launch``:
    starts a detached run.
    """

    def __init__(
        self,
        graph: ir.Graph,
        objects: Objects,
        orders: Mapping[str, RegionOrder],
        builtins: Mapping[str, Builtin],
        events: bool = False,
        substitute: Callable[[NodeSpec, Callable[..., Any]], Callable[..., Any] | None] | None = None,
        detach: Builtin | None = None,
        costs: Mapping[str, float] | None = None,
    ) -> None:
        self.graph = graph
        self.objects = objects
        self.orders = orders
        self.events = events
        self._builtins = builtins
        self._substitute = substitute
        self._costs = costs or {}
        self.module = Module(graph.main.name)
        self.printer = Printer(self.module, objects, secret=any(a.kind == "secret" for a in graph.ambient.values()))
        self.blocks = Blocks(self)
        self._late: list[Callable[[], None]] = []
        self.tracked = any(isinstance(op, ir.Try) and op.tracked for op in all_ops(graph))
        self.epoch = TIERS.epoch
        self._promises: dict[str, Promise | None] = {}
        self._functions: dict[str, Callable[..., Any]] = {}
        self._sites: dict[int, invoke.Site] = {}
        self._waits: dict[int, bool] = {}
        self._eager: dict[int, bool] = {}
        self._keep: list[Any] = []
        self._names: dict[tuple[str, bool], str] = {}
        self._todo: list[tuple[str, bool]] = []
        self._direct: dict[str, bool] = {}
        self.recursive = _recursive(graph)
        self._bind(detach)

    def _bind(self, detach: Builtin | None) -> None:
        self.module.names.update(
            _clock=time.perf_counter,
            _invoke=invoke.invoke,
            _call=invoke.call,
            _capped=invoke.capped,
            _place=invoke.place,
            _apply=invoke.apply_policy,
            _lane=invoke.lane,
            _check=trio.from_thread.check_cancelled,
            _run_frame=run_frame,
            _Leave=Leave,
            _UndoLog=UndoLog,
            _timeout=timeout,
            _for_each=for_each,
            _lane_each=lane_each,
            _parallel=parallel,
            _race=race,
            _opened=opened,
            _open_flow=open_flow,
            _detach=detach,
            _LoopLimit=LoopLimit,
            _RecursionLimit=RecursionLimit,
            _missing=_MISSING,
            _flow_key=self.flow_key,
        )

    # ---- questions -------------------------------------------------------------------------------

    def function(self, spec: NodeSpec) -> Callable[..., Any]:
        """The function of a node: its own, or what stands in for it."""
        fn = self._functions.get(spec.key)
        if fn is None:
            fn = self.objects.nodes[spec.key]
            if self._substitute is not None:
                fn = self._substitute(spec, fn) or fn
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
        reader = not spec.effects.retires
        return invoke.Site(id, spec, fn, placement(spec, fn), TIERS.of(fn), reader, self.promise(spec))

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
                return bool(spec.builtin) or waiting_policy(op.policy) or self.site(op).placement != invoke.PLACE
            case ir.Subflow():
                flow = self.graph.flows[op.target]
                if flow.stream and not op.detached:
                    return False
                return op.detached or waiting_policy(op.policy) or not self.is_quick(op.target)
            case ir.Scope() | ir.Race():
                return True
            case ir.Loop() | ir.ForEach() if op.stream is not False or op.buffer or op.window or op.batch:
                return True
            case ir.ForEach() if op.collect or op.take is not None:
                return True
        return any(self.waits(o) for r in order.regions for o in r.ops)

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
        if spec.builtin or spec.is_stream or self.events or op.policy != ir.NO_POLICY:
            return False
        if self.site(op).placement == invoke.PLACE:
            return False
        values = [*op.args, *(v for _, v in op.kwargs)]
        return all(isinstance(v, (ir.Ref, ir.Const)) for v in values) and all(k != "**" for k, _ in op.kwargs)

    def plain_lane(self, op: ir.Call) -> bool:
        """A call for a thread without options."""
        spec = self.graph.nodes[op.target]
        return (
            not spec.builtin
            and not spec.is_stream
            and op.policy == ir.NO_POLICY
            and self.site(op).placement == invoke.LANE
        )

    def cost(self, ops: list[int], order: RegionOrder) -> float:
        """An estimate of a row's duration: what was measured, else 1 for what waits."""
        return sum(self._costs.get(o.op.id, 1.0) if self.waits(o) else 0.001 for o in (order.ops[i] for i in ops))

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
        if key in self.recursive or flow.stream or waiting_policy(flow.policy):
            return False
        ops = list(all_ops(flow))
        if len(ops) > QUICK_OPS or any(isinstance(op, (ir.Loop, ir.ForEach)) for op in ops):
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
                    if spec.builtin or spec.is_stream or waiting_policy(op.policy):
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

    # ---- pieces of code --------------------------------------------------------------------------

    def straight(self) -> Straight:
        """A new top-level function to write."""
        return Straight(self, self.module.function())

    def table(self, order: RegionOrder, place: Place) -> Tabled:
        return Tabler(self, order, place).build()

    def fill_later(self, fill: Callable[[], None]) -> None:
        """Do something once the functions that are being written exist."""
        self._late.append(fill)

    def builtin(self, name: str) -> Builtin:
        return self._builtins[name]

    def target_name(self, undo: ir.Undo) -> str:
        return self.graph.flows[undo.target].name if undo.is_flow else self.graph.nodes[undo.target].name

    def undo_runner(self, undo: ir.Undo) -> Builtin:
        """Who runs an undo: the node under its own policy, or the flow."""
        if undo.is_flow:
            name = self.flow_name(undo.target, waits=True)
            names = self.module.names

            async def run_flow(run: Run, *args: Any, **kwargs: Any) -> Any:
                return await names[name](run, None, None, 0, 0, *args, **kwargs)

            return run_flow
        spec = self.graph.nodes[undo.target]
        site = self.new_site(f"undo {spec.name}", spec)
        policy = {k: v for k, v in spec.policy.items() if k != "undo"}

        async def run_node(run: Run, *args: Any, **kwargs: Any) -> Any:
            return await invoke.invoke(run, site, args, kwargs, policy)

        return run_node

    def outlined(self, code: Straight, order: OpOrder, place: Place) -> None:
        """A block nested too deep for one function, as a function of its own."""
        op = order.op
        code.load(set(order.entry_values | order.late_values), place)
        for condition in [c for _, c in place.outer.writers] + place.outer.retire:
            code.await_row(*condition)
        place.outer = Outer()
        inner = self.straight()
        number = self.module.number()
        values = sorted(order.entry_values | order.late_values)
        if place.error and place.error not in values:
            values.append(place.error)
        extra = (
            ([place.log] if place.waits and place.log != "None" else [])
            + list(place.collects.values())
            + ["_tk"] * self.tracked
            + ["_put"] * yields(order)
        )
        params = ", ".join(["_run", "_depth", *extra, *(self.module.local(v) for v in values)])
        kind, wait = ("async def", "await ") if place.waits else ("def", "")
        with inner.write.block(f"{kind} _d{number}({params}):"):
            inner.write("_up, _ret = None, 0")
            far = type(place.loop)(place.loop.op, "far") if place.loop is not None else None
            inner.op(order, place.fork(flow=False, loop=far, depth=1))
            inner.write(f"return ({''.join(self.module.local(r) + ', ' for r in op.results)})")
        result = f"_r{number}"
        code.write(f"{result} = {wait}_d{number}({params})")
        leaves = frozenset().union(*(r.leaves for r in order.regions))
        code.leaving(result, leaves, place)
        code.assign(op.results, [f"{result}[{i}]" for i in range(len(op.results))])

    # ---- flows -----------------------------------------------------------------------------------

    def flow_name(self, key: str, waits: bool) -> str:
        """The function of a flow, written when first asked for."""
        name = self._names.get((key, waits))
        if name is None:
            stem = "".join(c if c.isalnum() else "_" for c in self.graph.flows[key].name)
            name = f"_flow_{stem}_{len(self._names)}"
            self._names[key, waits] = name
            self._todo.append((key, waits))
        return name

    def flow_arguments(self, code: Straight, op: ir.Subflow, place: Place) -> str:
        """The arguments of a flow call, under the names that the flow's function has for its parameters."""
        renamed = tuple((n if n == "**" else self.module.local(n), v) for n, v in op.kwargs)
        return code.arguments(op.args, renamed, place)

    def flow_key(self, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The content of a flow call, for its cache."""
        import hashlib

        import cloudpickle

        from ..compiler.digest import digest

        body = cloudpickle.dumps((args, sorted(kwargs.items())))
        return f"{digest(self.graph)}:{self.graph.flows[key].name}:{hashlib.sha256(body).hexdigest()}"

    def sites(self) -> list[invoke.Site]:
        """The calls that code was written for so far."""
        return list(self._sites.values())

    def entry(self, waits: bool) -> Callable[..., Any]:
        """The function of the entry flow, with everything it needs."""
        name = self.flow_name(self.graph.entry, waits)
        while self._todo:
            while self._todo:
                self.flow(*self._todo.pop())
            self.module.compile()
            late, self._late = self._late, []
            for fill in late:
                fill()
        found: Callable[..., Any] = self.module.names[name]
        return found

    def link(self) -> Linked:
        """The graph as runnable code."""
        direct = self.entry(waits=False) if self.can_be_direct(self.graph.entry) else None
        return Linked(self, direct, self.epoch)

    def flow(self, key: str, waits: bool) -> None:
        """The function of one flow."""
        flow = self.graph.flows[key]
        code = self.straight()
        name = self._names[key, waits]
        params = self.params(flow)
        policied = waits and waiting_policy(flow.policy) and not flow.stream
        put = "_put, " if flow.stream else ""
        own = "_run, _log, _up, _ret, _depth, " if waits else "_run, _depth, "
        inner = f"{name}_body" if policied else name
        with code.write.block(f"{'async ' if waits else ''}def {inner}({own}{put}{params}):"):
            if key in self.recursive:
                code.write(f"if _depth > {MAX_DEPTH}: raise _RecursionLimit.at({flow.name!r})")
            self.defaults(code, flow)
            if self.tracked:
                code.write("_tk = {}")
            place = Place(waits=waits, log="_log" if waits else "None", concurrent=waits and key != self.graph.entry)
            order = self.orders[key]
            if waits:
                place.outer.retire = [("_up", "_ret")] if order.retires else []
            code.region(order, place, lambda texts: None)
            code.write("return None")
        if policied:
            self.policied(flow, name, inner, params)

    def policied(self, flow: ir.FlowGraph, name: str, inner: str, params: str) -> None:
        """A flow with options in its header: its body as one attempt."""
        from .calls import policy_text

        code = self.straight()
        with code.write.block(f"async def {name}(_run, _log, _up, _ret, _depth, {params}):"):
            self.defaults(code, flow)
            place = Place(waits=True)
            if self.orders[flow.key].effects.retires:
                code.await_row("_up", "_ret")
            names = [self.module.local(p.name) for p in flow.params]
            passed = ", ".join(
                {"kw": f"{n}={n}", "var_pos": f"*{n}", "var_kw": f"**{n}"}.get(p.kind, n)
                for p, n in zip(flow.params, names, strict=True)
            )
            call = f"{inner}(_run, _log, None, 0, _depth, {passed})"
            policy = policy_text(code, flow.policy, place)
            key = f"lambda: _flow_key({flow.key!r}, ({''.join(n + ', ' for n in names)}), {{}})"
            code.write(f"return await _apply(_run, {flow.name!r}, {flow.key!r}, lambda: {call}, {policy}, None, {key})")

    def params(self, flow: ir.FlowGraph) -> str:
        parts: list[str] = []
        keyword_only = False
        for param in flow.params:
            name = self.module.local(param.name)
            if param.kind == "var_pos":
                parts.append(f"*{name}")
                keyword_only = True
                continue
            if param.kind == "var_kw":
                parts.append(f"**{name}")
                continue
            if param.kind == "kw" and not keyword_only:
                parts.append("*")
                keyword_only = True
            parts.append(name if param.required else f"{name}={self.default(param)}")
        return ", ".join(parts)

    def default(self, param: ir.FlowParam) -> str:
        return self.printer.constant(param.default.value) if isinstance(param.default, ir.Const) else "_missing"

    def defaults(self, code: Straight, flow: ir.FlowGraph) -> None:
        """Defaults that are no constants are computed at each call."""
        for param in flow.params:
            if not param.required and param.default is not None and not isinstance(param.default, ir.Const):
                name = self.module.local(param.name)
                with code.write.block(f"if {name} is _missing:"):
                    code.write(f"{name} = {code.text(param.default, Place(waits=False))}")


_MISSING: Any = type("Missing", (), {"__repr__": lambda self: "<missing>"})()


def open_flow(
    fn: Callable[..., Awaitable[Any]], run: Run, log: UndoLog | None, depth: int, *args: Any, **kwargs: Any
) -> FlowStream:
    """The stream of a flow: nothing of it runs before the first item is asked for."""
    return FlowStream(lambda put: fn(run, log, None, 0, depth, put, *args, **kwargs))


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


def order_flows(graph: ir.Graph) -> dict[str, RegionOrder]:
    """The order of every flow of a graph."""
    orderer = Orderer(graph)
    return {key: orderer.region(flow.body) for key, flow in graph.flows.items()}
