"""What a flow may do with a stream: name it, give it to a node or flow, go over it; once, in the block that made it.

A stream is no value: what held it (a list, a result) would outlive the block that closes it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from attrs import define

from ...compiler.diagnostics import Label, Span
from ...compiler.ir import Call, Expr, ForEach, Loop, Op, Race, Ref, Star, Subflow
from ...compiler.walk import exprs_of, refs_of, regions_of

if TYPE_CHECKING:
    from .state import FlowLowering, RegionBuilder


@define
class Stream:
    """A stream of a flow. ``opened``: by what; ``used``: where a name of it was read."""

    home: RegionBuilder
    opened: Span
    used: Span | None = None


def open_stream(at: FlowLowering, id: str, span: Span) -> None:
    """The value ``id`` is a stream, made here."""
    at.streams[id] = Stream(at.region, span)


def use_stream(at: FlowLowering, atom: Expr, span: Span, name: str) -> None:
    """A stream has one consumer, in the block that made it."""
    stream = at.streams.get(atom.id) if isinstance(atom, Ref) else None
    if stream is None:
        return
    if stream.used is not None and stream.used != span:
        at.report(
            "stream-used-twice",
            span,
            f"the stream {name!r} is used a second time: it has one consumer",
            labels=(Label(stream.used, "used here first"),),
            help="open it again, or collect its items first: items = [x for x in stream]",
        )
    elif stream.home is not at.region:
        at.report(
            "stream-in-other-block",
            span,
            f"the stream {name!r} is used in another block than the one that opened it",
            help="open the stream in the block that reads it",
        )
    stream.used = span


def check_stream_values(at: FlowLowering, op: Op) -> None:
    """Report the streams that a new step takes for values."""
    for expr in _taken(at, op):
        for id in refs_of(expr):
            stream = at.streams.get(id)
            if stream is not None:
                at.report(
                    "stream-as-value",
                    stream.used or stream.opened,
                    "a stream is not a value: its items come one by one",
                    expected="a value",
                    found="a stream",
                    help="go over it with `for`, or collect its items first: items = [x for x in stream]",
                )


def _taken(at: FlowLowering, op: Op) -> Iterator[Expr]:
    """The expressions of a step in which a stream would be a value."""
    match op:
        case Loop() | ForEach():
            yield from (e for e in exprs_of(op) if not (e is op.source and isinstance(e, Ref)))
        case Call() | Subflow():
            spec = at.program.nodes[op.target] if isinstance(op, Call) else None
            handed = not (spec is not None and (spec.trusted or spec.builtin)) and not (
                isinstance(op, Subflow) and op.detached
            )
            for arg in (*op.args, *(value for _, value in op.kwargs)):
                if not (handed and isinstance(arg, Ref)):
                    yield arg.value if isinstance(arg, Star) else arg
        case Race():
            for arm in regions_of(op):
                yield from arm.results or ()
        case _:
            yield from exprs_of(op)
