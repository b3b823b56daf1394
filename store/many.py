"""What is asked for many runs at once: each question to SQLite gives the interpreter away, and a thread that has asked
waits for a busy loop before it goes on, so one question for a hundred runs takes hardly longer than one for each."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from .rows import Place, Signal

SHORT = 256
"""Entries of a journal that is read together with others."""

ROOM = 8 << 20
"""Bytes of journals that are read together."""

CHUNK = 200
"""Places or runs a question: SQLite may take no more than 999 parameters (https://www.sqlite.org/limits.html)."""

_JOURNALS = """
WITH RECURSIVE chain (run, number, entries, segment) AS (
  SELECT id, number, entries, last FROM run WHERE id IN ({}) AND entries <= ?
  UNION ALL SELECT chain.run, number, entries, previous FROM chain JOIN segment ON segment.id = chain.segment
  WHERE first > 0
) SELECT chain.run, number, entries, segment.run, first, count, crc, payload
FROM chain LEFT JOIN segment ON segment.id = chain.segment
"""
"""The segments of runs, of each from its last one back; a row without one where it is lacking."""

_INBOXES = """
WITH place (run, name, key) AS (VALUES {})
SELECT place.run, place.name, place.key, value, once, sent, signal.id FROM place CROSS JOIN signal
ON signal.run = CASE place.run WHEN '' THEN 0 ELSE (SELECT number FROM run WHERE id = place.run) END
AND signal.name = place.name AND signal.key = place.key WHERE used = 0 ORDER BY signal.id
"""


def parts(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    """So many as one question takes."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def journals(connection: sqlite3.Connection, ids: Sequence[str], found: dict[str, list[tuple[int, bytes]]]) -> None:
    """Add to ``found`` the segments of runs, as far as there is :data:`ROOM` and all is as it was written: what is
    wrong is told by who reads that run alone."""
    room = ROOM
    marks = ", ".join("?" * len(ids))
    back: dict[str, list[tuple[int, bytes]]] = {}
    for id, number, entries, of, first, count, crc, payload in connection.execute(
        _JOURNALS.format(marks), (*ids, SHORT)
    ):
        segments = back.setdefault(id, [])
        left = segments[-1][0] if segments else entries
        if left:
            fits = of == number and first + count == left and count > 0
            if not fits or not isinstance(payload, bytes) or zlib.crc32(payload) != crc or room < len(payload):
                return
            segments.append((first, payload))
            room -= len(payload)
        if not left or not first:
            found[id] = segments[::-1]


def inboxes(connection: sqlite3.Connection, places: Sequence[Place], found: dict[Place, list[Signal]]) -> None:
    """Add to ``found`` the signals that lie at places, the oldest first."""
    marks = ", ".join(["(?, ?, ?)"] * len(places))
    given = [part for place in places for part in place]
    for run, name, key, value, once, sent, id in connection.execute(_INBOXES.format(marks), given):
        found.setdefault((run, name, key), []).append(Signal(name, key, value, run, once, sent, id))
