"""Whether the store has what the calls of a flow would be given from it, as far as that is known before it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from ..compiler import ir
from ..compiler.durations import seconds
from ..compiler.evaluate import arguments, evaluate
from ..compiler.exprs import refs_of
from ..compiler.walk import all_ops
from ..executor.cache_keys import halves, node_key
from ..executor.invoke import once_key
from ..executor.run import Run
from ..planner.kept import cached, kept_policy, span
from ..store.port import Store
from ..store.rows import Cached, CachedRow
from .onces import stored

if TYPE_CHECKING:
    from ..compiled import Compiled
    from ..engine import Engine
    from ..store.encoding import Values


class _Unknown(Exception):
    """Only a run knows it; ``args[0]`` is its name."""


def in_store(
    engine: Engine,
    compiled: Compiled,
    store: Store,
    inputs: Mapping[str, Any],
    ambient: Mapping[str, Any],
    codec: Values,
    now: float,
) -> dict[str, tuple[str, ...]]:
    """For each call that is cached or done once, by the operation's id: what the store has of it, a line each.

    Parameters
    ----------
    inputs: of the flow, as far as they are given. ambient: ``env`` and ``secret`` values. codec: reads what is stored.
    now: epoch seconds.
    """
    graph = compiled.optimized
    told: dict[str, tuple[str, ...]] = {}
    for key, flow in graph.flows.items():
        asked = _Asked(engine, compiled, store, ambient, now, inputs if key == graph.entry else {}, flow, codec)
        for op in all_ops(flow):
            policy = kept_policy(op, graph)
            if policy is not None and isinstance(op, (ir.Call, ir.Subflow)):
                told[op.id] = asked.of(op, policy)
    return told


class _Asked:
    """The questions about one flow."""

    def __init__(
        self,
        engine: Engine,
        compiled: Compiled,
        store: Store,
        ambient: Mapping[str, Any],
        now: float,
        inputs: Mapping[str, Any],
        flow: ir.FlowGraph,
        codec: Values,
    ) -> None:
        self.compiled, self.store, self.ambient, self.now = compiled, store, ambient, now
        self.graph = compiled.optimized
        self.linker = engine._linker(compiled, False, engine._standing_in())
        self.run = Run("", engine.services, ambient)
        self.codec = codec
        self.calls = {op.result: op for op in all_ops(flow) if isinstance(op, (ir.Call, ir.Subflow))}
        self.made = {op.result: op.expr for op in all_ops(flow) if isinstance(op, ir.Eval)}
        self.values: dict[str, Any] = {}
        for param, id in zip(flow.params, flow.body.params, strict=True):
            if param.name in inputs:
                self.values[id] = inputs[param.name]
            elif inputs and param.default is not None:
                self.made[id] = param.default

    def of(self, op: ir.Call | ir.Subflow, policy: ir.Policy) -> tuple[str, ...]:
        lines: list[str] = []
        if cached(policy):
            lines += self._cached(op, policy)
        if policy.once is not None:
            lines.append(self._once(op, policy.once))
        return tuple(lines)

    def _cached(self, op: ir.Call | ir.Subflow, policy: ir.Policy) -> Iterator[str]:
        name = self.graph.nodes[op.target].name if isinstance(op, ir.Call) else self.graph.flows[op.target].name
        rows = self.store.cache(name)
        try:
            key = self._key(op)
            found, young = self._found(key, policy)
        except _Unknown as of:
            yield f"hit or miss: known when it runs, by {of}; {self._others(name, rows)}"
            return
        except Exception as error:  # the call would fail as well
            yield f"hit or miss: not known: {error}"
            return
        if found is None:
            yield f"miss: {self._why(key, name, rows)}"
        else:
            age = span(self.now - found.made)
            left = "" if found.until is None else f", good for {span(found.until - self.now)} more"
            old = f"miss: what is in the store was made {age} ago, and is too old"
            yield f"hit: made {age} ago{left}" if young else old
        yield f"key {key}"

    def _why(self, key: str, name: str, rows: list[CachedRow]) -> str:
        """Why a value is not there, as far as the keys of those that are tell."""
        arguments, code = halves(key)
        there = [halves(row.key) for row in rows]
        if any(other == arguments for other, _ in there):
            return "what is in the store for these arguments was made from other code"
        known = any(other == code for _, other in there)
        which = ", for other arguments" + ("" if known else " and from other code") if rows else ""
        return f"it is not in the store; {self._others(name, rows)}{which}"

    def _found(self, key: str, policy: ir.Policy) -> tuple[Cached | None, bool]:
        """What is in the store under a key, and whether it is young enough."""
        length = self.value(policy.cache) if policy.cache is not None else True
        found = self.store.cached(key, 0.0)
        if found is None:
            return None, False
        old = found.until is not None and found.until <= self.now
        return found, not old and (length is True or found.made + seconds(length) > self.now)

    def _once(self, op: ir.Call | ir.Subflow, once: ir.Expr) -> str:
        try:
            key = stored(once_key(op.target, {"once": self.value(once)}))
        except _Unknown as of:
            return f"done or not: known when it runs, by {of}"
        except Exception as error:
            return f"done or not: not known: {error}"
        settled = self.store.settled(key)
        if settled is not None:
            return f"done: by {settled[0]}"
        begun = self.store.reserved(key)
        return f"begun: by {begun[0]}" if begun is not None else "not done yet"

    def _others(self, name: str, rows: list[CachedRow]) -> str:
        if not rows:
            return f"nothing of {name} is in the store"
        values = "1 value" if len(rows) == 1 else f"{len(rows)} values"
        return f"{values} of {name} in the store, the youngest made {span(self.now - rows[0].made)} ago"

    def _key(self, op: ir.Call | ir.Subflow) -> str:
        args, kwargs = arguments(op.args, op.kwargs, self.value)
        if isinstance(op, ir.Subflow):
            return f"cache:{self.linker.call_key(self.run, op.target, tuple(args), kwargs)}"
        spec = self.graph.nodes[op.target]
        return f"cache:{node_key(spec, self.linker.function(spec), tuple(args), kwargs)}"

    def value(self, expr: ir.Expr) -> Any:
        """The value of an expression.

        Raises
        ------
        _Unknown: it is not known before the run.
        """
        for id in refs_of(expr):
            if id not in self.values:
                self.values[id] = self.value(self.made[id]) if id in self.made else self._given(id)
        return evaluate(expr, self.values, self.compiled.objects, self.ambient)

    def _given(self, id: str) -> Any:
        """What a call will be given from the cache."""
        op = self.calls.get(id)
        policy = None if op is None else kept_policy(op, self.graph)
        if op is None or policy is None or not cached(policy) or policy.once is not None:
            raise _Unknown(id)
        found, young = self._found(self._key(op), policy)
        if found is None or not young:
            raise _Unknown(id)
        return self.codec.decode(found.value)
