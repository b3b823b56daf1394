"""Linking: from an ordered graph and the real functions to runnable code.

One :class:`FlowLinker` writes one module of generated code for a graph: for each flow a function that may wait and,
where nothing in it can, one that is a plain function call. What is linked depends on where nodes run just now
(:mod:`.tiers`) and on whether anybody listens; :class:`Linked` says whether it still holds.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any

from attrs import define

from ..compiler import ir
from ..compiler.diagnostics import MAX_DEPTH, LoopLimit, RecursionLimit
from ..compiler.evaluate import evaluate
from ..compiler.spec import Objects
from ..compiler.walk import all_ops
from ..planner.optimizations import ALL, Optimizations
from ..planner.order import OpOrder, Orderer, RegionOrder, exits_of, yields
from . import invoke
from .blockcode import Blocks
from .blocks import for_each, parallel, race
from .cache_keys import code_of, key_of, values_of
from .calls import attempted, policy_text, waiting_policy, writes
from .expressions import Printer
from .frame import run_frame
from .governed import governed, produced
from .groups import as_raised
from .lanes import lane_each
from .late import trio
from .leave import Leave
from .place import Outer, Place
from .questions import Questions, Substitute, nodes_behind, placement
from .run import Run
from .scopes import timeout
from .source import Module, Writer
from .straight import Straight
from .streams import FlowStream, opened
from .tables import Tabled, Tabler
from .tiers import TIERS, lost
from .undo import UndoLog

if TYPE_CHECKING:
    from ..planner.counts import Tally
    from ..planner.profile import Profile

Builtin = Callable[..., Awaitable[Any]]
"""An operation of the engine: an async function of the run, the undo log and the arguments."""


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
        in_place = self.linker.on.nodes_in_place
        if any(placement(s.spec, s.fn, in_place) != s.placement for s in self.linker.sites()):
            return False
        self.epoch = TIERS.epoch
        return True


class FlowLinker(Questions):
    """Links one graph.

    Parameters
    ----------
    graph, objects: the program. ``orders``: the order of each flow's body. ``builtins``: the engine's own operations
    by name. events: does anybody listen? ``substitute``: another function for a node (mocks), or None. ``launch``:
    starts a detached run. ``on``: what is done for speed. tally: told of each block that is entered, or None.
    """

    def __init__(
        self,
        graph: ir.Graph,
        objects: Objects,
        orders: Mapping[str, RegionOrder],
        builtins: Mapping[str, Builtin],
        events: bool = False,
        substitute: Substitute | None = None,
        detach: Builtin | None = None,
        profile: Profile | None = None,
        recorded: bool = False,
        on: Optimizations = ALL,
        tally: Tally | None = None,
    ) -> None:
        super().__init__(graph, objects, orders, events, substitute, profile, recorded, on)
        self._builtins = builtins
        self.module = Module(graph.main.name)
        self.printer = Printer(self.module, objects, secret=any(a.kind == "secret" for a in graph.ambient.values()))
        self.blocks = Blocks(self)
        self._late: list[Callable[[], None]] = []
        self.tracked = any(isinstance(op, ir.Try) and op.tracked for op in all_ops(graph))
        self.epoch = TIERS.epoch
        self._names: dict[tuple[str, bool], str] = {}
        self._todo: list[tuple[str, bool]] = []
        self._codes: dict[str, tuple[Any, ...]] = {}
        self._blocks_counted: dict[int, str] = {}
        self._bind(detach)
        if tally is not None:
            from ..planner.counts import block_names

            self._blocks_counted = block_names(graph)
            self.module.names.update(_enter=tally.enter, _limit=tally.limit)

    def _bind(self, detach: Builtin | None) -> None:
        self.module.names.update(
            _clock=time.perf_counter,
            _invoke=invoke.invoke,
            _call=invoke.call,
            _bare=invoke.bare,
            _capped=invoke.capped,
            _apply=invoke.apply_policy,
            _lane=invoke.lane,
            _as_raised=as_raised,
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
            _governed=governed,
            _produced=produced,
            _FlowStream=FlowStream,
            _detach=detach,
            _LoopLimit=LoopLimit,
            _RecursionLimit=RecursionLimit,
            _missing=_MISSING,
            _call_key=self.call_key,
            _flow_key=self.flow_key,
            _sorted=sorted,
        )
        if self.recorded:
            from .recording import NAMES

            self.module.names.update(NAMES)

    # ---- pieces of code --------------------------------------------------------------------------

    @property
    def tallied(self) -> bool:
        """Does anybody count blocks?"""
        return bool(self._blocks_counted)

    def counted(self, write: Writer, order: RegionOrder) -> None:
        """At the beginning of a block: tell whoever counts."""
        if self.tallied:
            write(f"_enter({self._blocks_counted[id(order.region)]!r})")

    def limited(self, write: Writer, order: RegionOrder, limit: str) -> None:
        """Before a loop whose passes overlap: tell them the limit, a text."""
        if self.tallied:
            write(f"_limit({self._blocks_counted[id(order.region)]!r}, {limit})")

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

            async def run_flow(run: Run, at: int, *args: Any, **kwargs: Any) -> Any:
                return await names[name](run, None, None, 0, at, *args, **kwargs)

            return run_flow
        spec = self.graph.nodes[undo.target]
        site = self.new_site(f"undo {spec.name}", spec)
        policy = {k: v for k, v in spec.policy.items() if k != "undo"}
        recorded = self.module.names.get("_recorded")

        async def run_node(run: Run, at: int, *args: Any, **kwargs: Any) -> Any:
            if recorded is not None:
                return await recorded(run, at, site, args, kwargs, policy, name="undo")
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
        rest = [*extra, *(self.module.local(v) for v in values)]
        params, given = ", ".join(["_run", "_depth", *rest]), ", ".join(["_run", place.at, *rest])
        kind, wait = ("async def", "await ") if place.waits else ("def", "")
        with inner.write.block(f"{kind} _d{number}({params}):"):
            inner.write("_up, _ret = None, 0")
            far = type(place.loop)(place.loop.op, "far") if place.loop is not None else None
            inner.op(order, place.fork(flow=False, loop=far, depth=1, at="_depth"))
            inner.write(f"return ({''.join(self.module.local(r) + ', ' for r in op.results)})")
        result = f"_r{number}"
        code.write(f"{result} = {wait}_d{number}({given})")
        code.leaving(result, exits_of(order), place)
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

    def call_key(self, run: Run, key: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
        """The content of a flow call, for its cache."""

        def default(param: ir.FlowParam) -> Any:
            return None if param.default is None else evaluate(param.default, {}, self.objects, run.ambient)

        return self.flow_key(key, values_of(self.graph.flows[key].params, args, kwargs, default))

    def flow_key(self, key: str, values: list[Any]) -> str:
        """The content of a flow call, by the values of its parameters."""
        return key_of(self.graph.flows[key].name, self.flow_code(key), values)

    def flow_code(self, key: str) -> tuple[Any, ...]:
        """What a flow means, with the code of all nodes that it reaches."""
        found = self._codes.get(key)
        if found is None:
            from ..compiler.digest import digest

            nodes = [self.graph.nodes[node] for node in nodes_behind(self.graph, key)]
            codes = sorted(code_of(spec, self.function(spec)) for spec in nodes)
            found = self._codes[key] = (digest(self.graph, key), *codes)
        return found

    def entry(self, waits: bool) -> Callable[..., Any]:
        """The function of the entry flow, with everything it needs."""
        if waits:  # what waits for nothing is linked and run without Trio
            self.module.names.update(
                _check=trio.from_thread.check_cancelled, _alive=trio.lowlevel.checkpoint_if_cancelled
            )
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
        direct = self.entry(waits=False) if self.on.direct and self.can_be_direct(self.graph.entry) else None
        lost()  # what this thread has waited for until now is no call's doing
        return Linked(self, direct, self.epoch)

    def flow(self, key: str, waits: bool) -> None:
        """The function of one flow."""
        flow = self.graph.flows[key]
        code = self.straight()
        name = self._names[key, waits]
        params = self.params(flow)
        policied = waits and waiting_policy(flow.policy)
        put = "_put, " if flow.stream else ""
        own = "_run, _log, _up, _ret, _depth, " if waits else "_run, _depth, "
        inner = f"{name}_body" if policied else name
        with code.write.block(f"{'async ' if waits else ''}def {inner}({own}{put}{params}):"):
            if key in self.recursive:
                code.write(f"if _depth > {MAX_DEPTH}: raise _RecursionLimit.at({flow.name!r})")
                if waits:  # else a recursion that only computes could not be cut
                    code.write("if _clock() > _run.due: await _run.breathe()")
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
        """A flow with options in its header: its body as one attempt. The options of a call lie over them."""
        code = self.straight()
        own = "_run, _log, _up, _ret, _depth" + (", _put" if flow.stream else "")
        with code.write.block(f"async def {name}({own}, *args, **kwargs):"):
            code.write(f"return await {name}_over({flow.name!r}, {{}}, None, {own}, *args, **kwargs)")
        with code.write.block(f"async def {name}_over(_as, _over, _done, {own}, {params}):"):
            self.defaults(code, flow)
            place = Place(waits=True)
            if self.orders[flow.key].effects.retires:
                code.await_row("_up", "_ret")
            names = [self.module.local(p.name) for p in flow.params]
            passed = ", ".join(
                {"kw": f"{n}={n}", "var_pos": f"*{n}", "var_kw": f"**{n}"}.get(p.kind, n)
                for p, n in zip(flow.params, names, strict=True)
            )
            here, again = ("_depth", "") if flow.stream else attempted(code, "_depth")
            call = f"{inner}(_run, _log, None, 0, {here}, {'_put, ' if flow.stream else ''}{passed})"
            policy = f"{{**{policy_text(code, flow.policy, place)}, **_over}}"
            if flow.stream:
                stream = f"_FlowStream(lambda _put: {call})"
                at = ", _depth" if self.recorded else ""
                code.write(f"return await _produced(_run, _as, {flow.key!r}, {stream}, _put, {policy}{at})")
                return
            values = ", ".join(
                f"_sorted({n}.items())" if p.kind == "var_kw" else n for p, n in zip(flow.params, names, strict=True)
            )
            key = f"lambda: _flow_key({flow.key!r}, [{values}])"
            log = ", log=_log" if writes(self, flow.key) else ""
            code.write(
                f"return await _apply(_run, _as, {flow.key!r}, lambda: {call}, {policy}, _done, {key}{log}{again})"
            )

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


def order_flows(graph: ir.Graph) -> dict[str, RegionOrder]:
    """The order of every flow of a graph."""
    orderer = Orderer(graph)
    return {key: orderer.region(flow.body) for key, flow in graph.flows.items()}
