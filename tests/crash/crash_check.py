"""The checker: it knows nothing of the engine. It reads the database with ``sqlite3`` after the tables of
``docs/store.md``, and the file that the nodes have written; what it holds against each other is the promise of
``docs/durability.md``.
"""

from __future__ import annotations

import re
import shutil
import sqlite3
import tempfile
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
from attrs import define, field, frozen

COMMITTED = "committed"
"""The phase of an effect that stands in a database together with its completion."""

ENDS = (0, 1, 6)
"""Kinds of entries that end a call: it gave a value, it failed, something stands for its value."""

CHAIN = """
WITH RECURSIVE chain AS (
  SELECT segment.* FROM run JOIN segment ON segment.id = run.last WHERE run.number = ?
  UNION ALL SELECT segment.* FROM chain JOIN segment ON segment.id = chain.previous
) SELECT first, count, crc, payload FROM chain ORDER BY first
"""

NONCE = re.compile(r"<[0-9a-f]{8}>")


@frozen
class Effect:
    """A line of the file."""

    process: int
    phase: str
    what: str
    saw: str
    attempt: int
    key: str

    @property
    def place(self) -> str:
        """The key without the run's id."""
        return self.key.partition("/")[2]

    @staticmethod
    def read(line: str) -> Effect:
        process, phase, what, saw, attempt, key = line.split("\t")
        return Effect(int(process), phase, what, saw, int(attempt), key)


@frozen
class Stored:
    """A run in the database. ``entries``: its journal, as bytes; ``ended``: the keys of calls that have ended."""

    id: str
    state: str
    parent: str
    reason: str
    result: Any
    entries: tuple[bytes, ...]
    ended: frozenset[str]


def effects(file: Path) -> list[Effect]:
    """What the nodes have written down, and after that what they have committed in a database of their own."""
    lines = [Effect.read(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [*lines, *committed(file.with_name(f"{file.name}.db"))]


def committed(ledger: Path) -> list[Effect]:
    if not ledger.exists():
        return []
    with tempfile.TemporaryDirectory(prefix="cflow-ledger-") as there:  # who opens it brings it in order
        for name in (ledger.name, f"{ledger.name}-journal"):
            if (ledger.parent / name).exists():
                shutil.copyfile(ledger.parent / name, Path(there) / name)
        connection = sqlite3.connect(Path(there) / ledger.name)
        try:
            if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'effect'").fetchone():
                return []
            rows = connection.execute("SELECT process, what, saw, attempt, key FROM effect ORDER BY rowid").fetchall()
            return [Effect(process, COMMITTED, what, saw, attempt, key) for process, what, saw, attempt, key in rows]
        finally:
            connection.close()


def stored(folder: Path) -> dict[str, Stored]:
    """The runs in a store, the oldest first; none where the file has no tables yet.

    Raises
    ------
    AssertionError: a journal is not what the tables promise.
    """
    if not (folder / "store.db").exists():
        return {}
    # A copy: who opens the file brings its log in order, which is for the next process of the run to do.
    with tempfile.TemporaryDirectory(prefix="cflow-check-") as there:
        for name in ("store.db", "store.db-wal"):
            if (folder / name).exists():
                shutil.copyfile(folder / name, Path(there) / name)
        return _read(Path(there) / "store.db")


def _read(file: Path) -> dict[str, Stored]:
    connection = sqlite3.connect(file)
    try:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'run'").fetchone():
            return {}
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        rows = connection.execute(
            "SELECT number, id, state, parent, reason, result, entries "
            "FROM run JOIN run_data ON run_data.run = run.number ORDER BY number"
        ).fetchall()
        runs = {}
        for number, id, state, parent, reason, result, count in rows:
            entries: list[bytes] = []
            for first, length, crc, payload in connection.execute(CHAIN, (number,)):
                assert first == len(entries), (id, first)
                assert zlib.crc32(payload) == crc, (id, first)
                entries += [bytes(raw) for raw in msgspec.msgpack.decode(payload, type=list[msgspec.Raw])]
                assert first + length == len(entries), (id, first)
            assert count == len(entries), id
            ended: set[str] = set()
            keys: set[str] = set()
            for entry in entries:
                key, kind = msgspec.msgpack.decode(entry)[:2]
                assert key not in keys, f"{key} is twice in the journal of {id}"
                keys.add(key)
                if kind in ENDS:
                    ended.add("".join("_" if c.isspace() else c for c in f"{id}/{key}"))
            plain = msgspec.msgpack.decode(result) if result and result[0] != 0xC1 else None
            runs[id] = Stored(id, state, parent, reason, plain, tuple(entries), frozenset(ended))
        return runs
    finally:
        connection.close()


def same(value: Any) -> Any:
    """A value without what is different each time."""
    if isinstance(value, str):
        return NONCE.sub("<>", value)
    if isinstance(value, list):
        return [same(item) for item in value]
    return value


@define
class Law:
    """What holds of one flow. ``at_once``: calls of nodes with an effect that are under way at a time, at most.
    ``ordered``: have its effects one order? ``chosen``: which of them happen depends on who is quicker, and what is not
    undone is what the run gives."""

    at_once: int = 1
    ordered: bool = True
    chosen: bool = False


@define
class Scenario:
    """One run that was killed, and what was seen of it after each kill."""

    law: Law
    problems: list[str] = field(factory=list)
    figures: Counter[str] = field(factory=Counter)
    """How much there was to be lost or doubled."""
    _before: dict[str, Stored] = field(factory=dict)
    _ended: set[str] = field(factory=set)
    """Calls that were on record as ended when a process was gone."""

    def killed(self, process: int, now: dict[str, Stored], lines: list[Effect]) -> None:
        """A process is gone; the next one has not begun."""
        self.figures["under way"] += self._gone(process, now, lines)

    def _gone(self, process: int, now: dict[str, Stored], lines: list[Effect]) -> int:
        """How many calls it had begun that are not on record."""
        self._grown(now)
        self._not_again(process, lines)
        for run in now.values():
            self._ended |= run.ended
        self._committed_once(lines)
        begun = {e.key for e in lines if e.process == process and e.phase == "begin"}
        self.figures["begun again"] += len(begun & {e.key for e in lines if e.process < process and e.phase == "begin"})
        left = begun - self._ended
        under_way = left - {e.key for e in lines if e.process == process and e.phase == "cut"}
        if len(under_way) > self.law.at_once:
            self._wrong(f"process {process} had {len(under_way)} calls under way that are not on record: {under_way}")
        called = {e.key.partition("/")[0] for e in lines}
        if not called <= set(now):
            self._wrong(f"nodes were called in runs that are not on record: {called - set(now)}")
        told = {e.saw for e in lines if e.saw.startswith("run-")}
        if not told <= set(now):
            self._wrong(f"a detached run was told of and is not on record: {told - set(now)}")
        return len(left)

    def _grown(self, now: dict[str, Stored]) -> None:
        """Nothing that was on disk is gone or has changed."""
        for id, before in self._before.items():
            after = now.get(id)
            if after is None:
                self._wrong(f"run {id} is gone")
                continue
            self.figures["entries on disk"] += len(before.entries)
            if after.entries[: len(before.entries)] != before.entries:
                self._wrong(f"the journal of {id} has lost or changed entries")
            elif before.state in ("done", "failed", "cancelled") and (after.state, after.result) != (
                before.state,
                before.result,
            ):
                self._wrong(f"run {id} was {before.state} and is {after.state}")
        self._before = now

    def _not_again(self, process: int, lines: list[Effect]) -> None:
        again = {e.key for e in lines if e.process == process} & self._ended
        if again:
            self._wrong(f"process {process} called again what was on record: {sorted(again)}")

    def _committed_once(self, lines: list[Effect]) -> None:
        """What was committed in the nodes' own database is there once, and no later process comes to it again."""
        by: dict[str, int] = {}
        for e in lines:
            if e.phase == COMMITTED:
                if e.key in by:
                    self._wrong(f"{e.key} was committed twice")
                by[e.key] = e.process
        again = {e.key for e in lines if e.phase == "begin" and e.process > by.get(e.key, e.process)}
        if again:
            self._wrong(f"what was committed was called again: {sorted(again)}")

    def over(self, process: int, runs: dict[str, Stored], lines: list[Effect], expected: Expected, out: str) -> None:
        """All has been gone on with, and nobody was killed any more."""
        self._gone(process, runs, lines)
        if out:
            self._wrong(f"something was told: {out[:2000]}")
        if not runs:
            if lines:
                self._wrong("nodes were called, and no run is on record")
            return
        states = sorted((run.state, same(run.result)) for run in runs.values() if run.parent)
        main = [run for run in runs.values() if not run.parent]
        if [run.state for run in main] != [expected.state]:
            self._wrong(f"it is {[(run.state, run.reason) for run in main]} and not {expected.state}")
        elif states != expected.children:
            self._wrong(f"the detached runs are {states} and not {expected.children}")
        elif not self.law.chosen and same(main[0].result) != expected.result:
            self._wrong(f"its result is {main[0].result!r} and not {expected.result!r}")
        self._lines(lines, expected, main[0].result if main else None)

    def _lines(self, lines: list[Effect], expected: Expected, result: Any) -> None:
        keys: dict[str, set[str]] = {}
        args: dict[str, set[tuple[str, str]]] = {}
        for e in lines:
            keys.setdefault(e.what, set()).add(e.key)
            args.setdefault(e.key, set()).add((e.what, e.saw))
        for what, of in keys.items():
            if len(of) > 1:
                self._wrong(f"{what} has several keys: {sorted(of)}")
        for key, given in args.items():
            if len(given) > 1:
                self._wrong(f"{key} was called with different arguments: {sorted(given)}")
        did = [e for e in lines if e.phase in ("did", COMMITTED)]
        self.figures["committed"] += sum(e.phase == COMMITTED for e in did)
        self.figures["undos"] += len({e.key for e in did if e.what.startswith("-")})
        if self.law.chosen:
            self._chosen(did, result)
            return
        first = list(dict.fromkeys((e.what, e.place) for e in did))
        if Counter(first) != Counter(expected.effects):
            lacking, more = set(expected.effects) - set(first), set(first) - set(expected.effects)
            self._wrong(f"not done: {lacking}; done without being asked for: {more}")
        elif self.law.ordered and first != expected.effects:
            self._wrong(f"the order is {first} and not {expected.effects}")
        undone = [what for what, _ in first if what.startswith("-")]
        if undone != [what for what, _ in expected.effects if what.startswith("-")]:
            self._wrong(f"undone in the order {undone}")

    def _chosen(self, did: list[Effect], result: Any) -> None:
        """What has ended and is not undone is what the run has given; what was cut may be half done."""
        done = {e.what for e in did}
        left = {what for what in done if not what.startswith("-") and f"-{what}" not in done}
        ended = {e.what for e in did if e.key in self._ended}
        if not left & ended == set(result) <= left:
            self._wrong(f"it gave {result}, and {sorted(left & ended)} has ended and is not undone")

    def _wrong(self, problem: str) -> None:
        self.problems.append(problem)


@frozen
class Expected:
    """What a run does that nobody kills."""

    state: str
    result: Any
    children: list[tuple[str, Any]]
    effects: list[tuple[str, str]]

    @staticmethod
    def of(runs: dict[str, Stored], lines: list[Effect]) -> Expected:
        (main,) = (run for run in runs.values() if not run.parent)
        children = sorted((run.state, same(run.result)) for run in runs.values() if run.parent)
        did = [e for e in lines if e.phase in ("did", COMMITTED)]
        return Expected(main.state, same(main.result), children, [(e.what, e.place) for e in did])
