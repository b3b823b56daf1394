"""``if`` and ``assert``."""

from __future__ import annotations

from ...compiler.ir import Apply, Branch, Const, Global, Raise
from ...compiler.operators import BUILTIN_EXCEPTIONS
from .. import hints, syntax as s
from ..scope import ClassBinding
from .arms import Arm, empty_arm, fill_arm, join_arms
from .names import peek
from .narrowing import narrow
from .state import FlowLowering


def lower_if(at: FlowLowering, node: s.If) -> None:
    _chain(at, node, 0)


def _chain(at: FlowLowering, node: s.If, start: int) -> None:
    """The arms from ``start`` on. A later test that calls out goes, with all after it, into the last region."""
    id = at.op_id("if")
    tests = []
    arms: list[Arm] = []
    mark = at.env.mark()
    i = start
    while i < len(node.tests):
        if i > start and at.waits(node.tests[i]):
            break
        before = at.pure
        if i > start:
            at.pure = before or "it is evaluated only sometimes"
        tests.append(peek(at, node.tests[i]).expr)
        at.pure = before
        arms.append(fill_arm(at, lambda i=i: _arm(at, node, i)))  # type: ignore[misc]
        narrow(at, node.tests[i], False)
        i += 1
    if i < len(node.tests):
        arms.append(fill_arm(at, lambda: _chain(at, node, i)))
    else:
        arms.append(fill_arm(at, lambda: at.body(node.orelse)))
    # What the tests told of the names holds in the last arm; it is kept where that is the only one to go on.
    narrowed = at.env.rewind(mark)
    last = arms[-1]
    arms[-1] = Arm(last.builder, {**narrowed, **last.changes})
    joined = join_arms(at, arms, lambda name: at.live.live_after(node, name), "this `if`", node.span)
    at.emit(Branch(id, tuple(tests), joined.regions, joined.results, node.span))
    joined.settle(at)


def _arm(at: FlowLowering, node: s.If, i: int) -> None:
    narrow(at, node.tests[i], True)
    at.body(node.bodies[i])


def lower_assert(at: FlowLowering, node: s.Assert) -> None:
    test = peek(at, node.test)

    def fail() -> None:
        args = (Global("class", builtin_error(at, "AssertionError")),)
        if node.message is not None:
            args += (at.expr(node.message).expr,)  # type: ignore[assignment]
        at.emit(Raise(at.op_id("assert"), Apply("new", args), span=node.span))
        at.region.ended = True

    if isinstance(test.expr, Const) and not test.expr.value:
        fail()  # `assert False`: nothing comes after it
        return
    failing = fill_arm(at, fail)
    regions = (failing.builder.close(None), empty_arm().builder.close(()))
    at.emit(Branch(at.op_id("if"), (Apply("not", (test.expr,)),), regions, (), node.span))
    narrow(at, node.test, True)


def builtin_error(at: FlowLowering, name: str) -> str:
    """The key of a built-in exception class, taken into the graph."""
    cls = BUILTIN_EXCEPTIONS[name]
    return at.program.use_class(ClassBinding(hints.class_spec(cls), cls))
