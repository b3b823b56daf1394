"""``cflow resume``: going on with runs whose process is gone."""

from __future__ import annotations

import argparse
from pathlib import Path

from .arguments import Usage
from .run import nodes_print_to_standard_error


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0, also where there is nothing to do; 1 where a run failed or is parked; 2 where there is no such run
    or store."""
    from ..engine import Engine
    from ..runs.resume import resume
    from ..store.port import StoreError

    if not (Path(arguments.store) / "store.db").is_file():
        raise Usage(f"there is no store in {arguments.store}: `cflow run FILE --store {arguments.store}` makes one")
    try:
        with nodes_print_to_standard_error():
            rows = resume(Engine(store=arguments.store), arguments.run, accept=arguments.accept)
    except StoreError as error:
        raise Usage(str(error)) from error
    for row in rows:
        print("  ".join((row.id, f"{row.state:9}", row.flow, row.reason)).rstrip())
    return 1 if any(row.state in ("failed", "parked") for row in rows) else 0
