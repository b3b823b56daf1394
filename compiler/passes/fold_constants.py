"""Computes what is known, and reads constants and other names of a value directly.

What fails is left where it stands, and so is what has no literal form, what differs from process to process (``hash``),
and what would be large.
"""

from __future__ import annotations

from attrs import evolve

from ..constants import has_literal_form, write_constant
from ..evaluate import evaluate
from ..exprs import children, map_expr
from ..ir import Apply, Const, Eval, Expr, FlowGraph, Graph, Mark, Op, Ref, Region, Star
from ..operators import LAZY, OPERATORS
from ..spec import Objects
from ..walk import map_exprs, map_flows, map_regions, recompute_takes, same

LARGE = 2_000
"""Characters of a constant's text beyond which it is not worth carrying around."""

_FOLDED = (frozenset(OPERATORS) - {"py.hash", "py.repr", "py.ascii", "py.str", "format"}) | {"fstring", "tuple"}

Known = dict[str, Expr]


def fold_constants(graph: Graph) -> Graph:
    """The graph with constant expressions computed."""

    def flow(flow: FlowGraph) -> FlowGraph:
        body = _region(flow.body, {})
        return flow if body is flow.body else evolve(flow, body=recompute_takes(body))

    return map_flows(graph, flow)


def _region(region: Region, known: Known) -> Region:
    """``known``: what is certain about values; what is found out is added, since ids are unique in a flow."""

    def expr(e: Expr) -> Expr:
        return map_expr(e, lambda node: _fold(node, known))

    ops: list[Op] = []
    for op in region.ops:
        op = map_regions(map_exprs(op, expr), lambda r: _region(r, known))
        if isinstance(op, Eval) and isinstance(op.expr, (Const, Ref)):
            known[op.result] = op.expr
        ops.append(op)
    new_ops = same(region.ops, ops)
    results = region.results if region.results is None else same(region.results, [expr(r) for r in region.results])
    marks = same(region.marks, [_mark(m, expr(m.value)) for m in region.marks])
    if new_ops is region.ops and results is region.results and marks is region.marks:
        return region
    return evolve(region, ops=new_ops, results=results, marks=marks)


def _mark(mark: Mark, value: Expr) -> Mark:
    return mark if value is mark.value else evolve(mark, value=value)


def _fold(expr: Expr, known: Known) -> Expr:
    if isinstance(expr, Ref):
        return known.get(expr.id, expr)
    if not isinstance(expr, Apply):
        return expr
    if expr.fn in ("and", "or", "if"):
        return _choose(expr)
    if expr.fn not in _FOLDED | LAZY or not all(isinstance(c, Const) for c in children(expr)):
        return expr
    try:
        value = evaluate(expr, {}, Objects(), {})
    except Exception:
        return expr  # it fails when it is reached, as the author wrote it
    if not has_literal_form(value) or len(write_constant(value)) > LARGE:
        return expr
    return Const(value)


def _choose(expr: Apply) -> Expr:
    """A lazy operator whose first operands are known."""
    args = [a.value if isinstance(a, Star) else a for a in expr.args]
    first = args[0]
    if not isinstance(first, Const):
        return expr
    if expr.fn == "if":
        return args[1] if first.value else args[2]
    if bool(first.value) == (expr.fn == "or") or len(args) == 1:
        return first
    return args[1] if len(args) == 2 else _choose(Apply(expr.fn, tuple(args[1:])))
