"""``cflow signal``: a signal for a run that waits, or will."""

from __future__ import annotations

import argparse
import json
import time
from typing import Any

from .arguments import Usage
from .inputs import refuse
from .stores import existing

ANYBODY = "-"
"""In place of a run: whoever waits first."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0 once it is on disk; 2 where there is no such run or store, or the run is over."""
    from ..runs.inbox import key_bytes
    from ..store.blobs import Blobs
    from ..store.encoding import Values
    from ..store.place import open_store
    from ..store.port import Send, Signal
    from ..store.tickets import commit_now

    value = None if arguments.value is None else read_value(arguments.value)
    with existing(arguments.store):
        store = open_store(arguments.store)
        try:
            values = Values({}, blobs=Blobs(store.folder / "blobs"))
            data = values.encode(value, "VALUE")
            run = "" if arguments.run == ANYBODY else arguments.run
            signal = Signal(
                arguments.name, key_bytes(arguments.key, values), data, run, arguments.unique or "", time.time()
            )
            commit_now(store, [Send(signal, values.refs(data))])
        finally:
            store.close()
    return 0


def read_value(text: str) -> Any:
    """JSON, where the text is some; else the text itself."""
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return text
    except RecursionError:
        raise Usage("the value is nested too deeply") from None
