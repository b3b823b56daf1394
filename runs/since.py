"""A step on record, and what stands before it: for a run that goes on from there, and a new one that begins there.

What is on record before the first entry of a step had ended while the step had not, so it cannot depend on it. What
comes after it is made again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from attrs import frozen

from ..compiler import ir
from ..executor.entries import OWED
from ..executor.watch import CANCELLED
from ..store.failures import StoreError
from ..store.keeper import Noted
from .history import History
from .paths import only
from .tree import Node, tree_of

_FOLLOWS = frozenset(":#@!=<|$[/")
"""What may stand after the key of a step in the keys of what belongs to it."""


@frozen
class Since:
    """A step from which on a run is made again.

    ``key``: its name. ``first``: the number of the first entry that does not count then. ``again``: the keys of what
    changes the world, or waits for a signal, and is on record from there on.
    """

    key: str
    first: int
    again: tuple[str, ...]


class Repeats(StoreError):
    """Something would be made again that changes the world; ``keys`` tell what."""

    def __init__(self, keys: tuple[str, ...]) -> None:
        super().__init__(
            "this is on record, and would be made again:\n" + "\n".join(f"  {key}" for key in keys) + "\n"
            "say that it is to be: --accept"
        )
        self.keys = keys


def since(history: History, name: str) -> Since:
    """What a run would do again from a step on.

    Raises
    ------
    As :func:`find_step` and :func:`before`; StoreError: the journal is damaged.
    """
    if history.damage:
        raise StoreError(history.damage)
    root = tree_of(history)
    key = find_step(root, name)
    kept = before(history.entries, key)
    first = kept[-1].number + 1 if kept else 0
    return Since(key, first, tuple(_writes(history, root, first)))


def find_step(root: Node, name: str) -> str:
    """The key of a step on record.

    Raises
    ------
    Unknown: there is none of that name, or there are several; the message lists them.
    """
    steps = list(_steps(root))
    if any(node.key == name for node in steps):
        return name
    found = [node.key for node in steps if name == node.name or node.key.endswith((f":{name}", f"/{name}"))]
    return only(found, name, "step")


def _steps(node: Node) -> list[Node]:
    """All steps but passes by their number, and undos, which nobody begins with."""
    found = []
    for child in node.inner():
        if child.kind != "undo":
            found += [child, *_steps(child)]
    return found


def before(entries: tuple[Noted, ...], key: str) -> tuple[Noted, ...]:
    """The entries that stand before the first one of a step.

    Raises
    ------
    StoreError: a later one has undone what an earlier one has done.
    """
    first = next((i for i, entry in enumerate(entries) if _belongs(entry.key, key)), len(entries))
    first = next((i for i, entry in enumerate(entries[:first]) if entry.key == CANCELLED), first)
    kept = [entry.key for entry in entries[:first]]
    for entry in entries[first:]:
        done, tilde, _ = entry.key.partition("~")
        if tilde and entry.kind != OWED and any(_belongs(earlier, done) for earlier in kept):
            msg = f"{done} was undone when the run failed, so it has to be done again: begin with it, or before it"
            raise StoreError(msg)
    return entries[:first]


def _belongs(key: str, step: str) -> bool:
    """Is an entry one of a step, or of what is in it? Its undos are not."""
    return key == step or (key.startswith(step) and key[len(step)] in _FOLLOWS)


def _writes(history: History, node: Node, first: int) -> Iterator[str]:
    """What is on record from an entry on that others can see, in the order of the program."""
    noted: Iterable[Noted] = (*node.tries, *([] if node.entry is None else [node.entry]))
    late = any(entry.number >= first for entry in noted) or node.last_item >= first
    if late and seen_by_others(history, node):
        yield node.key
    for child in node.inner():
        yield from _writes(history, child, first)


def seen_by_others(history: History, node: Node) -> bool:
    """Does a step on record change the world, or wait for a signal?"""
    if node.kind == "undo":
        return True
    op = node.op
    if not isinstance(op, ir.Call) or history.plan is None:
        # Detached runs are not made again, and what the plan does not know may do anything.
        return op is None and node.kind in ("call", "stream", "wait")
    if op.policy.once is not None and node.state == "done":
        return False  # it is settled
    spec = history.plan.nodes.get(op.target)
    if spec is None:
        return True
    return spec.builtin == "wait_signal" if spec.builtin else spec.effects.retires and not spec.effects.logs_only
