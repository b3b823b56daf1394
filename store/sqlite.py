"""A store in a SQLite file: WAL, everything acknowledged is on disk, one writer.

Writing is :mod:`.writer`'s and :mod:`.changes`' part, where the file lies :mod:`.place`'s. This is the class that
answers, and what it reads. The tables are described in docs/store.md.
"""

from __future__ import annotations

import math
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec

from .changes import CHAIN
from .failures import Damaged, ReadOnly, StoreError, Unknown
from .many import inboxes, journals, parts
from .port import Change, Done
from .queues import queue_rows, ready, slots
from .reading import Readers
from .rows import Cached, CachedRow, Owner, Place, QueueRow, RunRow, Signal, State, Trouble, Waited
from .writer import Writer

SEGMENTS = 256
"""Segments that are read at once: a reader that stays keeps the log from being emptied."""

_RUN = (
    "SELECT run.id, flow, program, digest, state, created, inputs, ambient, began, ended, result, error, owner, wake,"
    " entries, resumed, parent, reason, queue, priority FROM run{} JOIN run_data ON run_data.run = run.number"
)
_SIGNAL = (
    "SELECT name, key, value, coalesce((SELECT id FROM run WHERE number = signal.run), ''), once, sent, id FROM signal"
)

_entries = msgspec.msgpack.Decoder(list[msgspec.Raw])


class SqliteStore:
    """Runs in a SQLite file; see :class:`~cflow.store.port.Store` for what the methods promise.

    Made by :func:`~cflow.store.place.open_store`.

    Parameters
    ----------
    folder: where the file and the large values are. readers: for questions. writer: None where the store is open for
    reading only. clock: seconds since the epoch. patience: the seconds that :meth:`close` waits for a disk in trouble.
    """

    def __init__(
        self,
        folder: Path,
        readers: Readers,
        writer: Writer | None,
        clock: Callable[[], float] = time.time,
        patience: float = 10.0,
    ) -> None:
        self.folder = folder
        self.readonly = writer is None
        self._readers = readers
        self._writer = writer
        self._clock = clock
        self._patience = patience

    # ---- writing ---------------------------------------------------------------------------------------------

    def do(self, changes: Sequence[Change], done: Done) -> None:
        if self._writer is None:
            msg = f"the store {self._readers.what} is open for reading only"
            raise ReadOnly(msg)
        self._writer.put(changes, done)

    @property
    def trouble(self) -> Trouble | None:
        return None if self._writer is None else self._writer.trouble

    def close(self) -> None:
        try:
            if self._writer is not None:
                self._writer.close(self._patience)
        finally:
            self._readers.close()

    # ---- runs ------------------------------------------------------------------------------------------------

    def run(self, id: str) -> RunRow | None:
        with self._readers.lend() as connection:
            row = connection.execute(f"{_RUN.format('')} WHERE run.id = ?", (id,)).fetchone()
        return None if row is None else RunRow(*row)

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
        clauses: list[str] = []
        values: list[Any] = []
        if states := tuple(states):
            clauses.append(f"state IN ({', '.join('?' * len(states))})")
            values += states
        if flow:
            clauses.append("flow = ?")
            values.append(flow)
        if owner is not None:
            clauses.append("owner = ?" + (" AND owner != ''" if owner else ""))  # so that its index serves
            values.append(owner)
        if due is not None:
            clauses.append("wake <= ?")
            values.append(due)
        if queue is not None:
            clauses.append("queue = ? AND queue != ''" if queue else "in_queue IS NULL")
            values += [queue] if queue else []
        if before:
            clauses.append("number < (SELECT number FROM run WHERE id = ?)")
            values.append(before)
        # Few runs are due; SQLite, without statistics, would rather read all of them in the order that is asked for.
        index = " INDEXED BY run_by_wake" if due is not None else ""
        where = f" WHERE {' AND '.join(clauses)}" if clauses else ""
        with self._readers.lend() as connection:
            rows = connection.execute(
                f"{_RUN.format(index)}{where} ORDER BY number DESC LIMIT ?", (*values, limit)
            ).fetchall()
        return [RunRow(*row) for row in rows]

    def runs_by_id(self, ids: Sequence[str]) -> dict[str, RunRow]:
        found: dict[str, RunRow] = {}
        for some in parts(ids):
            marks = ", ".join("?" * len(some))
            with self._readers.lend() as connection:
                rows = connection.execute(f"{_RUN.format('')} WHERE run.id IN ({marks})", some).fetchall()
            found |= {row[0]: RunRow(*row) for row in rows}
        return found

    def queues(self) -> list[QueueRow]:
        with self._readers.lend() as connection:
            return queue_rows(connection)

    def ready(self, now: float) -> list[str]:
        with self._readers.lend() as connection:
            return ready(connection, now)

    def slots(self, queue: str) -> float:
        with self._readers.lend() as connection:
            row = connection.execute("SELECT number FROM queue WHERE name = ?", (queue,)).fetchone()
            return math.inf if row is None else slots(connection, row[0])

    def journal(self, run: str, after: int = 0) -> Iterator[bytes]:
        for first, payload in self.segments(run, after):
            entries = _entries.decode(payload)
            if first < after:
                del entries[: after - first]
            yield from map(bytes, entries)

    def segments(self, run: str, after: int = 0) -> Iterator[tuple[int, bytes]]:
        with self._reading(run, 0) as connection:
            row = connection.execute("SELECT number, entries, last FROM run WHERE id = ?", (run,)).fetchone()
        if row is None or row[1] <= after:
            return
        number, entries, last = row
        chain = self._chain(run, number, entries, last, after)
        for start in range(0, len(chain), SEGMENTS):
            wanted = chain[start : start + SEGMENTS]
            marks = ", ".join("?" * len(wanted))
            with self._reading(run, wanted[0][1]) as connection:
                rows = connection.execute(
                    f"SELECT id, crc, payload FROM segment WHERE id IN ({marks})", [id for id, _ in wanted]
                ).fetchall()
            found = {id: (crc, payload) for id, crc, payload in rows}
            for id, first in wanted:
                crc, payload = found.get(id, (None, None))
                if not isinstance(payload, bytes) or zlib.crc32(payload) != crc:
                    raise self._lacking(run, first, "its checksum is wrong" if payload is not None else "it is gone")
                yield first, payload

    def journals(self, ids: Sequence[str]) -> dict[str, list[tuple[int, bytes]]]:
        found: dict[str, list[tuple[int, bytes]]] = {}
        for some in parts(ids):
            with suppress(Damaged), self._readers.lend() as connection:
                journals(connection, some, found)
        return found

    def _chain(self, run: str, number: int, entries: int, last: int, after: int) -> list[tuple[int, int]]:
        """The segments of a journal from the one that holds entry ``after`` on: id and first entry."""
        chain: list[tuple[int, int]] = []
        expected, previous = entries, last
        try:
            with self._readers.lend() as connection:
                for id, of, first, count, before in connection.execute(f"{CHAIN} SELECT * FROM chain", (last, after)):
                    if id != previous or of != number or first + count != expected or count < 1:
                        break
                    chain.append((id, first))
                    expected, previous = first, before
        except Damaged as error:
            raise self._damaged(run, expected - 1, str(error.__cause__)) from error
        if expected > after:
            raise self._lacking(run, expected - 1, "what should hold it does not")
        chain.reverse()
        return chain

    @contextmanager
    def _reading(self, run: str, entry: int) -> Iterator[sqlite3.Connection]:
        """A connection to read a run's journal from an entry on: damage is named by them."""
        try:
            with self._readers.lend() as connection:
                yield connection
        except Damaged as error:
            raise self._damaged(run, entry, str(error.__cause__)) from error

    def _lacking(self, run: str, entry: int, why: str) -> StoreError:
        """What is not there may be gone with its run."""
        if self.run(run) is None:
            return Unknown(f"{run} was dropped while its journal was read")
        return self._damaged(run, entry, why)

    def _damaged(self, run: str, entry: int, why: str) -> Damaged:
        msg = (
            f"the journal of {run} is damaged at entry {entry}: {why} (store {self._readers.what}). "
            "Other runs are not affected"
        )
        return Damaged(msg, f"run {run}")

    # ---- signals ---------------------------------------------------------------------------------------------

    def inbox(self, run: str, name: str = "", key: bytes | None = None) -> list[Signal]:
        named = " AND name = ?" * bool(name) + " AND key = ?" * (key is not None)
        values = [run, *([name] if name else ()), *(() if key is None else [key])]
        with self._readers.lend() as connection:
            rows = connection.execute(
                f"{_SIGNAL} WHERE used = 0 AND run IN (0, (SELECT number FROM run WHERE id = ?)){named} ORDER BY id",
                values,
            ).fetchall()
        return [Signal(*row) for row in rows]

    def inboxes(self, places: Sequence[Place]) -> dict[Place, list[Signal]]:
        found: dict[Place, list[Signal]] = {}
        for some in parts(places):
            with self._readers.lend() as connection:
                inboxes(connection, some, found)
        return found

    def signals(self, after: int = 0, limit: int = 1000) -> list[Signal]:
        with self._readers.lend() as connection:
            rows = connection.execute(
                f"{_SIGNAL} WHERE used = 0 AND id > ? ORDER BY id LIMIT ?", (after, limit)
            ).fetchall()
        return [Signal(*row) for row in rows]

    def waits(self, run: str) -> list[Waited]:
        with self._readers.lend() as connection:
            rows = connection.execute(
                "SELECT name, key FROM wait WHERE run = (SELECT number FROM run WHERE id = ?) ORDER BY id", (run,)
            ).fetchall()
        return [Waited(*row) for row in rows]

    # ---- what outlives runs ----------------------------------------------------------------------------------

    def owners(self) -> list[Owner]:
        with self._readers.lend() as connection:
            rows = connection.execute("SELECT id, host, boot, pid, born, beat FROM owner ORDER BY id").fetchall()
        return [Owner(*row) for row in rows]

    def plan(self, digest: str) -> str | None:
        with self._readers.lend() as connection:
            row = connection.execute("SELECT text FROM plan WHERE digest = ?", (digest,)).fetchone()
        return None if row is None else row[0]

    def cached(self, key: str, now: float | None = None) -> Cached | None:
        with self._readers.lend() as connection:
            row = connection.execute("SELECT value, until, made FROM cache WHERE key = ?", (key,)).fetchone()
        if row is None or (row[1] is not None and row[1] <= (self._clock() if now is None else now)):
            return None
        return Cached(*row)

    def cache(self, node: str = "") -> list[CachedRow]:
        where, values = (" WHERE node = ?", (node,)) if node else ("", ())
        with self._readers.lend() as connection:
            rows = connection.execute(
                f"SELECT key, node, made, until, size FROM cache{where} ORDER BY made DESC, key", values
            ).fetchall()
        return [CachedRow(*row) for row in rows]

    def reserved(self, key: str) -> tuple[str, str] | None:
        with self._readers.lend() as connection:
            row = connection.execute("SELECT run, waits FROM reserved WHERE key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def settled(self, key: str) -> tuple[str, bytes] | None:
        with self._readers.lend() as connection:
            row = connection.execute("SELECT run, value FROM settled WHERE key = ?", (key,)).fetchone()
        return None if row is None else (row[0], row[1])

    def used_blobs(self) -> set[str]:
        with self._readers.lend() as connection:
            return {digest for (digest,) in connection.execute("SELECT DISTINCT digest FROM blob_ref")}
