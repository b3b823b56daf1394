"""Waiting in Trio, or in a thread, until a unit is on disk."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import outcome
import trio
from attrs import define

from ..executor.tray import Tray, tray_here
from .port import Change, Store


@define(eq=False)
class _Ticket:
    """A task that waits for a unit. ``task``: None once it waits no more."""

    tray: Tray
    task: trio.lowlevel.Task | None
    error: BaseException | None = None

    def __call__(self, error: BaseException | None) -> Callable[[], object]:
        self.error = error
        return self.tray.put(self.tell)

    def tell(self) -> None:
        if (task := self.task) is not None:
            self.task = None
            trio.lowlevel.reschedule(task, outcome.Value(None) if self.error is None else outcome.Error(self.error))

    def abort(self, _: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
        self.task = None
        return trio.lowlevel.Abort.SUCCEEDED


async def commit(store: Store, changes: Sequence[Change]) -> None:
    """Hand a unit to a store and wait until it is on disk.

    A cancelled waiter is let go at once; the unit is committed all the same.

    Raises
    ------
    StoreError: the unit was refused.
    """
    await trio.lowlevel.checkpoint_if_cancelled()
    ticket = _Ticket(tray_here(), trio.lowlevel.current_task())
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
