"""Which expressions call nodes, flows or forms, so that they become operations; all others stay trees."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import syntax as s
from ..scope import Binding, BuiltinBinding, ClassBinding, PackBinding, TypeBinding
from .trees import Node, children

if TYPE_CHECKING:
    from .state import FlowLowering

_TREE_FORMS = frozenset({"convert"})


def dotted_binding(at: FlowLowering, node: s.Expr) -> Binding | None:
    """What a name or a dotted name stands for outside the flow; None for a local name and for what is unknown."""
    parts: list[str] = []
    while isinstance(node, s.Attribute):
        parts.append(node.name)
        node = node.value
    if not isinstance(node, s.Name) or at.live.is_local(node.id) or at.env.get(node.id) is not None:
        return None
    binding = at.program.lookup(at.scope, node.id)
    for part in reversed(parts):
        if not isinstance(binding, (PackBinding, ClassBinding)):
            return None
        binding = binding.members(part)
    return binding


def dotted(node: s.Expr) -> str:
    """A dotted name as it is written."""
    if isinstance(node, s.Attribute):
        return f"{dotted(node.value)}.{node.name}"
    return node.id if isinstance(node, s.Name) else "..."


def is_method_call(at: FlowLowering, node: s.Call) -> bool:
    """Is it ``value.method(...)``, not a dotted name of something outside the flow?"""
    if not isinstance(node.func, s.Attribute):
        return False
    base: s.Expr = node.func
    while isinstance(base, s.Attribute):
        base = base.value
    if not isinstance(base, s.Name) or at.live.is_local(base.id) or at.env.get(base.id) is not None:
        return True
    whole = dotted_binding(at, node.func.value)
    return whole is None or not isinstance(whole, (PackBinding, ClassBinding, TypeBinding))


def calls_out(at: FlowLowering, node: Node) -> bool:
    """Is this very expression a call of a node, a flow or a form?"""
    if isinstance(node, s.Form):
        return node.name not in _TREE_FORMS
    if not isinstance(node, s.Call):
        return False
    if node.options:
        return True
    if is_method_call(at, node):
        return False
    return not isinstance(dotted_binding(at, node.func), (BuiltinBinding, ClassBinding, TypeBinding))


def waits(at: FlowLowering, node: Node, known: dict[int, bool]) -> bool:
    """Does ``node``, or anything in it, call out? ``known`` remembers it by identity."""
    found = known.get(id(node))
    if found is not None:
        return found
    stack: list[tuple[Node, bool]] = [(node, False)]
    while stack:
        at_node, below_done = stack.pop()
        if id(at_node) in known:
            continue
        below = children(at_node)
        if below_done or not below:
            known[id(at_node)] = (
                any(known[id(child)] for child in below)
                or calls_out(at, at_node)
                or (isinstance(at_node, s.Comprehension) and any(c.options for c in at_node.clauses))
            )
            continue
        stack.append((at_node, True))
        stack.extend((child, False) for child in below)
    return known[id(node)]
