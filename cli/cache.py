"""``cflow cache``: the cached values of a store, listed or dropped."""

from __future__ import annotations

import argparse
import datetime
import json
from pathlib import Path

from .output import emit
from .stores import existing


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where nothing is cached of the node that is named; 2 where there is no such store."""
    from ..store.blobs import Blobs
    from ..store.collecting import soon
    from ..store.place import BLOBS, open_store
    from ..store.port import Forget
    from ..store.tickets import commit_now

    clear = arguments.what == "clear"
    with existing(arguments.store):
        store = open_store(arguments.store, readonly=not clear)
        rows = store.cache(arguments.node)
        if clear:
            commit_now(store, [Forget(node=arguments.node)])
            soon(Blobs(Path(arguments.store) / BLOBS))
        store.close()
    if clear:
        emit(f"{len(rows)} dropped")
    for row in () if clear else rows:
        if arguments.json:
            emit(json.dumps({"node": row.node, "key": row.key, "made": row.made, "until": row.until, "size": row.size}))
        else:
            until = "for ever" if row.until is None else f"until {_time(row.until)}"
            emit(f"{row.node}  {row.key.rpartition(':')[2][:12]}  {row.size:>9} bytes  made {_time(row.made)}  {until}")
    return 1 if arguments.node and not rows else 0


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds).isoformat(" ", "seconds")
