"""``cflow resume``: going on with runs whose process is gone."""

from __future__ import annotations

import argparse

from .output import emit
from .run import nodes_print_to_standard_error
from .stores import existing


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is nothing to do; 1 where a run failed or is parked; 2 where there is no such run
    or store."""
    from ..engine import Engine
    from ..runs.resume import resume

    with existing(arguments.store), nodes_print_to_standard_error():
        rows = resume(Engine(store=arguments.store), arguments.run, accept=arguments.accept)
    for row in rows:
        emit("  ".join((row.id, f"{row.state:9}", row.flow, row.reason)).rstrip())
    return 1 if any(row.state in ("failed", "parked") for row in rows) else 0
