"""Compensation: what a transaction, a race or a partial join still owes to the world.

An :class:`UndoLog` is a list in program order. Writes overlap only in arms and passes, so each of these has a log of
its own that is laid into the one around it at the arm's place; everywhere else the order of completion is the program
order.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import trio
from attrs import evolve, frozen

from ..compiler.diagnostics import UndoFailed

if TYPE_CHECKING:
    from .run import Run


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
    """One undo: who runs it, with the arguments taken when the call completed. ``then``: what to do once it is run."""

    name: str
    run: Callable[..., Awaitable[Any]]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    then: tuple[Callable[[], Awaitable[None]], ...] = ()


class UndoLog:
    """The undos owed in one transaction, arm or pass. ``outer`` takes them over when it ends well."""

    __slots__ = ("clock", "done", "entries", "outer")

    def __init__(self, outer: UndoLog | None = None) -> None:
        self.outer = outer
        self.entries: list[Owed] = []
        self.done = False
        self.clock: Clock | None = None
        """The transaction's timeout, where it has one."""

    def add(self, name: str, run: Callable[..., Awaitable[Any]], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        self.entries.append(Owed(name, run, args, kwargs))

    def undone(self, mark: int, then: Callable[[], Awaitable[None]]) -> None:
        """Once anything that was noted since there were ``mark`` entries is undone, do this too."""
        self.entries[mark:] = [evolve(owed, then=(*owed.then, then)) for owed in self.entries[mark:]]

    def close(self) -> None:
        """Commit: what was completed here is undone by whoever is around, if that fails."""
        if self.outer is not None and not self.done:
            self.outer.entries += self.entries
        self.entries = []
        self.done = True

    async def rollback(self, run: Run, error: BaseException | None) -> None:
        """Run the undos, last first, shielded from cancellation.

        Raises
        ------
        UndoFailed: from ``error``, once all have been tried, if some of them failed.
        """
        self.done = True
        failed: list[BaseException] = []
        names: list[str] = []
        with run.shield():
            while self.entries:
                owed = self.entries.pop()
                try:
                    await owed.run(run, *owed.args, **owed.kwargs)
                    for then in owed.then:
                        await then()
                except Exception as exc:
                    failed.append(exc)
                    names.append(owed.name)
        if failed:
            msg = f"these undos failed: {'; '.join(f'{n}: {e!r}' for n, e in zip(names, failed, strict=True))}"
            raise UndoFailed(msg, tuple(failed)) from error
