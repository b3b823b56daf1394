"""What each name stands for at the point that is being lowered, and how arms that meet again agree on it.

One mapping with a trail: entering an arm costs nothing, leaving it costs what the arm changed.
"""

from __future__ import annotations

from attrs import define, field, frozen

from ...compiler.diagnostics import NOWHERE, Span
from ...compiler.ir import Expr
from ...compiler.types import Type


@frozen
class Bound:
    """A name with a value: an atom (a constant or a reference), and the type that is known of it."""

    atom: Expr
    type: Type


@frozen
class Maybe:
    """A name that may have no value here, and why, in words that complete "it may be unbound: "."""

    reason: str
    span: Span = NOWHERE


@frozen
class Collecting:
    """A name that a loop collects into while its body is lowered: only ``name.append(x)`` may use it."""

    loop: str


State = Bound | Maybe | Collecting


@define
class Env:
    """The local names of a flow, while it is lowered."""

    names: dict[str, State] = field(factory=dict)
    _trail: list[tuple[str, State | None]] = field(factory=list)

    def get(self, name: str) -> State | None:
        return self.names.get(name)

    def set(self, name: str, state: State) -> None:
        self._trail.append((name, self.names.get(name)))
        self.names[name] = state

    def unset(self, name: str) -> None:
        """Forget a name that only a part of a statement knew (the variable of a comprehension)."""
        self._trail.append((name, self.names.get(name)))
        self.names.pop(name, None)

    def mark(self) -> int:
        """A point to come back to with :meth:`changes` and :meth:`rewind`."""
        return len(self._trail)

    def changes(self, mark: int) -> dict[str, State]:
        """The names that were set since ``mark``, in the order they first were, with what they stand for now."""
        return {name: self.names[name] for name, _ in self._trail[mark:] if name in self.names}

    def rewind(self, mark: int) -> dict[str, State]:
        """Take back everything since ``mark``; gives what was taken back, as :meth:`changes` would."""
        changed = self.changes(mark)
        for name, old in reversed(self._trail[mark:]):
            if old is None:
                self.names.pop(name, None)
            else:
                self.names[name] = old
        del self._trail[mark:]
        return changed
