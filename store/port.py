"""The store port: what the engine asks of a database, as data.

Everything that changes is a :data:`Change`. Changes are handed over in units with :meth:`Store.do`; a unit is applied
whole or not at all, and units that wait at the same time share one commit. Reading needs no ticket: it sees what is
committed. A backend is one class with these methods; nothing in here says SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import msgspec
from attrs import field, frozen

from .rows import Cached, CachedRow, Owner, Place, QueueRow, RunRow, Signal, State, Trouble, Waited

# ---- changes ------------------------------------------------------------------------------------------------


@frozen
class BeginRun:
    """A new run. Its ticket fails with :class:`Exists` where the id is taken. ``blobs``: digests of the large values
    that its inputs refer to. ``key``: whose share of its queue it takes; empty: its flow's."""

    row: RunRow
    blobs: tuple[str, ...] = ()
    key: str = ""


class Append(msgspec.Struct, frozen=True):
    """Entries of a run's journal, numbered from ``first`` on; its owner only (:class:`LeaseLost`).

    (A struct: there is one for each write, and a frozen class of attrs takes ten times as long to make.)

    ``first`` is the number of entries that the journal has; another one is refused (:class:`StoreError`).
    ``entries``: each one MessagePack value, so that a store can tell them apart again. ``uses``: ids of signals that
    are consumed with it; one that somebody else has consumed refuses it all (:class:`Taken`). ``blobs``: digests of
    the large values that they refer to.
    """

    run: str
    owner: str
    first: int
    entries: tuple[bytes, ...]
    uses: tuple[int, ...] = ()
    blobs: tuple[str, ...] = ()


@frozen
class SetRun:
    """Another state of a run, by its owner (:class:`LeaseLost`), or by anybody while nobody owns it. What is None
    stays as it is; ``new_owner`` gives it up or hands it on. ``wake``: infinity takes it away. ``waits`` replaces what
    it waits for; where such a signal is in the inbox already, it has something to do from now on. A run that is over
    belongs to nobody and waits for nothing, and its state stays (:class:`Over`). ``blobs``: of its result or error."""

    run: str
    owner: str
    state: State | None = None
    began: float | None = None
    ended: float | None = None
    result: bytes | None = None
    error: bytes | None = None
    wake: float | None = None
    digest: str | None = None
    reason: str | None = None
    new_owner: str | None = None
    waits: tuple[Waited, ...] | None = None
    blobs: tuple[str, ...] = ()


@frozen
class TakeRun:
    """Take a run over from ``before`` (:data:`NOWHERE` or an owner that is dead), if it still belongs to it and is
    in one of ``states``; else :class:`LeaseLost`. It is ``running`` then, waits for nothing, and is counted as resumed
    unless it was ``queued``. One of a queue that has no free slot is refused (:class:`Full`), unless it has one, or is
    to go on ``beyond`` what the queue may have at once."""

    run: str
    before: str
    owner: str
    states: tuple[State, ...] = ("queued", "running", "waiting", "parked")
    beyond: bool = False


@frozen
class SetQueue:
    """Make a queue known, or change it. What is None stays as it is. ``concurrency``: how many of its runs may be under
    way at once; 0: no limit any more. ``rate``: how many may begin in a time (``"10/s"``); empty: no limit any more.
    ``paused``: none begins."""

    name: str
    concurrency: int | None = None
    rate: str | None = None
    paused: bool | None = None


@frozen
class SetPriority:
    """Another priority for a run that waits to begin; :class:`LeaseLost` where it does not."""

    run: str
    priority: int


@frozen
class Claim:
    """Begin the runs of a queue whose turn it is: as many as may begin, ``most`` at most. They are ``running`` then.
    ``now``: epoch seconds; None: when it is applied, by the store's own clock, since a commit may have to wait.
    ``claimed``: their ids, once the ticket is done."""

    queue: str
    owner: str
    most: int = 1
    now: float | None = None
    claimed: list[str] = field(factory=list, eq=False)


@frozen
class SetOwner:
    """Make an owner known, or let its ``beat`` grow."""

    owner: Owner


@frozen
class DropOwner:
    """An owner has gone; runs that it still has are left to :class:`TakeRun`."""

    id: str


@frozen
class Send:
    """Put a signal into an inbox. With a run: one that is over refuses it (:class:`Over`), unless it is the double of
    one that came before; an unknown one :class:`Unknown`. A run that waits for it has something to do from now on (its
    ``wake`` is set to ``sent``); without a run that is the one that has waited longest and has nothing else to do.
    ``blobs``: of its value."""

    signal: Signal
    blobs: tuple[str, ...] = ()


@frozen
class KeepPlan:
    """The text of a plan under its digest, kept once."""

    digest: str
    text: str


@frozen
class Remember:
    """A cached value. ``until``: when it is forgotten; None: never. ``node``: whose result it is, ``made``: when.
    ``large``: the bytes of the large values that it refers to."""

    key: str
    value: bytes
    until: float | None
    node: str = ""
    made: float = 0.0
    blobs: tuple[str, ...] = ()
    large: int = 0


@frozen
class Forget:
    """Drop cached values by key, all of a node, or (both empty) all."""

    key: str = ""
    node: str = ""


@frozen
class Shrink:
    """Drop cached values whose time was over at ``now``, then the oldest until those that are left, with their large
    values, have ``size`` bytes at most."""

    now: float
    size: int


@frozen
class Reserve:
    """A run is about to do what ``once`` a key is done; its owner only (:class:`LeaseLost`). Refused where the key is
    settled (:class:`Exists`), or another run that is not over has it (:class:`Taken`)."""

    key: str
    run: str
    owner: str


@frozen
class Release:
    """A run has not done what it has reserved a key for, or has undone it. Nothing happens where it has not reserved
    it, or belongs to another owner."""

    key: str
    run: str
    owner: str


@frozen
class Await:
    """A transaction of a run, which has done what these keys are reserved for, waits for another one; empty: for none
    any more."""

    keys: tuple[str, ...]
    run: str
    key: str


@frozen
class Settle:
    """What ``once`` a key has given, for good; by whom. :class:`Exists` where another run has settled it. ``owner``: of
    the run (:class:`LeaseLost`); empty: whoever it is. The run has not reserved the key any more then."""

    key: str
    run: str
    value: bytes
    blobs: tuple[str, ...] = ()
    owner: str = ""


@frozen
class DropRun:
    """Delete a run that is over, with its journal and inbox; one that is not is refused (:class:`StoreError`)."""

    run: str


@frozen
class Sweep:
    """Drop what nobody can ask for any more: plans that no run has, cached values whose time was over at ``now``,
    signals for whoever waits first that were consumed and sent before ``signals_before`` (until then they still keep
    their doubles out). ``cache``: the bytes that cached values may have; the oldest go first."""

    now: float
    signals_before: float
    cache: int | None = None


Change = (
    BeginRun
    | Append
    | SetRun
    | TakeRun
    | SetQueue
    | SetPriority
    | Claim
    | SetOwner
    | DropOwner
    | Send
    | KeepPlan
    | Remember
    | Forget
    | Shrink
    | Reserve
    | Release
    | Await
    | Settle
    | DropRun
    | Sweep
)


# ---- the port -------------------------------------------------------------------------------------------------


Done = Callable[[BaseException | None], Callable[[], object] | None]
"""Told, in any thread, once a unit is on disk (None) or refused. What it gives back is called once all units of the
same commit have been told, and once only where several give back the same: that is where a loop is woken."""


class Store(Protocol):
    """A place for runs. All methods may be called from any thread; reading is short."""

    def do(self, changes: Sequence[Change], done: Done) -> None:
        """Hand over a unit; ``done`` hears when it is on disk. Units are committed in the order they came in.

        A disk that is full, busy or failing delays it (:attr:`trouble`); only what cannot get better is an error.
        """
        ...

    @property
    def trouble(self) -> Trouble | None: ...

    def run(self, id: str) -> RunRow | None: ...

    def runs(
        self,
        *,
        states: Iterable[State] = (),
        flow: str = "",
        owner: str | None = None,
        due: float | None = None,
        queue: str | None = None,
        limit: int = 1000,
        before: str = "",
    ) -> list[RunRow]:
        """Runs, the youngest first. ``due``: with a ``wake`` up to then. ``queue``: of that one; empty: of none.
        ``before``: older than this run."""
        ...

    def runs_by_id(self, ids: Sequence[str]) -> dict[str, RunRow]:
        """:meth:`run` of many; without those that are not there."""
        ...

    def queues(self) -> list[QueueRow]:
        """All queues, by name."""
        ...

    def ready(self, now: float) -> list[str]:
        """The queues of which a run waits that may begin at ``now`` (epoch seconds)."""
        ...

    def slots(self, queue: str) -> float:
        """How many more runs of a queue may be under way; infinity: no limit."""
        ...

    def journal(self, run: str, after: int = 0) -> Iterable[bytes]:
        """The encoded entries from number ``after`` on, in order.

        Raises
        ------
        Damaged: an entry is not what was written.
        """
        ...

    def segments(self, run: str, after: int = 0) -> Iterable[tuple[int, bytes]]:
        """The journal as it was appended: the number of the first entry, and a MessagePack array of entries. The first
        one may begin before ``after``. For who decodes many entries at once.

        Raises
        ------
        Damaged: an entry is not what was written.
        """
        ...

    def journals(self, ids: Sequence[str]) -> dict[str, list[tuple[int, bytes]]]:
        """:meth:`segments` of many runs at once. One that is lacking has to be asked for by itself: it is long, not
        there, or not what was written."""
        ...

    def owners(self) -> list[Owner]: ...

    def inbox(self, run: str, name: str = "", key: bytes | None = None) -> list[Signal]:
        """The signals that wait for a run, the oldest first; also those that are for whoever waits first. With a name,
        and then a key, those that have them."""
        ...

    def inboxes(self, places: Sequence[Place]) -> dict[Place, list[Signal]]:
        """The signals that lie at places, the oldest first."""
        ...

    def signals(self, after: int = 0, limit: int = 1000) -> list[Signal]:
        """Signals of all inboxes that nobody has consumed, with an ``id`` above ``after``, the oldest first. One that
        is committed later has a higher id than all that were there."""
        ...

    def waits(self, run: str) -> list[Waited]: ...

    def plan(self, digest: str) -> str | None: ...

    def cached(self, key: str, now: float | None = None) -> Cached | None:
        """A value that is not forgotten yet at ``now`` (epoch seconds; None: by the store's own clock)."""
        ...

    def cache(self, node: str = "") -> list[CachedRow]:
        """The cached values (of a node), the youngest first; also those that are forgotten and not dropped yet."""
        ...

    def reserved(self, key: str) -> tuple[str, str] | None:
        """The run that has reserved a key, which may be over or gone; and the key that it waits for, or ""."""
        ...

    def settled(self, key: str) -> tuple[str, bytes] | None:
        """By which run a key was settled, and what it gave."""
        ...

    def used_blobs(self) -> set[str]:
        """The digests of all large values that something in the store refers to."""
        ...

    def close(self) -> None:
        """Commit what is handed over, and let go of the files.

        Raises
        ------
        StoreError: the disk does not take it; the message says how many units are not on it.
        """
        ...
