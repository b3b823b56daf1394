"""What only the whole graph can tell of its order: races that write, arms that touch one resource, retries that
repeat writes.

Effects come from the nodes through all the flows between; nothing here changes the graph.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from ...compiler.diagnostics import Label, Span
from ...compiler.effects import flow_effects
from ...compiler.ir import Call, Const, Expr, FlowGraph, ForEach, Graph, Op, Parallel, Race, Region, Scope, Subflow
from ...compiler.spec import LOG, WORLD, Effects
from ...compiler.walk import all_ops, ops_in, regions_of
from .locks import check_locks
from .recursion import check_recursion
from .report import Reporter


def check_order(report: Reporter, graph: Graph) -> None:
    """Check the order of a whole graph.

    Parameters
    ----------
    report: where findings go.
    graph: closed, and without errors so far.
    """
    checks = _Checks(report, graph, flow_effects(graph))
    for flow in graph.flows.values():
        checks.flow(flow)
    check_recursion(report, graph)
    check_locks(report, graph)


@frozen
class _Touch:
    """One call that touches a resource, and the locks around it inside its arm."""

    name: str
    span: Span
    writes: bool
    locks: frozenset[str]


@define
class _Checks:
    report: Reporter
    graph: Graph
    table: Mapping[str, Effects]
    _touches: dict[str, dict[str, _Touch]] = field(factory=dict)

    def flow(self, flow: FlowGraph) -> None:
        if flow.policy.retry is not None:
            self.retried(flow, flow.policy.retry, flow.span, f"the flow {flow.name!r}")
        for op in all_ops(flow):
            match op:
                case Call():
                    self.call(op)
                case Subflow():
                    self.subflow(op)
                case Race():
                    for arm in op.regions:
                        self.cut_writers(arm, "a race", op.span)
                case ForEach() if op.take is not None:
                    self.cut_writers(op.body, "a loop with take=", op.span)
                case Parallel():
                    self.parallel(op)
                case _:
                    pass

    # ---- calls -----------------------------------------------------------------------------------

    def call(self, op: Call) -> None:
        spec = self.graph.nodes[op.target]
        if spec.effects.declared or spec.builtin:
            return
        # A failed attempt of a transactional node has written nothing.
        for option in ("cache",) if spec.transactional else ("retry", "cache"):
            if getattr(op.policy, option) is not None:
                why = (
                    "trying again may repeat what it wrote"
                    if option == "retry"
                    else "what it wrote is not written again"
                )
                self.report(
                    f"undeclared-{option}",
                    op.span,
                    f"{spec.name} declares nothing, so it may write anything: {why}",
                    help=f'declare what it does: @node(reads="...") on {spec.name}',
                )

    def subflow(self, op: Subflow) -> None:
        flow = self.graph.flows[op.target]
        effects = self.table[op.target]
        if op.policy.undo is not None and not effects.writes:
            self.report(
                "undo-without-write",
                op.span,
                f"the flow {flow.name!r} writes nothing: there is nothing to undo",
                help="remove the undo",
            )
        if op.policy.retry is not None:
            self.retried(flow, op.policy.retry, op.span, f"the flow {flow.name!r}")

    def retried(self, flow: FlowGraph, retry: Expr, span: Span, what: str) -> None:
        """A flow is tried again from its first line; its writes are, too, unless a transaction takes them back."""
        if retry == Const(0) or not self.table[flow.key].writes - {LOG}:
            return
        for op in flow.body.ops:
            if _in_transaction(op) or not self.writes(op):
                continue
            self.report(
                "retry-repeats-writes",
                span,
                f"{what} writes outside of a transaction: a retry repeats what it has written",
                labels=(Label(op.span, "written here"),),
                help="put the body of the flow into a transaction",
            )
            return

    def writes(self, op: Op) -> bool:
        return any(e.writes - {LOG} and not name for name, e in self.effects_in(op))

    def effects_in(self, op: Op) -> Iterator[tuple[str, Effects]]:
        """The effects of the calls in an operation; with each the name of the engine's own operation, if it is one."""
        region = Region(ops=(op,))
        for inner in ops_in(region):
            match inner:
                case Call():
                    spec = self.graph.nodes[inner.target]
                    yield spec.builtin, spec.effects
                case Subflow() if not inner.detached:
                    yield "", self.table[inner.target]
                case _:
                    pass

    # ---- race and take ---------------------------------------------------------------------------

    def cut_writers(self, region: Region, what: str, span: Span, seen: frozenset[str] = frozenset()) -> None:
        """Writers in an arm that may lose need an undo; of a node that declares nothing nobody knows."""
        for op in ops_in(region):
            if isinstance(op, Subflow) and not op.detached:
                if op.target not in seen and op.policy.undo is None:
                    inner = self.graph.flows[op.target]
                    self.cut_writers(inner.body, what, op.span if not seen else span, seen | {op.target})
            elif isinstance(op, Call):
                self.cut_writer(op, what, span if seen else op.span)

    def cut_writer(self, op: Call, what: str, span: Span) -> None:
        spec = self.graph.nodes[op.target]
        if spec.builtin or not spec.effects.writes - {LOG} or op.policy.undo is not None:
            return
        if spec.effects.declared:
            writes = ", ".join(sorted(spec.effects.writes - {LOG}))
            self.report(
                "race-needs-undo",
                span,
                f"{spec.name} writes {writes} and may lose in {what}: it needs an undo",
                help=f"write {spec.name}(...) undo f(...), or give the node undo=f",
                python=f"write {spec.name}.options(undo=f)(...), or give the node undo=f",
            )
        else:
            self.report(
                "undeclared-in-race",
                span,
                f"{spec.name} declares nothing: if it writes, a loser of {what} leaves that behind",
                help=f'declare what it does: @node(reads="...") on {spec.name}',
            )

    # ---- arms ------------------------------------------------------------------------------------

    def parallel(self, op: Parallel) -> None:
        """Two arms that write, or write and read, one declared resource without a lock."""
        arms = [self.touched(arm, frozenset(), frozenset()) for arm in op.regions]
        first: dict[str, list[_Touch]] = {}
        told: set[str] = set()
        for arm in arms:
            for touch in arm:
                resource = touch.name
                for other in first.get(resource, ()):
                    if (touch.writes or other.writes) and not touch.locks & other.locks and resource not in told:
                        told.add(resource)
                        both = touch.writes and other.writes
                        self.report(
                            "parallel-conflict", touch.span,
                            f"two arms {'write' if both else 'write and read'} {resource!r}: which "
                            f"comes first is a matter of chance",
                            labels=(Label(other.span, "the other one"),),
                            help='put both into `with lock="name":`, or one after the other',
                            python='put both into `with lock("name"):`, or one after the other',
                        )  # fmt: skip
            for touch in arm:
                first.setdefault(touch.name, []).append(touch)

    def touched(self, region: Region, locks: frozenset[str], seen: frozenset[str]) -> list[_Touch]:
        """The declared resources that a region touches, the strongest touch of each for each set of locks."""
        found: dict[tuple[str, bool, frozenset[str]], _Touch] = {}
        work: list[tuple[Region, frozenset[str]]] = [(region, locks)]
        while work:
            at, held = work.pop()
            for op in at.ops:
                for name, writes, span, own in self.touches_of(op, held, seen):
                    found.setdefault((name, writes, own), _Touch(name, span, writes, own))
                inner = held | _lock_of(op)
                work.extend((r, inner) for r in regions_of(op))
        return list(found.values())

    def touches_of(
        self, op: Op, held: frozenset[str], seen: frozenset[str]
    ) -> Iterator[tuple[str, bool, Span, frozenset[str]]]:
        match op:
            case Call():
                effects = self.graph.nodes[op.target].effects
                own = held | _lock_name(op.policy.lock)
                if not effects.declared or self.graph.nodes[op.target].builtin:
                    return
                for name in effects.writes - {WORLD, LOG}:
                    yield name, True, op.span, own
                for name in effects.reads - effects.writes - {WORLD, LOG}:
                    yield name, False, op.span, own
            case Subflow() if not op.detached and op.target not in seen:
                flow = self.graph.flows[op.target]
                own = held | _lock_name(op.policy.lock) | _lock_name(flow.policy.lock)
                for touch in self.of_flow(op.target, seen):
                    yield touch.name, touch.writes, op.span, own | touch.locks
            case _:
                return

    def of_flow(self, key: str, seen: frozenset[str]) -> list[_Touch]:
        known = self._touches.get(key)
        if known is None:
            self._touches[key] = {}  # a flow that calls itself touches nothing more by that
            touches = self.touched(self.graph.flows[key].body, frozenset(), seen | {key})
            known = self._touches[key] = {f"{t.name}/{t.writes}/{sorted(t.locks)}": t for t in touches}
        return list(known.values())


def _in_transaction(op: Op) -> bool:
    return isinstance(op, Scope) and op.kind == "transaction"


def _lock_of(op: Op) -> frozenset[str]:
    return _lock_name(op.arg) if isinstance(op, Scope) and op.kind == "lock" else frozenset()


def _lock_name(lock: Expr | None) -> frozenset[str]:
    """The name of a lock, where it is a constant."""
    return frozenset({lock.value}) if isinstance(lock, Const) and isinstance(lock.value, str) else frozenset()
