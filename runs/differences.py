"""What is different between the plan that a run is pinned to and the program of today, in words."""

from __future__ import annotations

from attrs import frozen

from ..compiler import ir
from ..compiler.spec import NodeSpec


@frozen
class Differences:
    """``nodes``: of nodes that the plan calls, what has changed, a line each. ``flows``: of the flows."""

    nodes: tuple[str, ...]
    flows: tuple[str, ...]

    def told(self) -> str:
        lines = [*self.nodes, *self.flows]
        return "the program has changed since the run began:\n" + "\n".join(f"  {line}" for line in lines)


def differences(recorded: ir.Graph, now: ir.Graph) -> Differences:
    """Compare them.

    Parameters
    ----------
    recorded: the plan of the run. now: the optimized graph of the program of today.
    """
    nodes = [
        line for key, spec in recorded.nodes.items() if not spec.builtin and (line := _node(spec, now.nodes.get(key)))
    ]
    flows = []
    for key, flow in recorded.flows.items():
        other = now.flows.get(key)
        if other is None:
            flows.append(f"flow {flow.name}: it is not there any more")
        elif other.body != flow.body or other.params != flow.params or other.policy != flow.policy:
            flows.append(f"flow {flow.name}: its steps are different")
    return Differences(tuple(nodes), tuple(flows))


def _node(before: NodeSpec, now: NodeSpec | None) -> str:
    if now is None:
        return ""  # its function may still be there: whoever binds it knows
    if (before.version or now.version) and before.version != now.version:
        return f"node {before.name}: version {before.version or '(none)'} is {now.version or '(none)'} now"
    if not before.version and before.source != now.source:
        return f"node {before.name}: its code is different"
    if before.transactional != now.transactional:
        return f"node {before.name}: it is {'' if now.transactional else 'not '}transactional now"
    if before.effects != now.effects:
        return f"node {before.name}: it declares other effects"
    return ""
