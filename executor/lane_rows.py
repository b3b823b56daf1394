"""The rows of one frame that are plain calls for a thread: a few lanes pull them, the most critical first.

A task, a hop and a wake-up for each such row cost a hundred microseconds. A lane is one hop that takes row after row;
what it finishes is told to one task, the keeper, which is woken once however many rows have ended by then. Only calls
that may be left behind in their thread (readers) come here: for a writer somebody has to wait by itself.
"""

from __future__ import annotations

import contextvars
import heapq
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from .groups import is_cancellation
from .invoke import LANES, lanes, timed
from .late import trio
from .run import Turn

if TYPE_CHECKING:
    from .frame import Frame, Table


class LaneRows:
    """State, all touched on the loop but for what stands under ``lock`` and ``ended``, which lanes append to.

    ``ready``: rows that have their slot, by priority. ``ended``: rows with their result or error, not yet told.
    ``open``: rows added and not told. ``held``: those of them that hold a slot. ``turns``: of those that wait for one.
    """

    __slots__ = (
        "alive", "ended", "frame", "held", "keeper", "keeping", "lock", "open", "ready", "token", "turns", "woken",
    )  # fmt: skip

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.lock = threading.Lock()
        self.ready: list[tuple[float, int]] = []
        self.ended: deque[tuple[int, Any, BaseException | None]] = deque()
        self.open = 0
        self.held = 0
        self.alive = 0
        self.turns: set[Turn] = set()
        self.keeping = False
        self.keeper: trio.lowlevel.Task | None = None
        self.woken = False
        self.token = trio.lowlevel.current_trio_token()

    def add(self, row: int, turn: Turn | None) -> None:
        """A row is ready; ``turn``: its place among those who wait for a slot, None where it has one."""
        nursery = self.frame.nursery
        assert nursery is not None
        self.open += 1
        if not self.keeping:
            self.keeping = True
            nursery.start_soon(self.keep)
        if turn is None or turn.given:
            self.push(row)
        else:
            self.turns.add(turn)
            turn.then = partial(self.given, row, turn)

    def given(self, row: int, turn: Turn) -> None:
        """A waiting row has got its slot."""
        self.turns.discard(turn)
        self.push(row)

    def push(self, row: int) -> None:
        self.held += 1
        with self.lock:
            heapq.heappush(self.ready, (-self.frame.table.priority[row], row))
        self.more()

    def more(self) -> None:
        """One more lane, where there may be one."""
        nursery = self.frame.nursery
        if self.alive < LANES and nursery is not None:
            self.alive += 1
            nursery.start_soon(self.lane)

    async def lane(self) -> None:
        run = self.frame.run
        try:
            await trio.to_thread.run_sync(pull, self, abandon_on_cancel=True, limiter=lanes(run))
        finally:
            self.alive -= 1
        if self.ready:  # added when this lane had seen that there was no more
            self.more()

    async def keep(self) -> None:
        """Tell the frame of what has ended, as long as there is something to come."""
        try:
            while self.open:
                await trio.lowlevel.checkpoint_if_cancelled()  # what follows may be code in place
                self.woken = False
                self.tell()
                if self.open and not self.woken:
                    await self.park()
            self.keeping = False
        except BaseException:
            for turn in self.turns:
                turn.over = True
            for _ in range(self.held):
                self.frame.run.release()
            self.held = 0
            raise

    async def park(self) -> None:
        self.keeper = trio.lowlevel.current_task()

        def abort(_: object) -> trio.lowlevel.Abort:
            self.keeper = None
            return trio.lowlevel.Abort.SUCCEEDED

        await trio.lowlevel.wait_task_rescheduled(abort)

    def wake(self) -> None:
        """Called on the loop: something has ended."""
        if self.keeper is not None:
            trio.lowlevel.reschedule(self.keeper)
            self.keeper = None

    def tell(self) -> None:
        frame, run = self.frame, self.frame.run
        while self.ended:
            row, value, error = self.ended.popleft()
            self.open -= 1
            self.held -= 1
            if error is not None and is_cancellation(error):
                run.release()
                raise error
            if error is not None:
                frame.fail(row, error)
            elif row < frame.bound:
                frame.values[frame.table.slot[row]] = value
                after = frame.complete(row)
                if after >= 0:
                    frame.go(after, frame.turn)
            run.release()  # last: the slot goes to the most critical of all that are ready by now


def pull(rows: LaneRows) -> None:
    """In a thread: row after row, until there are none or the frame is cancelled."""
    frame = rows.frame
    table = frame.table
    while True:
        with rows.lock:
            if not rows.ready:
                return
            row = heapq.heappop(rows.ready)[1]
        trio.from_thread.check_cancelled()
        value: Any = None
        failed: BaseException | None = None
        if row < frame.bound:  # else an earlier row has failed meanwhile
            try:
                value = called(frame, table, row)
            except BaseException as error:
                failed = error
        rows.ended.append((row, value, failed))
        if not rows.woken:
            rows.woken = True
            try:
                rows.token.run_sync_soon(rows.wake)
            except trio.RunFinishedError:  # left behind, and the loop has ended since
                return


def called(frame: Frame, table: Table, row: int) -> Any:
    """The call of one row: a frame of its own, so that an error's traceback still knows which."""
    values, site = frame.values, table.sites[row]
    assert site is not None
    args = tuple([values[s] for s in table.args[row]])
    kwargs = {name: values[s] for name, s in table.kwargs[row]}
    # What a node sets in contextvars stays with that node.
    value = contextvars.copy_context().run(timed, frame.run, site, args, kwargs, None)
    if site.promise is not None:
        site.promise.check(value)
    return value
