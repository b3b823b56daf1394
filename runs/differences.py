"""What is different between the plan that a run is pinned to and the program of today, in words."""

from __future__ import annotations

from attrs import frozen

from ..compiler import ir
from ..compiler.spec import NodeSpec
from .helpers import Helpers


@frozen
class Changed:
    """Of a node or a flow, by its key: what has changed, in words."""

    key: str
    text: str


@frozen
class Differences:
    """``nodes``: of those that the plan calls. ``flows``: of its flows."""

    nodes: tuple[Changed, ...]
    flows: tuple[Changed, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return tuple(change.text for change in (*self.nodes, *self.flows))


def differences(recorded: ir.Graph, now: ir.Graph, before: Helpers, after: Helpers) -> Differences:
    """Compare them.

    Parameters
    ----------
    recorded: the plan of the run. now: the optimized graph of the program of today. before, after: what their nodes
    call; of a helper that only one of them has nothing is said, as the text that names it says it.
    """
    nodes = []
    for key, spec in recorded.nodes.items():
        if spec.builtin:
            continue
        line = _node(spec, now.nodes.get(key))
        if not line and not spec.version:
            line = _helpers(spec, key, before, after)
        if line:
            nodes.append(Changed(key, line))
    flows = []
    for key, flow in recorded.flows.items():
        other = now.flows.get(key)
        if other is None:
            flows.append(Changed(key, f"flow {flow.name}: it is not there any more"))
        elif other.body != flow.body or other.params != flow.params or other.policy != flow.policy:
            flows.append(Changed(key, f"flow {flow.name}: its steps are different"))
    return Differences(tuple(nodes), tuple(flows))


def _helpers(spec: NodeSpec, node: str, before: Helpers, after: Helpers) -> str:
    changed = [name for (key, name), text in before.items() if key == node and after.get((key, name), text) != text]
    if not changed:
        return ""
    return f"node {spec.name}: {', '.join(changed)}, which it calls, {'is' if len(changed) == 1 else 'are'} different"


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
