"""Locks that are nested both ways round, so that two runs could wait for each other."""

from __future__ import annotations

from attrs import define, field

from ...compiler.diagnostics import Label, Span
from ...compiler.ir import Call, Const, Expr, Graph, Op, Region, Scope, Subflow
from ...compiler.walk import regions_of
from .report import Reporter


def check_locks(report: Reporter, graph: Graph) -> None:
    """Report pairs of locks that are nested both ways round, through all flow calls."""
    checks = _Locks(report, graph)
    for key, flow in graph.flows.items():
        checks.region(flow.body, _name(flow.policy.lock), key)
    checks.opposite()


@define
class _Locks:
    report: Reporter
    graph: Graph
    pairs: dict[tuple[str, str], Span] = field(factory=dict)
    _taken: dict[str, dict[str, Span]] = field(factory=dict)

    def region(self, region: Region, held: tuple[str, ...], flow: str) -> None:
        work: list[tuple[Region, tuple[str, ...]]] = [(region, held)]
        while work:
            at, around = work.pop()
            for op in at.ops:
                taken = _taken_by(op)
                self.take(taken, around, op.span)
                inner = (*around, *taken)
                if isinstance(op, Subflow) and not op.detached:
                    for name in self.taken_in(op.target):
                        self.take((name,), inner, op.span)
                work.extend((r, inner) for r in regions_of(op))

    def take(self, names: tuple[str, ...], held: tuple[str, ...], span: Span) -> None:
        for name in names:
            if name in held:
                continue  # a held lock is not retaken
            for outer in held:
                self.pairs.setdefault((outer, name), span)

    def taken_in(self, key: str) -> dict[str, Span]:
        """The locks that a flow takes, directly or by the flows it calls."""
        if key not in self._taken:
            found: dict[str, Span] = {}
            seen, work = {key}, [key]
            while work:
                flow = self.graph.flows[work.pop()]
                found.update(dict.fromkeys(_name(flow.policy.lock), flow.span))
                regions = [flow.body]
                while regions:
                    for op in regions.pop().ops:
                        found.update(dict.fromkeys(_taken_by(op), op.span))
                        regions.extend(regions_of(op))
                        if isinstance(op, Subflow) and not op.detached and op.target not in seen:
                            seen.add(op.target)
                            work.append(op.target)
            self._taken[key] = found
        return self._taken[key]

    def opposite(self) -> None:
        for (outer, inner), span in self.pairs.items():
            other = self.pairs.get((inner, outer))
            if other is not None and (outer < inner):
                first, second = sorted((span, other), key=lambda at: (at.file, at.line, at.column))
                self.report(
                    "lock-order",
                    second,
                    f"the locks {outer!r} and {inner!r} are nested both ways round: two runs could wait for each other",
                    labels=(Label(first, "the other way round here"),),
                    help="always take them in the same order",
                )


def _taken_by(op: Op) -> tuple[str, ...]:
    match op:
        case Scope(kind="lock"):
            return _name(op.arg)
        case Call() | Subflow():
            return _name(op.policy.lock)
    return ()


def _name(lock: Expr | None) -> tuple[str, ...]:
    return (lock.value,) if isinstance(lock, Const) and isinstance(lock.value, str) else ()
