"""``cflow runs``: the runs on record, the youngest first."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

from .arguments import Usage

SHOWN = ("id", "flow", "state", "created", "ended", "program", "reason")


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 2 where there is no such store, or it cannot be read."""
    from ..store.place import open_store
    from ..store.port import StoreError

    if not (Path(arguments.store) / "store.db").is_file():
        raise Usage(f"there is no store in {arguments.store}: `cflow run FILE --store {arguments.store}` makes one")
    try:
        store = open_store(arguments.store, readonly=True)
        rows = store.runs()
        store.close()
    except StoreError as error:
        raise Usage(str(error)) from error
    for row in rows:
        if arguments.json:
            print(json.dumps({name: getattr(row, name) for name in SHOWN}))
        else:
            began = datetime.datetime.fromtimestamp(row.created).isoformat(" ", "seconds")
            print("  ".join((row.id, f"{row.state:9}", began, row.flow, row.reason.partition("\n")[0])).rstrip())
    return 0
