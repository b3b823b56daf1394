"""``try`` / ``except`` / ``else`` / ``finally`` and ``raise``."""

from __future__ import annotations

from collections.abc import Sequence

from ...compiler.assignable import join
from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Const, Expr, Global, Handler, Raise, Ref, Try
from ...compiler.types import ANY, Type, class_type
from .. import syntax as s
from ..scope import BadBinding, ClassBinding, UnknownBinding, ValueBinding
from . import optypes
from .arms import Arm, Joined, fill_arm, join_arms
from .env import Bound, Collecting, Maybe, State
from .names import peek
from .state import UNKNOWN, FlowLowering, Frame, Leaving, Typed
from .waiting import dotted_binding


def lower_try(at: FlowLowering, node: s.Try) -> None:
    tracked = [n for n in at.live.tracked(node) if not isinstance(at.env.get(n), Collecting)]
    entry = {name: at.env.get(name) for name in tracked}
    taken: dict[str, list[Bound]] = {n: [e] if isinstance(e, Bound) else [] for n, e in entry.items()}
    before = at.tracked
    at.tracked = {**before, **{n: [*before.get(n, []), taken[n]] for n in tracked}}

    id = at.op_id("try")
    frame = Frame("scope", node.span, finals=frozenset(at.live.assigned(*node.final)))
    at.frames.append(frame)
    at.frames.append(Frame("scope", node.span, catches=bool(node.handlers)))
    body = fill_arm(at, lambda: at.body(node.body))
    at.frames.pop()
    first = _surely_first(body)
    seen = {n: _seen(entry[n], first.get(n), taken[n], node.span) for n in tracked}
    if at.region.ended is False and body.builder.ended and node.orelse:
        at.report(
            "unreachable",
            node.orelse[0].span,
            "this `else` is never reached: the body never gets to its end",
            help="remove it, or move it before",
        )
    if not node.final:
        at.tracked = before  # nothing comes after the handlers that could ask
    handed: list[Expr] = []
    orelse = _orelse(at, node, body, handed) if node.orelse and not body.builder.ended else None
    owned = _owned(at, taken)
    handlers = [_handler(at, h, tracked, seen, owned) for h in node.handlers]
    at.tracked = before
    at.frames.pop()

    final_reads = frozenset(tracked) if node.final else frozenset()

    def through(name: str) -> bool:
        return at.live.live_after(node, name) or name in final_reads

    ends = [orelse if orelse is not None else body, *(arm for _, arm in handlers)]
    joined = join_arms(at, ends, through, "this `try`", node.span)
    regions = list(joined.regions)
    names, results = list(joined.names), list(joined.results)
    body_region = regions[0] if orelse is None else body.builder.close(handed)
    final = None
    exits: tuple[tuple[int, int], ...] = ()
    ended = joined.ended
    if node.final:
        settled = dict(names)
        final_seen = {n: _final_state(seen[n], settled.get(n), at.env.get(n)) for n in tracked}
        arm = _final(at, node, tracked, final_seen, settled, _owned(at, taken))
        # Whoever leaves through it leaves the same loop.
        along = frame.finals.intersection(frame.leaving[0].carried) if frame.leaving else frozenset[str]()
        last = join_arms(
            at,
            [arm],
            lambda name: name in along or at.live.live_after(node, name),
            "this `finally`",
            node.span,
            always=along,
        )
        final = last.regions[0]
        exits = _handed_on(at, frame.leaving, last)
        names = [(n, s) for n, s in names if n not in dict(last.names)] + list(last.names)
        results += last.results
        ended = ended or last.ended
    at.emit(
        Try(
            id,
            body_region,
            tuple(Handler(t, r) for (t, _), r in zip(handlers, regions[1:], strict=True)),
            regions[0] if orelse is not None else None,
            final,
            tuple((n, _atom(entry[n])) for n in tracked),
            tuple(results),
            exits,
            node.span,
        )
    )
    for name, state in names:
        at.set_name(name, state)
    at.region.ended = ended


def _handed_on(at: FlowLowering, leaving: Sequence[Leaving], last: Joined) -> tuple[tuple[int, int], ...]:
    """What the names that a ``finally`` assigns are for the exits through it: which carried value is which result."""
    exits: dict[int, int] = {}
    for name, state in last.names:
        for exit in leaving:
            if name not in exit.carried:
                continue
            index = exit.carried.index(name)
            exit.states[index] = state
            exit.types[index] = state.type if isinstance(state, Bound) else ANY
            exit.owned[index] = isinstance(state, Bound) and at.owners.owned(state.atom)
            if isinstance(state, Bound) and isinstance(state.atom, Ref):
                exits[index] = last.results.index(state.atom.id)
    return tuple(sorted(exits.items()))


def _surely_first(body: Arm) -> dict[str, Expr]:
    """The names that have a value before the body's first step, so that no failure can come before."""
    return {m.var: m.value for m in body.builder.marks if m.index == 0}


def _seen(entry: State | None, first: Expr | None, taken: list[Bound], span: Span) -> State:
    """What a handler sees of a name: one of the values it has taken. The atom stands for one that is nobody's own."""
    if isinstance(entry, Bound) or first is not None:
        return Bound(Const(None), join(b.type for b in taken) if taken else ANY)
    if isinstance(entry, Maybe):
        return entry
    return Maybe("the step that fails may come before it is assigned", span)


def _owned(at: FlowLowering, taken: dict[str, list[Bound]]) -> set[str]:
    """The names that stood for collections of the flow's own all along."""
    return {name for name, states in taken.items() if states and all(at.owners.owned(b.atom) for b in states)}


def _final_state(seen: State, settled: State | None, outer: State | None) -> State:
    if isinstance(seen, Bound):
        after = settled if settled is not None else outer
        return Bound(Const(None), join((seen.type, after.type)) if isinstance(after, Bound) else seen.type)
    return seen


def _atom(state: State | None) -> Expr | None:
    return state.atom if isinstance(state, Bound) else None


def _enter(
    at: FlowLowering, tracked: Sequence[str], params: Sequence[str], seen: dict[str, State], owned: set[str]
) -> None:
    """The tracked names stand for the parameters of a handler or ``finally``, the ``owned`` ones for collections."""
    for name, param in zip(tracked, params, strict=True):
        if name in owned:
            at.owners.own(param)
        state = seen[name]
        at.set_name(name, Bound(Ref(param), state.type) if isinstance(state, Bound) else _maybe(state))


def _maybe(state: State) -> Maybe:
    return state if isinstance(state, Maybe) else Maybe("it may not be assigned yet")


def _orelse(at: FlowLowering, node: s.Try, body: Arm, handed: list[Expr]) -> Arm:
    """``else`` runs after the body, with the names as the body left them: they enter as its parameters.

    ``handed`` gets the values that the body hands over.
    """
    params: dict[str, str] = {}
    for name, state in body.changes.items():
        if isinstance(state, Bound) and isinstance(state.atom, Ref) and _own(body, state.atom):
            params[name] = at.fresh(name)
            handed.append(state.atom)

    def fill() -> None:
        for name, state in body.changes.items():
            if not isinstance(state, (Bound, Maybe)):
                continue
            if name in params and isinstance(state, Bound):
                if at.owners.owned(state.atom) and isinstance(state.atom, Ref):
                    at.owners.own(params[name], (state.atom.id,))
                state = Bound(Ref(params[name]), state.type)
            at.set_name(name, state)
        at.body(node.orelse)

    return fill_arm(at, fill, tuple(params.values()))


def _own(arm: Arm, atom: Ref) -> bool:
    return atom.id in arm.builder.defined or atom.id in arm.builder.params


def _handler(
    at: FlowLowering, handler: s.Except, tracked: Sequence[str], seen: dict[str, State], owned: set[str]
) -> tuple[tuple[Expr, ...] | None, Arm]:
    types, type = _caught(at, handler)
    error = at.fresh(handler.name or "error")
    params = [at.fresh(n) for n in tracked]
    at.frames.append(Frame("handler", handler.span))

    def fill() -> None:
        _enter(at, tracked, params, seen, owned)
        if handler.name is not None:
            at.set_name(handler.name, Bound(Ref(error), type))
        at.body(handler.body)
        if handler.name is not None and not at.region.ended:
            at.env.set(handler.name, Maybe("an error's name is gone after its handler", handler.span))

    arm = fill_arm(at, fill, (error, *params))
    at.frames.pop()
    return types, arm


def _final(
    at: FlowLowering,
    node: s.Try,
    tracked: Sequence[str],
    seen: dict[str, State],
    settled: dict[str, Bound | Maybe],
    owned: set[str],
) -> Arm:
    params = [at.fresh(n) for n in tracked]
    at.frames.append(Frame("final", node.final[0].span))
    outer = at.open(tuple(params))
    start = at.env.mark()
    for name, state in settled.items():
        # What only the statements before may have assigned, and no `finally` reads unless it is tracked.
        if name not in tracked and isinstance(state, Maybe):
            at.env.set(name, state)
    _enter(at, tracked, params, seen, owned)
    mark = at.env.mark()
    at.body(node.final)
    changed = at.env.changes(mark)
    builder = at.back(outer)
    at.env.rewind(start)
    at.frames.pop()
    return Arm(builder, changed)


# ---- what is caught and raised -------------------------------------------------------------------


def _caught(at: FlowLowering, handler: s.Except) -> tuple[tuple[Expr, ...] | None, Type]:
    if handler.types is None:
        at.report(
            "bare-except",
            handler.span,
            "`except:` without a class would catch what nobody expects",
            help="name the errors: except (HttpError, TimeoutError), or except Exception",
        )
        return None, class_type("Exception")
    nodes = handler.types.items if isinstance(handler.types, s.Display) else (handler.types,)
    exprs: list[Expr] = []
    types: list[Type] = []
    for node in nodes:
        binding = dotted_binding(at, node)
        if isinstance(binding, ClassBinding):
            key = at.program.use_class(binding)
            if binding.spec.kind == "record" or (binding.spec.kind == "other" and binding.cls is not None):
                at.report(
                    "not-an-exception",
                    node.span,
                    f"{binding.spec.name} is not an exception class: it is never raised",
                    help="name an exception class",
                )
            exprs.append(Global("class", key))
            types.append(class_type(key))
            continue
        if isinstance(binding, BadBinding):
            at.report(
                "forbidden-name",
                node.span,
                f"{binding.name!r} cannot be used in a flow: {binding.reason}",
                help=binding.help,
                python=binding.python,
            )
            continue
        value = at.expr(node) if binding is None or _may_be_class(binding) else UNKNOWN
        if (value.type != ANY) if binding is None else not _may_be_class(binding):
            at.report(
                "not-an-exception",
                node.span,
                "`except` wants an exception class here",
                help="name a class, or a tuple of them",
            )
            continue
        exprs.append(value.expr)
        types.append(ANY)
    return tuple(exprs), join(types) if types else ANY


def _may_be_class(binding: object) -> bool:
    if not isinstance(binding, ValueBinding):
        return isinstance(binding, UnknownBinding)
    classes = binding.value if isinstance(binding.value, tuple) else (binding.value,)
    return all(isinstance(c, type) and issubclass(c, BaseException) for c in classes)


def lower_raise(at: FlowLowering, node: s.Raise) -> None:
    if node.error is None:
        if not any(f.kind == "handler" for f in at.frames):
            at.report(
                "raise-nothing",
                node.span,
                "`raise` without an error only makes sense in an `except`",
                help="write raise ValueError(...)",
            )
        at.emit(Raise(at.op_id("raise"), None, span=node.span))
        at.region.ended = True
        return
    nodes = [node.error, *((node.cause,) if node.cause is not None else ())]
    values = at.in_order(nodes, lambda e: error_value(at, e, cause=e is not node.error))
    cause = values[1].expr if node.cause is not None else None
    at.emit(Raise(at.op_id("raise"), values[0].expr, cause, node.cause is not None, node.span))
    at.region.ended = True


def error_value(at: FlowLowering, node: s.Expr, *, cause: bool) -> Typed:
    """An error to be raised; a class is built without arguments."""
    binding = dotted_binding(at, node) if isinstance(node, (s.Name, s.Attribute)) else None
    if isinstance(binding, ClassBinding):
        key = at.program.use_class(binding)
        value = Typed(Apply("new", (Global("class", key),)), class_type(key))
    else:
        value = peek(at, node)
    if cause and isinstance(node, s.Constant) and node.value is None:
        return value
    if optypes.is_error(value.type, at.program.classes) is False:
        at.report(
            "not-an-exception",
            node.span,
            f"{value.type} cannot be raised: it is no exception",
            expected="an exception",
            found=str(value.type),
            help="raise an exception class: raise ValueError(...)",
        )
    return value
