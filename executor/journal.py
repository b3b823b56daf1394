"""The journal of one run: what it recorded before, what it records now, and what has to be on disk before what.

A run goes on by being repeated (docs/decisions/0015). While what was recorded is not used up, a call that is in it
gives what it gave, one that is not waits, and what cuts others waits until everything recorded before it was used. So
a repeated run comes to where it stood; then it is *live* and goes on.

Everything here is touched on the run's loop only, but for what :class:`Keeper` calls back.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, Protocol

from .entries import CUT, TRY, Entry, Recorded
from .late import trio

if TYPE_CHECKING:
    from .run import Run

logger = logging.getLogger("cflow")

GROUP = 256
"""Entries that are handed over without being asked for."""


class Suspended(BaseException):
    """The run is broken off where it stands, to be gone on with some time. No ``except`` of a program catches it."""


class Keeper(Protocol):
    """Who writes entries down, for one run."""

    def encoded(self, entry: Entry) -> bytes:
        """An entry as bytes.

        Raises
        ------
        An ``Exception`` that says so, where its value cannot be stored.
        """
        ...

    def value(self, data: bytes) -> Any:
        """A value that :meth:`encoded` wrote."""
        ...

    def error(self, data: bytes) -> BaseException: ...

    def lossy(self, data: bytes) -> bool:
        """Does a value lack something that may not be stored (a secret)?"""
        ...

    def write(
        self, first: int, entries: list[bytes], done: Callable[[BaseException | None], None], *along: Any
    ) -> None:
        """Commit entries, numbered from ``first``; ``done`` is called, in any thread, once they are on disk. ``along``:
        changes to the store that are committed with them, or not at all."""
        ...


class Journal:
    """See above.

    Parameters
    ----------
    keeper: writes entries down. ``recorded``: what is there from before, in order. ``begun``: is it on disk that there
    is such a run? If not, that goes with the first entries, or before the first write.
    """

    def __init__(self, keeper: Keeper, recorded: Iterable[Recorded] = (), begun: bool = True) -> None:
        self.keeper = keeper
        self.run: Run | None = None
        """The run's state, once it is ready to go."""
        self.old: dict[str, Recorded] = {}
        """What is recorded and was not used yet. Of a live run, what calls gave that write nothing."""
        self._end = 0
        """How many entries there were."""
        self._low = 0
        """The first of them that was not used yet, and has to be."""
        self._used: set[int] = set()
        """Those after it that were, or need not be. A read that had run ahead of a step that leaves is cut before it is
        come to again; and whether a pure call is made in place, and so not looked up, is a matter of how quick the node
        was in this process."""
        for entry in recorded:
            self._end += 1
            if entry.spare:
                self._used.add(entry.number)
            if (before := self.old.get(entry.key)) is not None:
                self._used.add(before.number)
            self.old[entry.key] = entry
        while self._low in self._used:
            self._used.discard(self._low)
            self._low += 1
        self._reaching: list[tuple[int, trio.lowlevel.Task]] = []
        self.steps = 0
        """Grows with all that happens: a repetition in which it stands still does not get on."""
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
        self.woken: Callable[[], object] = lambda: None
        """Told when there is something to hand over."""
        # What is written now.
        self.next = self._end
        self._first = self._end
        self._buffer: list[bytes] = []
        self._writing = False
        self._synced = self._end if begun else -1
        self._last_write = self._synced
        """How many entries must be on disk before anything reads what was written."""
        self._waiting: list[tuple[int, trio.lowlevel.Task]] = []
        self.stopped: str | None = None
        """Why the run is broken off, to be gone on with some time: nothing begins any more, and nothing is recorded."""
        self.on_stop: Callable[[], object] = lambda: None
        self.lost: BaseException | None = None
        """What keeps the entries from the disk for good."""
        self._token: Any = None

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
        """Everything recorded was used, or can no longer be: from here on things happen anew."""
        if not self.replaying:
            return
        self.replaying = False
        self._low = self._end
        self._wake_reached()
        self.old = {key: entry for key, entry in self.old.items() if entry.spare}
        self._used.clear()
        calls, self.at_live = self.at_live, []
        for call in calls:
            call()

    def stuck(self) -> None:
        """The repetition does not get on, while nothing is under way."""
        if self.passed_over():
            return
        logger.warning("what was recorded of the run does not fit what it does now; it goes on from here")
        self.go_live()

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

    async def live(self) -> None:
        """Until everything recorded was used: something new is to begin.

        Raises
        ------
        Suspended: nothing begins any more.
        """
        self.going()
        while self.replaying:
            await self.reached(self._end)
            self.going()
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
        if self.replaying:
            entry = self.old.get(key)
            await self.reached(entry.number if entry is not None else self._end)
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

    @property
    def unwritten(self) -> bool:
        return bool(self._buffer)

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
        """Break the run off where it stands: no ``finally`` and no undo begins, and nothing is recorded any more."""
        if self.stopped is None:
            self.stopped = why
            self.on_stop()

    def going(self) -> None:
        """
        Raises
        ------
        Suspended: the run is broken off.
        """
        if self.stopped is not None:
            raise Suspended(self.stopped)

    # ---- recording -------------------------------------------------------------------------------

    def add(self, entry: Entry, write: bool = False) -> None:
        """Record an entry, to be committed some time. ``write``: it is what a write has given.

        Raises
        ------
        What :meth:`Keeper.encoded` raises where the value cannot be stored.
        """
        if self.stopped is not None:
            return
        self._buffer.append(self.keeper.encoded(entry))
        if len(self._buffer) == 1:
            self.woken()
        self.next += 1
        self.steps += 1
        if write:
            self._last_write = self.next
        if len(self._buffer) >= GROUP:
            self.flush()

    def flush(self, again: bool = False) -> None:
        """Hand over what is not yet, unless a group is on its way; ``again``: also then."""
        if (again or not self._writing) and self._buffer and self.lost is None:
            self._hand_over()

    def flush_with(self, change: Any, told: Callable[[BaseException | None], object]) -> None:
        """Hand over what is not yet, with a change to the store: they are committed together or not at all. ``told`` is
        called, in any thread, once they are on disk."""
        self._hand_over(told, change)

    def _hand_over(self, told: Callable[[BaseException | None], object] | None = None, *along: Any) -> None:
        first, buffer = self.rest()
        self._writing = True
        upto = self.next
        token = self._token = self._token or trio.lowlevel.current_trio_token()

        def landed(error: BaseException | None) -> None:
            self._landed(upto, error)

        def done(error: BaseException | None) -> None:
            if told is not None:
                told(error)
            try:
                token.run_sync_soon(landed, error)
            except trio.RunFinishedError:
                pass

        self.keeper.write(first, buffer, done, *along)

    def _landed(self, upto: int, error: BaseException | None) -> None:
        self._writing = False
        if error is not None:
            self.lost = error
            self.stop(str(error))
        else:
            self._synced = upto
        if self._waiting:
            still = []
            for number, task in self._waiting:
                if self._synced >= number or error is not None:
                    trio.lowlevel.reschedule(task)
                else:
                    still.append((number, task))
            self._waiting = still
            if still:
                self.flush()

    def rest(self) -> tuple[int, list[bytes]]:
        """What is not handed over yet: its first number, and the entries. It counts as handed over then."""
        first, self._first = self._first, self.next
        buffer, self._buffer = self._buffer, []
        return first, buffer

    async def on_disk(self, number: int) -> None:
        """Until so many entries are on disk.

        Raises
        ------
        Suspended: the run is broken off.
        """
        while self._synced < number:
            self.going()
            if not self._writing and self.lost is None:
                self._hand_over()  # also where there is nothing but the run itself
            task = trio.lowlevel.current_task()
            entry = (number, task)

            def abort(_: object, entry: Any = entry) -> trio.lowlevel.Abort:
                if entry in self._waiting:
                    self._waiting.remove(entry)
                return trio.lowlevel.Abort.SUCCEEDED

            self._waiting.append(entry)
            await trio.lowlevel.wait_task_rescheduled(abort)

    async def before_write(self) -> None:
        """Until all there is is on disk: what a write does cannot be taken back, so what led to it may not be lost."""
        if self._synced < self.next:
            await self.on_disk(self.next)

    async def before_read(self) -> None:
        """Until what was written is on disk as done: who reads may see it."""
        if self._synced < self._last_write:
            await self.on_disk(self._last_write)
