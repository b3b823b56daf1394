"""Compensation: what a transaction, a race or a partial join still owes to the world.

An :class:`UndoLog` is a list in program order. Writes overlap only in arms and passes, so each of these has a log of
its own that is laid into the one around it at the arm's place; everywhere else the order of completion is the program
order.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import evolve, frozen

from ..compiler.diagnostics import UndoFailed
from .late import trio

if TYPE_CHECKING:
    from .run import Run


class Stopping(Protocol):
    """What stands still while a run is parked."""

    def stop(self) -> None: ...

    def go_on(self) -> None: ...


class Clock:
    """The timeout of a transaction, which stands still while anything in it is parked."""

    __slots__ = ("_left", "_parked", "_scope")

    def __init__(self, scope: trio.CancelScope) -> None:
        self._scope = scope
        self._parked = 0
        self._left = 0.0

    def stop(self) -> None:
        if not self._parked:
            self._left = self._scope.deadline - trio.current_time()
            self._scope.deadline = math.inf
        self._parked += 1

    def go_on(self) -> None:
        self._parked -= 1
        if not self._parked:
            self._scope.deadline = trio.current_time() + self._left


@frozen
class Owed:
    """One undo: who runs it, with the arguments taken when the call completed. ``claims``: who wants to hear whether it
    is ever run. ``at``: where in the run it stands (:mod:`.at`)."""

    name: str
    run: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    at: int = 0
    claims: tuple[Claim, ...] = ()


class Claim:
    """What was done in a log, and may be undone with it. ``settle`` is told: for good, undone, or (None) neither, but
    what the log is undone with has changed."""

    __slots__ = ("log", "settle")

    def __init__(self, log: UndoLog, settle: Callable[[Claim, bool | None], None]) -> None:
        self.log = log
        self.settle = settle


class UndoLog:
    """The undos owed in one transaction, arm or pass. ``outer`` takes them over when it ends well.

    ``alone``: may it be undone while what is around goes on? An arm of a ``parallel:`` block is undone only with the
    block, a transaction, an arm of a race and a pass of a ``take`` by themselves.
    """

    __slots__ = ("alone", "clock", "done", "entries", "outer")

    def __init__(self, outer: UndoLog | None = None, alone: bool = True) -> None:
        self.outer = outer
        self.alone = alone
        self.entries: list[Owed] = []
        self.done = False
        self.clock: Stopping | None = None
        """The transaction's timeout, where it has one."""

    def add(
        self,
        name: str,
        run: Callable[..., Awaitable[Any]],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
        at: int = 0,
    ) -> None:
        self.entries.append(Owed(name, run, args, kwargs, at))

    def claim(self, mark: int, settle: Callable[[Claim, bool | None], None]) -> Claim | None:
        """A claim on what was noted since there were ``mark`` entries; None if that is nothing."""
        if len(self.entries) == mark:
            return None
        claim = Claim(self, settle)
        self.entries[mark:] = [evolve(owed, claims=(*owed.claims, claim)) for owed in self.entries[mark:]]
        return claim

    def shares(self, claim: object) -> bool:
        """Is what has this claim undone only if what is noted here is undone too?"""
        assert isinstance(claim, Claim)
        theirs: UndoLog | None = claim.log
        while theirs is not None and not theirs.alone:
            theirs = theirs.outer
        mine: UndoLog | None = self
        while mine is not None and mine is not theirs:
            mine = mine.outer
        return mine is not None

    def chosen(self) -> None:
        """What was completed here is undone only with what is around from now on."""
        self.alone = False
        for claim in self._claims():
            claim.settle(claim, None)

    def hand_over(self, outer: UndoLog | None) -> None:
        """What was completed here is undone by ``outer``, if that fails; with None it counts for good."""
        claims = self._claims()
        if outer is not None:
            outer.entries += self.entries
        self.entries = []
        for claim in claims:
            if outer is not None:
                claim.log = outer
            claim.settle(claim, None if outer is not None else True)

    def _claims(self) -> list[Claim]:
        return list(dict.fromkeys(claim for owed in self.entries for claim in owed.claims))

    async def commit(self, run: Run) -> None:
        """The end of a transaction, unless it was rolled back: what was completed here is undone by whoever is around,
        if that fails. What has outlasted a cut is undone."""
        if self.done:
            return
        try:
            await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException as exc:
            await self.rollback(run, exc)
            raise
        self.done = True
        self.hand_over(self.outer)

    async def rollback(self, run: Run, error: BaseException | None) -> None:
        """Run the undos, last first, shielded from cancellation.

        Raises
        ------
        UndoFailed: from ``error``, once all have been tried, if some of them failed. Suspended: in a recorded run, of
        which the first that fails parks it.
        """
        self.done = True
        failed: list[BaseException] = []
        names: list[str] = []
        standing: set[Claim] = set()  # what they are of could not be undone whole
        try:
            with run.shield():
                while self.entries:
                    owed = self.entries.pop()
                    try:
                        if run.journal is None:
                            await owed.run(run, owed.at, *owed.args, **owed.kwargs)
                        else:
                            from .recordedundo import undo

                            await undo(run, owed, self.entries)
                    except Exception as exc:
                        failed.append(exc)
                        names.append(owed.name)
                        standing.update(owed.claims)
                    except BaseException:
                        self.entries.append(owed)  # broken off in it: it is left, like those before it
                        raise
                    for claim in owed.claims:
                        if not any(claim in other.claims for other in self.entries):
                            claim.settle(claim, claim in standing)
        finally:
            self.hand_over(None)  # broken off: what is left stands as it is
        if failed:
            msg = f"these undos failed: {'; '.join(f'{n}: {e!r}' for n, e in zip(names, failed, strict=True))}"
            raise UndoFailed(msg, tuple(failed)) from error
