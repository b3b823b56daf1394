"""The common unit, one append, made cheap: many of them become two statements.

What is known of the ends of journals is a guess that is checked in the statement that moves them, so nobody has to be
told when it is wrong: another process may have written, or the run been taken over.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from attrs import define, field

from .changes import packed
from .port import Append, Change

KNOWN = 10_000
"""Journals whose ends are remembered."""


class Stale(Exception):
    """What was known of a journal is not so: the group has to be applied without that knowledge."""


@define(eq=False)
class Tail:
    """The end of a run's journal: who may go on with it, how many entries it has, its last segment."""

    number: int
    owner: str
    entries: int
    last: int


@define(eq=False)
class Appends:
    """Appends that are gathered within one transaction of ``connection``, and what is known from those before."""

    connection: sqlite3.Connection
    _known: dict[str, Tail] = field(factory=dict)
    _segments: list[tuple[object, ...]] = field(factory=list)
    _moved: dict[str, tuple[Tail, int, int]] = field(factory=dict)
    _next: int = 0

    def take(self, changes: Sequence[Change]) -> bool:
        """Gather a unit, if it is one plain append that nothing speaks against."""
        if len(changes) != 1 or type(change := changes[0]) is not Append or change.uses or change.blobs:
            return False
        run, first, entries = change.run, change.first, change.entries
        tail = self._known.get(run) or self._learn(run)
        if tail is None or tail.owner != change.owner or tail.entries != first or not entries:
            return False
        if not self._next:
            (self._next,) = self.connection.execute("SELECT coalesce(max(id), 0) + 1 FROM segment").fetchone()
        if run not in self._moved:
            self._moved[run] = (tail, first, tail.last)
        payload, crc = packed(entries)
        self._segments.append((self._next, tail.number, first, len(entries), tail.last, crc, payload))
        tail.entries = first + len(entries)
        tail.last = self._next
        self._next += 1
        return True

    def _learn(self, run: str) -> Tail | None:
        row = self.connection.execute("SELECT number, owner, entries, last FROM run WHERE id = ?", (run,)).fetchone()
        if row is None:
            return None
        if len(self._known) >= KNOWN:
            self._known.clear()  # what has moved is kept until it is written
            self._known.update((run, tail) for run, (tail, _, _) in self._moved.items())
        tail = self._known[run] = Tail(*row)
        return tail

    def write(self) -> None:
        """Write what was gathered.

        Raises
        ------
        Stale: a journal did not end where it was thought to; nothing of this transaction can be kept.
        """
        if not self._segments:
            return
        try:
            self.connection.executemany(
                "INSERT INTO segment (id, run, first, count, previous, crc, payload) VALUES (?, ?, ?, ?, ?, ?, ?)",
                self._segments,
            )
        except sqlite3.IntegrityError:  # another process has used these numbers
            raise Stale from None
        moved = self.connection.executemany(
            "UPDATE run SET entries = ?, last = ? WHERE number = ? AND owner = ? AND entries = ? AND last = ?",
            [(t.entries, t.last, t.number, t.owner, entries, last) for t, entries, last in self._moved.values()],
        )
        if moved.rowcount != len(self._moved):
            raise Stale
        self._segments.clear()
        self._moved.clear()

    def other(self, changes: Sequence[Change]) -> None:
        """Other changes come: write what was gathered, and forget the runs that they speak of."""
        self.write()
        for change in changes:
            self._known.pop(getattr(change, "run", ""), None)
            if type(change) is Append:
                self._next = 0

    def forget(self) -> None:
        """The transaction was taken back, or was not ours."""
        self._known.clear()
        self._segments.clear()
        self._moved.clear()
        self._next = 0
