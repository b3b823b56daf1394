"""Running a table: counters, and the last arriver runs on.

A region in which something overlaps is a flat :class:`Table`, one row an operation or segment. Whoever finishes a row
lowers the counters of its successors, runs the ready quick rows at once, goes on with one ready waiting row in the
same task and starts tasks for the rest. No event, channel or parking per row.

The failure law costs an index check: a row that fails (or leaves by ``return``, ``break``, ``continue``) lowers
``bound``; rows at or after it never start; once no row below it is left, the nursery is cancelled.

Rows of the table: first the real ones, in program order; then the pseudo rows (joins, the last uses of values, and what
the frame waits for from outside), which cannot fail.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import define, field

from ..compiler.ir import Op
from ..compiler.promises import Promise
from .at import At
from .groups import first_error, instead_of_cut, is_cancellation
from .invoke import Site
from .lane_rows import LaneRows
from .late import trio
from .leave import Leave
from .run import AROUND, SLICE, Run, Turn
from .undo import UndoLog

if TYPE_CHECKING:
    from .journal import Journal

QUICK, CALL, SITE, LANE, BLOCK, JOIN, FREE, OUTER = range(8)
"""Kinds of rows: code in place; a plain call of an async node; a call of a node with code of its own; one that a lane
may take instead; other code that awaits; a join; a join after which values are let go; a condition from outside. CALL,
SITE and LANE hold a call slot while they run."""


@define
class Table:
    """The constant part of a region's execution; lists are indexed by row.

    ``code``: for QUICK a function of the value list, for CALL the node, for BLOCK an async function of the frame and
    the row, for SITE and LANE of its turn too. ``args``: for CALL and LANE the slots of the arguments (constants have
    slots too), for FREE those of the values. ``slot``: where the result goes; for OUTER where a value goes, or -1.
    ``sites``: what is known of the call of a LANE. ``priority``: the longest expected path from the start of the row
    to the end of the region; ``after``: from its end. ``template``: the value list at first. ``takes``: the slots of
    the values given at the start. ``results``: a function of the value list. ``marks``: a function of (value list,
    row, into), which puts into ``into`` the names that a surrounding ``try`` tracks, as the row would see them.
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
    after: list[float]
    ops: list[tuple[Op, ...]]
    sites: list[Site | None]
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
        "base", "bound", "counts", "depth", "done", "error", "idle", "lanes", "leave", "log", "low", "nursery",
        "pending", "run", "table", "tracked", "turn", "values", "watchers",
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
        self.lanes: LaneRows | None = None
        self.base = AROUND.get()[1]
        """The longest expected path from the end of this region to the end of the run."""
        self.turn: Turn | None = None
        """Of the row that :meth:`complete` gave last: None where it needs no slot or has it."""

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
            waiting = self.arrive(ready)
            return self.dispatch(waiting) if waiting else -1
        self.pending -= 1
        if self.bound < self.table.real:
            self.settle()
        if self.pending == 0 and self.idle is not None:
            self.idle.set()
        return -1

    def arrive(self, ready: list[int], finished: int = 1) -> list[int]:
        """So many rows are done and these wait for nothing any more: run what is quick among them, and what becomes
        ready by that; the rest is returned."""
        table = self.table
        kind, code, successors = table.kind, table.code, table.successors
        counts, done, values = self.counts, self.done, self.values
        waiting: list[int] = []
        stack: list[int] = []
        until = 0.0
        while True:
            for after in ready:
                what = kind[after]
                if what >= JOIN:
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
            if kind[row] == FREE:
                for slot in table.args[row]:
                    values[slot] = None
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
        return waiting

    def dispatch(self, waiting: list[int]) -> int:
        """Start these rows but for the most critical, which is returned; all have their turn, in that order."""
        if len(waiting) > 1:
            priority = self.table.priority
            waiting.sort(key=lambda r: (-priority[r], r))
            turn = self.reserve(waiting[0])
            self.start(waiting[1:])
            self.turn = turn
        else:
            self.turn = self.reserve(waiting[0])
        return waiting[0]

    def wake(self, row: int) -> None:
        """Tell code inside other rows that waits for ``row``."""
        for wake in self.watchers.pop(row, ()):
            wake()

    def reserve(self, row: int) -> Turn | None:
        """Take a call slot, or a turn, for a row about to start: Trio shuffles what is started at once, here the order
        is kept."""
        kind = self.table.kind[row]
        if kind == CALL:
            run = self.run
            if run.free > 0:
                run.free -= 1
                return None
            return run.queue(self.base + self.table.priority[row], row)
        if kind in (SITE, LANE):
            return self.run.queue(self.base + self.table.priority[row], row) or Turn(given=True)
        return None

    def around(self, row: int) -> tuple[float, float, int]:
        """The longest expected path to the end of the run from the start of a row, and from its end; and its number."""
        return self.base + self.table.priority[row], self.base + self.table.after[row], row

    def start(self, rows: list[int]) -> None:
        assert self.nursery is not None
        start_soon, kind = self.nursery.start_soon, self.table.kind
        for row in rows:
            turn = self.reserve(row)
            if kind[row] == LANE:
                self.go(row, turn)
            else:
                start_soon(work, self, row, turn)

    def go(self, row: int, turn: Turn | None) -> None:
        """Start a row that has its turn."""
        assert self.nursery is not None
        if self.table.kind[row] == LANE:
            if self.lanes is None:
                self.lanes = LaneRows(self)
            self.lanes.add(row, turn)
        else:
            self.nursery.start_soon(work, self, row, turn)

    def fail(self, row: int, error: BaseException | None, leave: Leave | None = None) -> None:
        """``row`` raised, or leaves: nothing from it on counts."""
        journal = self.run.journal
        if journal is not None and error is not None and row < self.bound and self.nursery is not None:
            assert isinstance(self.depth, At)
            key = f"{self.depth.path}{self.table.ops[row][0].id}!"
            if journal.replaying:
                self.nursery.start_soon(self._fail_again, journal, key, row, error)
                return
            journal.cutting(key)
        self._fail(row, error, leave)

    async def _fail_again(self, journal: Journal, key: str, row: int, error: BaseException) -> None:
        """In a repeated run: what had been done beside it is done first."""
        await journal.cut(key)
        self._fail(row, error, None)

    def _fail(self, row: int, error: BaseException | None, leave: Leave | None) -> None:
        if row >= self.bound:
            if error is not None and self.error is not None and error is not self.error:
                self.error.add_note(f"a later step failed too: {error!r}")
            return
        if error is not None and self.error is not None:
            error.add_note(f"a later step failed too: {self.error!r}")
        self.bound, self.error, self.leave = row, error, leave
        self.settle()

    def reached(self) -> int:
        """The first row that is not done, or, before it, the one that failed."""
        low, done, bound = self.low, self.done, self.bound
        while low < bound and done[low]:
            low += 1
        self.low = low
        return low

    def settle(self) -> None:
        """After a failure: cancel the rest once every earlier row is done."""
        if self.reached() >= self.bound:
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
            if self.pending == 0 or self.idle is None:
                return
            if slot >= 0:
                self.values[slot] = frame.values[their_slot]
            after = self.complete(row)
            if after >= 0:
                self.go(after, self.turn)

        return arrive


async def work(frame: Frame, row: int, turn: Turn | None) -> None:
    """Run ``row``, and then, in the same task, one of the rows that became ready, as long as there is one.

    A row keeps its slot until those after it are in the queue: it goes to the most critical of all that are ready.

    ``turn``: its place among those who wait for a slot; None where it needs none or has one.
    """
    table = frame.table
    run = frame.run
    values = frame.values
    began = -math.inf
    try:
        await trio.lowlevel.checkpoint_if_cancelled()  # cut between its start and its first step
    except trio.Cancelled:
        if table.kind[row] in (CALL, SITE, LANE):
            run.leave(turn)
        raise
    while row >= 0:
        what = table.kind[row]
        holds = False
        if row >= frame.bound:
            if what in (CALL, SITE, LANE):
                run.leave(turn)
            return
        try:
            if what == CALL:
                if turn is not None:
                    await run.wait(turn)
                    began = trio.current_time()
                holds = True
                if row >= frame.bound:  # meanwhile an earlier row has failed
                    run.release()
                    return
                args, kwargs = table.args[row], table.kwargs[row]
                if len(args) == 1 and not kwargs:
                    value = await table.code[row](values[args[0]])
                elif kwargs:
                    value = await table.code[row](*[values[s] for s in args], **{k: values[s] for k, s in kwargs})
                else:
                    value = await table.code[row](*[values[s] for s in args])
                promise = table.promise[row]
                if promise is not None and value.__class__ is not promise.quick:
                    promise.check(value)
                values[table.slot[row]] = value
                value = None  # this task goes on with other rows
            elif what in (SITE, LANE):
                assert turn is not None
                await run.wait(turn)
                if turn.place is not None:
                    began = trio.current_time()
                if row >= frame.bound:
                    run.release()
                    return
                AROUND.set(frame.around(row))
                try:
                    await table.code[row](frame, row, turn)
                finally:
                    holds = turn.given
            elif what == BLOCK:
                AROUND.set(frame.around(row))
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
            if what != CALL:
                # It may have outlasted a cut (a writer in a thread is waited for): then it counts, and nothing after it
                # starts.
                frame.done[row] = 1
                await trio.lowlevel.checkpoint_if_cancelled()
        except BaseException as exc:
            if holds:
                run.release()
            if is_cancellation(exc):
                raise
            frame.fail(row, exc)
            return
        row = frame.complete(row)
        turn = frame.turn
        if holds:
            run.release()
            if turn is not None and turn.place is not None and turn.given and trio.current_time() - began > SLICE:
                # Others may end at this moment: one turn of the loop, and what becomes ready by them is in line, too.
                # After a call of microseconds that is not worth it.
                await trio.lowlevel.cancel_shielded_checkpoint()


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
    around = AROUND.get()
    try:
        async with trio.open_nursery() as nursery:
            frame.nursery = nursery
            if conditions:
                frame.idle = trio.Event()
            try:
                ready = frame.arrive([*frame.outside(conditions), *table.first], 0)
                if ready:
                    await work(frame, frame.dispatch(ready), frame.turn)
                if run.journal is not None:
                    run.journal.closes(nursery)
                if frame.idle is not None and frame.pending:
                    await frame.idle.wait()
            except BaseException:
                frame.idle = None  # cut: the nursery closes, and what is still to come from outside comes too late
                raise
    except BaseExceptionGroup as group:
        if not (is_cancellation(group) and instead_of_cut(frame.error)):
            raise first_error(group) from None
    finally:
        frame.nursery = frame.idle = None
        AROUND.set(around)
        if tracked is not None and table.marks is not None:
            # Failed, left, cut or complete: the names as the step sees them at which it ended.
            end = frame.reached()
            table.marks(frame.values, end, tracked)
            tracked.update(frame.tracked.get(end, ()))
    if frame.bound < table.real:
        if frame.error is not None:
            raise frame.error
        return frame.leave
    results = table.results(frame.values)
    if frame.lanes is not None:
        frame.values.clear()  # the thread of a lane may hold the frame until it has seen that nothing is left to do
    return results
