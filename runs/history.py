"""What a store knows of one run, read once, for whoever looks at it: no program is loaded and nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from attrs import field, frozen

from ..compiler import ir
from ..compiler.garbage import collector_held
from ..compiler.secrets import hide, hide_passwords, redact
from ..compiler.tokens import GraphSyntaxError
from ..executor.told import said, shown
from ..store.blobs import Blobs
from ..store.encoding import Values
from ..store.exceptions import Restored
from ..store.failures import StoreError
from ..store.keeper import Noted, counting, read_entries
from ..store.port import Store
from ..store.rows import RunRow
from .helpers import Helpers, read_helpers
from .lines import Lines, read_lines
from .resume import find


@frozen
class Unread:
    """Stands for a value that is not shown, and says why."""

    why: str

    def __repr__(self) -> str:
        return f"<{self.why}>"


@frozen
class History:
    """A run: its row, what it recorded in order, what of that cannot be read, its plan, the author's lines, what its
    nodes call."""

    row: RunRow
    entries: tuple[Noted, ...]
    damage: str
    """What of the journal cannot be read, in words; empty: nothing."""
    plan: ir.Graph | None
    lines: Lines
    helpers: Helpers
    values: Values = field(repr=False)

    def value(self, data: bytes | None) -> Any:
        """A value for people to see: what this process does not know is a stand-in, secrets are ``<secret>``; what
        cannot be read says so instead."""
        if not data:
            return Unread("not on record")
        try:
            found = self.values.decode(data, show=True)
        except (StoreError, OSError) as error:
            return Unread(_why(error, data))
        return found if isinstance(found, BaseException) else redact(found)  # errors are stored without secrets

    def error(self, data: bytes | None) -> str:
        """An error in full: its class and text, its notes, what it came from."""
        found = self.value(data)
        return hide_passwords("\n".join(_told(found))) if isinstance(found, BaseException) else shown(found)


def summary(row: RunRow) -> str:
    """A run on a line, or more where its reason has more: its id, state, flow, and why it is parked, or has failed."""
    why = row.reason
    if row.state == "failed" and row.error is not None:
        failed = History(row, (), "", None, {}, {}, Values({})).error(row.error).partition("\n")[0]
        why = f"{failed}  {why}"
    return "  ".join((row.id, f"{row.state:9}", row.flow, why)).rstrip()


def _why(error: Exception, data: bytes) -> str:
    refs = Values.refs(data)
    return f"a large value, in blobs/{refs[0][:12]}…" if refs and "no folder" in str(error) else str(error)


def _told(error: BaseException) -> Iterator[str]:
    text = said(error)
    if not isinstance(error, Restored):  # which says its class itself
        text = f"{type(error).__name__}: {text}" if text else type(error).__name__
    yield hide(text)
    for note in getattr(error, "__notes__", ()):
        yield from (f"  {line}" for line in hide(note).splitlines())
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from (f"  {line}" for line in _told(inner))
    if error.__cause__ is not None:
        yield from (f"  from {line}" if i == 0 else f"  {line}" for i, line in enumerate(_told(error.__cause__)))


def read_history(store: Store, run: str, blobs: Path | None = None) -> History:
    """Read a run.

    Parameters
    ----------
    blobs: the folder of large values, where they are to be read; None: they are named only.

    Raises
    ------
    Unknown: there is no such run. StoreError: the store cannot be read at all.
    """
    row = find(store, run)
    with collector_held():
        entries, damage = _entries(store, row)
    plan, lines, helpers = _plan(store, row)
    values = Values({}, blobs=None if blobs is None else Blobs(blobs))
    return History(row, tuple(counting(entries)), damage, plan, lines, helpers, values)


def _entries(store: Store, row: RunRow) -> tuple[list[Noted], str]:
    """The entries that can be read, before and after what cannot, and what is wrong with that."""
    entries: list[Noted] = []
    wrong: list[str] = []
    after = 0
    while after < row.entries:
        try:
            for entry in read_entries(store, row.id, after):
                entries.append(entry)
                after = entry.number + 1
            break
        except StoreError as error:
            end = _readable(store, row, after)
            wrong.append(f"entries {after} to {end - 1} cannot be read: {error}")
            after = end
    return entries, "\n".join(wrong)


def _readable(store: Store, row: RunRow, bad: int) -> int:
    """The first entry after ``bad``, which cannot be read, that can be; the number of entries where there is none."""
    low, high = bad, row.entries
    while high - low > 1:
        middle = (low + high) // 2
        try:
            next(iter(store.segments(row.id, middle)), None)
            high = middle
        except StoreError:
            low = middle
    return high


def _plan(store: Store, row: RunRow) -> tuple[ir.Graph | None, Lines, Helpers]:
    from ..compiler.reader import read_graph

    try:
        text = store.plan(row.digest)
        if text is None:
            return None, {}, {}
        return read_graph(text), read_lines(text), read_helpers(text)
    except (StoreError, GraphSyntaxError):
        return None, {}, {}
