"""Dropping results of transactional nodes once nobody asks for them any more: their run is over, or what is done once
is settled or undone, and that is on disk.

Results of runs that the store does not know stay: another store may know them.
"""

from __future__ import annotations

from typing import Any

from ..runs.onces import generation, of_name, prefix
from ..store.port import Store
from ..store.rows import OVER
from .port import Database

EVERY = 1000
"""Results that are added between two looks, at least; as many as were left at the last one, where that is more. So a
look costs each of them the same, however many runs wait."""


def sweep(database: Database[Any], store: Store) -> int:
    """Drop what nobody asks for; how many results may be added before the next look."""
    ranges: list[tuple[str, str]] = []
    runs = 0
    low = ""
    once = prefix(store)
    while (key := database.first(low)) is not None:
        run = key.partition("/")[0]
        if run == once:  # of no run: one by one
            low = f"{key}\0"
            name, number = of_name(key)
            if store.settled(name) is not None or number < generation(store, name):
                ranges.append((key, low))
        else:
            low = f"{run}0"  # which follows "/": the keys of one run are a range
            row = store.run(run)
            if row is not None and row.state in OVER:
                ranges.append((f"{run}/", low))
        runs += 1
    if ranges:
        database.forget(ranges)
    return max(EVERY, runs - len(ranges))
