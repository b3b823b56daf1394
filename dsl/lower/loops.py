"""``for`` and ``while``."""

from __future__ import annotations

from ...compiler.assignable import assignable, join
from ...compiler.ir import Loop, Ref, Region
from ...compiler.types import Type, list_of
from .. import syntax as s
from .comprehension_trees import comprehension_tree
from .constants import widen
from .conversions import converted
from .expressions import element_type
from .independent import begin_collecting, bind_item, into_name, item_name, lower_independent
from .loop_options import LoopOptions, loop_options
from .loop_trees import Into, as_comprehension
from .names import peek
from .narrowing import narrow
from .optypes import is_stream
from .passes import attempt_passes, carried_names, enter_pass, has_break, lower_orelse, names_after, settle_names
from .state import Collector, FlowLowering, Frame, Typed
from .targets import bind_target
from .trees import target_names


def lower_for(at: FlowLowering, node: s.For, into: Into | None = None, more: tuple[s.Option, ...] = ()) -> None:
    """A ``for``.

    Parameters
    ----------
    into, more: where it collects and further options, as the statement before said (``ys = []``, ``done =
    collect(...)``).
    """
    if node.into is not None:
        into = Into(node.into, node.annotation)
    source = peek(at, node.source)
    tree = as_comprehension(at, node, into) if into is not None and not more else None
    if into is not None and tree is not None and is_stream(source.type) is not True:
        _put(at, node, into, comprehension_tree(at, tree, "list", source))
        return
    element = element_type(at, source, node.source)
    options = loop_options(at, (*node.options, *more), source.type)
    was_held = at.owners.held_at(source.expr)
    at.owners.hold(source.expr, node.source.span)
    lower = lower_independent if options.independent else _sequential
    value = lower(at, node, source, options.item(element), options, into)
    if was_held is None:
        at.owners.let_go(source.expr)
    if into is not None:
        _put(at, node, into, value)


def _put(at: FlowLowering, node: s.For, into: Into, value: Typed | None) -> None:
    """What was collected gets its name."""
    if value is None:
        return
    if into.annotation is not None:
        value = converted(at, value, at.program.read_type(into.annotation, at.scope), node.span)
    bind_target(at, into.target, value, node.span)


def _sequential(
    at: FlowLowering, node: s.For, source: Typed, element: Type, options: LoopOptions, into: Into | None
) -> Typed | None:
    id = at.op_id("for")
    inside = [n.id for n in target_names(node.target)]
    own = into.target.id if into is not None and into.appended and isinstance(into.target, s.Name) else ""
    carried = carried_names(at, node, [n for n in (*at.live.assigned(*node.body), *inside) if n != own])
    flag = at.hidden_name("broken") if node.orelse and has_break(node.body) else ""
    collects = into is not None

    def fill(params: list[str], frame: Frame) -> None:
        if into is not None:
            begin_collecting(at, into, Collector(id, len(at.frames)))
        bind_item(at, node.target, Typed(Ref(params[0]), element))
        at.body(node.body)

    body, frame, collected = attempt_passes(at, node, carried, id, flag, fill, [item_name(node.target)], collects)
    after = names_after(at, carried, flag, frame)
    results = after.results
    value = None
    if collects:
        results.append(at.fresh(into_name(into)))
        value = Typed(Ref(results[-1]), list_of(join(collected) if collected else Type("union", ())))
        at.owners.own(results[-1])
    loop = Loop(
        id,
        body,
        carried.initial(flag),
        source.expr,
        None,
        tuple(results),
        collects,
        None,
        is_stream(source.type),
        options.buffer,
        options.window,
        options.batch,
        node.span,
    )
    at.emit(loop)
    settle_names(at, after, node, inside, own)
    lower_orelse(at, node, flag, after, frame)
    return value


def lower_while(at: FlowLowering, node: s.While) -> None:
    limit = None
    if node.limit is not None:
        value = at.expr(node.limit)
        limit = value.expr
        if not assignable(widen(value.type), Type("int"), at.program.classes):
            at.report("bad-option", node.limit.span, f"max= is a whole number, not {value.type}", help="write max=500")
    id = at.op_id("while")
    carried = carried_names(at, node, at.live.assigned(*node.body))
    flag = at.hidden_name("broken") if node.orelse and has_break(node.body) else ""
    conditions: list[Region] = []

    def condition(params: list[str]) -> None:
        outer = at.open(tuple(params))
        mark = at.env.mark()
        enter_pass(at, carried, params)
        test = peek(at, node.test)
        inner = at.back(outer)
        at.env.rewind(mark)
        conditions[:] = [inner.close((test.expr,))]

    def fill(params: list[str], frame: Frame) -> None:
        narrow(at, node.test, True)
        at.body(node.body)

    body, frame, _ = attempt_passes(at, node, carried, id, flag, fill, [], False, condition)
    after = names_after(at, carried, flag, frame)
    initial = carried.initial(flag)
    at.emit(Loop(id, body, initial, None, conditions[0], tuple(after.results), limit=limit, span=node.span))
    settle_names(at, after, node)
    if isinstance(node.test, s.Constant) and node.test.value:
        for name, state in after.broken:
            at.set_name(name, state)
        at.region.ended = not frame.breaks
        return
    if not frame.breaks:
        narrow(at, node.test, False)
    lower_orelse(at, node, flag, after, frame)
