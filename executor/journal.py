"""The journal of one run: what it recorded before, what it records now, and what has to be on disk before what.

A run goes on by being repeated (docs/decisions/0015). While what was recorded is not used up, a call that is in it
gives what it gave, one that is not waits, and what cuts others waits until everything recorded before it was used. So
a repeated run comes to where it stood; then it is *live* and goes on.

Everything here is touched on the run's loop only, but for what :class:`Keeper` calls back.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define, frozen

from .entries import CUT, TRY, Entry, Recorded
from .late import trio
from .letters import Inbox, Letter, Missed

if TYPE_CHECKING:
    from .run import Run

logger = logging.getLogger("cflow")

GROUP = 256
"""Entries that are handed over without being asked for."""


class Suspended(BaseException):
    """The run is broken off where it stands, to be gone on with some time. No ``except`` of a program catches it."""


class PutAway(Suspended):
    """The run only waits: whoever finds that it has something to do again goes on with it."""


def is_put_away(error: BaseException) -> bool:
    """Is it :class:`PutAway`, alone or with what was cut by that?"""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_put_away, error.exceptions))
    return isinstance(error, PutAway)


@frozen
class Away:
    """What a run that is put away waits for. ``until``: epoch seconds when it goes on all the same; ``signals``: names
    and keys."""

    until: float
    signals: tuple[tuple[str, bytes], ...] = ()


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
        self,
        first: int,
        entries: list[bytes],
        done: Callable[[BaseException | None], None],
        *along: Any,
        uses: tuple[int, ...] = (),
    ) -> None:
        """Commit entries, numbered from ``first``; ``done`` is called, in any thread, once they are on disk.

        Parameters
        ----------
        along: changes to the store that are committed with them, or not at all. uses: signals that are consumed with
        them; where one is gone, ``done`` gets :class:`Missed`.
        """
        ...


@define
class _Use:
    """A signal that an entry consumes. ``instead``: the entry in its place where somebody else has."""

    id: int
    instead: bytes
    missed: bool = False


class Journal:
    """See above.

    Parameters
    ----------
    keeper: writes entries down. ``recorded``: what is there from before, in order. ``begun``: is it on disk that there
    is such a run? If not, that goes with the first entries, or before the first write. inbox: where signals come from.
    """

    def __init__(
        self, keeper: Keeper, recorded: Iterable[Recorded] = (), begun: bool = True, inbox: Inbox | None = None
    ) -> None:
        self.keeper = keeper
        self.inbox = inbox
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
        self._uncertain = False
        """What is on its way may still be refused in part."""
        self._later: list[tuple[Any, Callable[[BaseException | None], object]]] = []
        """Changes that go with what follows it (:meth:`flush_with`)."""
        self._using: dict[int, _Use] = {}
        """By number: entries, not handed over yet, that consume a signal."""
        self.stopped: str | None = None
        """Why the run is broken off, to be gone on with some time: nothing begins any more, and nothing is recorded."""
        self.on_stop: Callable[[], object] = lambda: None
        self.away: Away | None = None
        """Where that is because it only waits."""
        self.idle = math.inf
        """Seconds of nothing but waiting after which it is put away."""
        self.waits: dict[trio.lowlevel.Task, tuple[str, bytes, float]] = {}
        """The tasks that wait for a signal (a name and a key; for none, where the name is empty) or a time."""
        self.held = 0
        """What the run holds or waits for that is in no journal: locks, streams, turns."""
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
            # What is owed cannot be cut: whoever waits there hears it, too.
            shielded, self._reaching, self._waiting = [*self._reaching, *self._waiting], [], []
            for _, task in shielded:
                trio.lowlevel.reschedule(task)

    def put_away(self, away: Away) -> None:
        """The same, to be gone on with when there is something to do."""
        if self.stopped is None:
            self.away = away
            self.stop("it waits")

    @contextmanager
    def waiting(self, name: str, key: bytes, until: float) -> Iterator[None]:
        """This task waits for a signal, or for a time."""
        task = trio.lowlevel.current_task()
        self.waits[task] = name, key, until
        self.steps += 1
        self.woken()
        try:
            yield
        finally:
            del self.waits[task]
            self.steps += 1

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

    def going(self) -> None:
        """
        Raises
        ------
        Suspended: the run is broken off. PutAway: because it only waits.
        """
        if self.stopped is not None:
            raise (Suspended if self.away is None else PutAway)(self.stopped)

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

    async def consume(self, entry: Entry, letter: Letter, instead: str) -> bool:
        """Record that a signal was received, and consume it in the same commit.

        Parameters
        ----------
        instead: the key of what is recorded where somebody else has consumed it.

        Returns
        -------
        Whether it was consumed here; once that is on disk.

        Raises
        ------
        Suspended: the run is broken off. What :meth:`add` raises.
        """
        await self.on_disk(0)  # a refusal does not refuse the run itself
        self.going()
        number = self.next
        use = self._using[number] = _Use(letter.id, self.keeper.encoded(Entry(instead, CUT)))
        try:
            self.add(entry, write=True)
        except BaseException:
            del self._using[number]
            raise
        with trio.CancelScope(shield=True):
            await self.on_disk(number + 1)
        return not use.missed

    def flush(self, again: bool = False) -> None:
        """Hand over what is not yet, unless a group is on its way; ``again``: also then, if that cannot be refused."""
        if not self._buffer or self.lost is not None or (self._writing and (self._uncertain or not again)):
            return
        self._hand_over(*self._group())

    def flush_with(self, change: Any, told: Callable[[BaseException | None], object]) -> None:
        """Hand over what is not yet, with a change to the store: they are committed together or not at all. ``told`` is
        called, in any thread, once they are on disk."""
        if self._using or self._uncertain:
            self._later.append((change, told))
            self.flush()
        else:
            self._hand_over(*self._group(), told, change)

    def _group(self) -> tuple[int, list[bytes], _Use | None]:
        """What can be committed at once. An entry that consumes a signal is the last: where it is refused, nothing that
        came after it is."""
        if not self._using:
            return (*self.rest(), None)
        number = min(self._using)
        first, count = self._first, number + 1 - self._first
        group, self._buffer = self._buffer[:count], self._buffer[count:]
        self._first += count
        return first, group, self._using.pop(number)

    def _hand_over(
        self,
        first: int,
        buffer: list[bytes],
        use: _Use | None = None,
        told: Callable[[BaseException | None], object] | None = None,
        *along: Any,
    ) -> None:
        upto = first + len(buffer)
        self._writing = True
        self._uncertain = use is not None
        token = self._token = self._token or trio.lowlevel.current_trio_token()

        def landed(error: BaseException | None) -> None:
            if use is not None:
                self._uncertain = False
            if use is not None and isinstance(error, Missed):
                use.missed = True
                self._hand_over(first, [*buffer[:-1], use.instead], None)
            else:
                self._landed(upto, error)

        def done(error: BaseException | None) -> None:
            if told is not None:
                told(error)
            try:
                token.run_sync_soon(landed, error)
            except trio.RunFinishedError:
                pass

        self.keeper.write(first, buffer, done, *along, uses=() if use is None else (use.id,))

    def _landed(self, upto: int, error: BaseException | None) -> None:
        self._writing = self._uncertain
        if error is not None:
            self.lost = error
            self.stop(str(error))
        else:
            self._synced = upto
            if self._later and not (self._using or self._uncertain):
                later, self._later = self._later, []
                for change, told in later:
                    self._hand_over(*self._group(), told, change)
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
        """What is not handed over yet, where nothing is on its way: its first number, and the entries. It counts as
        handed over then."""
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
                self._hand_over(*self._group())  # also where there is nothing but the run itself
            await self._landing(number)

    async def settled(self) -> None:
        """Until nothing that may be refused in part is on its way: only then it is known what :meth:`rest` follows."""
        while (self._using or self._uncertain) and self.lost is None:
            self.flush()
            await self._landing(self._first)

    async def _landing(self, number: int) -> None:
        """Until so many entries are on disk, or cannot get there."""
        entry = (number, trio.lowlevel.current_task())

        def abort(_: object) -> trio.lowlevel.Abort:
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
