"""What the code generator knows at one place of the code it writes."""

from __future__ import annotations

from typing import Any, Literal

from attrs import define, evolve, field

from ..compiler import ir


@define
class Outer:
    """Conditions from outside that code at this place may still have to wait for.

    A condition is ``(frame, row)``: the source text of a frame and of a row in it. ``values``: for a value that may
    come late, its condition and its slot. ``writers``: the last writers of some resources. ``retire``: the success of
    every earlier step. What was waited for is taken out.
    """

    values: dict[str, tuple[str, str, int]] = field(factory=dict)
    writers: list[tuple[frozenset[str], tuple[str, str]]] = field(factory=list)
    retire: list[tuple[str, str]] = field(factory=list)

    def copy(self) -> Outer:
        return Outer(dict(self.values), list(self.writers), list(self.retire))

    def __bool__(self) -> bool:
        return bool(self.values or self.writers or self.retire)


@define
class LoopPlace:
    """A loop of the current function that ``break`` and ``continue`` belong to: its carried values, or a pass of a
    ForEach."""

    op: ir.Loop | ir.ForEach
    where: Literal["here", "pass", "far"]
    """``here``: the loop is in this function. ``pass``: this function is a pass of it. ``far``: neither, so a
    :class:`~.leave.Leave` says it."""
    through: tuple[str, ...] = ()
    """The variables that tell the ``finally`` blocks on the way that control leaves through them."""


@define
class Place:
    """Where code is being written.

    ``waits``: may the code await? ``log``: the variable of the undo log. ``loop``: the nearest loop. ``flow``: does a
    ``return`` end the flow itself (in this function), or is it told to the caller? ``tracks``: is there a ``_tk`` to
    note tracked names in? ``collects``: for a collecting loop, the variable of its list. ``concurrent``: may other
    calls of the run be in flight? ``error``: the value id of the handled error.
    """

    waits: bool
    log: str = "_log"
    outer: Outer = field(factory=Outer)
    loop: LoopPlace | None = None
    flow: bool = True
    tracks: bool = False
    collects: dict[str, str] = field(factory=dict)
    concurrent: bool = False
    held: bool = False
    """Is there a call slot taken (``_turn``) for the one call that is written here?"""
    measured: bool = False
    """Put a clock around calls in place, although nothing here awaits."""
    error: str = ""
    at: str = "_depth"
    """The variable that tells where in the run the code stands (:mod:`.at`)."""
    depth: int = 0
    """How deep Python's own blocks are nested here; the compiler allows 20."""

    def fork(self, **changes: Any) -> Place:
        """The place at the beginning of an arm: what is waited for inside is not waited for after it."""
        changes.setdefault("outer", self.outer.copy())
        return evolve(self, **changes)
