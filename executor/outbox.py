"""What a run records on its way to the disk: groups of entries, and what has to be there before what."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Protocol

from attrs import define

from .entries import CUT, Entry
from .late import trio
from .letters import Letter, Missed
from .suspended import Away, PutAway, Suspended
from .tray import Tray, tray_here

GROUP = 256
"""Entries that are handed over without being asked for."""


class Keeper(Protocol):
    """Who writes entries down, for one run."""

    def encoded(self, entry: Entry) -> bytes:
        """An entry as bytes.

        Raises
        ------
        An ``Exception`` that says so, where its value cannot be stored.
        """
        ...

    def whole(self, value: Any) -> bytes:
        """A value as bytes that refer to nothing else and lack nothing, to be kept in another place. From any thread.

        Raises
        ------
        An ``Exception`` that says so, where it cannot be stored so.
        """
        ...

    def value(self, data: bytes) -> Any:
        """A value that :meth:`encoded` or :meth:`whole` wrote."""
        ...

    def error(self, data: bytes) -> BaseException: ...

    def lossy(self, data: bytes) -> bool:
        """Does a value lack something that may not be stored (a secret)?"""
        ...

    def write(
        self,
        first: int,
        entries: list[bytes],
        done: Callable[[BaseException | None], Callable[[], object]],
        *along: Any,
        uses: tuple[int, ...] = (),
    ) -> None:
        """Commit entries, numbered from ``first``; ``done`` is called, in any thread, once they are on disk. What it
        gives back is to be called after that; once, where it is the same for many.

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


class Outbox:
    """The entries of one run on their way to the disk, and who waits for them there.

    Everything here is touched on the run's loop only, but for what :class:`Keeper` calls back.

    Parameters
    ----------
    keeper: writes entries down. number: of the next entry. begun: is it on disk that there is such a run? If not, that
    goes with the first entries, or before the first write.
    """

    def __init__(self, keeper: Keeper, number: int, begun: bool) -> None:
        self.keeper = keeper
        self.next = number
        self._first = number
        self._buffer: list[bytes] = []
        self.landing = False
        """Is a group on its way?"""
        self.synced = number if begun else -1
        """How many entries are on disk; -1 where the run itself is not."""
        self.written = self.synced
        """How many entries must be there before anything reads what was written."""
        self._waiting: list[tuple[int, trio.lowlevel.Task]] = []
        self._uncertain = False
        """What is on its way may still be refused in part."""
        self._later: list[tuple[Any, Callable[[BaseException | None], object]]] = []
        """Changes that go with what follows it (:meth:`flush_with`)."""
        self._using: dict[int, _Use] = {}
        """By number: entries, not handed over yet, that consume a signal."""
        self.steps = 0
        """Grows with all that happens."""
        self.woken: Callable[[], object] = lambda: None
        """Told when there is something to hand over that is in no hurry."""
        self.stopped: str | None = None
        """Why the run is broken off, to be gone on with some time: nothing begins any more, and nothing is recorded."""
        self.on_stop: Callable[[], object] = lambda: None
        self.away: Away | None = None
        """Where that is because it only waits."""
        self.lost: BaseException | None = None
        """What keeps the entries from the disk for good."""
        self._tray: Tray | None = None

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
        Suspended: the run is broken off. PutAway: because it only waits.
        """
        if self.stopped is not None:
            raise (Suspended if self.away is None else PutAway)(self.stopped)

    @property
    def unwritten(self) -> bool:
        return bool(self._buffer)

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
        self.next += 1
        self.steps += 1
        if write:
            self.written = self.next
        if write or len(self._buffer) >= GROUP:
            self.flush()
        elif len(self._buffer) == 1:
            self.woken()

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
        if not self._buffer or self.lost is not None or (self.landing and (self._uncertain or not again)):
            return
        if self._using:
            self._hand_over(*self._group())
        else:
            self._hand_over(*self.rest())

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
        self.landing = True
        self._uncertain = use is not None
        tray = self._tray = self._tray or tray_here()
        if use is None and told is None:  # the common way, with nothing made for it
            self.keeper.write(first, buffer, partial(tray.put, self._landed, upto))
            return

        def landed(error: BaseException | None) -> None:
            if use is not None:
                self._uncertain = False
            if use is not None and isinstance(error, Missed):
                use.missed = True
                self._hand_over(first, [*buffer[:-1], use.instead], None)
            else:
                self._landed(upto, error)

        def done(error: BaseException | None) -> Callable[[], object]:
            if told is not None:
                told(error)
            return tray.put(landed, error)

        self.keeper.write(first, buffer, done, *along, uses=() if use is None else (use.id,))

    def _landed(self, upto: int, error: BaseException | None) -> None:
        self.landing = self._uncertain
        if error is not None:
            self.lost = error
            self.stop(str(error))
            later, self._later = self._later, []
            for _, told in later:
                told(error)
        else:
            self.synced = upto
            if self._later and not (self._using or self._uncertain):
                later, self._later = self._later, []
                for change, told in later:
                    self._hand_over(*self._group(), told, change)
        if self._waiting:
            still = []
            for number, task in self._waiting:
                if self.synced >= number or error is not None:
                    trio.lowlevel.reschedule(task)
                else:
                    still.append((number, task))
            self._waiting = still
        if self._waiting or (self.written > self.synced and self.stopped is None):
            self.flush()

    def rest(self) -> tuple[int, list[bytes]]:
        """What is not handed over yet, where nothing is on its way: its first number, and the entries. It counts as
        handed over then."""
        first, self._first = self._first, self.next
        buffer, self._buffer = self._buffer, []
        return first, buffer

    async def on_disk(self, number: int) -> None:
        """Until so many entries are on disk: :attr:`next` before a write, since what it does cannot be taken back, so
        what led to it may not be lost; :attr:`written` before a read, since who reads may see it.

        Raises
        ------
        Suspended: the run is broken off.
        """
        while self.synced < number:
            self.going()
            if not self.landing and self.lost is None:
                self._hand_over(*self._group())  # also where there is nothing but the run itself
            await self.until_landed(number)

    async def settled(self) -> None:
        """Until nothing that may be refused in part is on its way: only then it is known what :meth:`rest` follows."""
        while (self._using or self._uncertain) and self.lost is None:
            self.flush()
            await self.until_landed(self._first)

    def until_landed(self, number: int) -> Awaitable[object]:
        """Until so many entries are on disk, or cannot get there."""
        entry = (number, trio.lowlevel.current_task())

        def abort(_: object) -> trio.lowlevel.Abort:
            if entry in self._waiting:
                self._waiting.remove(entry)
            return trio.lowlevel.Abort.SUCCEEDED

        self._waiting.append(entry)
        return trio.lowlevel.wait_task_rescheduled(abort)
