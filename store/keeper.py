"""The journal of one run in a store: entries as bytes, and the units that they are committed in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

import msgspec
from attrs import frozen

from ..executor.entries import RESUMED, SINCE, Entry, Recorded
from ..executor.letters import Missed
from .encoding import MARK
from .failures import Damaged, StoreError, Taken
from .port import Append, Change, Done, Store

SPARE = 16
"""Added to the kind of an entry of a call that writes nothing."""

SOON = 3600.0
"""Seconds after which that a process has died again is no sign that the run is what kills it."""

_MARKED = bytes((MARK,))
"""What encoded values begin with that are more than plain data."""
_PACK = msgspec.msgpack.Encoder()
_UNPACK = msgspec.msgpack.Decoder(tuple[str, int, bytes, int, float, float])
_UNPACK_ALL = msgspec.msgpack.Decoder(list[tuple[str, int, bytes, int, float, float]])


class Codec(Protocol):
    """Values as bytes, and back."""

    def encode(self, value: Any) -> bytes: ...

    def decode(self, data: bytes) -> Any: ...

    def refs(self, data: bytes) -> tuple[str, ...]: ...

    def lossy(self, data: bytes) -> bool: ...

    def whole(self) -> Codec:
        """The same without files for large values."""
        ...


class RunKeeper:
    """Writes the journal of one run.

    Parameters
    ----------
    store, codec: where to, and in what form. run, owner: whose. head: changes that go before the first entries, in the
    same unit: so a quick run is one commit.
    """

    def __init__(self, store: Store, codec: Codec, run: str, owner: str, head: Iterable[Change] = ()) -> None:
        self.store = store
        self.codec = codec
        self.run = run
        self.owner = owner
        self.head = list(head)
        self._blobs: list[str] = []

    def beginning(self) -> list[Change]:
        """What goes before the first entries, where it is not handed over yet; it counts as handed over then."""
        head, self.head = self.head, []
        return head

    def encoded(self, entry: Entry) -> bytes:
        data = self.codec.encode(entry.data)
        if data[:1] == _MARKED:
            self._blobs += self.codec.refs(data)
        kind = entry.kind | SPARE if entry.spare else entry.kind
        return _PACK.encode((entry.key, kind, data, entry.attempt, entry.began, entry.took))

    def hold(self, data: bytes) -> None:
        """Values that were encoded before go with the next unit: it refers to what is large in them."""
        self._blobs += self.codec.refs(data)

    def whole(self, value: Any) -> bytes:
        codec = self.codec.whole()
        data = codec.encode(value)
        if codec.lossy(data):
            msg = "it has given text with a secret in it, which is not stored: let it give something else"
            raise StoreError(msg)
        return data

    def value(self, data: bytes) -> Any:
        return self.codec.decode(data)

    def error(self, data: bytes) -> BaseException:
        found = self.codec.decode(data)
        return found if isinstance(found, BaseException) else RuntimeError(found)

    def lossy(self, data: bytes) -> bool:
        return data[:1] == _MARKED and self.codec.lossy(data)

    def write(
        self,
        first: int,
        entries: list[bytes],
        done: Done,
        *along: Change,
        uses: tuple[int, ...] = (),
    ) -> None:
        if not (uses or along or self.head or self._blobs) and entries:  # the common way
            self.store.do((Append(self.run, self.owner, first, tuple(entries)),), done)
            return
        if not uses:
            unit = self.unit(first, entries)
            if along and first and not entries:  # those before it may be on their way still: refused with them
                unit.append(Append(self.run, self.owner, first, ()))
            self.store.do([*unit, *along], done)
            return
        blobs = self._blobs
        unit = [*self.unit(first, entries, uses), *along]
        self._blobs = blobs  # where it is refused, the next unit is to name them

        def told(error: BaseException | None) -> Callable[[], object] | None:
            return done(Missed() if isinstance(error, Taken) else error)

        self.store.do(unit, told)

    def unit(self, first: int, entries: list[bytes], uses: tuple[int, ...] = ()) -> list[Change]:
        """What has to be committed for these entries."""
        head = self.beginning()
        blobs, self._blobs = self._blobs, []
        if not entries:
            return head
        return [*head, Append(self.run, self.owner, first, tuple(entries), uses, tuple(blobs))]


@frozen
class Noted:
    """An entry as it stands in a store: as :class:`~..executor.entries.Entry`, with its number, and ``data`` as
    bytes."""

    number: int
    key: str
    kind: int
    data: bytes
    attempt: int
    began: float
    took: float


def read_entries(store: Store, run: str, after: int = 0) -> Iterator[Noted]:
    """What a run recorded from entry ``after`` on, with the times. Where an entry cannot be read, those before it have
    been given.

    Raises
    ------
    Damaged: an entry is not what was written.
    """
    for number, data in enumerate(store.journal(run, after), after):
        key, kind, value, attempt, began, took = _entry(run, number, data)
        yield Noted(number, key, kind & ~SPARE, value, attempt, began, took)


E = TypeVar("E", Noted, Recorded)


def counting(entries: Iterable[E]) -> list[E]:
    """Those that count: what was recorded from a step on does not, where the run went on from that step later."""
    found: list[E] = []
    for entry in entries:
        if entry.key[:1] != "!":
            found.append(entry)
        elif entry.key.startswith(SINCE):
            first = msgspec.msgpack.decode(entry.data, type=int)
            while found and found[-1].number >= first:
                found.pop()
        elif not entry.key.startswith(RESUMED):
            found.append(entry)
    return found


@frozen
class Past:
    """What a run recorded.

    ``entries``: those that count, numbered in their order. ``total``: how many there are. ``vain``: how often in a row
    it was gone on with, by itself and soon after the time before, and nothing was recorded after that.
    """

    entries: list[Recorded]
    total: int
    vain: int


def read_journal(store: Store, run: str, segments: Iterable[tuple[int, bytes]] | None = None) -> Past:
    """What a run recorded. ``segments``: its journal, where that was read before.

    Raises
    ------
    Damaged: an entry is not what was written.
    """
    found: list[Recorded] = []
    vain, last, marked = 0, 0.0, False
    for first, payload in store.segments(run) if segments is None else segments:
        try:
            group = _UNPACK_ALL.decode(payload)
        except msgspec.MsgspecError:  # which one it is
            group = [_entry(run, number, data) for number, data in enumerate(store.journal(run, first), first)]
        for number, (key, kind, value, attempt, began, _) in enumerate(group, first):
            found.append(Recorded(number, key, kind & ~SPARE, value, attempt, kind >= SPARE))
            if key[:1] != "!":
                vain = 0
                continue
            marked = True
            if not key.startswith(RESUMED) or msgspec.msgpack.decode(value, type=bool):
                vain = 0
            else:
                vain = vain + 1 if began - last < SOON else 1
                last = began
    if not marked:
        return Past(found, len(found), vain)
    entries = counting(found)
    for number, entry in enumerate(entries):
        entry.number = number
    return Past(entries, len(found), vain)


def _entry(run: str, number: int, data: bytes) -> tuple[str, int, bytes, int, float, float]:
    try:
        return _UNPACK.decode(data)
    except msgspec.MsgspecError as error:
        msg = f"entry {number} of the journal of {run} cannot be read: {error}"
        raise Damaged(msg, run) from error
