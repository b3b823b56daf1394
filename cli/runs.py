"""``cflow runs``: the runs on record, the youngest first."""

from __future__ import annotations

import argparse
import datetime
import json

from .output import emit
from .stores import existing

SHOWN = ("id", "flow", "state", "created", "ended", "program", "reason", "queue", "priority")


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 2 where there is no such store, or it cannot be read."""
    from ..store.place import open_store

    with existing(arguments.store):
        store = open_store(arguments.store, readonly=True)
        states = (arguments.state,) if arguments.state else ()
        rows = store.runs(states=states, flow=arguments.flow, queue=arguments.queue, limit=arguments.limit)
        store.close()
    for row in rows:
        if arguments.json:
            emit(json.dumps({name: getattr(row, name) for name in SHOWN}))
        else:
            began = datetime.datetime.fromtimestamp(row.created).isoformat(" ", "seconds")
            emit("  ".join((row.id, f"{row.state:9}", began, row.flow, _on_one_line(row.reason))).rstrip())
    return 0


def _on_one_line(reason: str) -> str:
    """All of it: what is left out of a list of runs is looked for nowhere else."""
    return "; ".join(line.strip() for line in reason.splitlines()).replace(":; ", ": ")
