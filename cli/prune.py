"""``cflow prune``: drops old runs that are over, and what only they needed."""

from __future__ import annotations

import argparse
import time
from pathlib import Path

from .output import emit
from .stores import existing


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 2 where there is no such store, or it cannot be written."""
    from ..store.blobs import Blobs
    from ..store.collecting import soon
    from ..store.place import BLOBS, open_store
    from ..store.retention import prune

    with existing(arguments.store):
        store = open_store(arguments.store)
        try:
            dropped = prune(store, time.time() - arguments.older_than, arguments.keep)
            soon(Blobs(Path(arguments.store) / BLOBS))
        finally:
            store.close()
    emit(f"{dropped} dropped")
    return 0
