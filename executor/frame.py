"""Running a table: counters, and the last arriver runs on.

A region in which something overlaps is a flat :class:`Table`, one row an operation or segment. Whoever finishes a row
lowers the counters of its successors, runs the ready quick rows at once, goes on with one ready waiting row in the
same task and starts tasks for the rest. No event, channel or parking per row.

The failure law costs an index check: a row that fails (or leaves by ``return``, ``break``, ``continue``) lowers
``bound``; rows at or after it never start; once no row below it is left, the nursery is cancelled.

Rows of the table: first the real ones, in program order; then the pseudo rows (joins, and what the frame waits for from
outside), which cannot fail.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import trio
from attrs import define, field

from ..compiler.ir import Op
from ..compiler.promises import Promise
from .groups import first_error, is_cancellation
from .leave import Leave
from .run import SLICE, Run
from .undo import UndoLog

QUICK, CALL, BLOCK, JOIN, OUTER = range(5)
"""Kinds of rows: code in place; a plain call of an async node; code that awaits; a join; a condition from outside."""


@define
class Table:
    """The constant part of a region's execution; lists are indexed by row.

    ``code``: for QUICK a function of the value list, for CALL the node, for BLOCK an async function of the frame and
    the row. ``args``: for CALL the slots of the arguments (constants have slots too). ``slot``: where the result of a
    CALL goes; for OUTER where a value goes, or -1. ``template``: the value list at first. ``takes``: the slots of the
    values given at the start. ``results``: a function of the value list. ``marks``: a function of (value list, row,
    into), which puts into ``into`` the names that a surrounding ``try`` tracks, as the row would see them.
    """

    name: str
    real: int
    kind: list[int]
    code: list[Callable[..., Any]]
    args: list[tuple[int, ...]]
    kwargs: list[tuple[tuple[str, int], ...]]
    slot: list[int]
    successors: list[tuple[int, ...]]
    counts: list[int]
    priority: list[float]
    ops: list[tuple[Op, ...]]
    promise: list[Promise | None]
    template: list[Any] = field(factory=list)
    takes: list[int] = field(factory=list)
    outer: list[tuple[int, int]] = field(factory=list)
    """For each condition from outside: its row, and the slot its value goes to, or -1."""
    results: Callable[[list[Any]], Any] = tuple
    marks: Callable[[list[Any], int, dict[str, Any]], None] | None = None
    first: list[int] = field(factory=list)
    """Rows that wait for nothing, most critical first."""


Condition = tuple["Frame | None", int, int]
"""What a frame waits for from outside: a frame around it, the row there, and the slot of the value there, or -1."""


class Frame:
    """One execution of a table."""

    __slots__ = (
        "bound", "counts", "depth", "done", "error", "idle", "leave", "log", "low", "nursery", "pending", "reserved",
        "run", "table", "tracked", "values", "watchers",
    )  # fmt: skip

    def __init__(self, table: Table, run: Run, log: UndoLog | None, depth: int, takes: tuple[Any, ...]) -> None:
        self.table = table
        self.run = run
        self.log = log
        self.depth = depth
        values = self.values = table.template.copy()
        values[0] = run
        for slot, value in zip(table.takes, takes, strict=True):
            values[slot] = value
        self.counts = table.counts.copy()
        self.done = bytearray(len(table.kind))
        self.pending = len(table.kind)
        self.bound = table.real
        self.low = 0
        self.error: BaseException | None = None
        self.leave: Leave | None = None
        self.watchers: dict[int, list[Callable[[], None]]] = {}
        self.tracked: dict[int, dict[str, Any]] = {}
        self.idle: trio.Event | None = None
        self.nursery: trio.Nursery | None = None
        self.reserved = False

    # ---- for code inside a row -------------------------------------------------------------------

    async def wait(self, row: int) -> None:
        """Park until ``row`` is done. For code inside a later row of this frame."""
        if self.done[row]:
            return
        task = trio.lowlevel.current_task()
        waiting = True

        def wake() -> None:
            if waiting:
                trio.lowlevel.reschedule(task)

        def abort(_: object) -> trio.lowlevel.Abort:
            nonlocal waiting
            waiting = False
            return trio.lowlevel.Abort.SUCCEEDED

        self.watchers.setdefault(row, []).append(wake)
        await trio.lowlevel.wait_task_rescheduled(abort)

    def track(self, row: int) -> dict[str, Any]:
        """Where code inside ``row`` notes the names that a ``try`` around this frame tracks."""
        return self.tracked.setdefault(row, {})

    # ---- progress --------------------------------------------------------------------------------

    def complete(self, row: int) -> int:
        """``row`` is done: run what is quick and ready, start what waits and is ready, but for one row, which is
        returned (-1: none)."""
        counts = self.counts
        ready: list[int] | None = None
        self.done[row] = 1
        if self.watchers:
            self.wake(row)
        for after in self.table.successors[row]:
            counts[after] = count = counts[after] - 1
            if not count:
                if ready is None:
                    ready = [after]
                else:
                    ready.append(after)
        if ready is not None:
            return self.arrive(ready)
        self.pending -= 1
        if self.bound < self.table.real:
            self.settle()
        if self.pending == 0 and self.idle is not None:
            self.idle.set()
        return -1

    def arrive(self, ready: list[int]) -> int:
        """A row is done and these wait for nothing any more; the rest of :meth:`complete`."""
        table = self.table
        kind, code, successors = table.kind, table.code, table.successors
        counts, done, values = self.counts, self.done, self.values
        waiting: list[int] = []
        stack: list[int] = []
        finished = 1
        until = 0.0
        while True:
            for after in ready:
                what = kind[after]
                if what == JOIN:
                    stack.append(after)
                elif after >= self.bound:
                    continue
                elif what == QUICK:
                    now = time.perf_counter()
                    if not until:
                        until = now + SLICE
                    if now > until:
                        waiting.append(after)
                        continue
                    try:
                        leave = code[after](values)
                    except BaseException as exc:
                        self.fail(after, exc)
                    else:
                        if leave is None:
                            stack.append(after)
                        else:
                            self.fail(after, None, leave)
                else:
                    waiting.append(after)
            if not stack:
                break
            row = stack.pop()
            done[row] = 1
            finished += 1
            if self.watchers:
                self.wake(row)
            ready = []
            for after in successors[row]:
                counts[after] = count = counts[after] - 1
                if not count:
                    ready.append(after)
        self.pending -= finished
        if self.bound < table.real:
            self.settle()
        if self.pending == 0 and self.idle is not None:
            self.idle.set()
        if not waiting:
            return -1
        if len(waiting) > 1:
            priority = table.priority
            waiting.sort(key=lambda r: (-priority[r], r))
            self.reserved = self.reserve(waiting[0])
            self.start(waiting[1:])
        else:
            self.reserved = False
        return waiting[0]

    def wake(self, row: int) -> None:
        """Tell code inside other rows that waits for ``row``."""
        for wake in self.watchers.pop(row, ()):
            wake()

    def reserve(self, row: int) -> bool:
        """Take a call slot for a row about to start: Trio shuffles what is started at once, here the order is kept."""
        run = self.run
        if self.table.kind[row] == CALL and run.free > 0:
            run.free -= 1
            return True
        return False

    def start(self, rows: list[int]) -> None:
        assert self.nursery is not None
        start_soon, tickets = self.nursery.start_soon, self.run.tickets
        for row in rows:
            start_soon(work, self, row, self.reserve(row), next(tickets))

    def fail(self, row: int, error: BaseException | None, leave: Leave | None = None) -> None:
        """``row`` raised, or leaves: nothing from it on counts."""
        if row >= self.bound:
            if error is not None and self.error is not None and error is not self.error:
                self.error.add_note(f"a later step failed too: {error!r}")
            return
        if error is not None and self.error is not None:
            error.add_note(f"a later step failed too: {self.error!r}")
        self.bound, self.error, self.leave = row, error, leave
        self.settle()

    def settle(self) -> None:
        """After a failure: cancel the rest once every earlier row is done."""
        low, done, bound = self.low, self.done, self.bound
        while low < bound and done[low]:
            low += 1
        self.low = low
        if low >= bound:
            if self.nursery is not None:
                self.nursery.cancel_scope.cancel()
            if self.idle is not None:
                self.idle.set()

    # ---- conditions from outside -----------------------------------------------------------------

    def outside(self, conditions: tuple[Condition, ...]) -> list[int]:
        """Bind the conditions; the rows of those that hold already."""
        holding: list[int] = []
        for (row, slot), (frame, theirs, their_slot) in zip(self.table.outer, conditions, strict=True):
            if frame is None or frame.done[theirs]:
                if slot >= 0 and frame is not None:
                    self.values[slot] = frame.values[their_slot]
                holding.append(row)
            else:
                frame.watchers.setdefault(theirs, []).append(self._arrival(row, slot, frame, their_slot))
        return holding

    def _arrival(self, row: int, slot: int, frame: Frame, their_slot: int) -> Callable[[], None]:
        def arrive() -> None:
            if self.pending == 0 or self.nursery is None:
                return
            if slot >= 0:
                self.values[slot] = frame.values[their_slot]
            after = self.complete(row)
            if after >= 0:
                if self.reserved:
                    self.run.release()
                self.start([after])

        return arrive


async def work(frame: Frame, row: int, reserved: bool, ticket: int) -> None:
    """Run ``row``, and then, in the same task, one of the rows that became ready, as long as there is one.

    ``reserved``: a call slot is taken for it already. ``ticket``: its place among those who wait for one.
    """
    table = frame.table
    run = frame.run
    values = frame.values
    while row >= 0:
        if row >= frame.bound:
            if reserved:
                run.release()
            return
        what = table.kind[row]
        try:
            if what == CALL:
                if reserved:
                    pass
                elif run.free > 0:
                    run.free -= 1
                else:
                    await run.slot(table.priority[row], ticket)
                try:
                    args, kwargs = table.args[row], table.kwargs[row]
                    if len(args) == 1 and not kwargs:
                        value = await table.code[row](values[args[0]])
                    elif kwargs:
                        value = await table.code[row](*[values[s] for s in args], **{k: values[s] for k, s in kwargs})
                    else:
                        value = await table.code[row](*[values[s] for s in args])
                finally:
                    run.release()
                promise = table.promise[row]
                if promise is not None and value.__class__ is not promise.quick:
                    promise.check(value)
                values[table.slot[row]] = value
            elif what == BLOCK:
                leave = await table.code[row](frame, row)
                if leave is not None:
                    frame.fail(row, None, leave)
                    return
            else:  # a quick row whose slice of time was over
                await trio.lowlevel.checkpoint()
                leave = table.code[row](values)
                if leave is not None:
                    frame.fail(row, None, leave)
                    return
        except BaseException as exc:
            if is_cancellation(exc):
                raise
            frame.fail(row, exc)
            return
        row = frame.complete(row)
        reserved = frame.reserved


async def run_frame(
    table: Table,
    run: Run,
    log: UndoLog | None,
    depth: int,
    takes: tuple[Any, ...],
    conditions: tuple[Condition, ...] = (),
    tracked: dict[str, Any] | None = None,
) -> Any:
    """Execute a table. Gives the results of the region, or a :class:`~.leave.Leave`.

    Raises
    ------
    The error of the first failing step in program order, never a group.
    """
    frame = Frame(table, run, log, depth, takes)
    try:
        async with trio.open_nursery() as nursery:
            frame.nursery = nursery
            if conditions:
                frame.idle = trio.Event()
            ready = _begin(frame, conditions)
            if ready:
                reserved = frame.reserve(ready[0])
                frame.start(ready[1:])
                await work(frame, ready[0], reserved, next(run.tickets))
            if frame.idle is not None and frame.pending:
                await frame.idle.wait()
    except BaseExceptionGroup as group:
        raise first_error(group) from None
    finally:
        frame.nursery = None  # what is still to come from outside comes too late
    if frame.bound < table.real:
        if tracked is not None and table.marks is not None:
            table.marks(frame.values, frame.bound, tracked)
            tracked.update(frame.tracked.get(frame.bound, ()))
        if frame.error is not None:
            raise frame.error
        return frame.leave
    if tracked is not None and table.marks is not None:
        table.marks(frame.values, table.real, tracked)
    return table.results(frame.values)


def _begin(frame: Frame, conditions: tuple[Condition, ...]) -> list[int]:
    """Start what waits for nothing: quick rows at once; the waiting ones are returned, most critical first."""
    table = frame.table
    ready: list[int] = []
    for row in (*frame.outside(conditions), *table.first):
        what = table.kind[row]
        if what == QUICK:
            if row >= frame.bound:
                continue
            try:
                leave = table.code[row](frame.values)
            except BaseException as exc:
                frame.fail(row, exc)
                continue
            if leave is not None:
                frame.fail(row, None, leave)
                continue
        if what in (QUICK, JOIN, OUTER):
            after = frame.complete(row)
            if after >= 0:
                if frame.reserved:
                    frame.run.release()
                ready.append(after)
        else:
            ready.append(row)
    priority = table.priority
    ready.sort(key=lambda r: (-priority[r], r))
    return ready
