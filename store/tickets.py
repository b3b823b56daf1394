"""Waiting in Trio until a unit is on disk.

All tickets of one Trio run share a tray: the writer puts into it what is done, and wakes the loop once a group.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence

import outcome
import trio
from attrs import define, field

from .port import Change, Store


@define(eq=False)
class _Ticket:
    """A task that waits for a unit. ``task``: None once it waits no more."""

    tray: _Tray
    task: trio.lowlevel.Task | None
    error: BaseException | None = None

    def __call__(self, error: BaseException | None) -> Callable[[], object]:
        self.error = error
        self.tray.done.append(self)
        return self.tray.wake

    def abort(self, _: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


@define(eq=False)
class _Tray:
    """What is done and not told yet, in one Trio run."""

    token: trio.lowlevel.TrioToken
    done: deque[_Ticket] = field(factory=deque)
    wake: Callable[[], None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.wake = self._wake  # one object: the writer calls what it is given once a group

    def _wake(self) -> None:
        try:
            self.token.run_sync_soon(self._tell, idempotent=True)
        except trio.RunFinishedError:
            self.done.clear()

    def _tell(self) -> None:
        done = self.done
        for _ in range(len(done)):
            ticket = done.popleft()
            if (task := ticket.task) is not None:
                ticket.task = None
                trio.lowlevel.reschedule(
                    task, outcome.Value(None) if ticket.error is None else outcome.Error(ticket.error)
                )


_TRAY: trio.lowlevel.RunVar[_Tray] = trio.lowlevel.RunVar("cflow.store.tray")


async def commit(store: Store, changes: Sequence[Change]) -> None:
    """Hand a unit to a store and wait until it is on disk.

    A cancelled waiter is let go at once; the unit is committed all the same.

    Raises
    ------
    StoreError: the unit was refused.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    try:
        tray = _TRAY.get()
    except LookupError:
        tray = _Tray(trio.lowlevel.current_trio_token())
        _TRAY.set(tray)
    ticket = _Ticket(tray, trio.lowlevel.current_task())
    store.do(changes, ticket)

    await trio.lowlevel.wait_task_rescheduled(ticket.abort)


def commit_now(store: Store, changes: Sequence[Change]) -> None:
    """Hand a unit to a store and wait in this thread until it is on disk: for commands and tests.

    Raises
    ------
    StoreError: the unit was refused.
    """
    there = threading.Event()
    found: list[BaseException | None] = []

    def done(error: BaseException | None) -> None:
        found.append(error)
        there.set()

    store.do(changes, done)
    there.wait()
    if (error := found[0]) is not None:
        raise error
