"""``cflow signal``: a signal for a run that waits, or will."""

from __future__ import annotations

import argparse
import json
import time
from typing import TYPE_CHECKING, Any

from .arguments import Usage
from .inputs import refuse
from .output import note
from .stores import existing

if TYPE_CHECKING:
    from ..store.port import Store
    from ..store.rows import Signal

ANYBODY = "-"
"""In place of a run: whoever waits first."""

SOON = 0.5
"""Seconds in which a process that lives has looked for signals."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0 once it is on disk; 2 where there is no such run or store, or the run is over."""
    from ..runs.inbox import key_bytes
    from ..store.blobs import Blobs
    from ..store.encoding import Values
    from ..store.place import open_store
    from ..store.port import Send
    from ..store.rows import Signal
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
            if _nobody_waits(store, signal):
                what = arguments.name + ("" if arguments.key is None else f", key {arguments.key},")
                note(
                    _at_rest(store, run)
                    or f"nobody waits for the signal {what} now: it is kept for {run or 'whoever waits first'}"
                )
        finally:
            store.close()
    return 0


def _at_rest(store: Store, run: str) -> str:
    """Of a run that nobody works on, what has to be done for it to find a signal; empty: it can be seen whether it
    waits."""
    from ..runs.cancel import lives

    row = store.run(run) if run else None
    if row is None or row.state not in ("running", "parked") or lives(store, row):
        return ""
    why = "is parked" if row.state == "parked" else "has no process any more"
    return f"{run} {why}: the signal is kept until it goes on (cflow resume {run})"


def _nobody_waits(store: Store, signal: Signal) -> bool:
    """Does a signal that is on disk lie there? Which runs wait is on record of those that are put away; one that holds
    its task takes the signal within :data:`SOON`."""
    from ..store.rows import Waited

    waits = Waited(signal.name, signal.key)
    # Who waited first has something to do since the signal came.
    due = [signal.run] if signal.run else [row.id for row in store.runs(states=("waiting",), due=time.time())]
    if any(waits in store.waits(run) for run in due):
        return False
    end = time.monotonic() + SOON
    while time.monotonic() < end and store.runs(states=("running",), limit=1):
        if not store.inbox(signal.run, signal.name, signal.key):
            return False
        time.sleep(0.05)
    return bool(store.inbox(signal.run, signal.name, signal.key))


def read_value(text: str) -> Any:
    """JSON, where the text is some; else the text itself."""
    try:
        return json.loads(text, parse_constant=refuse)
    except ValueError:
        return text
    except RecursionError:
        raise Usage("the value is nested too deeply") from None
