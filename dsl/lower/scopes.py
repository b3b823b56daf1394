"""``with timeout``, ``with lock``, ``transaction``, and ``parallel:``."""

from __future__ import annotations

from collections.abc import Iterator

from ...compiler.diagnostics import Label
from ...compiler.ir import Const, Expr, Parallel, Region, Scope
from ...compiler.types import ANY
from .. import syntax as s
from .arms import Arm, fill_arm, join_arms
from .constants import widen
from .env import Bound, Maybe
from .names import peek
from .optypes import members
from .policies import duration
from .state import FlowLowering, Frame
from .trees import exprs, names_read, statements


def lower_with(at: FlowLowering, node: s.With) -> None:
    arg: Expr | None = None
    if node.arg is not None:
        value = peek(at, node.arg)
        if node.kind == "transaction" and value.expr == Const(None):
            arg = None
        elif node.kind != "lock":
            arg = duration(at, value, node.arg.span)
        else:
            arg = value.expr
            if not any(m.name in ("str", "any") for m in members(widen(value.type))):
                at.report(
                    "bad-option",
                    node.arg.span,
                    f"a lock is named by text, not by {value.type}",
                    help='write with lock="printer"',
                    python='write with lock("printer")',
                )
    id = at.op_id(node.kind)
    at.frames.append(Frame("scope", node.span))
    arm = fill_arm(at, lambda: at.body(node.body))
    at.frames.pop()
    joined = join_arms(at, [arm], lambda name: at.live.live_after(node, name), f"this {node.kind}", node.span)
    at.emit(Scope(id, node.kind, arg, joined.regions[0], joined.results, node.span))
    joined.settle(at)


def lower_parallel(at: FlowLowering, node: s.Parallel) -> None:
    """Each statement is an arm; no arm sees what another assigns."""
    _check_crossing(at, node)
    id = at.op_id("parallel")
    arms: list[Arm] = []
    for i, statement in enumerate(node.body):
        at.frames.append(Frame("arm", statement.span, f"{id}/{i}"))
        arms.append(fill_arm(at, lambda st=statement: at.statements[type(st)](at, st)))  # type: ignore[misc]
        at.frames.pop()
    regions: list[Region] = []
    results: list[str] = []
    after: list[tuple[str, Bound | Maybe]] = []
    for arm in arms:
        joined = join_arms(at, [arm], lambda name: at.live.live_after(node, name), "this arm", node.span)
        regions.append(joined.regions[0])
        results += joined.results
        after += joined.names
    at.emit(Parallel(id, tuple(regions), tuple(results), node.span))
    for name, state in after:
        at.set_name(name, state)
    if any(a.builder.ended for a in arms):
        at.region.ended = True


def _check_crossing(at: FlowLowering, node: s.Parallel) -> None:
    """Report names that two arms assign, or that one assigns and another uses."""
    assigned: dict[str, list[int]] = {}
    touched: dict[str, set[int]] = {}
    for i, arm in enumerate(node.body):
        for name in at.live.assigned(arm):
            assigned.setdefault(name, []).append(i)
            touched.setdefault(name, set()).add(i)
        for name in set(_reads(arm)):
            touched.setdefault(name, set()).add(i)
    crossing = [
        (arms[0], min(others), name) for name, arms in assigned.items() if (others := touched[name] - {arms[0]})
    ]
    for one, other, name in sorted(crossing):
        where = "assigned in two arms" if other in assigned[name] else "assigned in one arm and used in another"
        at.report(
            "parallel-name",
            node.body[max(one, other)].span,
            f"{name!r} is {where}: arms are independent",
            labels=(Label(node.body[min(one, other)].span, "the other arm"),),
            help="use another name, or move one of the two out of the block",
        )
        at.env.set(name, Bound(Const(None), ANY))


def _reads(statement: s.Stmt) -> Iterator[str]:
    for inner in statements((statement,)):
        own = {inner.target.id} if isinstance(inner, s.Assign) and isinstance(inner.target, s.Name) else set()
        for node in exprs(inner):
            yield from (n.id for n in names_read(node, frozenset(own)))
