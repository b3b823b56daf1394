"""What is dropped after a while: runs that are over, and what only they needed."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence

from .failures import StoreError
from .port import Change, DropRun, Store, Sweep
from .rows import OVER, RunRow
from .tickets import commit_now

UNIT = 100
"""Runs that are dropped at once: what else is to be written waits no longer than that takes."""

PAGE = 1000


def prune(
    store: Store,
    older_than: float,
    keep_last: int = 0,
    *,
    cache: int | None = None,
    now: float | None = None,
) -> int:
    """Drop the runs that ended before a time, and what nobody needs any more; how many runs were dropped. A run that
    another one has detached stays until that is over, as it may come to it again.

    Blocks until it is on disk: call it in a thread of its own where a loop runs.

    Parameters
    ----------
    older_than: epoch seconds. keep_last: so many runs of each flow stay however old they are, the youngest. cache: the
    bytes that cached values may have in sum. now: epoch seconds.

    Raises
    ------
    StoreError: the store cannot be written.
    """
    kept: defaultdict[str, int] = defaultdict(int)
    old: list[str] = []
    last = ""
    while rows := store.runs(states=sorted(OVER), limit=PAGE, before=last):
        for row in rows:
            kept[row.flow] += 1
            ended = row.ended if row.ended is not None else row.created
            if kept[row.flow] > keep_last and ended < older_than and not _needed(store, row):
                old.append(row.id)
        last = rows[-1].id
    dropped = 0
    for start in range(0, len(old), UNIT):
        dropped += _drop(store, [DropRun(run) for run in old[start : start + UNIT]])
    commit_now(store, [Sweep(time.time() if now is None else now, older_than, cache)])
    return dropped


def _needed(store: Store, row: RunRow) -> bool:
    parent = store.run(row.parent) if row.parent else None
    return parent is not None and parent.state not in OVER


def _drop(store: Store, changes: Sequence[Change]) -> int:
    try:
        commit_now(store, changes)
    except StoreError:
        if len(changes) == 1:  # dropped by somebody else, or damaged: the others can go
            return 0
        return sum(_drop(store, [change]) for change in changes)
    return len(changes)
