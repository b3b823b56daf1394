"""Which lists, sets and dicts nothing else holds, so that ``xs.append(y)`` may rebind them.

Values do not change in a flow. A collection that the flow itself made and that one name alone stands for can be
extended in place
without anybody seeing; where a step that may still be running reads it, a copy is extended; where another name or
a container holds it, Python would show the change there too, so it is an error. Knows graph values, not syntax.
"""

from __future__ import annotations

from attrs import define, field

from ...compiler.diagnostics import Span
from ...compiler.ir import Apply, Branch, Comprehension, Exit, Expr, Loop, Op, Raise, Ref
from ...compiler.walk import needs

_MAKERS = frozenset(
    """list set dict py.list py.set py.dict py.sorted py.enumerate py.map py.filter py.zip py.reversed
    append extend set_item add_item appended extended with_item with_added""".split()
)

COPYING = {"append": "appended", "extend": "extended", "set_item": "with_item", "add_item": "with_added"}
"""The twin of each operator that makes a new collection."""


@define
class Box:
    """A collection that the flow made. ``readers``: the results of steps that read it and may still be waiting to."""

    readers: list[tuple[str, ...]] = field(factory=list)
    held: Span | None = None


@define
class Ownership:
    """The collections of one flow, by value id."""

    boxes: dict[str, Box] = field(factory=dict)

    def is_new_box(self, expr: Expr) -> bool:
        """Does evaluating ``expr`` make a collection?"""
        if isinstance(expr, Comprehension):
            return expr.kind in ("list", "set", "dict")
        if not isinstance(expr, Apply):
            return False
        return expr.fn in _MAKERS or (
            expr.fn == "item" and isinstance(expr.args[1], Apply) and expr.args[1].fn == "slice"
        )

    def own(self, id: str, like: tuple[str, ...] = ()) -> None:
        """Value ``id`` is a new collection, or the one that the values ``like`` were, in their arms."""
        self.boxes[id] = Box([r for other in like if other in self.boxes for r in self.boxes[other].readers])

    def owned(self, atom: Expr) -> bool:
        """Is it a collection that one name alone stands for?"""
        return isinstance(atom, Ref) and atom.id in self.boxes and self.boxes[atom.id].held is None

    def hold(self, atom: Expr, span: Span) -> None:
        """Something else comes to hold the value."""
        box = self.boxes.get(atom.id) if isinstance(atom, Ref) else None
        if box is not None and box.held is None:
            box.held = span

    def let_go(self, atom: Expr) -> None:
        """What held the value for a while (the loop that goes over it) is done."""
        if isinstance(atom, Ref) and atom.id in self.boxes:
            self.boxes[atom.id].held = None

    def held_at(self, atom: Expr) -> Span | None:
        """Where something else came to hold it."""
        box = self.boxes.get(atom.id) if isinstance(atom, Ref) else None
        return None if box is None else box.held

    def quiet(self, atom: Expr, waited_for: set[str]) -> bool:
        """Has every step that reads the collection surely ended, when the values ``waited_for`` are there?"""
        box = self.boxes.get(atom.id) if isinstance(atom, Ref) else None
        return box is not None and all(waited_for.intersection(reader) for reader in box.readers)

    def noted(self, op: Op) -> None:
        """Remember which collections a new step reads. Later steps wait for a guard, so what it reads does not
        count."""
        if not self.boxes or _guards(op):
            return
        for id in needs(op):
            box = self.boxes.get(id)
            if box is not None:
                box.readers.append(op.results)


def _guards(op: Op) -> bool:
    """Does nothing that follows in the region start before ``op`` has ended, or not at all?"""
    if isinstance(op, Branch):
        return any(r.results is None for r in op.regions)
    return isinstance(op, (Exit, Raise)) or (isinstance(op, Loop) and op.condition is not None)
