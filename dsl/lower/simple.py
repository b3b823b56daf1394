"""The statements that are one line: expressions, ``return``, ``yield``, ``pass``, ``mock``, and what a flow cannot
hold."""

from __future__ import annotations

from ...compiler.assignable import assignable
from ...compiler.diagnostics import Diagnostic
from ...compiler.ir import Apply, Const, Emit, Eval, Exit
from ...compiler.types import ANY, NONE, Type
from .. import syntax as s
from ..scope import NodeBinding
from .arguments import type_help
from .env import Collecting
from .live import REBINDING
from .loop_trees import appended_value
from .names import peek
from .state import UNKNOWN, FlowLowering, Typed
from .targets import rebind
from .waiting import dotted_binding, is_method_call

_OPERATORS = {"append": "append", "extend": "extend", "add": "add_item"}


def lower_expression(at: FlowLowering, node: s.ExprStmt) -> None:
    value = node.value
    if isinstance(value, s.Call) and isinstance(value.func, s.Attribute) and _rebinds(at, node, value):
        return
    if isinstance(value, s.Constant) and (isinstance(value.value, str) or value.value is Ellipsis):
        return  # a docstring, or `...` for "nothing yet"
    lowered = peek(at, value)
    if lowered is UNKNOWN:
        return  # what is wrong with it was said
    if at.waits(value) and not _is_pure_call(at, value):
        return
    if not any(f.catches for f in at.frames):
        at.report(
            "unused-result",
            node.span,
            "this has no effect: its result is not used",
            help="assign it to a name, or remove the line",
        )
    if isinstance(lowered.expr, Apply) or not isinstance(lowered.expr, Const):
        at.emit(Eval(at.op_id("value"), lowered.expr, at.fresh("value"), node.span))


def _is_pure_call(at: FlowLowering, value: s.Expr) -> bool:
    if not isinstance(value, s.Call):
        return False
    binding = dotted_binding(at, value.func)
    return isinstance(binding, NodeBinding) and binding.spec.effects.pure


def _rebinds(at: FlowLowering, node: s.ExprStmt, value: s.Call) -> bool:
    """``xs.append(y)`` and the like as a statement."""
    func = value.func
    assert isinstance(func, s.Attribute)
    if func.name not in REBINDING or not isinstance(func.value, s.Name) or not is_method_call(at, value):
        return False
    state = at.env.get(func.value.id)
    if isinstance(state, Collecting):
        item = appended_value(node, func.value.id)
        if item is not None:
            _emit(at, item, state.loop, node)
            return True
    if not at.live.is_local(func.value.id) or len(value.args) != 1 or value.keywords or value.options:
        return False
    if isinstance(value.args[0], s.Starred):
        return False
    rebind(at, func.value, _OPERATORS[func.name], value.args, node.span)
    return True


# ---- yield ---------------------------------------------------------------------------------------


def lower_yield(at: FlowLowering, node: s.Yield) -> None:
    if at.collectors:
        _emit(at, node.value, at.collectors[-1].loop, node)
    elif at.is_stream:
        value = at.expr(node.value)
        wanted = at.returns.args[0] if at.returns.name == "stream" and at.returns.args else ANY
        if not assignable(value.type, wanted, at.program.classes):
            at.report(
                "return-type",
                node.value.span,
                f"the flow yields {wanted}, not {value.type}",
                expected=str(wanted),
                found=str(value.type),
                help=type_help(value.type, wanted),
            )
        _check_place(at, node, 0, "")
        at.emit(Emit(at.op_id("yield"), value.expr, "", node.span))
    else:
        at.report(
            "yield-outside-loop",
            node.span,
            "`yield` belongs in a collecting `for`, or in a flow that is a stream",
            help="write ys = for x in xs: ..., or declare the flow -> stream[T]",
        )
        at.expr(node.value)


def _emit(at: FlowLowering, value: s.Expr, loop: str, node: s.Stmt) -> None:
    lowered = at.expr(value)
    collector = next(c for c in at.collectors if c.loop == loop)
    _check_place(at, node, collector.depth + 1, loop)
    collector.types.append(lowered.type)
    at.emit(Emit(at.op_id("emit"), lowered.expr, loop, node.span))


def _check_place(at: FlowLowering, node: s.Stmt, depth: int, loop: str) -> None:
    """Independent passes and arms in between would make the order of what is collected a matter of chance."""
    for frame in at.frames[depth:]:
        if frame.kind == "foreach":
            at.report(
                "parallel-name",
                node.span,
                "the passes of a parallel loop cannot add to what another loop collects",
                help="let the parallel loop collect, and yield its items after it",
            )
            return
        if frame.kind == "arm":
            block, _, arm = frame.loop.rpartition("/")
            first = at.yielding.setdefault((block, loop), arm)
            if first != arm:
                at.report(
                    "parallel-name",
                    node.span,
                    "two arms add to the same collection: arms are independent",
                    help="assign names in the arms, and yield after the block",
                )
                return


# ---- return --------------------------------------------------------------------------------------


def lower_return(at: FlowLowering, node: s.Return) -> None:
    value = Typed(Const(None), NONE) if node.value is None else at.expr(node.value)
    if at.is_test:
        at.report("return-in-test", node.span, "a test returns nothing", help="assert what you expect")
    elif at.is_stream:
        if node.value is not None:
            at.report(
                "return-type",
                node.span,
                "a flow that is a stream returns nothing: it yields",
                help="write yield, then return",
            )
            value = Typed(Const(None), NONE)
    else:
        value = Typed(value.expr, _check_return(at, node, value.type))
    for frame in reversed(at.frames):
        if frame.kind in ("arm", "foreach", "final"):
            where = {
                "arm": "an arm of `parallel:`",
                "foreach": "a loop whose passes are independent",
                "final": "a `finally`",
            }[frame.kind]
            at.report(
                "exit-in-finally" if frame.kind == "final" else "parallel-exit",
                node.span,
                f"`return` cannot leave {where}",
                help="assign the value in it, and return after it",
            )
            at.region.ended = True
            return
    at.emit(Exit(at.op_id("return"), "return", (value.expr,), node.span))
    at.region.ended = True


def _check_return(at: FlowLowering, node: s.Return, type: Type) -> Type:
    if not assignable(type, at.returns, at.program.classes):
        found = "nothing" if node.value is None else str(type)
        at.report(
            "return-type",
            node.span if node.value is None else node.value.span,
            f"the flow returns {at.returns}, not {found}",
            expected=str(at.returns),
            found=found,
            help=type_help(type, at.returns),
        )
    return type


# ---- the rest ------------------------------------------------------------------------------------


def lower_pass(at: FlowLowering, node: s.Pass) -> None:
    """Nothing."""


def lower_unsupported(at: FlowLowering, node: s.Unsupported) -> None:
    message = f"a flow cannot hold {node.what}: {node.reason}"
    at.report.add(Diagnostic("unsupported", "error", message, node.span, help=node.instead))
