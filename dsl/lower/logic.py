"""``and``, ``or``, conditional expressions and comparisons: trees where nothing in them calls out, branches where
something does."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from ...compiler.assignable import join
from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Branch, Const
from ...compiler.types import BOOL
from .. import syntax as s
from . import optypes
from .arms import fill_arm, join_arms
from .names import peek
from .narrowing import narrow
from .state import FlowLowering, Typed


def lower_logical(at: FlowLowering, node: s.Logical, hint: str = "") -> Typed:
    mark = at.env.mark()
    value = _logical(at, node.op, node.values, node.span, hint)
    at.env.rewind(mark)
    return value


def _logical(at: FlowLowering, op: str, operands: Sequence[s.Expr], span: Span, hint: str) -> Typed:
    later = next((i for i in range(1, len(operands)) if at.waits(operands[i])), None)
    if later is None or at.pure:
        return _tree(at, op, operands)
    left = _logical(at, op, operands[:later], span, "") if later > 1 else at.expr(operands[0])
    left = at.name_value(left, hint or "test", span)
    narrow(at, operands[later - 1], op == "and")
    rest = fill_arm(at, lambda: [_logical(at, op, operands[later:], span, hint)])
    stay = fill_arm(at, lambda: [left])
    joined = join_arms(
        at, (rest, stay) if op == "and" else (stay, rest), lambda _: False, f"this `{op}`", span, hint or op
    )
    at.emit(Branch(at.op_id(op), (left.expr,), joined.regions, joined.results, span))
    return joined.values[0]


def _tree(at: FlowLowering, op: str, operands: Sequence[s.Expr]) -> Typed:
    values = [at.expr(operands[0])]
    with_rest = lazily(at)
    for before, operand in pairwise(operands):
        narrow(at, before, op == "and")
        values.append(at.expr(operand))
    at.pure = with_rest
    if len(values) == 1:
        return values[0]
    return Typed(Apply(op, tuple(v.expr for v in values)), join(v.type for v in values))


def lazily(at: FlowLowering) -> str:
    """From here on no step may be made: what follows is evaluated only sometimes. Gives what to restore ``at.pure``
    to."""
    before = at.pure
    at.pure = before or "it is evaluated only sometimes"
    return before


def lower_conditional(at: FlowLowering, node: s.Conditional, hint: str = "") -> Typed:
    test = peek(at, node.test)

    def arm(value: s.Expr, outcome: bool) -> list[Typed]:
        narrow(at, node.test, outcome)
        return [at.expr(value, hint)]

    if not at.pure and (at.waits(node.then) or at.waits(node.orelse)):
        arms = [fill_arm(at, lambda: arm(node.then, True)), fill_arm(at, lambda: arm(node.orelse, False))]
        joined = join_arms(at, arms, lambda _: False, "this `if`", node.span, hint or "value")
        at.emit(Branch(at.op_id("if"), (test.expr,), joined.regions, joined.results, node.span))
        return joined.values[0]
    before = lazily(at)
    values: list[Typed] = []
    for value, outcome in ((node.then, True), (node.orelse, False)):
        mark = at.env.mark()
        values += arm(value, outcome)
        at.env.rewind(mark)
    at.pure = before
    return Typed(Apply("if", (test.expr, *(v.expr for v in values))), join(v.type for v in values))


def lower_compare(at: FlowLowering, node: s.Compare, hint: str = "") -> Typed:
    operands = (node.left, *node.rights)
    _check_is(at, node)
    later = next((i for i in range(2, len(operands)) if at.waits(operands[i])), None)
    if later is None or at.pure:
        first = at.in_order(operands[:2], lambda e: peek(at, e))
        before = lazily(at)
        values = first + [peek(at, e) for e in operands[2:]]
        at.pure = before
        return _compared(at, node.ops, values, node.span)
    values = at.in_order(operands[:2], lambda e: peek(at, e))
    for i in range(2, later):  # evaluated early, but only what cannot be seen: they are trees
        before = lazily(at)
        values.append(peek(at, operands[i]))
        at.pure = before
    last = at.name_value(values[-1], "value", operands[later - 1].span) if later == 2 else values[-1]
    values[-1] = last
    test = at.name_value(_compared(at, node.ops[: later - 1], values, node.span), "test", node.span)
    rest = s.Compare(operands[later - 1], node.ops[later - 1 :], node.rights[later - 1 :], span=node.span)

    def compare_rest() -> list[Typed]:
        right = peek(at, operands[later])
        head = _compared(at, rest.ops[:1], [last, right], node.span)
        if len(rest.ops) == 1:
            return [head]
        name = at.hidden_name("right")
        at.bind(name, right, operands[later].span)
        tail = s.Compare(s.Name(name, span=operands[later].span), rest.ops[1:], rest.rights[1:], span=node.span)
        first_part = at.name_value(head, "test", node.span)
        more = fill_arm(at, lambda: [lower_compare(at, tail)])
        stop = fill_arm(at, lambda: [first_part])
        inner = join_arms(at, (more, stop), lambda _: False, "this comparison", node.span, "compare")
        at.emit(Branch(at.op_id("compare"), (first_part.expr,), inner.regions, inner.results, node.span))
        return [inner.values[0]]

    arms = [fill_arm(at, compare_rest), fill_arm(at, lambda: [test])]
    joined = join_arms(at, arms, lambda _: False, "this comparison", node.span, hint or "compare")
    at.emit(Branch(at.op_id("compare"), (test.expr,), joined.regions, joined.results, node.span))
    return joined.values[0]


def _compared(at: FlowLowering, ops: Sequence[str], values: Sequence[Typed], span: Span) -> Typed:
    for op, left, right in zip(ops, values, values[1:], strict=False):
        if not optypes.compare(op, left.type, right.type):
            at.report(
                "operator-types",
                span,
                f"{left.type} {op} {right.type} is not possible",
                found=f"{left.type} {op} {right.type}",
                help="compare values of one type",
            )
    if len(ops) == 1:
        return Typed(Apply(ops[0], (values[0].expr, values[1].expr)), BOOL)
    return Typed(Apply("compare", (Const(tuple(ops)), *(v.expr for v in values))), BOOL)


def _check_is(at: FlowLowering, node: s.Compare) -> None:
    operands = (node.left, *node.rights)
    for op, left, right in zip(node.ops, operands, node.rights, strict=False):
        if op in ("is", "is not") and not (_singleton(left) or _singleton(right)):
            at.report(
                "is-operand",
                node.span,
                "`is` compares with None, True or False only",
                help=f"write {'==' if op == 'is' else '!='}",
            )


def _singleton(node: s.Expr) -> bool:
    return isinstance(node, s.Constant) and (node.value is None or isinstance(node.value, bool))
