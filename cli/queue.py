"""``cflow queue``: the queues of a store, listed, set, paused."""

from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from .arguments import Usage
from .output import emit
from .stores import existing

if TYPE_CHECKING:
    from ..store.port import Change
    from ..store.rows import QueueRow


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 2 where there is no such store, queue or run, or the run has begun."""
    from ..store.place import open_store
    from ..store.tickets import commit_now

    change = _change(arguments)
    with existing(arguments.store, made=arguments.what == "set"):
        store = open_store(arguments.store, readonly=change is None)
        try:
            rows = store.queues()
            # A name that nobody has used would be a new queue, which nothing waits in: `set` makes one on purpose.
            if arguments.what in ("pause", "resume") and arguments.name not in [row.name for row in rows]:
                msg = f"there is no queue {arguments.name!r}; `cflow queue list` lists them"
                raise Usage(msg)
            if change is not None:
                commit_now(store, [change])
        finally:
            store.close()
    for row in rows if change is None else ():
        emit(_json(row) if arguments.json else _line(row))
    return 0


def _change(arguments: argparse.Namespace) -> Change | None:
    """
    Raises
    ------
    Usage: what is given does not belong together.
    """
    from ..executor.memory import parse_rate
    from ..store.port import SetPriority, SetQueue

    what, name, limits = arguments.what, arguments.name, (arguments.concurrency, arguments.rate)
    if what != "set" and limits != (None, None):
        msg = f"cflow queue {what} takes no --concurrency and no --rate; `cflow queue set` does"
        raise Usage(msg)
    if (arguments.priority is not None) != (what == "priority"):
        msg = "cflow queue priority RUN N: a run that waits, and its new priority"
        raise Usage(msg)
    if bool(name) != (what != "list"):
        msg = "cflow queue list lists all" if name else f"cflow queue {what}: which one?"
        raise Usage(msg)
    if what == "list":
        return None
    if what == "priority":
        return SetPriority(name, arguments.priority)
    if what != "set":
        return SetQueue(name, paused=what == "pause")
    if arguments.rate:
        try:
            parse_rate(arguments.rate)
        except ValueError as error:
            raise Usage(f"--rate: {error}") from None
    return SetQueue(name, *limits)


def _json(row: QueueRow) -> str:
    from attrs import asdict

    return json.dumps(asdict(row))


def _line(row: QueueRow) -> str:
    limit = "no limit" if row.concurrency is None else f"{row.concurrency} at once"
    counts = (f"{getattr(row, state)} {state}" for state in ("queued", "running", "waiting", "parked"))
    return "  ".join((row.name, *counts, limit, *([row.rate] if row.rate else []), *(["paused"] if row.paused else [])))
