"""The meaning of a graph: the sequential reference. One operation after another, top to bottom; no Trio, no plan.

Every other way to run a graph must give what this gives: the same result or error, the same writes in the same order.
What depends on time is left out or asked for: retries do not pause, a ``timeout`` never strikes, caches are cold, and
what a ``race`` or a window chose comes from ``choose``. Laws are :mod:`.verify`'s business, expressions are
:mod:`.evaluate`'s.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from .activation import Activation, Detached, Leave, Owed, Trace, ambient_values, as_error, call_inputs, entry_inputs
from .depth import deep
from .diagnostics import MAX_DEPTH, EngineBug, LoopLimit, RecursionLimit, UndoFailed
from .evaluate import arguments, evaluate
from .fibers import Frame, Item, Items, run, stream_of, stream_of_flow, without_loop
from .ir import (
    Branch,
    Call,
    Emit,
    Eval,
    Exit,
    Expr,
    ForEach,
    Graph,
    Handler,
    Loop,
    Op,
    Parallel,
    Policy,
    Race,
    Raise,
    Region,
    Scope,
    Subflow,
    Try,
)
from .promises import promise
from .spec import NodeSpec, Objects, Retry
from .values import Collected, Failed

CallNode = Callable[[NodeSpec, Callable[..., Any] | None, list[Any], dict[str, Any]], Any]
Choose = Callable[[str, str, int], Any]


def interpret(
    graph: Graph,
    objects: Objects,
    inputs: Mapping[str, Any],
    *,
    call: CallNode | None = None,
    ambient: Mapping[str, Any] | None = None,
    trace: Trace | None = None,
    choose: Choose | None = None,
) -> Any:
    """Runs the graph's main flow from its first line to its last.

    Parameters
    ----------
    inputs: the flow's inputs by name, already converted.
    call: ``(spec, function, args, kwargs)``: calls a node; by default the function is called and an async one is driven
        without a loop. The engine's own operations (``spec.builtin``) arrive here too, with None for the function.
    ambient: the values of ``secret`` and ``env`` by name; declared defaults stand in.
    trace: is filled while the flow runs.
    choose: ``(what, path, n)``, asked where time decides: ``race`` (the winning arm of ``n``), ``take`` (the set of
        indexes that count) and ``window`` (the size of the next one). None as an answer leaves it to the reference:
        the first that succeeds, the whole stream.

    Returns the flow's result, or an iterator for a stream flow.

    Raises what the flow raises, and ``InputError`` where the inputs do not fit.
    """
    values = ambient_values(graph, ambient or {})
    choose = choose or (lambda *_: None)
    watched = trace is not None
    whole = Interpreter(graph, objects, values, call or call_node, trace or Trace(), watched, choose)
    bound = entry_inputs(graph.main, inputs, lambda e: evaluate(e, {}, objects, values))
    frame = whole.flow(Activation(graph.main, bound), {})
    if graph.main.stream:
        return stream_of_flow(frame)
    with deep():
        result, _ = run(frame)
        return result


def call_node(spec: NodeSpec, function: Callable[..., Any] | None, args: list[Any], kwargs: dict[str, Any]) -> Any:
    """Calls a node in place. ``sleep`` takes no time; nobody answers a ``wait_signal``, so it times out."""
    if function is None:
        match spec.builtin:
            case "sleep":
                return None
            case "wait_signal":
                msg = "nobody answered"
                raise TimeoutError(msg)
            case _:
                msg = f"there is no function for {spec.name}"
                raise EngineBug(msg)
    result = function(*args, **kwargs)
    return without_loop(result) if inspect.isawaitable(result) else result


@frozen
class Interpreter:
    """The frames of one run. Each gives the results of its region or operation, or a :class:`Leave`."""

    graph: Graph
    objects: Objects
    ambient: Mapping[str, Any]
    call: CallNode
    trace: Trace
    watched: bool
    choose: Choose

    def value(self, expr: Expr, act: Activation) -> Any:
        return evaluate(expr, act.env, self.objects, self.ambient)

    def maybe(self, expr: Expr | None, act: Activation) -> Any:
        return None if expr is None else self.value(expr, act)

    # ---- flows and regions -----------------------------------------------------------------------

    def flow(self, act: Activation, options: Mapping[str, Any]) -> Frame:
        """A flow whose inputs are bound in ``act``, under the options of its header overlaid by those of the call."""
        if act.depth > MAX_DEPTH:
            raise RecursionLimit.at(act.flow.name)

        body = act.flow.body

        def attempt() -> Frame:
            out = yield self.region(body, act.afresh(), tuple(act.env[id] for id in body.params))
            values: tuple[Any, ...] = out.values if isinstance(out, Leave) else out
            return values[0] if values else None

        return (yield self.attempts({**self.options(act.flow.policy, act), **options}, attempt))

    def region(self, region: Region, act: Activation, params: tuple[Any, ...] = ()) -> Frame:
        act.env.update(zip(region.params, params, strict=True))
        marks = list(reversed(region.marks))
        for index, op in enumerate(region.ops):
            while marks and marks[-1].index <= index:
                mark = marks.pop()
                act.names[mark.var] = self.value(mark.value, act)
            if self.watched:
                self.trace.steps.append(act.path + op.id)
            if isinstance(op, Eval):
                act.env[op.result] = self.value(op.expr, act)
                continue
            out = yield self.operation(op, act)
            if isinstance(out, Leave):
                return out
            act.env.update(zip(op.results, out, strict=True))
        for mark in reversed(marks):
            act.names[mark.var] = self.value(mark.value, act)
        if region.results is None:
            msg = f"the end of a region that has none was reached in {act.flow.name}"
            raise EngineBug(msg)
        return tuple(self.value(r, act) for r in region.results)

    def operation(self, op: Op, act: Activation) -> Frame:
        match op:
            case Call():
                return self.node(op, act)
            case Subflow():
                return self.subflow(op, act)
            case Branch():
                return self.branch(op, act)
            case Loop():
                return self.for_(op, act) if op.condition is None else self.while_(op, op.condition, act)
            case ForEach():
                # Where too few succeed, none is chosen: those that did are undone too.
                passes = self.for_each(op, act)
                return passes if op.take is None else self.arm(passes, act)
            case Try():
                return self.try_(op, act)
            case Scope():
                return self.scope(op, act)
            case Parallel():
                return self.parallel(op, act)
            case Race():
                return self.race(op, act)
            case Eval() | Exit() | Raise() | Emit():
                return self.simple(op, act)

    def simple(self, op: Eval | Exit | Raise | Emit, act: Activation) -> Frame:
        match op:
            case Eval():
                return (self.value(op.expr, act),)
            case Exit():
                return Leave(op.kind, tuple(self.value(v, act) for v in op.values))
            case Emit(loop=""):
                yield Item(self.value(op.value, act))
                return ()
            case Emit():
                act.emitted[op.loop].append(self.value(op.value, act))
                return ()
            case Raise(error=None):
                raise act.handling[-1]
            case Raise():
                error = as_error(self.maybe(op.error, act))
                if not op.has_cause:
                    raise error
                cause = self.maybe(op.cause, act)
                raise error from (None if cause is None else as_error(cause))

    # ---- calls -----------------------------------------------------------------------------------

    def options(self, policy: Policy, act: Activation) -> dict[str, Any]:
        """The options of a call, evaluated when it starts; only ``retry`` and ``default`` mean something here."""
        keys = ("retry", "timeout", "cache", "rate", "lock", "default", "once")
        given = ((k, getattr(policy, k)) for k in keys)
        return {k: self.value(e, act) for k, e in given if e is not None}

    def attempts(self, options: Mapping[str, Any], start: Callable[[], Frame]) -> Frame:
        """``(value, True)`` of the attempt that succeeds, or ``(default, False)``."""
        retry = options.get("retry") or 0
        retry = retry if isinstance(retry, Retry) else Retry(retry)
        left = retry.times
        while True:
            try:
                return (yield start()), True
            except Exception as error:
                if left > 0 and isinstance(error, Exception if retry.on is None else retry.on):
                    left -= 1
                elif "default" in options:
                    return options["default"], False
                else:
                    raise

    def node(self, op: Call, act: Activation) -> Frame:
        spec = self.graph.nodes[op.target]
        args, kwargs = arguments(op.args, op.kwargs, lambda e: self.value(e, act))
        value, completed = yield self.attempts(self.options(op.policy, act), lambda: self.once(spec, args, kwargs))
        return self.settle(op, act, value, completed)

    def once(self, spec: NodeSpec, args: list[Any], kwargs: dict[str, Any]) -> Frame:
        value = self.call(spec, self.objects.nodes.get(spec.key), args, kwargs)
        if not (spec.is_stream or spec.trusted or spec.builtin):
            held = promise(spec.name, spec.signature.returns, self.objects.classes)
            if held is not None:
                held.check(value)
        yield from ()
        return (stream_of(value) or value) if spec.is_stream else value

    def subflow(self, op: Subflow, act: Activation) -> Frame:
        flow = self.graph.flows[op.target]
        args, kwargs = arguments(op.args, op.kwargs, lambda e: self.value(e, act))
        options = self.options(op.policy, act)
        inputs = call_inputs(flow, args, kwargs, lambda e: evaluate(e, {}, self.objects, self.ambient))
        if op.detached:
            by_name = {p.name: inputs[id] for p, id in zip(flow.params, flow.body.params, strict=True)}
            self.trace.detached.append(Detached(op.target, by_name))
            return (f"detached-{len(self.trace.detached)}",)
        inner = Activation(flow, inputs, f"{act.path}{op.id}/", act.depth + 1, act.ledger)
        frame = self.flow(inner, options)
        if flow.stream:
            return (stream_of_flow(frame),)
        value, completed = yield frame
        return self.settle(op, act, value, completed)

    def settle(self, op: Call | Subflow, act: Activation, value: Any, completed: bool) -> tuple[Any, ...]:
        """The results of a call that has ended; its undo is owed from here on."""
        undo = op.policy.undo
        if undo is not None and completed and act.ledger is not None:
            act.env[undo.result] = value
            args, kwargs = arguments(undo.args, undo.kwargs, lambda e: self.value(e, act))
            act.ledger.append(Owed(undo.target, undo.is_flow, args, kwargs))
        return (value,)

    # ---- choices and loops -----------------------------------------------------------------------

    def branch(self, op: Branch, act: Activation) -> Frame:
        chosen = next((i for i, test in enumerate(op.tests) if self.value(test, act)), len(op.tests))
        return (yield self.region(op.regions[chosen], act))

    def while_(self, op: Loop, condition: Region, act: Activation) -> Frame:
        carried: tuple[Any, ...] = tuple(self.value(e, act) for e in op.initial)
        limit = self.maybe(op.limit, act)
        emitted = act.emitted[op.id] = []
        passes = 0
        while (yield self.region(condition, act, carried))[0]:
            if limit is not None and passes >= limit:
                raise LoopLimit.past(limit)
            passes += 1
            out = yield self.region(op.body, act, carried)
            if isinstance(out, Leave) and out.kind == "return":
                return out
            carried = out.values if isinstance(out, Leave) else out
            if isinstance(out, Leave) and out.kind == "break":
                break
        return (*carried, emitted) if op.collects else carried

    def for_(self, op: Loop, act: Activation) -> Frame:
        carried: tuple[Any, ...] = tuple(self.value(e, act) for e in op.initial)
        emitted = act.emitted[op.id] = []
        with self.items(op, act) as items:
            for item in items:
                out = yield self.region(op.body, act, (item, *carried))
                if isinstance(out, Leave) and out.kind == "return":
                    return out
                carried = out.values if isinstance(out, Leave) else out
                if isinstance(out, Leave) and out.kind == "break":
                    break
        return (*carried, emitted) if op.collects else carried

    def for_each(self, op: ForEach, act: Activation) -> Frame:
        take, max_failed, _ = (self.maybe(e, act) for e in (op.take, op.max_failed, op.parallel))
        chosen = None if take is None else self.choose("take", act.path + op.id, take)
        ok: list[list[Any]] = []
        failed: list[Failed] = []
        before = act.names
        with self.items(op, act) as items:
            for index, item in enumerate(items):
                counts = chosen is None or index in chosen
                if not counts and op.rest == "cancel":
                    continue
                if take is not None and len(ok) >= take and op.rest == "cancel":
                    break
                act.names = dict(before)
                emitted = act.emitted[op.id] = []
                try:
                    frame = self.region(op.body, act, (item,))
                    yield frame if take is None else self.arm(frame, act)
                except Exception as error:
                    if take is None and not op.collect:
                        raise
                    failed.append(Failed(item, index, error))
                    if max_failed is not None and len(failed) > max_failed:
                        raise failed[0].error from None
                else:
                    if counts:
                        ok.append(emitted)
        act.names = before
        if take is not None and not op.collect and len(ok) < take and failed:
            raise failed[0].error
        values = [value for emitted in ok[:take] for value in emitted]
        if op.collect:
            return (Collected(values, failed),)
        return (values,) if op.collects else ()

    def items(self, op: Loop | ForEach, act: Activation) -> Items:
        source: Any = self.maybe(op.source, act)
        batch = self.maybe(op.batch, act)
        window = self.maybe(op.window, act)
        self.maybe(op.buffer, act)
        path = act.path + op.id
        if batch is not None:
            return Items(source, lambda: batch)
        if window is not None:
            return Items(source, lambda: self.choose("window", path, 0) or -1)
        return Items(source, None)

    # ---- failure ---------------------------------------------------------------------------------

    def try_(self, op: Try, act: Activation) -> Frame:
        for var, entry in op.tracked:
            act.names[var] = self.maybe(entry, act)
        if op.final is None:
            return (yield self.handled(op, act))
        try:
            out = yield self.handled(op, act)
        except BaseException:
            yield self.region(op.final, act, self.tracked(op, act))
            raise
        after = yield self.region(op.final, act, self.tracked(op, act))
        if not isinstance(out, Leave):
            return (*out, *after)
        if op.exits and out.kind != "return":
            assigned = {i: after[j] for i, j in op.exits}
            return Leave(out.kind, tuple(assigned.get(i, v) for i, v in enumerate(out.values)))
        return out

    def handled(self, op: Try, act: Activation) -> Frame:
        try:
            out = yield self.region(op.body, act)
        except BaseException as error:
            handler = self.handler_of(op, error, act)
            if handler is None:
                raise
            act.handling.append(error)
            try:
                return (yield self.region(handler.region, act, (error, *self.tracked(op, act))))
            finally:
                act.handling.pop()
        if op.orelse is None or isinstance(out, Leave):
            return out
        return (yield self.region(op.orelse, act, out))

    def handler_of(self, op: Try, error: BaseException, act: Activation) -> Handler | None:
        for handler in op.handlers:
            if handler.types is None:
                types: Any = Exception
            else:
                types = tuple(self.value(t, act) for t in handler.types)
            if isinstance(error, types):
                return handler
        return None

    def tracked(self, op: Try, act: Activation) -> tuple[Any, ...]:
        return tuple(act.names[var] for var, _ in op.tracked)

    def scope(self, op: Scope, act: Activation) -> Frame:
        self.maybe(op.arg, act)
        frame = self.region(op.body, act)
        return (yield self.arm(frame, act) if op.kind == "transaction" else frame)

    def arm(self, frame: Frame, act: Activation) -> Frame:
        """Runs ``frame``; what it completed is undone where it fails, else owed to whatever is around."""
        outer, owed = act.ledger, list[Owed]()
        act.ledger = owed
        try:
            out = yield frame
        except BaseException as error:
            act.ledger = outer
            failures = yield self.compensate(owed, act)
            if failures:
                raise UndoFailed.of(failures) from error
            raise
        act.ledger = outer
        if outer is not None:
            outer.extend(owed)
        return out

    def compensate(self, owed: list[Owed], act: Activation) -> Frame:
        """Calls the undos, last first; gives the names and errors of those that failed."""
        failures: list[tuple[str, Exception]] = []
        for undo in reversed(owed):
            try:
                yield self.undo(undo, act)
            except Exception as error:
                known = self.graph.flows if undo.is_flow else self.graph.nodes
                failures.append((known[undo.target].name, error))
        return failures

    def undo(self, undo: Owed, act: Activation) -> Frame:
        if undo.is_flow:
            flow = self.graph.flows[undo.target]
            inputs = call_inputs(flow, undo.args, undo.kwargs, lambda e: evaluate(e, {}, self.objects, self.ambient))
            return (yield self.flow(Activation(flow, inputs, f"{act.path}{flow.name}/", act.depth + 1), {}))
        spec = self.graph.nodes[undo.target]
        return (yield self.attempts(spec.policy, lambda: self.once(spec, undo.args, undo.kwargs)))

    # ---- arms ------------------------------------------------------------------------------------

    def parallel(self, op: Parallel, act: Activation) -> Frame:
        # No arm reads what another assigns, so the tracked names just add up: a handler sees those of the arms before.
        results: list[Any] = []
        for region in op.regions:
            out = yield self.region(region, act)
            if isinstance(out, Leave):
                return out
            results.extend(out)
        return tuple(results)

    def race(self, op: Race, act: Activation) -> Frame:
        self.maybe(op.timeout, act)
        winner = self.choose("race", act.path + op.id, len(op.regions))
        first: Exception | None = None
        for region in op.regions if winner is None else op.regions[winner : winner + 1]:
            try:
                return (yield self.arm(self.region(region, act), act))
            except Exception as error:
                first = first or error
        raise first or EngineBug("a race without arms")
