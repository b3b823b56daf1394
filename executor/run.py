"""One run: its identity, its cap on node calls, its clocks and shields.

Everything here is touched from the loop's thread only, but for :meth:`Run.interrupt` and :meth:`Run.take_over`.
"""

from __future__ import annotations

import heapq
import itertools
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from attrs import define

from .events import Sinks
from .groups import is_cancellation, stopped
from .late import trio
from .progress import Progress

if TYPE_CHECKING:
    from .journal import Journal
    from .ports import Services
    from .watch import Watch

SLICE = 300e-6
"""Seconds of work in place after which a run lets other tasks in."""


AROUND: ContextVar[tuple[float, float, int]] = ContextVar("AROUND", default=(0.0, 0.0, 0))
"""Of the row that the code is in: the longest expected path to the end of the run from its start, and from its end; and
its number."""


@define(eq=False)
class Turn:
    """A place among those who wait for a call slot. ``task``: who waits, once it does; ``then``: or what to call.
    ``given``: the slot is its own. ``over``: it waits no more. ``place``: in the line, the smallest first; None where
    the slot was free at once."""

    task: trio.lowlevel.Task | None = None
    then: Callable[[], None] | None = None
    given: bool = False
    over: bool = False
    place: tuple[float, int, int] | None = None


LINE = threading.Lock()
"""Held for a moment while a line of turns is changed: from the loop, or from a thread that passes its slot on."""


def made_up() -> str:
    """The id of a run that nobody has named."""
    return f"run-{os.urandom(6).hex()}"


NUMBERS = itertools.count(1)
"""Numbers runs, and failures among them: by these one knows which began first."""


class Run:
    """The state of one run, shared by all its generated code.

    Parameters
    ----------
    id: unique among the engine's runs, without spaces; empty: made when first asked for.
    services: the engine's ports (locks, signals, cache ...).
    ambient: the values of ``env`` and ``secret``, read at the start.
    limit: node calls in flight at once, at most.
    sinks: the listeners; None where nobody listens.
    """

    # Defaults stand here: most runs never touch most of them, and the smallest run takes a microsecond.
    due = 0.0
    scope: trio.CancelScope | None = None
    interrupted = 0
    owns_loop = False
    lanes: trio.CapacityLimiter | None = None
    journal: Journal | None = None
    """What the run records; None where it is not recorded."""
    watch: Watch | None = None

    def __init__(
        self, id: str, services: Services, ambient: Mapping[str, Any], limit: int = 1000, sinks: Sinks | None = None
    ) -> None:
        if id:
            self.id = id
        self.number = next(NUMBERS)
        self.services = services
        self.ambient = ambient
        self.free = limit
        self.sinks = sinks
        if sinks is not None:
            if not id:
                self.id = made_up()
            self.tell = sinks.teller(self.id)

    @cached_property
    def id(self) -> str:
        """Given, or made when first asked for."""
        return made_up()

    @cached_property
    def shields(self) -> set[trio.CancelScope]:
        """What keeps cancellation out just now."""
        return set()

    @cached_property
    def progress(self) -> Progress:
        """How far nodes say they are: done, total."""
        return Progress(self)

    @cached_property
    def calls(self) -> Iterator[int]:
        """Numbers for the calls whose key was asked for."""
        return itertools.count(1)

    @cached_property
    def _tickets(self) -> Iterator[int]:
        """Places among those who wait for a call slot."""
        return itertools.count()

    @cached_property
    def _waiting(self) -> list[tuple[tuple[float, int, int], Turn]]:
        return []

    # ---- the cap ---------------------------------------------------------------------------------

    async def slot(self) -> None:
        """Take one of the run's call slots; where none is free, the most critical waiter gets the next, then the first
        of a table's rows, then the earliest."""
        priority, _, row = AROUND.get()
        turn = self.queue(priority, row)
        if turn is not None:
            await self.wait(turn)

    def queue(self, priority: float, row: int) -> Turn | None:
        """Take a slot (None), or a place among those who wait for one, before there is a task that waits."""
        if self.free > 0:
            self.free -= 1
            return None
        turn = Turn(place=(-priority, row, next(self._tickets)))
        with LINE:
            heapq.heappush(self._waiting, self._in_line(turn))
        return turn

    @staticmethod
    def _in_line(turn: Turn) -> tuple[tuple[float, int, int], Turn]:
        assert turn.place is not None
        return turn.place, turn

    async def wait(self, turn: Turn) -> None:
        """Until the turn has come: then a slot is taken.

        A slot that had to be waited for is looked at again before it is used: what has become ready since it was given,
        by a call that ended at the same moment, may be more critical, and then it goes there.
        """
        if turn.place is None:
            return
        turn.task = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            turn.over = True
            return trio.lowlevel.Abort.SUCCEEDED

        while not turn.given or self._passed_on(turn):
            await trio.lowlevel.wait_task_rescheduled(abort)

    def _passed_on(self, turn: Turn) -> bool:
        """The slot of a turn goes to a more critical one, if one waits; then the turn is back in its place."""
        if not self._waiting:
            return False
        with LINE:
            first = heapq.heappushpop(self._waiting, self._in_line(turn))[1]
            while first.over:
                first = heapq.heappop(self._waiting)[1]
            turn.given, first.given = False, True
        if first is turn:
            return False
        self._hand(first)
        return True

    @staticmethod
    def _hand(turn: Turn) -> None:
        """Whoever waits for the turn, if somebody does by now, goes on with its slot."""
        if turn.task is not None:
            trio.lowlevel.reschedule(turn.task)
        elif turn.then is not None:
            turn.then()

    def leave(self, turn: Turn | None) -> None:
        """Give up a turn, or the slot that it has become."""
        if turn is None or turn.given:
            self.release()
        else:
            turn.over = True

    def release(self) -> None:
        """Give the slot back, or on."""
        turn = self._next() if self._waiting else None
        if turn is None:
            self.free += 1
        else:
            self._hand(turn)

    def _next(self, among: dict[Turn, int] | None = None) -> Turn | None:
        """The most critical turn leaves the line and gets a slot; only one of those, if they are given."""
        waiting = self._waiting
        with LINE:
            while waiting:
                turn = waiting[0][1]
                if not turn.over and among is not None and turn not in among:
                    return None
                heapq.heappop(waiting)
                if not turn.over:
                    turn.given = True
                    return turn
        return None

    def take_over(self, turns: dict[Turn, int]) -> int:
        """From any thread, for whoever has a slot: it goes to the first in line, if that is one of ``turns``. Gives
        its row, -1 where it is not."""
        turn = self._next(turns)
        return -1 if turn is None else turns.pop(turn)

    # ---- time ------------------------------------------------------------------------------------

    async def breathe(self) -> None:
        """Let other tasks in; called when a slice of work in place is over."""
        await trio.lowlevel.checkpoint()
        self.due = time.perf_counter() + SLICE

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Keep cancellation out: for undos and ``finally`` blocks.

        Raises
        ------
        KeyboardInterrupt: a second interrupt broke it; nothing after it may start. A run on record is broken off then.
        """
        with trio.CancelScope(shield=True) as scope:
            if self.interrupted > 1:
                scope.cancel()
            self.shields.add(scope)
            try:
                yield
            except BaseException:
                if self.interrupted > 1 and self.journal is not None:
                    self.journal.break_off(self.id)
                raise
            finally:
                self.shields.discard(scope)
        if scope.cancelled_caught:
            raise KeyboardInterrupt

    def interrupt(self) -> None:
        """The first time: cancel the run and let compensations finish. The second: break the shields too. A run that
        is being repeated is cancelled when it stands where it stood: before, it does not know what it owes."""
        if self.journal is not None and self.journal.replaying and self.journal.stopped is None:
            self.journal.at_live.append(self.interrupt)
            return
        self.interrupted += 1
        if self.scope is not None:
            self.scope.cancel()
        if self.interrupted > 1:
            for scope in tuple(self.shields):
                scope.cancel()

    # ---- events: what generated code calls where somebody listens --------------------------------

    def broke(self, node: str, error: BaseException) -> None:
        """A call has raised, or was cancelled."""
        assert self.sinks is not None
        cut = is_cancellation(error)
        error = stopped(error) or error
        self.sinks.emit("node", "cancelled" if cut else "failed", self.id, node, error=None if cut else error)

    def skip(self, nodes: tuple[str, ...]) -> None:
        """Nodes of an arm that was not taken."""
        if self.sinks is not None:
            for node in nodes:
                self.sinks.emit("node", "skipped", self.id, node)
