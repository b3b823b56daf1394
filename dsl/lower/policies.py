"""Options of a call: each checked, those of the node below those of the call, key by key; and undo in its two forms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from attrs import fields

from ...compiler.diagnostics import Span
from ...compiler.durations import seconds
from ...compiler.ir import NO_POLICY, Apply, Const, Expr, Global, Policy, Ref, Undo
from ...compiler.nearest import did_you_mean
from ...compiler.spec import POLICY_KEYS, STREAM_KEYS, Effects, Retry
from ...compiler.types import Type
from .. import hints, syntax as s
from ..scope import Binding, ClassBinding, FlowBinding, NodeBinding, UnknownBinding
from .arguments import Arguments, Given, check_arguments, lower_arguments
from .constants import value_expr
from .env import Bound
from .names import unknown_name
from .optypes import members
from .state import UNKNOWN, FlowLowering, Typed
from .waiting import dotted_binding

_OFF: dict[str, Expr] = {"retry": Const(0), "cache": Const(False)}
"""What switches an option off, where None does not."""

DURATIONS = ("timeout", "cache")


def option_nodes(options: Sequence[s.Option]) -> list[s.Expr]:
    """The values of options that are expressions of the flow (an undo is none), in the order they are written."""
    return [
        o.value for o in options if o.name in POLICY_KEYS and o.name != "undo" and not isinstance(o.value, s.UndoCall)
    ]


def resolve(
    at: FlowLowering,
    options: Sequence[s.Option],
    values: Sequence[Typed],
    result: str,
    returns: Type,
    *,
    called: NodeBinding | FlowBinding | None = None,
    assigned: str = "",
    span: Span | None = None,
) -> Policy:
    """The policy of a call, or of a flow's header.

    Parameters
    ----------
    options: those written at the call.
    values: what :func:`option_nodes` of them lowered to.
    result, returns: the id and the type of the call's result.
    called: what is called, for what it says of itself: the options of a node, and its undo; None for a flow's header.
    assigned: the name that the result gets.
    span: where the call is; None for a header.
    """
    found: dict[str, Any] = {}
    node = called if isinstance(called, NodeBinding) else None
    if node is not None:
        found = {k: _plain(at, k, v) for k, v in node.spec.policy.items() if k in POLICY_KEYS and k != "undo"}
    if called is not None and called.undo is not None:
        found["undo"] = _undo_of(at, called.undo, result, returns, Span("", 0))
    # What the header of the flow says is laid under the options when the flow runs: to switch it off takes a value.
    headed = {o.name for o in called.source.loaded()[0].options} if isinstance(called, FlowBinding) else set[str]()
    rest = iter(values)
    seen: set[str] = set()
    for option in options:
        if option.name not in POLICY_KEYS:
            at.report(
                "unknown-option",
                option.span,
                f"a call has no option {option.name!r}",
                expected=", ".join(POLICY_KEYS),
                found=option.name,
                help=did_you_mean(option.name, POLICY_KEYS, f"its options are {', '.join(POLICY_KEYS)}"),
            )
            continue
        if option.name in seen:
            at.report(
                "option-twice", option.span, f"the option {option.name!r} is given twice", help="remove one of the two"
            )
        seen.add(option.name)
        if option.name == "undo":
            found["undo"] = _undo(at, option.value, result, returns, assigned, node)
        elif isinstance(option.value, s.UndoCall):
            at.report("bad-option", option.span, f"{option.name!r} is no undo", help="write undo f(...)")
        else:
            value = check_option(at, option.name, next(rest), option.value.span)
            found[option.name] = (
                _OFF.get(option.name, Const(None)) if value is None and option.name in headed else value
            )
    kept = {k: v for k, v in found.items() if v is not None}
    if node.spec.is_stream if node is not None else returns.name == "stream":
        at_call = {o.name: o.span for o in options}
        for name in [k for k in kept if k not in STREAM_KEYS]:
            _misfit(at, name, at_call.get(name) or span or Span("", 0))
            del kept[name]
    return Policy(**kept) if kept else NO_POLICY


_INSTEAD = {
    "retry": "collect the items in a flow of its own, and give the call of that flow retry=",
    "cache": "collect the items in a flow of its own, and give the call of that flow cache=",
    "once": "collect the items in a flow of its own, and give the call of that flow once=",
    "default": "put the loop that reads it into try: ... except Exception: ...",
    "lock": "hold the lock around the loop that reads it",
    "undo": "give the undo to what writes",
}
"""What to write instead of an option of a stream."""


def _misfit(at: FlowLowering, name: str, span: Span) -> None:
    at.report(
        "option-misfit",
        span,
        f"{name}= does not fit a stream, which hands out its items while it runs",
        expected=" or ".join(STREAM_KEYS),
        found=name,
        help=_INSTEAD[name],
    )


def check_option(at: FlowLowering, name: str, value: Typed, span: Span) -> Expr | None:
    """An option's value in its canonical form; None where it switches the option off."""
    if isinstance(value.expr, Const) and value.expr.value is None and name != "default":
        return None
    if isinstance(value.expr, Const) and value.expr.value is False and name in ("retry", "cache"):
        return None
    if name == "timeout" or (name == "cache" and value.expr != Const(True)):
        return duration(at, value, span)
    if name == "retry":
        return _retry(at, value, span)
    if name == "rate" and isinstance(value.expr, Const):
        count, _, unit = str(value.expr.value).partition("/")
        if not (isinstance(value.expr.value, str) and count.strip().isdigit() and int(count) > 0 and unit.strip()):
            at.report(
                "bad-option",
                span,
                f"rate={value.expr.value!r} is not a rate",
                expected='text like "10/s"',
                help='write rate="10/s"',
            )
        return value.expr
    if name in ("rate", "lock", "once") and not _could_be(value.type, ("str",)):
        at.report(
            "bad-option",
            span,
            f"{name}= wants text, not {value.type}",
            expected="str",
            found=str(value.type),
            help=f'write {name}="name"',
        )
    return value.expr


def duration(at: FlowLowering, value: Typed, span: Span) -> Expr:
    """A duration; a constant one in seconds, so that ``2m``, ``120`` and ``"2m"`` are the same program."""
    expr = value.expr
    if isinstance(expr, Const) and value is not UNKNOWN:
        constant: Any = expr.value
        try:
            number = seconds(constant)
        except (TypeError, ValueError) as error:
            at.report(
                "bad-duration",
                span,
                str(error),
                help="write a duration like 10s, 5m or 1h30m",
                python='write seconds, or text like "10s" or "1h30m"',
            )
            return Const(0)
        return Const(int(number) if number == int(number) else number)
    if isinstance(expr, Apply) and expr.fn == "neg" and isinstance(expr.args[0], Const):
        at.report("bad-duration", span, "a duration cannot be negative", help="write a duration like 10s, 5m or 1h30m")
    elif not _could_be(value.type, ("int", "float", "bool", "timedelta", "str")):
        at.report(
            "bad-duration",
            span,
            f"a duration is not {value.type}",
            found=str(value.type),
            help="write a duration like 10s",
            python='write seconds, or text like "10s"',
        )
    return expr


def _could_be(type: Type, names: Sequence[str]) -> bool:
    from .constants import widen

    return any(m.name in (*names, "any") for m in members(widen(type)))


def _retry(at: FlowLowering, value: Typed, span: Span) -> Expr | None:
    expr = value.expr
    if isinstance(expr, Const) and expr.value is not None:
        if isinstance(expr.value, bool) or not isinstance(expr.value, int) or expr.value < 0:
            at.report(
                "bad-option",
                span,
                f"retry={expr.value!r} is not a number of more attempts",
                expected="an int or a Retry(...)",
                help="write retry=3",
            )
        return expr if expr.value else None
    if isinstance(expr, Global) and isinstance(known := at.program.objects.values.get(expr.key), Retry):
        return _retry_expr(at, known)  # a snapshot of Python's own object
    if isinstance(expr, Apply) and expr.fn == "new" and expr.args[0] == Global("class", hints.class_spec(Retry).key):
        return _canonical_retry(at, expr, span)
    if not _could_be(value.type, ("int", "class")):
        at.report("bad-option", span, f"retry= wants a number of attempts, not {value.type}", help="write retry=3")
    return expr


def _canonical_retry(at: FlowLowering, expr: Apply, span: Span) -> Expr:
    """``Retry(...)`` with its settings in the order of its fields and without those that are as they are anyway."""
    names = [f.name for f in fields(Retry)]
    given: dict[str, Any] = dict(zip(names, expr.args[1:], strict=False))
    given.update(expr.kwargs)
    defaults = {f.name: f.default for f in fields(Retry)}
    kept = {n: given[n] for n in names if n in given and not _is_const(given[n], defaults[n])}
    if "on" in kept and not _may_be_classes(kept["on"]):
        at.report(
            "bad-option",
            span,
            "on= of a Retry is an exception class or a tuple of them",
            expected="an exception class",
            help="write Retry(3, on=TimeoutError)",
        )
    times = kept.pop("times", Const(0))
    if isinstance(times, Const) and (type(times.value) is not int or times.value < 0):
        at.report(
            "bad-option",
            span,
            f"Retry({times.value!r}) is not a number of more attempts",
            expected="an int of at least 0",
            help="write Retry(3)",
        )
    return Apply("new", (expr.args[0], times), tuple(kept.items())) if kept else times


def _may_be_classes(expr: Expr) -> bool:
    if isinstance(expr, Apply) and expr.fn == "tuple":
        return all(isinstance(a, Expr) and _may_be_classes(a) for a in expr.args)
    return isinstance(expr, (Global, Ref))


def _is_const(expr: Any, value: Any) -> bool:
    return isinstance(expr, Const) and type(expr.value) in (int, float, bool, type(None)) and expr.value == value


def _plain(at: FlowLowering, name: str, value: Any) -> Expr | None:
    """A node's own option, which is a plain value, as an expression."""
    if name == "retry":
        return _retry_expr(at, value if isinstance(value, Retry) else Retry(value))
    if name == "cache" and value is True:
        return Const(True)
    if name in DURATIONS and isinstance(value, (int, float, str, timedelta)):
        number = seconds(value)
        return Const(int(number) if number == int(number) else number)
    return value_expr(value, name, at.program.objects)


def _retry_expr(at: FlowLowering, retry: Retry) -> Expr | None:
    spec = hints.class_spec(Retry)
    kwargs: list[tuple[str, Expr]] = []
    for field in fields(Retry)[1:]:
        value = getattr(retry, field.name)
        if value != field.default:
            kwargs.append((field.name, _classes(at, value) if field.name == "on" else Const(value)))
    if not kwargs:
        return Const(retry.times) if retry.times else None
    key = at.program.use_class(ClassBinding(spec, Retry))
    return Apply("new", (Global("class", key), Const(retry.times)), tuple(kwargs))


def _classes(at: FlowLowering, value: Any) -> Expr:
    if isinstance(value, tuple):
        return Apply("tuple", tuple(_classes(at, v) for v in value))
    return Global("class", at.program.use_class(ClassBinding(hints.class_spec(value), value)))


# ---- undo ----------------------------------------------------------------------------------------


def check_undoable(at: FlowLowering, effects: Effects, name: str, span: Span) -> None:
    """Only a writer may have an undo."""
    if not effects.writes:
        kind = "a reader" if effects.reads else "pure"
        at.report(
            "undo-without-write",
            span,
            f"{name} is {kind}: there is nothing to undo",
            help="remove the undo, or declare what the node writes",
        )


def _undo(
    at: FlowLowering, value: s.Expr | s.UndoCall, result: str, returns: Type, assigned: str, node: NodeBinding | None
) -> Undo | None:
    if node is not None:
        check_undoable(at, node.spec.effects, node.spec.name, value.span)
    if not isinstance(value, s.UndoCall):
        if isinstance(value, s.Constant) and value.value is None:
            return None
        binding = dotted_binding(at, value)
        if binding is None or not isinstance(binding, (NodeBinding, FlowBinding, UnknownBinding)):
            _not_undoing(at, value, binding)
            return None
        return _undo_of(at, binding, result, returns, value.span)
    call = value.call
    binding = dotted_binding(at, call.func)
    if binding is None or not isinstance(binding, (NodeBinding, FlowBinding, UnknownBinding)):
        _not_undoing(at, call.func, binding)
        return None
    mark = at.env.mark()
    before, at.pure = at.pure, "the arguments of an undo are taken when the call completes: they cannot call nodes"
    at.env.set(value.result or assigned or "result", Bound(Ref(result), returns))
    arguments = lower_arguments(at, call.args, call.keywords, call.span)
    at.pure = before
    at.env.rewind(mark)
    return _made(at, binding, result, arguments)


def _undo_of(at: FlowLowering, binding: Binding, result: str, returns: Type, span: Span) -> Undo | None:
    """``undo=f``: ``f(result)``."""
    given = Given(Typed(Ref(result), returns), span)
    return _made(at, binding, result, Arguments((given,), (), span))


def _made(at: FlowLowering, binding: Binding, result: str, arguments: Arguments) -> Undo | None:
    from .calls import callee

    target = callee(at, binding, arguments.span)
    if target is None:
        return None
    if arguments.span.line:
        check_arguments(at, target.name, target.signature, arguments)
    return Undo(target.key, result, arguments.args, arguments.kwargs, target.is_flow)


def _not_undoing(at: FlowLowering, node: s.Expr, binding: Binding | None) -> None:
    if binding is None and isinstance(node, s.Name) and not at.live.is_local(node.id):
        unknown_name(at, node)
        return
    at.report(
        "bad-option",
        node.span,
        "undo= wants a node or a flow",
        help="write undo=release, or undo release(order.id, hold)",
        python="write undo=release, or undo=lambda hold: release(order.id, hold)",
    )
