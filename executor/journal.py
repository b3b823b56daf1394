"""The journal of one run: what it recorded before, and how it is repeated from that. What it records now goes through
:mod:`.outbox`.

A run goes on by being repeated (docs/decisions/0015). While what was recorded is not used up, a call that is in it
gives what it gave, one that is not waits, and what cuts others waits until everything recorded before it was used. So
a repeated run comes to where it stood; then it is *live* and goes on.

Everything here is touched on the run's loop only.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

from .entries import CUT, TRY, Entry, Recorded
from .late import trio
from .letters import Inbox
from .outbox import Keeper, Outbox
from .suspended import Away

if TYPE_CHECKING:
    from .run import Run

logger = logging.getLogger("cflow")


class Waiting:
    """A task waits (:meth:`Journal.waiting`). (A class, since ten thousand waits may be cut at once, and a generator is
    one more coroutine for each that the cut goes through.)"""

    __slots__ = ("_journal", "_task", "_what")

    def __init__(self, journal: Journal, *what: Any) -> None:
        self._journal = journal
        self._what = what

    def __enter__(self) -> None:
        self._task = trio.lowlevel.current_task()
        self._journal.waits[self._task] = self._what
        self._journal.steps += 1
        self._journal.woken()

    def __exit__(self, *error: object) -> None:
        del self._journal.waits[self._task]
        self._journal.steps += 1


class Journal(Outbox):
    """See above.

    Parameters
    ----------
    keeper: writes entries down. ``recorded``: what is there from before and counts, numbered in order. ``begun``: is it
    on disk that there is such a run? If not, that goes with the first entries, or before the first write. inbox: where
    signals come from. total: the entries that are there from before; None: all of them count.
    """

    def __init__(
        self,
        keeper: Keeper,
        recorded: Iterable[Recorded] = (),
        begun: bool = True,
        inbox: Inbox | None = None,
        total: int | None = None,
    ) -> None:
        entries = list(recorded)
        super().__init__(keeper, len(entries) if total is None else total, begun)
        self.inbox = inbox
        self.run: Run | None = None
        """The run's state, once it is ready to go."""
        self.old: dict[str, Recorded] = {}
        """What is recorded and was not used yet. Of a live run, what calls gave that write nothing; where the program
        has left the way that is on record, what all of them gave."""
        self._end = len(entries)
        """How many entries there were."""
        self._low = 0
        """The first of them that was not used yet, and has to be."""
        self._used: set[int] = set()
        """Those after it that were, or need not be. A read that had run ahead of a step that leaves is cut before it is
        come to again; and whether a pure call is made in place, and so not looked up, is a matter of how quick the node
        was in this process."""
        for entry in entries:
            if entry.spare:
                self._used.add(entry.number)
            if (before := self.old.get(entry.key)) is not None:
                self._used.add(before.number)
            self.old[entry.key] = entry
        while self._low in self._used:
            self._used.discard(self._low)
            self._low += 1
        self._reaching: list[tuple[int, trio.lowlevel.Task]] = []
        self.replaying = self._low < self._end
        self.at_live: list[Callable[[], object]] = []
        self.shielded: Callable[[], bool] = lambda: False
        """Is anything that a cancelled run owes under way?"""
        self.before_new: Callable[[], object] | None = None
        """Called before anything new begins; it may cancel the run."""
        self.seen: Callable[[str, Any, tuple[Any, ...], dict[str, Any]], object] | None = None
        """Told, while the run is repeated, which call of a node it has come to: its name, the site, the arguments."""
        self.begun = 0
        """Calls under way."""
        self.idle = math.inf
        """Seconds of nothing but waiting after which it is put away."""
        self.waits: dict[trio.lowlevel.Task, tuple[str, bytes, float]] = {}
        """The tasks that wait for a signal (a name and a key; for none, where the name is empty) or a time."""
        self._closing: WeakSet[trio.Nursery] | None = None
        self.skip_undo = False
        """Is the undo that has parked the run to be left out, when the run comes to it again?"""
        self.held = 0
        """What the run holds or waits for that is in no journal: locks, streams, turns."""

    # ---- repeating -------------------------------------------------------------------------------

    def peek(self, key: str) -> Recorded | None:
        """What is recorded under a key and was not used yet."""
        return self.old.get(key) if self.old else None

    def take(self, key: str) -> Recorded | None:
        """The same, and it is used now."""
        if not self.old:
            return None
        entry = self.old.pop(key, None)
        if entry is not None:
            if entry.number == self._low < self._end - 1 and not self._used and not self._reaching:
                self.steps += 1  # one after another, as most are
                self._low += 1
            else:
                self._use(entry.number)
        return entry

    def _use(self, number: int) -> None:
        self.steps += 1
        if number != self._low:
            if number > self._low:
                self._used.add(number)
            return
        low = number + 1
        while low in self._used:
            self._used.discard(low)
            low += 1
        self._low = low
        if self._reaching:
            self._wake_reached()
        if low == self._end:
            self.go_live()

    def _wake_reached(self) -> None:
        still = []
        for number, task in self._reaching:
            if self._low >= number:
                trio.lowlevel.reschedule(task)
            else:
                still.append((number, task))
        self._reaching = still

    def go_live(self) -> None:
        """Everything recorded was used, but for what need not be: from here on things happen anew."""
        self._live(lambda entry: entry.spare)

    def _live(self, kept: Callable[[Recorded], bool]) -> None:
        if not self.replaying:
            return
        self.replaying = False
        self._low = self._end
        self._wake_reached()
        self.old = {key: entry for key, entry in self.old.items() if kept(entry)}
        self._used.clear()
        calls, self.at_live = self.at_live, []
        for call in calls:
            call()

    def stuck(self) -> None:
        """The repetition does not get on, while nothing is under way: the program does something that is not on record
        before it comes to what is. That is begun, then. What calls gave stays there for when it comes to them, as what
        is done is not done again; what was decided belongs to the way that it went before."""
        if self.passed_over():
            return
        logger.warning("what was recorded of the run does not fit what it does now; it goes on from here")
        self._live(lambda entry: entry.kind != CUT)

    def passed_over(self) -> bool:
        """Is what everybody waits for a decision of something that is cut itself by now, before it comes to it again?
        Then it is used: it had no consequence."""
        for key, entry in self.old.items():
            if entry.number == self._low and entry.kind == CUT:
                del self.old[key]
                self._use(entry.number)
                return True
        return False

    async def reached(self, number: int) -> None:
        """Until all entries before ``number`` were used."""
        if self._low >= number or not self.replaying:
            return
        task = trio.lowlevel.current_task()
        entry = (number, task)

        def abort(_: object) -> trio.lowlevel.Abort:
            if entry in self._reaching:
                self._reaching.remove(entry)
            return trio.lowlevel.Abort.SUCCEEDED

        self._reaching.append(entry)
        await trio.lowlevel.wait_task_rescheduled(abort)

    @property
    def reaching(self) -> set[trio.lowlevel.Task]:
        """The tasks that wait for what is recorded to be used."""
        return {task for _, task in self._reaching}

    async def live(self) -> None:
        """Until everything recorded was used: something new is to begin.

        Raises
        ------
        Suspended: nothing begins any more.
        """
        self.going()
        waited = self.replaying
        while self.replaying:
            await self.reached(self._end)
            self.going()
        if waited:
            # The last entry may have been a decision, which has cut who waits here.
            await trio.lowlevel.checkpoint_if_cancelled()
        if self.shielded():
            # Who hears that the run is cancelled has its turn first: that is on record before what comes of it.
            await trio.lowlevel.cancel_shielded_checkpoint()
        if self.before_new is not None:
            self.before_new()
            await trio.lowlevel.checkpoint_if_cancelled()

    async def cut(self, key: str, data: Any = None) -> None:
        """Called before anything cuts what runs beside it: the same had been done before, here, as far as is known.

        ``data``: what was decided, for :meth:`peek`.
        """
        self.going()
        if self.replaying:
            entry = self.old.get(key)
            await self.reached(entry.number if entry is not None else self._end)
            self.going()
            # Who was started before it gets its turn, and asks for what is recorded of it.
            for _ in range(3):
                await trio.lowlevel.cancel_shielded_checkpoint()
            if entry is not None:
                self.take(key)
                return
        self.cutting(key, data)

    def cutting(self, key: str, data: Any = None) -> None:
        """The same in a live run, where nothing is waited for."""
        self.add(Entry(key, CUT, data))

    def tries(self, key: str) -> int:
        """The attempt that a call is in: one more than have failed."""
        number = 1
        while self.take(f"{key}#{number}") is not None:
            number += 1
        return number

    def retried(self, key: str, number: int, error: BaseException, spare: bool = False) -> None:
        """An attempt has failed and there is another (``key``: of a node's call; of a flow's, its calls tell)."""
        if key:
            self.add(Entry(f"{key}#{number}", TRY, error, attempt=number, spare=spare))

    # ---- breaking off ----------------------------------------------------------------------------

    def stop(self, why: str) -> None:
        super().stop(why)
        # What is owed cannot be cut: whoever waits there hears it, too.
        reaching, self._reaching = self._reaching, []
        for _, task in reaching:
            trio.lowlevel.reschedule(task)

    def break_off(self, run: str) -> None:
        """A second interrupt has cut what the run owes: that is left to a person, not forgotten."""
        if self.stopped is None:
            self.stop(
                "it was interrupted a second time, before all that it owes was done: undos, `finally` blocks; "
                f"`cflow resume {run}` goes on with that, `cflow cancel {run} --no-undo` leaves it as it is"
            )
            logger.warning("%s: %s", run, self.stopped)

    def put_away(self, away: Away) -> None:
        """The same, to be gone on with when there is something to do."""
        if self.stopped is None:
            self.away = away
            self.stop("it waits")

    def waiting(self, name: str, key: bytes, until: float) -> Waiting:
        """This task waits for a signal, or for a time."""
        return Waiting(self, name, key, until)

    def closes(self, nursery: trio.Nursery) -> None:
        """The task that has opened it has nothing left to do but to wait for those in it."""
        if self._closing is None:
            self._closing = WeakSet()
        self._closing.add(nursery)

    def closing(self, nursery: trio.Nursery) -> bool:
        return self._closing is not None and nursery in self._closing

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Something that would be lost if the run were put away."""
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    @property
    def resting(self) -> bool:
        """Does nothing stand against putting it away, as far as the journal knows?"""
        return bool(self.waits) and not (
            self.replaying or self.begun or self.held or self._waiting or self._using or self._uncertain
        )
