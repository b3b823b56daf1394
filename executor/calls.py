"""Calls as code: of nodes where they run, of flows, of the engine's own operations; and runs of calls fused for a
thread.

What a call does not ask for is not in its code: no policy, no ``invoke``; no listener, no event; no transaction, no
undo.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from ..compiler import ir
from ..planner.order import RegionOrder
from . import invoke
from .place import Place
from .tiers import LONG

if TYPE_CHECKING:
    from .link import FlowLinker
    from .straight import Straight

FIELDS = ("retry", "timeout", "cache", "rate", "lock", "default", "once")


def policy_text(code: Straight, policy: ir.Policy, place: Place) -> str:
    """The options as the source of a dict; ``""`` where there are none (an undo does not count)."""
    parts = [f"{name!r}: {code.text(value, place)}" for name in FIELDS if (value := getattr(policy, name)) is not None]
    return f"{{{', '.join(parts)}}}" if parts else ""


def waiting_policy(policy: ir.Policy) -> bool:
    """Does a policy ask for more than a plain call?"""
    return any(getattr(policy, name) is not None for name in FIELDS)


def split(
    code: Straight, args: tuple[ir.Expr | ir.Star, ...], kwargs: tuple[tuple[str, ir.Expr], ...], place: Place
) -> tuple[str, str]:
    """Arguments as the source of a tuple and of a dict."""
    positional = code.arguments(args, (), place)
    named = ", ".join(
        f"**{code.text(value, place)}" if name == "**" else f"{name!r}: {code.text(value, place)}"
        for name, value in kwargs
    )
    return f"({positional}{',' if positional else ''})", f"{{{named}}}"


Called = TypeVar("Called", ir.Call, ir.Subflow)


def evaluated(code: Straight, op: Called, place: Place) -> Called:
    """The call with its arguments evaluated: what fails in one is no failure of the call, which may be repeated."""

    def early(expr: ir.Expr, form: str = "{}") -> ir.Expr:
        if isinstance(expr, (ir.Ref, ir.Const)) and form == "{}":
            return expr
        id = f"argument {code.module.number()}"
        code.write(f"{code.name(id)} = {form.format(code.text(expr, place))}")
        return ir.Ref(id)

    args = tuple(ir.Star(early(a.value, "(*{},)")) if isinstance(a, ir.Star) else early(a) for a in op.args)
    kwargs = tuple((name, early(value, "{{**{}}}" if name == "**" else "{}")) for name, value in op.kwargs)
    return evolve(op, args=args, kwargs=kwargs)


def call(code: Straight, op: ir.Call, place: Place) -> None:
    """One call of a node."""
    linker = code.linker
    spec = linker.graph.nodes[op.target]
    result = code.name(op.result)
    if spec.builtin:
        engine_call(code, op, place)
        return
    site = linker.site(op)
    fn = code.module.constant(site.fn, "_f")
    if spec.is_stream:
        name = code.module.constant(site, "_s") if linker.recorded else ""
        again = ""
        if linker.recorded and spec.seek:
            args, kwargs = split(code, op.args, op.kwargs, place)
            code.write(f"_a, _w = {args}, {kwargs}")
            opened = governed(code, op, f"{fn}(*_a, **_w)", place)
            sought = governed(code, op, f"_sought({name}, _a, _w, _last)", place)
            again = f", lambda _last, _a=_a, _w=_w: {sought}"
        else:
            opened = governed(code, op, f"{fn}({code.arguments(op.args, op.kwargs, place)})", place)
        if linker.recorded:
            opened = f"_node_stream({place.at}, {name}, {opened}{again})"
        code.write(f"{result} = {opened}")
        return
    policy = policy_text(code, op.policy, place) if place.waits else ""
    if linker.journaled(op):
        args, kwargs = split(code, op.args, op.kwargs, place)
        undoing = ""
        if op.policy.undo is not None:
            undoing = f", {place.log}, lambda {code.name(op.policy.undo.result)}: {owed(code, op, place)}"
            undoing += f", lambda: {owed(code, op, place, whole=False)}"
        name = code.module.constant(site, "_s")
        given = f"_run, {place.at}, {name}, {args}, {kwargs}, {policy or '{}'}{undoing}"
        code.write(f"{result} = await _recorded({given})")
        return
    if policy or (place.waits and linker.events and op.policy.undo is not None):
        args, kwargs = split(code, op.args, op.kwargs, place)
        undoing = ""
        if op.policy.undo is not None:
            undoing = f", {place.log}, lambda {code.name(op.policy.undo.result)}: {owed(code, op, place)}"
        undoing += ", turn=_turn" if place.held else ""
        name = code.module.constant(site, "_s")
        code.write(f"{result} = await _invoke(_run, {name}, {args}, {kwargs}, {policy or '{}'}{undoing})")
        return
    arguments = code.arguments(op.args, op.kwargs, place)
    if linker.events:
        if not all(isinstance(v, (ir.Ref, ir.Const)) for v in (*op.args, *(v for _, v in op.kwargs))):
            # What fails in an argument fails before the call begins.
            args, kwargs = split(code, op.args, op.kwargs, place)
            code.write(f"_a, _w = {args}, {kwargs}")
            arguments = "*_a, **_w"
        code.write(f"_run.tell('started', {op.id!r})")
        with code.write.block("try:"):
            plain(code, op, site, place, arguments)
        with code.write.block("except BaseException as _x:"):
            code.write(f"_run.broke({op.id!r}, _x)")
            code.write("raise")
        code.write(f"_run.tell('done', {op.id!r})")
    else:
        plain(code, op, site, place, arguments)
    note_undo(code, op, place)
    if place.waits and (site.placement == invoke.PLACE or (site.placement == invoke.LANE and place.loop is not None)):
        code.breath = True


def governed(code: Straight, op: ir.Call | ir.Subflow, opened: str, place: Place) -> str:
    """The source of a stream under its options, where it has any."""
    policy = policy_text(code, op.policy, place)
    at = f", {inside(code, op, place)}" if isinstance(op, ir.Subflow) and code.linker.recorded else ""
    return f"_governed(_run, {op.id!r}, {op.target!r}, {opened}, {policy}{at})" if policy else opened


def plain(code: Straight, op: ir.Call, site: invoke.Site, place: Place, arguments: str) -> None:
    """A call without options, where its node runs."""
    result = code.name(op.result)
    fn = code.module.constant(site.fn, "_f")
    name = code.module.constant(site, "_s")
    direct = f"{result} = {fn}({arguments})"
    if not place.waits:
        in_place(code, direct, name) if place.measured and not site.spec.trusted else code.write(direct)
    elif site.placement == invoke.LOOP:
        if place.concurrent and not place.held:
            code.write(f"{result} = await _capped(_run, {fn}{', ' if arguments else ''}{arguments})")
        else:
            code.write(f"{result} = await {fn}({arguments})")
    elif site.placement == invoke.LANE:
        args, kwargs = split(code, op.args, op.kwargs, place) if arguments != "*_a, **_w" else ("_a", "_w")
        hop = f"{result} = await {'_bare' if place.held else '_call'}(_run, {name}, {args}, {kwargs})"
        if place.loop is None or site.spec.runs == "thread" or site.spec.transactional:
            code.write(hop)
            return  # it is held to its annotation there
        # A loop may run long enough to find out that the node is quick: it does not wait for the next run.
        with code.write.block(f"if {name}.tier.trusted:"):
            in_place(code, direct, name)
            kept(code, site, result)
        with code.write.block("else:"):
            code.write(hop)
            if not site.reader:
                code.write("_run.due = 0.0")  # it may have outlasted a cut: the look at the time becomes one for that
        return
    elif site.spec.trusted:
        code.write(direct)
    else:
        in_place(code, direct, name)
    kept(code, site, result)


def kept(code: Straight, site: invoke.Site, result: str) -> None:
    """Hold the node to its annotation: a glance at the class, and a closer look only where that does not settle it."""
    if site.promise is not None:
        promise = code.module.constant(site.promise, "_p")
        quick = site.promise.quick
        test = f"if {result}.__class__ is not {code.module.constant(quick, '_c')}: " if quick is not None else ""
        code.write(f"{test}{promise}.check({result})")


def note_undo(code: Straight, op: ir.Call | ir.Subflow, place: Place) -> None:
    """The call is complete: note the undo it owes, where somebody around may ask for it."""
    undo = op.policy.undo
    if undo is None or place.log == "None":
        return
    with code.write.block(f"if {place.log} is not None:"):
        if undo.result != op.result:
            code.write(f"{code.name(undo.result)} = {code.name(op.result)}")
        code.write(f"{place.log}.add(*{owed(code, op, place)})")


def in_place(code: Straight, text: str, site: str) -> None:
    """A quick call on the loop, with a clock around it: one that stalls goes back to a thread."""
    code.write("_t = _clock()")
    code.write(text)
    code.write("_u = _clock() - _t")
    code.write(f"if _u > {LONG}: {site}.tier.stalled(_u)")


def owed(code: Straight, op: ir.Call | ir.Subflow, place: Place, whole: bool = True) -> str:
    """The source of a call's undo as the tuple that :meth:`~.undo.UndoLog.add` takes; not ``whole``: without its
    arguments."""
    undo = op.policy.undo
    assert undo is not None
    runner = code.module.constant(code.linker.undo_runner(undo), "_u")
    line = f", {op.span.file!r}, {op.span.line}" if op.span.line else ""
    at = f"{place.at}.owed({op.id!r}{line})" if code.linker.recorded else "0"
    given = "".join(f"{part}, " for part in split(code, undo.args, undo.kwargs, place)) if whole else ""
    return f"({code.linker.target_name(undo)!r}, {runner}, {given}{at})"


def inside(code: Straight, op: ir.Subflow, place: Place) -> str:
    """The source of where the flow stands that is called here."""
    return f"{place.at}.call({op.id!r})" if code.linker.recorded and place.waits else f"{place.at} + 1"


def engine_call(code: Straight, op: ir.Call, place: Place) -> None:
    """``sleep``, ``wait_signal`` and what tests add: operations of the engine itself."""
    linker = code.linker
    spec = linker.graph.nodes[op.target]
    governed = waiting_policy(op.policy) or linker.events
    if linker.recorded:
        op = evaluated(code, op, place)
        args, policy = code.arguments(op.args, op.kwargs, place), policy_text(code, op.policy, place) or "{}"
        fn = code.module.constant(linker.builtin(spec.builtin), "_b")
        given = f"_run, {place.log}, {place.at}, {op.id!r}, {policy}{', ' if args else ''}{args}"
        code.write(f"{code.name(op.result)} = await {fn}({given})")
        return
    if governed:
        op = evaluated(code, op, place)
    args = code.arguments(op.args, op.kwargs, place)
    fn = code.module.constant(linker.builtin(spec.builtin), "_b")
    call = f"{fn}(_run, {place.log}{', ' if args else ''}{args})"
    policy = policy_text(code, op.policy, place)
    result = code.name(op.result)
    if governed:
        code.write(f"{result} = await _apply(_run, {op.id!r}, {op.target!r}, lambda: {call}, {policy or '{}'})")
    else:
        code.write(f"{result} = await {call}")


def is_plain_call(linker: FlowLinker, op: ir.Subflow) -> bool:
    """Is a flow called as a plain function, also by code that waits?"""
    return not op.detached and linker.is_quick(op.target) and not waiting_policy(op.policy)


def subflow(code: Straight, op: ir.Subflow, place: Place) -> None:
    """A call of a flow."""
    linker = code.linker
    flow = linker.graph.flows[op.target]
    result = code.name(op.result)
    if place.waits and not op.detached and waiting_policy(op.policy):
        op = evaluated(code, op, place)
    arguments = linker.flow_arguments(code, op, place)
    comma = ", " if arguments else ""
    if op.detached:
        args, kwargs = split(code, op.args, op.kwargs, place)
        at = f", {place.at}, {op.id!r}" if linker.recorded else ""
        code.write(f"{result} = await _detach(_run, {op.target!r}, {args}, {kwargs}{at})")
        return
    if not place.waits or is_plain_call(linker, op):
        name = linker.flow_name(op.target, waits=False)
        code.write(f"{result} = {name}(_run, {inside(code, op, place)}{comma}{arguments})")
        code.breath = place.waits
    elif flow.stream:
        name = linker.flow_name(op.target, waits=True)
        text = f"_run, {place.log}, {inside(code, op, place)}{comma}{arguments})"
        policy = policy_text(code, op.policy, place)
        if policy and waiting_policy(flow.policy):
            over = f"lambda *a, _p={policy}, **k: {name}_over({op.id!r}, _p, None, *a, **k)"
            code.write(f"{result} = _open_flow({over}, {text}")
        else:
            code.write(f"{result} = {governed(code, op, f'_open_flow({name}, {text}', place)}")
    else:
        name = linker.flow_name(op.target, waits=True)
        frame, row = place.outer.retire[0] if place.outer.retire else ("None", "0")
        here, again = inside(code, op, place), ""
        policy = policy_text(code, op.policy, place)
        headed = waiting_policy(flow.policy)
        if policy and not headed:
            here, again = attempted(code, here)
        text = f"{name}(_run, {place.log}, {frame}, {row}, {here}{comma}{arguments})"
        if policy or (headed and op.policy.undo is not None):
            # What is remembered, or has a default, owes nothing: the attempts note the undo.
            done, log = flow_done(code, op, place), place.log if writes(linker, op.target) else "None"
            if headed:
                over = f"{name}_over({op.id!r}, {policy or '{}'}, {done}, "
                code.write(f"{result} = await {over}{text.partition('(')[2]}")
            else:
                args, kwargs = split(code, op.args, op.kwargs, place)
                code.write(
                    f"{result} = await _apply(_run, {op.id!r}, {op.target!r}, lambda: {text}, {policy}, {done}, "
                )
                code.write(f"    lambda: _call_key(_run, {op.target!r}, {args}, {kwargs}), log={log}{again})")
            return
        code.write(f"{result} = await {text}")
    note_undo(code, op, place)


def attempted(code: Straight, here: str) -> tuple[str, str]:
    """Where an attempt of a flow call stands, and what tells it to ``_apply``: in a recorded run each attempt stands
    elsewhere."""
    if not code.linker.recorded:
        return here, ""
    number = code.module.number()
    where, tries = f"_h{number}", f"_t{number}"
    code.write(f"{where}, {tries} = {here}, _Tries()")
    return f"{where}.again({tries}.number)", f", tries={tries}, at={where}"


def writes(linker: FlowLinker, key: str) -> bool:
    """Does a flow write, so that what is noted while it runs is its own?"""
    return linker.orders[key].effects.retires


def flow_done(code: Straight, op: ir.Subflow, place: Place) -> str:
    """The source of what to do when an attempt of a flow call has succeeded: note the undo it owes."""
    undo = op.policy.undo
    if undo is None or place.log == "None":
        return "None"
    noted = f"{place.log}.add(*{owed(code, op, place)})"
    return f"lambda {code.name(undo.result)}: {noted} if {place.log} is not None else None"


def lane_run(code: Straight, order: RegionOrder, index: int, place: Place, until: int | None) -> int:
    """Fuse a run of calls that go to a thread, from ``index`` on, into one function and one hop; how many operations
    it took.

    0: nothing to fuse. Between two calls the thread looks whether the run was cancelled.
    """
    linker = code.linker
    if not linker.on.hops or not place.waits or linker.events or place.outer or place.loop is not None:
        return 0
    ops: list[ir.Eval | ir.Call] = []
    calls = 0
    last = 0
    for at in range(index, min(len(order.ops), until if until is not None else len(order.ops))):
        op = order.ops[at].op
        if isinstance(op, ir.Eval):
            ops.append(op)
        elif isinstance(op, ir.Call) and linker.plain_lane(op):
            ops.append(op)
            calls += 1
            last = len(ops)
        else:
            break
    if calls < 2:
        return 0
    ops = ops[:last]
    fused(code, ops, order, index, place)
    return len(ops)


def fused(code: Straight, ops: list[ir.Eval | ir.Call], order: RegionOrder, index: int, place: Place) -> None:
    """The function of a run for a thread, and its call."""
    linker = code.linker
    own = {op.result for op in ops}
    needs: dict[str, None] = {}
    for at in range(index, index + len(ops)):
        needs.update(dict.fromkeys(v for v in sorted(order.ops[at].entry_values) if v not in own))
    inner = linker.straight()
    number = code.module.number()
    params = ", ".join(code.name(v) for v in needs)
    reader = True
    with inner.write.block(f"def _l{number}(_run{', ' if params else ''}{params}):"):
        for position, op in enumerate(ops):
            inner.write.op = op
            if isinstance(op, ir.Eval):
                inner.write(f"{code.name(op.result)} = {inner.text(op.expr, place)}")
                continue
            if position:
                inner.write("_check()")
            reader = lane_call(inner, op, place) and reader
        inner.write(f"return ({''.join(code.name(op.result) + ', ' for op in ops)})")
    code.write.op = ops[0]
    results = "".join(code.name(op.result) + ", " for op in ops)
    code.write(
        f"{results} = await _lane(_run, {reader}, _l{number}{', ' if params else ''}{params})".replace(",  =", ", =")
    )
    code.unseen = not reader


def lane_call(code: Straight, op: ir.Call, place: Place) -> bool:
    """A measured call in a thread; is it of a reader?"""
    site = code.linker.site(op)
    fn, name = code.module.constant(site.fn, "_f"), code.module.constant(site, "_s")
    code.write("_t = _clock()")
    code.write(f"{code.name(op.result)} = {fn}({code.arguments(op.args, op.kwargs, place)})")
    code.write(f"{name}.tier.measured(_clock() - _t)")
    kept(code, site, code.name(op.result))
    return site.reader
