"""Locks that are nested both ways round, so that two runs could wait for each other."""

from __future__ import annotations

from attrs import define, field

from ...compiler.components import components
from ...compiler.diagnostics import Label, Span
from ...compiler.ir import Call, Const, Expr, Graph, Op, Region, Scope, Subflow
from ...compiler.walk import ops_in, regions_of
from .report import Reporter

MOST_LOCKS = 100
"""Names of locks in one program; with more, what is nested through flow calls is not looked at: that could take as long
as the square of their number."""


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
    _taken: dict[str, tuple[str, ...]] | None = None

    def region(self, region: Region, held: tuple[str, ...], flow: str) -> None:
        work: list[tuple[Region, tuple[str, ...]]] = [(region, held)]
        while work:
            at, around = work.pop()
            for op in at.ops:
                taken = _taken_by(op)
                self.take(taken, around, op.span)
                inner = (*around, *taken)
                if inner and isinstance(op, Subflow) and not op.detached:
                    for name in self.taken_in(op.target):
                        self.take((name,), inner, op.span)
                work.extend((r, inner) for r in regions_of(op))

    def take(self, names: tuple[str, ...], held: tuple[str, ...], span: Span) -> None:
        for name in names:
            if name in held:
                continue  # a held lock is not retaken
            for outer in held:
                self.pairs.setdefault((outer, name), span)

    def taken_in(self, key: str) -> tuple[str, ...]:
        """The locks that a flow takes, directly or by the flows it calls."""
        if self._taken is None:
            self._taken = self._all_taken()
        return self._taken[key]

    def _all_taken(self) -> dict[str, tuple[str, ...]]:
        """One look at each flow: those that call one another take the same."""
        calls: dict[str, list[str]] = {}
        taken: dict[str, dict[str, None]] = {}
        for key, flow in self.graph.flows.items():
            names = taken[key] = dict.fromkeys(_name(flow.policy.lock))
            called: dict[str, None] = {}
            for op in ops_in(flow.body):
                names.update(dict.fromkeys(_taken_by(op)))
                if isinstance(op, Subflow) and not op.detached:
                    called[op.target] = None
            calls[key] = list(called)
        if len({name for names in taken.values() for name in names}) > MOST_LOCKS:
            return dict.fromkeys(calls, ())
        found: dict[str, tuple[str, ...]] = {}
        for group in components(calls):
            names = {name: None for key in group for name in taken[key]}
            for target in {t for key in group for t in calls[key]}.difference(group):
                names.update(dict.fromkeys(found[target]))
            found.update(dict.fromkeys(group, tuple(sorted(names))))
        return found

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
