"""What is kept of a call, and under which key, in words."""

from __future__ import annotations

from ..compiler import ir
from ..compiler.durations import seconds
from ..compiler.exprs import refs_of


def kept(op: ir.Op, graph: ir.Graph) -> tuple[str, ...]:
    """A line for ``cache``, a line for ``once``; none where the call has neither."""
    policy = kept_policy(op, graph)
    if policy is None:
        return ()
    assert isinstance(op, (ir.Call, ir.Subflow))
    lines = []
    if cached(policy):
        lines.append(f"cached {_how_long(policy.cache)} by {_code(op, graph)} and {_arguments(op)}")
    if policy.once is not None:
        lines.append(f"done once for {_shown(policy.once)}, over all runs")
    return tuple(lines)


def kept_policy(op: ir.Op, graph: ir.Graph) -> ir.Policy | None:
    """The ``cache`` and ``once`` of a call, where it has any: its own, else those in the header of its flow."""
    if not isinstance(op, (ir.Call, ir.Subflow)):
        return None
    policy = op.policy
    if isinstance(op, ir.Subflow):
        if op.detached:
            return None
        over, flow = policy, graph.flows[op.target].policy
        policy = ir.Policy(cache=over.cache or flow.cache, once=over.once or flow.once)
    return policy if cached(policy) or policy.once is not None else None


def cached(policy: ir.Policy) -> bool:
    """Is anything kept in the cache?"""
    off = isinstance(policy.cache, ir.Const) and (policy.cache.value is None or policy.cache.value is False)
    return policy.cache is not None and not off


def span(length: float) -> str:
    """A time in seconds as people say it: its two largest parts."""
    left = max(0, round(length))
    parts = []
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60), ("s", 1)):
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2]) or f"{max(0.0, length):.2g} s"


def _how_long(expr: ir.Expr | None) -> str:
    if not isinstance(expr, ir.Const):
        return "as long as is said when it runs"
    if expr.value is True:
        return "for ever"
    return f"for {span(seconds(expr.value))}"


def _code(op: ir.Call | ir.Subflow, graph: ir.Graph) -> str:
    if isinstance(op, ir.Subflow):
        return f"the steps of flow {graph.flows[op.target].name}, the code of its nodes"
    spec = graph.nodes[op.target]
    if spec.version:
        return f"version {spec.version} of {spec.name}"
    return f"the code of {spec.name} with its helpers"


def _arguments(op: ir.Call | ir.Subflow) -> str:
    given = [("*" + _shown(a.value) if isinstance(a, ir.Star) else _shown(a)) for a in op.args]
    given += [("**" + _shown(v) if n == "**" else f"{n}={_shown(v)}") for n, v in op.kwargs]
    return f"its arguments ({', '.join(given)})" if given else "no arguments"


def _shown(expr: ir.Expr) -> str:
    match expr:
        case ir.Const(value):
            text = repr(value)
            return text if len(text) <= 40 else f"{text[:36]} ..."
        case ir.Ref(id):
            return id
        case ir.Ambient(_, name):
            return name
        case _:
            names = list(dict.fromkeys(refs_of(expr)))
            return f"what is made of {' and '.join(names)}" if names else "a constant"
