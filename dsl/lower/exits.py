"""``break`` and ``continue``."""

from __future__ import annotations

from ...compiler.diagnostics import Span
from ...compiler.ir import Const, Exit
from ...compiler.types import ANY
from .. import syntax as s
from .env import Bound
from .passes import atom_of
from .state import FlowLowering, Frame, Leaving


def lower_break(at: FlowLowering, node: s.Break) -> None:
    _leave(at, "break", node.span)


def lower_continue(at: FlowLowering, node: s.Continue) -> None:
    _leave(at, "continue", node.span)


def _leave(at: FlowLowering, kind: str, span: Span) -> None:
    frame = None
    finals: list[Frame] = []
    for around in reversed(at.frames):
        if around.finals:
            finals.append(around)
        if around.kind in ("loop", "foreach"):
            frame = around
            break
        if around.kind in ("arm", "final"):
            where = "an arm of `parallel:`" if around.kind == "arm" else "a `finally`"
            id = "parallel-exit" if around.kind == "arm" else "exit-in-finally"
            at.report(id, span, f"`{kind}` cannot leave {where}", help="set a name in it, and test that name after it")
            at.region.ended = True
            return
    if frame is None:
        at.report(
            "outside-loop",
            span,
            f"`{kind}` stands outside of a loop",
            help=f"remove it, or use return instead of {kind}",
        )
        at.region.ended = True
        return
    if frame.kind == "foreach":
        if kind == "break":
            at.report(
                "parallel-exit",
                span,
                "`break` cannot leave a loop whose passes are independent",
                help="use take= to stop after so many successes, or a plain `for`",
            )
        at.emit(Exit(at.op_id(kind), "continue", (), span))
        at.region.ended = True
        return
    states = [at.env.get(n) for n in frame.carried]
    types = [s.type if isinstance(s, Bound) else ANY for s in states]
    owned = [isinstance(s, Bound) and at.owners.owned(s.atom) for s in states]
    frame.ends.append(types)
    # What nothing reads after the loop may be gone here: then nobody shares it.
    frame.owned.append([own or not isinstance(s, Bound) for own, s in zip(owned, states, strict=True)])
    for final in finals:
        final.leaving.append(Leaving(frame.carried, states, types, owned))
    values = [atom_of(s) for s in states]
    if frame.flag:
        values.append(Const(True) if kind == "break" else atom_of(at.env.get(frame.flag)))
    if kind == "break":
        frame.breaks.append(states)
    at.emit(Exit(at.op_id(kind), kind, tuple(values), span))  # type: ignore[arg-type]
    at.region.ended = True
