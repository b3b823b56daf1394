"""The built-in forms: ``race sleep wait_signal detach convert collect``, and ``attempt calls`` in tests."""

from __future__ import annotations

from ...compiler.assignable import join
from ...compiler.ir import NO_POLICY, Const, Expr, Global, Race, Ref, Subflow
from ...compiler.nearest import did_you_mean
from ...compiler.types import ANY, NONE, STR, list_of
from .. import syntax as s
from ..scope import Binding, FlowBinding, NodeBinding, UnknownBinding
from .arguments import Arguments, Given, check_arguments, lower_arguments
from .arms import Arm, fill_arm, join_arms
from .calls import call_engine, callee, pure_place
from .constants import widen
from .conversions import converted
from .engine_specs import ATTEMPT, CALLS, SLEEP, WAIT_SIGNAL
from .names import peek, unknown_name
from .optypes import members
from .policies import duration, option_nodes, resolve
from .state import UNKNOWN, FlowLowering, Frame, Typed
from .waiting import dotted_binding

_KEYWORDS = {
    "race": ("timeout",),
    "wait_signal": ("key", "timeout", "default"),
    "sleep": (),
    "detach": (),
    "convert": (),
    "calls": (),
}
_POSITIONAL = {
    "sleep": (1, 1),
    "wait_signal": (1, 2),
    "detach": (1, 1),
    "convert": (2, 2),
    "calls": (1, 1),
    "race": (1, None),
}
_EXAMPLES = {
    "sleep": "sleep(10s)",
    "wait_signal": 'wait_signal("approve", key)',
    "detach": "detach other(x)",
    "convert": "convert(value, Order)",
    "calls": "calls(release)",
    "race": "race(primary(), backup())",
}


def lower_form(at: FlowLowering, node: s.Form, hint: str = "") -> Typed:
    if node.name in ("attempt", "calls") and not at.is_test:
        at.report(
            "only-in-tests",
            node.span,
            f"{node.name}() only has a meaning in a `test`",
            help="move it into a `test` block",
        )
        return UNKNOWN
    if node.name == "collect":
        at.report(
            "collect-alone",
            node.span,
            "collect() needs a parallel loop right after it that appends to it",
            help="write: done = collect(max_failed=3), and on the next line: for x in parallel(xs, limit=8):",
        )
        return UNKNOWN
    if node.name == "attempt":
        return _attempt(at, node, hint)
    if not _fits(at, node):
        for part in (*node.args, *(k.value for k in node.keywords)):
            if node.name not in ("calls", "convert"):
                at.expr(part.value if isinstance(part, s.Starred) else part)
        return UNKNOWN
    match node.name:
        case "race":
            return _race(at, node, hint)
        case "sleep":
            value = peek(at, node.args[0])
            given = Given(Typed(duration(at, value, node.args[0].span), value.type), node.span)
            return call_engine(at, SLEEP, Arguments((given,), (), node.span), node.span, hint, NONE)
        case "wait_signal":
            return _wait_signal(at, node, hint)
        case "detach":
            return _detach(at, node, hint)
        case "convert":
            value = at.expr(node.args[0])
            return converted(at, value, at.program.read_type(node.args[1], at.scope), node.span)
        case "calls":
            handle = handle_of(at, node.args[0], _EXAMPLES["calls"])
            return call_engine(at, CALLS, Arguments((handle,), (), node.span), node.span, hint, list_of(ANY))
    at.report(
        "unknown-name", node.span, f"there is no form called {node.name!r}", help=did_you_mean(node.name, _KEYWORDS)
    )
    return UNKNOWN


def _fits(at: FlowLowering, node: s.Form) -> bool:
    known = _KEYWORDS.get(node.name)
    if known is None:
        return True
    good = True
    for keyword in node.keywords:
        if keyword.name not in known:
            good = False
            at.report(
                "unknown-keyword",
                keyword.span,
                f"{node.name}() has no option {keyword.name!r}" if keyword.name else f"{node.name}() takes no `**`",
                help=did_you_mean(keyword.name or "", known, _options_of(node.name)),
            )
    least, most = _POSITIONAL[node.name]
    n = len(node.args)
    if n < least:
        at.report(
            "missing-argument",
            node.span,
            f"{node.name}() takes {least} argument{'s' * (least != 1)}, not {n}",
            help=f"write {_EXAMPLES[node.name]}",
        )
        return False
    if most is not None and n > most:
        at.report(
            "too-many-arguments",
            node.args[most].span,
            f"{node.name}() takes at most {most} argument{'s' * (most != 1)}",
            help=f"write {_EXAMPLES[node.name]}",
        )
        return False
    for argument in node.args:
        if isinstance(argument, s.Starred):
            good = False
            at.report(
                "unsupported",
                argument.span,
                f"{node.name}() takes no `*`: what it is given is read before anything runs",
                help=f"write its arguments one by one: {_EXAMPLES[node.name]}",
            )
    return good


def _options_of(form: str) -> str:
    known = ", ".join(_KEYWORDS[form])
    return f"remove it: {form}() has {f'only {known}' if known else 'no options'}"


# ---- race ----------------------------------------------------------------------------------------


def _race(at: FlowLowering, node: s.Form, hint: str) -> Typed:
    if at.pure:
        pure_place(at, "race", node.span)
        return UNKNOWN
    timeout: Expr | None = None
    for keyword in node.keywords:
        value = peek(at, keyword.value)
        if not (isinstance(value.expr, Const) and value.expr.value is None):
            timeout = duration(at, value, keyword.value.span)
    arms: list[Arm] = []
    for arg in node.args:
        if not at.waits(arg):
            at.report(
                "idle-arm",
                arg.span,
                "this arm of the race calls nothing: it has always won already",
                help="let each arm call a node or a flow",
            )
        at.frames.append(Frame("race", arg.span))
        arms.append(fill_arm(at, lambda a=arg: [at.expr(a)]))  # type: ignore[misc]
        at.frames.pop()
    regions = tuple(join_arms(at, [a], lambda _: False, "this race", node.span).regions[0] for a in arms)
    result = at.fresh(hint or "race")
    at.emit(Race(at.op_id("race"), regions, result, timeout, node.span))
    return Typed(Ref(result), join(a.values[0].type for a in arms))


# ---- waiting and detaching -----------------------------------------------------------------------


def _wait_signal(at: FlowLowering, node: s.Form, hint: str) -> Typed:
    keyed = [k for k in node.keywords if k.name == "key"]
    options = [k for k in node.keywords if k.name in ("timeout", "default")]
    values = at.in_order([*node.args, *(k.value for k in keyed), *(k.value for k in options)], lambda e: peek(at, e))
    positional = [Given(v, e.span) for v, e in zip(values, (*node.args, *(k.value for k in keyed)), strict=False)]
    if len(positional) > 2:
        at.report("argument-twice", keyed[0].span, "wait_signal() gets its key twice", help="remove one of the two")
    name = positional[0]
    if not any(m.name in ("str", "any") for m in members(widen(name.value.type))):
        at.report(
            "argument-type",
            name.span,
            f"a signal is named by text, not by {name.value.type}",
            help='write wait_signal("approve")',
        )
    given = dict(zip([k.name for k in options], zip(values[len(positional) :], options, strict=True), strict=True))
    timeout, default = given.get("timeout"), given.get("default")
    if default is not None and timeout is None:
        at.report(
            "option-misfit",
            default[1].span,
            "default= of a signal needs timeout=: without it the wait has no end",
            help="add timeout=2d",
        )
    policy = {
        "timeout": duration(at, timeout[0], timeout[1].span) if timeout is not None else None,
        "default": default[0].expr if default is not None else None,
    }
    return call_engine(at, WAIT_SIGNAL, Arguments(tuple(positional), (), node.span), node.span, hint, ANY, **policy)


def _detach(at: FlowLowering, node: s.Form, hint: str) -> Typed:
    call = node.args[0]
    binding = dotted_binding(at, call.func) if isinstance(call, s.Call) else None
    if not isinstance(call, s.Call) or not isinstance(binding, FlowBinding):
        at.report(
            "detach-flow",
            node.span,
            "detach starts a flow of its own",
            help="write detach other(x), where other is a flow",
        )
        at.expr(call)
        return Typed(Const(""), STR)
    if at.pure:
        pure_place(at, "detach", node.span)
        return Typed(Const(""), STR)
    target = callee(at, binding, call.span)
    assert target is not None
    arguments = lower_arguments(at, call.args, call.keywords, call.span, option_nodes(call.options))
    check_arguments(at, target.name, target.signature, arguments)
    result = at.fresh(hint or "run")
    policy = resolve(at, call.options, arguments.extra, result, STR) if call.options else NO_POLICY
    if policy.undo is not None:
        at.report(
            "option-misfit", node.span, "a detached run has no undo: nothing waits for it", help="remove the undo"
        )
    at.emit(
        Subflow(at.op_id(target.name), target.key, arguments.args, arguments.kwargs, result, policy, True, node.span)
    )
    return Typed(Ref(result), STR)


# ---- in tests ------------------------------------------------------------------------------------


def handle_of(at: FlowLowering, node: s.Expr, example: str, *, flows: bool = False) -> Given:
    """A node, or with ``flows`` a flow, that is named, not called; ``example``: how that is written."""
    binding = dotted_binding(at, node)
    if isinstance(binding, FlowBinding) and not flows:
        at.report(
            "not-a-node",
            node.span,
            f"a node belongs here, and {binding.source.name} is a flow",
            help="name the nodes that it calls",
        )
        return Given(UNKNOWN, node.span)
    if not isinstance(binding, (NodeBinding, FlowBinding, UnknownBinding)):
        if binding is None and isinstance(node, s.Name) and not at.live.is_local(node.id):
            unknown_name(at, node, known=[n for n in at.scope.names() if _has_calls(at.program.lookup(at.scope, n))])
        else:
            what = f"a node{' or a flow' * flows}"
            how = "name it without calling it" if isinstance(node, s.Call) else f"name {what}"
            at.report("not-a-node", node.span, f"{what} belongs here", help=f"{how}: {example}")
        return Given(UNKNOWN, node.span)
    target = callee(at, binding, node.span)
    assert target is not None
    return Given(Typed(Global("flow" if target.is_flow else "node", target.key), ANY), node.span)


def _has_calls(binding: Binding | None) -> bool:
    return isinstance(binding, (NodeBinding, FlowBinding, UnknownBinding))


def _attempt(at: FlowLowering, node: s.Form, hint: str) -> Typed:
    if not node.args:
        at.report(
            "missing-argument",
            node.span,
            "attempt() takes a flow and its arguments",
            help="write attempt(settle, order)",
        )
        return UNKNOWN
    handle = handle_of(at, node.args[0], "attempt(settle, order)", flows=True)
    arguments = lower_arguments(at, node.args[1:], node.keywords, node.span)
    binding = dotted_binding(at, node.args[0])
    if binding is not None:
        target = callee(at, binding, node.span)
        if target is not None:
            check_arguments(at, target.name, target.signature, arguments)
    given = Arguments((handle, *arguments.given), (), node.span)
    return call_engine(at, ATTEMPT, given, node.span, hint, ANY)
