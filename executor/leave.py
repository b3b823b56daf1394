"""How control leaves a piece of generated code that is a function of its own."""

from __future__ import annotations

from typing import Any


class Leave:
    """What such a function returns instead of its results: ``return``, ``break`` or ``continue`` with the values that
    go along."""

    __slots__ = ("kind", "values")

    def __init__(self, kind: str, values: tuple[Any, ...]) -> None:
        self.kind = kind
        self.values = values

    def assign(self, index: int, value: Any) -> None:
        """What a ``finally`` on the way has assigned goes along instead."""
        self.values = (*self.values[:index], value, *self.values[index + 1 :])

    def __repr__(self) -> str:
        return f"Leave({self.kind!r}, {self.values!r})"
