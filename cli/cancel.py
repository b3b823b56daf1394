"""``cflow cancel``: ends a run; the undos that it owes are run first."""

from __future__ import annotations

import argparse

from .output import emit
from .stores import existing


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where another process was asked; 1 where the run could not be cancelled, or an undo failed; 2
    where there is no such run or store, or it is over."""
    from ..engine import Engine
    from ..runs.cancel import cancel

    with existing(arguments.store):
        engine = Engine(store=arguments.store)
        row = cancel(engine, arguments.run, undo=not arguments.no_undo, accept=arguments.accept)
    reason = row.reason
    if row.state == "running":
        reason = "its process was asked to end it"
    emit("  ".join((row.id, f"{row.state:9}", row.flow, reason)).rstrip())
    return 1 if row.state in ("failed", "parked") else 0
