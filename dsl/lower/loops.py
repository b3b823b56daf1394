"""``for`` and ``while``: passes one after another, and independent ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field

from ...compiler.assignable import assignable, join
from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Branch, Const, Exit, Expr, ForEach, Loop, Ref, Region
from ...compiler.types import ANY, BOOL, Type, list_of
from .. import syntax as s
from .arms import empty_arm, fill_arm, join_arms
from .comprehension_trees import comprehension_tree
from .constants import widen
from .conversions import converted
from .env import Bound, Collecting, Maybe
from .expressions import element_type
from .live import own_targets
from .loop_trees import Into, as_comprehension
from .loop_options import LoopOptions, is_independent, loop_options
from .names import peek
from .narrowing import narrow
from .optypes import is_stream
from .state import Collector, FlowLowering, Frame, Typed
from .targets import bind_target
from .trees import blocks, statements, target_names

_ATTEMPTS = 3


@define
class Carried:
    """The names that a loop hands from pass to pass.

    ``types`` are those assumed at the start of a pass; ``owned``: is the collection the flow's own in every pass?
    """

    names: list[str]
    before: list[Bound]
    types: list[Type] = field(factory=list)
    owned: list[bool] = field(factory=list)


# ---- for -----------------------------------------------------------------------------------------


def lower_for(at: FlowLowering, node: s.For, into: Into | None = None, more: tuple[s.Option, ...] = ()) -> None:
    """A ``for``.

    Parameters
    ----------
    into, more: where it collects and further options, as the statement before said (``ys = []``, ``done = collect(...)``).
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
    lower = _independent if options.independent else _sequential
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


def _collect(at: FlowLowering, into: Into, collector: Collector) -> None:
    """Begin to collect."""
    at.collectors.append(collector)
    if into.appended and isinstance(into.target, s.Name):
        at.env.set(into.target.id, Collecting(collector.loop))


def _sequential(
    at: FlowLowering, node: s.For, source: Typed, element: Type, options: LoopOptions, into: Into | None
) -> Typed | None:
    id = at.op_id("for")
    inside = [n.id for n in target_names(node.target)]
    own = into.target.id if into is not None and into.appended and isinstance(into.target, s.Name) else ""
    carried = _carried(at, node, [n for n in (*at.live.assigned(*node.body), *inside) if n != own])
    flag = at.hidden_name("broken") if node.orelse and _has_break(node.body) else ""
    collects = into is not None

    def fill(params: list[str], frame: Frame) -> None:
        if into is not None:
            _collect(at, into, Collector(id, len(at.frames)))
        _bind_item(at, node.target, Typed(Ref(params[0]), element))
        at.body(node.body)

    body, frame, collected = _attempts(at, node, carried, id, flag, fill, [_item_name(node.target)], collects)
    results, after = _after(at, carried, flag)
    value = None
    if collects:
        results.append(at.fresh(_name(into)))
        value = Typed(Ref(results[-1]), list_of(join(collected) if collected else Type("union", ())))
        at.owners.own(results[-1])
    initial = tuple(b.atom for b in carried.before) + ((Const(False),) if flag else ())
    loop = Loop(
        id, body, initial, source.expr, None, tuple(results), collects, None, is_stream(source.type),
        options.buffer, options.window, options.batch, node.span,
    )  # fmt: skip
    at.emit(loop)
    _settle(at, after, node, inside)
    _orelse(at, node, flag, after, frame)
    return value


def _independent(
    at: FlowLowering, node: s.For, source: Typed, element: Type, options: LoopOptions, into: Into | None
) -> Typed | None:
    own = into.target.id if into is not None and into.appended and isinstance(into.target, s.Name) else ""
    assigned = (*at.live.assigned(*node.body), *(n.id for n in target_names(node.target)))
    names = dict.fromkeys(n for n in assigned if n != own)
    targets = {n.id for n in target_names(node.target)}
    crossing = []
    for name in names:
        bound = isinstance(at.env.get(name), Bound)
        if at.live.live_after(node, name) or (name not in targets and bound and at.live.read_inside(node, name)):
            crossing.append(name)
            later = "later lines use it" if at.live.live_after(node, name) else "each pass begins with it"
            at.report("parallel-name", _where_assigned(node, name), f"{name!r} is assigned in a pass, and {later}: the passes are independent",
                      help=f"yield the value and collect it: ys = for ... yield {name}")  # fmt: skip
    value = independent_passes(
        at, node.target, source, element, options, into, node.span, lambda: at.body(node.body)
    )
    for name in names:
        at.env.set(name, Bound(Const(None), ANY) if name in crossing else Maybe("it is assigned only inside a loop", node.span))
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
    item = at.fresh(_item_name(target))
    collector = Collector(id, len(at.frames))
    at.frames.append(Frame("foreach", span, id))

    def body() -> None:
        if into is not None:
            _collect(at, into, collector)
        _bind_item(at, target, Typed(Ref(item), element))
        fill()

    arm = fill_arm(at, body, (item,))
    at.frames.pop()
    results: tuple[str, ...] = ()
    value = None
    if into is not None:
        at.collectors.pop()
        results = (at.fresh(_name(into)),)
        inner = join(collector.types) if collector.types else Type("union", ())
        value = Typed(Ref(results[0]), Type("collected", (inner,)) if options.collect else list_of(inner))
        if not options.collect:
            at.owners.own(results[0])
    at.emit(
        ForEach(
            id, source.expr, arm.builder.close(()), options.parallel, results, into is not None, options.collect, options.max_failed,
            options.take, options.rest, is_stream(source.type), options.buffer, options.window, options.batch, span,
        )  # fmt: skip
    )
    return value


def _bind_item(at: FlowLowering, target: s.Expr, item: Typed) -> None:
    bind_target(at, target, item, target.span)


def _item_name(target: s.Expr) -> str:
    return target.id if isinstance(target, s.Name) else "item"


def _name(into: Into | None) -> str:
    return into.target.id if into is not None and isinstance(into.target, s.Name) else "values"


# ---- while ---------------------------------------------------------------------------------------


def lower_while(at: FlowLowering, node: s.While) -> None:
    limit = None
    if node.limit is not None:
        value = at.expr(node.limit)
        limit = value.expr
        if not assignable(widen(value.type), Type("int"), at.program.classes):
            at.report("bad-option", node.limit.span, f"max= is a whole number, not {value.type}", help="write max=500")
    id = at.op_id("while")
    carried = _carried(at, node, at.live.assigned(*node.body))
    flag = at.hidden_name("broken") if node.orelse and _has_break(node.body) else ""
    conditions: list[Region] = []

    def condition(params: list[str]) -> None:
        outer = at.open(tuple(params))
        mark = at.env.mark()
        _enter(at, carried, params)
        test = peek(at, node.test)
        inner = at.back(outer)
        at.env.rewind(mark)
        conditions[:] = [inner.close((test.expr,))]

    def fill(params: list[str], frame: Frame) -> None:
        narrow(at, node.test, True)
        at.body(node.body)

    body, frame, _ = _attempts(at, node, carried, id, flag, fill, [], False, condition)
    results, after = _after(at, carried, flag)
    initial = tuple(b.atom for b in carried.before) + ((Const(False),) if flag else ())
    at.emit(Loop(id, body, initial, None, conditions[0], tuple(results), limit=limit, span=node.span))
    _settle(at, after, node, [])
    if isinstance(node.test, s.Constant) and node.test.value and not frame.breaks:
        at.region.ended = True
        return
    if not frame.breaks:
        narrow(at, node.test, False)
    _orelse(at, node, flag, after, frame)


# ---- passes --------------------------------------------------------------------------------------


def _carried(at: FlowLowering, node: s.For | s.While, names: Sequence[str] | object) -> Carried:
    found = Carried([], [])
    for name in dict.fromkeys(names):  # type: ignore[call-overload]
        state = at.env.get(name)
        if isinstance(state, Bound) and (at.live.live_after(node, name) or at.live.read_inside(node, name)):
            found.names.append(name)
            found.before.append(state)
    return found


def _attempts(
    at: FlowLowering,
    node: s.For | s.While,
    carried: Carried,
    loop: str,
    flag: str,
    fill: Callable[[list[str], Frame], None],
    own: list[str],
    collects: bool,
    before: Callable[[list[str]], None] | None = None,
) -> tuple[Region, Frame, list[Type]]:
    """Lower the body, again where a carried name turns out to have another type than was assumed at the start of a pass."""
    known = at.assumed.setdefault(id(node), {})
    while True:
        tries = known.get("", 0)
        carried.types = [
            ANY if tries >= _ATTEMPTS else join((widen(b.type), known[n])) if n in known else widen(b.type)
            for n, b in zip(carried.names, carried.before, strict=True)
        ]
        carried.owned = [at.owners.owned(b.atom) and f"!{n}" not in known for n, b in zip(carried.names, carried.before, strict=True)]
        at.report.hold()
        if before is not None:
            before([at.fresh(n) for n in carried.names] + ([at.fresh(flag)] if flag else []))
        frame, region, ends, owned, collected = _one_attempt(at, node, carried, loop, flag, fill, own, collects)
        wrong = [
            (n, join((assumed, *seen)))
            for n, assumed, seen in zip(carried.names, carried.types, ends, strict=True)
            if not all(_settled(at, t, assumed) for t in seen)
        ]
        lost = [n for n, had, has in zip(carried.names, carried.owned, owned, strict=True) if had and not has]
        if (not wrong or tries > _ATTEMPTS) and not lost:
            at.report.release()
            return region, frame, collected
        at.report.forget()
        known[""] = tries + 1
        known.update({n: widen(t) for n, t in wrong})
        known.update({f"!{n}": ANY for n in lost})


def _settled(at: FlowLowering, type: Type, assumed: Type) -> bool:
    if assumed == ANY or type == assumed:
        return True
    return type != ANY and join((assumed, widen(type))) == assumed


def _one_attempt(
    at: FlowLowering, node: s.For | s.While, carried: Carried, loop: str, flag: str, fill: Callable[[list[str], Frame], None],
    own: list[str], collects: bool,
) -> tuple[Frame, Region, list[list[Type]], list[bool], list[Type]]:  # fmt: skip
    frame = Frame("loop", node.span, loop, tuple(carried.names), flag)
    at.frames.append(frame)
    depth = len(at.collectors)
    streams = dict(at.streams)
    first = [at.fresh(n) for n in own]
    params = [at.fresh(n) for n in carried.names] + ([at.fresh(flag)] if flag else [])
    outer = at.open((*first, *params))
    mark = at.env.mark()
    _enter(at, carried, params, flag)
    fill(first, frame)
    ended = at.region.ended
    states = [at.env.get(n) for n in carried.names]
    if not ended:
        frame.ends.append([s.type if isinstance(s, Bound) else ANY for s in states])
        frame.owned.append([isinstance(s, Bound) and at.owners.owned(s.atom) for s in states])
    results = [_atom(s) for s in states] + ([_atom(at.env.get(flag))] if flag else [])
    region = at.back(outer).close(None if ended else results)
    at.env.rewind(mark)
    at.frames.pop()
    collected = at.collectors[depth].types if collects else []
    del at.collectors[depth:]
    at.streams = {**streams, **{k: v for k, v in at.streams.items() if k not in streams}}
    ends = [[row[i] for row in frame.ends] for i in range(len(carried.names))]
    owned = [all(row[i] for row in frame.owned) for i in range(len(carried.names))]
    return frame, region, ends, owned, collected


def _enter(at: FlowLowering, carried: Carried, params: Sequence[str], flag: str = "") -> None:
    """The carried names stand for the parameters of a pass."""
    for name, param, bound, type, owned in zip(carried.names, params, carried.before, carried.types, carried.owned, strict=False):
        at.set_name(name, Bound(Ref(param), type))
        if owned:
            at.owners.own(param, (bound.atom.id,) if isinstance(bound.atom, Ref) else ())
    if flag and len(params) > len(carried.names):
        at.env.set(flag, Bound(Ref(params[-1]), BOOL))


def _atom(state: object) -> Expr:
    return state.atom if isinstance(state, Bound) else Const(None)


def _after(at: FlowLowering, carried: Carried, flag: str) -> tuple[list[str], list[tuple[str, Bound]]]:
    """The results of a loop and what the carried names stand for after it."""
    results, after = [], []
    for name, type, bound, owned in zip(carried.names, carried.types, carried.before, carried.owned, strict=True):
        result = at.fresh(name)
        results.append(result)
        after.append((name, Bound(Ref(result), type)))
        if owned:
            at.owners.own(result, (bound.atom.id,) if isinstance(bound.atom, Ref) else ())
    if flag:
        results.append(at.fresh(flag))
        after.append((flag, Bound(Ref(results[-1]), BOOL)))
    return results, after


def _settle(at: FlowLowering, after: list[tuple[str, Bound]], node: s.For | s.While, inside: list[str]) -> None:
    carried = {name for name, _ in after}
    for name in dict.fromkeys([*at.live.assigned(*node.body), *inside]):
        if name not in carried:
            at.env.set(name, Maybe("it is assigned only inside a loop, which may make no pass", node.span))
    for name, state in after:
        at.set_name(name, state)


def _orelse(at: FlowLowering, node: s.For | s.While, flag: str, after: list[tuple[str, Bound]], frame: Frame) -> None:
    """``else``: where no ``break`` was taken."""
    if not node.orelse:
        return
    if not flag or not frame.breaks:
        at.body(node.orelse)
        return
    broken = after[-1][1].atom
    arms = [fill_arm(at, lambda: at.body(node.orelse)), empty_arm()]
    joined = join_arms(at, arms, lambda name: at.live.live_after(node, name), "this loop's `else`", node.span)
    at.emit(Branch(at.op_id("else"), (Apply("not", (broken,)),), joined.regions, joined.results, node.span))
    joined.settle(at)


def _has_break(body: Sequence[s.Stmt]) -> bool:
    """Does a ``break`` in these statements belong to the loop around them?"""
    stack: list[s.Stmt] = list(body)
    while stack:
        node = stack.pop()
        if isinstance(node, s.Break):
            return True
        if isinstance(node, (s.For, s.While)):
            stack.extend(node.orelse)
        else:
            stack.extend(inner for block in blocks(node) for inner in block)
    return False


# ---- break and continue --------------------------------------------------------------------------


def lower_break(at: FlowLowering, node: s.Break) -> None:
    _leave(at, "break", node.span)


def lower_continue(at: FlowLowering, node: s.Continue) -> None:
    _leave(at, "continue", node.span)


def _leave(at: FlowLowering, kind: str, span: Span) -> None:
    frame = None
    finals: set[str] = set()
    for around in reversed(at.frames):
        finals |= around.finals
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
        at.report("outside-loop", span, f"`{kind}` stands outside of a loop", help=f"remove it, or use return instead of {kind}")
        at.region.ended = True
        return
    if frame.kind == "foreach":
        if kind == "break":
            at.report("parallel-exit", span, "`break` cannot leave a loop whose passes are independent",
                      help="use take= to stop after so many successes, or a plain `for`")  # fmt: skip
        at.emit(Exit(at.op_id(kind), "continue", (), span))
        at.region.ended = True
        return
    changed = sorted(finals.intersection(frame.carried))
    if changed:
        at.report("exit-past-finally", span, f"`{kind}` leaves through a `finally` that assigns {changed[0]!r}, which is used later",
                  help=f"assign another name in the `finally`, or {kind} after the `try`")  # fmt: skip
    states = [at.env.get(n) for n in frame.carried]
    frame.ends.append([s.type if isinstance(s, Bound) else ANY for s in states])
    frame.owned.append([isinstance(s, Bound) and at.owners.owned(s.atom) for s in states])
    values = [_atom(s) for s in states]
    if frame.flag:
        values.append(Const(True) if kind == "break" else _atom(at.env.get(frame.flag)))
    frame.breaks = frame.breaks or kind == "break"
    at.emit(Exit(at.op_id(kind), kind, tuple(values), span))  # type: ignore[arg-type]
    at.region.ended = True
