"""``cflow diff``: what two runs did differently."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from .graph.words import short
from .output import emit
from .stores import existing

if TYPE_CHECKING:
    from ..runs.compare import Change, Comparison
    from ..runs.history import History

SHOWN = 3
"""Differences of the same step, in several passes, that are told one by one."""
VALUE = 70
"""Characters of a value that are shown."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0 where the runs are the same, 1 where they differ, 2 where there is no such run or store."""
    from ..runs.compare import compare
    from ..runs.history import read_history
    from ..store.place import open_store

    with existing(arguments.store):
        store = open_store(arguments.store, readonly=True)
        try:
            blobs = Path(arguments.store) / "blobs"
            first, second = (read_history(store, run, blobs) for run in (arguments.first, arguments.second))
        finally:
            store.close()
        found = compare(first, second)
    if arguments.json:
        emit(json.dumps(attrs.asdict(found), ensure_ascii=False))
    else:
        for line in _lines(first, second, found):
            emit(line)
    return 0 if found.same else 1


def _lines(first: History, second: History, found: Comparison) -> Iterator[str]:
    for history in (first, second):
        if history.damage:
            yield f"only what can be read is compared: {history.damage}"
    if found.same:
        yield f"{first.row.id} and {second.row.id} did the same in {len(first.entries)} entries"
        return
    if found.plans:
        yield "the plans differ:"
        yield from (f"  {line}" for line in found.plans)
    for change in found.inputs:
        yield from _change(change)
    for alike in _alike(found.changes):
        for change in alike[:SHOWN]:
            yield from _change(change)
        if len(alike) > SHOWN:
            yield f"  … and {len(alike) - SHOWN} more of {alike[0].shape}"
    for change in found.ends:
        yield from _change(change)


def _alike(changes: tuple[Change, ...]) -> list[list[Change]]:
    """Those of the same step in other passes together, where the first of them stands."""
    groups: dict[tuple[str, str], list[Change]] = {}
    for change in changes:
        groups.setdefault((change.shape, change.what), []).append(change)
    return list(groups.values())


def _change(change: Change) -> Iterator[str]:
    part = f" {change.where}" if change.where else ""
    match change.what:
        case "only first":
            yield f"{change.key}: only in the first: {_short(change.before)}"
        case "only second":
            yield f"{change.key}: only in the second: {_short(change.after)}"
        case "passes":
            yield f"{change.key}: {change.before} passes, {change.after} in the second"
        case "attempts":
            yield f"{change.key}: attempt {change.before}, {change.after} in the second"
        case _:
            yield f"{change.key}{part}:"
            yield f"  - {_short(change.before) or 'nothing'}"
            yield f"  + {_short(change.after) or 'nothing'}"


def _short(text: str) -> str:
    return short(text.partition("\n")[0], VALUE)
