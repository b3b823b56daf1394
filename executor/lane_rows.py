"""The rows of one frame that are plain calls for a thread: a few lanes pull them, the most critical first.

A task, a hop and a wake-up for each such row cost a hundred microseconds. A lane is a thread that takes row after row;
what it finishes is told to one task, the keeper, which is woken once however many rows have ended by then. Where rows
wait for a call slot, a lane that has ended one takes over the next with its slot, if the loop could decide nothing else
(:meth:`LaneRows.ends`). Only calls that may be left behind in their thread (readers) come here: for a writer somebody
has to wait by itself.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, Any

from .groups import is_cancellation
from .invoke import lanes, timed
from .late import trio
from .run import Turn
from .threads import LANES, Crew

if TYPE_CHECKING:
    from .frame import Frame, Table


Outcome = tuple[Any, BaseException | None]
"""The value of a row, or its error."""


class LaneRows:
    """State, all touched on the loop but for what stands under ``lock``, and ``ended`` and ``turns``, whose single
    operations are safe.

    ``ready``: rows that have their slot, by priority. ``ended``: rows with their result or error and whether their slot
    was taken over, not yet told; ``untold``: how many of them still count for their successors; ``stirring``: how many
    of those still have their slot.
    ``open``: rows added and not told. ``held``: slots of theirs. ``turns``: those that wait for a slot, and their rows.
    ``alive``: the lanes.
    """

    __slots__ = (
        "alive", "crew", "ended", "frame", "held", "keeper", "keeping", "lock", "open", "ready", "stirring", "turns",
        "untold", "woken",
    )  # fmt: skip

    def __init__(self, frame: Frame) -> None:
        self.frame = frame
        self.lock = threading.Lock()
        self.ready: list[tuple[float, int]] = []
        self.ended: deque[tuple[int, Any, BaseException | None, bool]] = deque()
        self.untold = 0
        self.stirring = 0
        self.open = 0
        self.held = 0
        self.alive = 0
        self.turns: dict[Turn, int] = {}
        self.keeping = False
        self.keeper: trio.lowlevel.Task | None = None
        self.woken = False
        self.crew = Crew(lanes(frame.run))

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
            turn.then = partial(self.given, turn)
            self.turns[turn] = row

    def given(self, turn: Turn) -> None:
        """A waiting row has got its slot."""
        self.push(self.turns.pop(turn))

    def push(self, row: int) -> None:
        self.held += 1
        with self.lock:
            heapq.heappush(self.ready, (-self.frame.table.priority[row], row))
            more = self.alive < LANES
            if more:
                self.alive += 1
        nursery = self.frame.nursery
        if more and nursery is not None:
            pulling = partial(pull, self)
            if not self.crew.start(pulling):
                nursery.start_soon(self.crew.start_later, pulling)

    async def keep(self) -> None:
        """Tell the frame of what has ended, as long as there is something to come."""
        try:
            while self.open:
                if trio.current_effective_deadline() == -math.inf:  # what follows may be code in place
                    await self.park()
                self.woken = False
                self.tell()
                if self.open and not self.woken:
                    await self.park()
            self.keeping = False
        except BaseException:
            self.crew.cut = True
            for turn in list(self.turns):
                turn.over = True
            for _ in range(self.held):
                self.frame.run.release()
            self.held = 0
            raise

    async def park(self) -> None:
        self.keeper = trio.lowlevel.current_task()

        def abort(raise_cancel: object) -> trio.lowlevel.Abort:
            self.keeper = None
            self.crew.leave_behind(raise_cancel)
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
            row, value, error, passed = self.ended.popleft()
            self.open -= 1
            if not passed:
                self.held -= 1
            try:
                if error is not None and is_cancellation(error):
                    raise error
                if error is not None:
                    frame.fail(row, error)
                elif row < frame.bound:
                    frame.values[frame.table.slot[row]] = value
                    value = None  # this task goes on with other rows
                    after = frame.complete(row)
                    if after >= 0:
                        frame.go(after, frame.turn)
            finally:
                with self.lock:
                    self.untold -= 1
                    self.stirring -= not passed
                if not passed:
                    run.release()  # last: the slot goes to the most critical of all that are ready by now

    def ends(self, row: int, outcome: Outcome) -> None:
        """In a thread: a row has ended, and its outcome is held here alone. Its slot goes on at once to the most
        critical call that waits for one, if that is a row of this frame: unless a row after this one may become ready
        by it, which has to be in line before."""
        frame = self.frame
        value, error = outcome
        del outcome
        with self.lock:
            self.untold += 1
            taken = frame.run.take_over(self.turns) if error is None and self.turns and self.stirs_none(row) else -1
            if taken >= 0:
                heapq.heappush(self.ready, (-frame.table.priority[taken], taken))
            else:
                self.stirring += 1
            self.ended.append((row, value, error, taken >= 0))
        value = error = None  # once the loop is woken, it may let the value go
        if not self.woken:
            self.woken = True
            self.crew.soon(self.wake)

    def stirs_none(self, row: int) -> bool:
        """Will nothing begin to ask for a slot when this row is told? Under ``lock``. Every row that has ended counts
        for those before each successor: too many, never too few."""
        frame, table = self.frame, self.frame.table
        if self.stirring or frame.bound < table.real or row in frame.watchers:
            return False
        return all(
            frame.counts[s] > self.untold or not (s < table.real or table.successors[s] or s in frame.watchers)
            for s in table.successors[row]
        )


def pull(rows: LaneRows) -> None:
    """In a thread: row after row, until there are none or the frame is cut."""
    frame = rows.frame
    table = frame.table
    while True:
        with rows.lock:
            if not rows.ready or rows.crew.cut:
                rows.alive -= 1
                return
            row = heapq.heappop(rows.ready)[1]
        rows.ends(row, ended(rows.crew, frame, table, row))


def ended(crew: Crew, frame: Frame, table: Table, row: int) -> Outcome:
    """The outcome of one row."""
    if row >= frame.bound:  # an earlier row has failed meanwhile
        return None, None
    try:
        return called(crew, frame, table, row), None
    except BaseException as error:
        return None, error


def called(crew: Crew, frame: Frame, table: Table, row: int) -> Any:
    """The call of one row: a frame of its own, so that an error's traceback still knows which."""
    values, site = frame.values, table.sites[row]
    assert site is not None
    args = tuple([values[s] for s in table.args[row]])
    kwargs = {name: values[s] for name, s in table.kwargs[row]}
    value = crew.call(timed, frame.run, site, args, kwargs, None)
    if site.promise is not None:
        site.promise.check(value)
    return value
