"""Loops whose passes are independent: ``parallel=``, ``take=`` and ``collect=``."""

from __future__ import annotations

from collections.abc import Callable

from ...compiler.assignable import join
from ...compiler.diagnostics import Span
from ...compiler.ir import Const, ForEach, Ref
from ...compiler.types import ANY, Type, list_of
from .. import syntax as s
from .arms import fill_arm
from .env import Bound, Collecting, Maybe
from .live import own_targets
from .loop_options import LoopOptions
from .loop_trees import Into
from .optypes import is_stream
from .state import Collector, FlowLowering, Frame, Typed
from .targets import bind_target
from .trees import statements, target_names


def begin_collecting(at: FlowLowering, into: Into, collector: Collector) -> None:
    """Begin to collect."""
    at.collectors.append(collector)
    if into.appended and isinstance(into.target, s.Name):
        at.env.set(into.target.id, Collecting(collector.loop))


def lower_independent(
    at: FlowLowering, node: s.For, source: Typed, element: Type, options: LoopOptions, into: Into | None
) -> Typed | None:
    own = into.target.id if into is not None and into.appended and isinstance(into.target, s.Name) else ""
    assigned = (*at.live.assigned(*node.body), *(n.id for n in target_names(node.target)))
    names = dict.fromkeys(n for n in assigned if n != own and not isinstance(at.env.get(n), Collecting))
    targets = {n.id for n in target_names(node.target)}
    crossing = []
    for name in names:
        bound = isinstance(at.env.get(name), Bound)
        if at.live.live_after(node, name) or (name not in targets and bound and at.live.read_inside(node, name)):
            crossing.append(name)
            later = "later lines use it" if at.live.live_after(node, name) else "each pass begins with it"
            at.report(
                "parallel-name",
                _where_assigned(node, name),
                f"{name!r} is assigned in a pass, and {later}: the passes are independent",
                help=f"yield the value and collect it: ys = for ... yield {name}",
                python=f"collect the values: write ys = [] before the loop and ys.append({name}) in it",
            )
    value = independent_passes(at, node.target, source, element, options, into, node.span, lambda: at.body(node.body))
    for name in names:
        at.env.set(
            name, Bound(Const(None), ANY) if name in crossing else Maybe("it is assigned only inside a loop", node.span)
        )
    at.body(node.orelse)
    return value


def _where_assigned(node: s.For, name: str) -> Span:
    for statement in statements(node.body):
        if any(n == name for n in own_targets(statement)):
            return statement.span
    return node.span


def independent_passes(
    at: FlowLowering,
    target: s.Expr,
    source: Typed,
    element: Type,
    options: LoopOptions,
    into: Into | None,
    span: Span,
    fill: Callable[[], None],
) -> Typed | None:
    """A ``ForEach``; gives what it collects."""
    id = at.op_id("each")
    item = at.fresh(item_name(target))
    collector = Collector(id, len(at.frames))
    at.frames.append(Frame("foreach", span, id))

    def body() -> None:
        if into is not None:
            begin_collecting(at, into, collector)
        bind_item(at, target, Typed(Ref(item), element))
        fill()

    arm = fill_arm(at, body, (item,))
    at.frames.pop()
    results: tuple[str, ...] = ()
    value = None
    if into is not None:
        at.collectors.pop()
        results = (at.fresh(into_name(into)),)
        inner = join(collector.types) if collector.types else Type("union", ())
        value = Typed(Ref(results[0]), Type("collected", (inner,)) if options.collect else list_of(inner))
        if not options.collect:
            at.owners.own(results[0])
    at.emit(
        ForEach(
            id,
            source.expr,
            arm.builder.close(()),
            options.parallel,
            results,
            into is not None,
            options.collect,
            options.max_failed,
            options.take,
            options.rest,
            is_stream(source.type),
            options.buffer,
            options.window,
            options.batch,
            span,
        )
    )
    return value


def bind_item(at: FlowLowering, target: s.Expr, item: Typed) -> None:
    bind_target(at, target, item, target.span)


def item_name(target: s.Expr) -> str:
    return target.id if isinstance(target, s.Name) else "item"


def into_name(into: Into | None) -> str:
    return into.target.id if into is not None and isinstance(into.target, s.Name) else "values"
