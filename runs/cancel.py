"""Cancelling runs: those that nobody works on, and those that another process works on.

A run that nobody works on is repeated to where it stood and cancelled there, so the undos that it owes are run as
after Ctrl-C. A process that works on a run is asked through the run's inbox; it looks with its signs of life.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from ..executor.suspended import Suspended
from ..store.failures import Over, StoreError
from ..store.port import Remember, Send, SetRun, Store
from ..store.rows import NOWHERE, OVER, RunRow, Signal, Waited
from ..store.tickets import commit_now
from .resume import find, reopened, take, to_its_end

if TYPE_CHECKING:
    from ..engine import Engine
    from ..executor.run import Run
    from ..started import Started
    from .recorder import Recorder

ASKED = "!cancel"
"""The name of the signal that asks for it, which no program waits for; and of what tells processes that there is one:
looking that up is one question for all of their runs."""

_NOTHING = b"\xc0"
CALLED_OFF = Waited(ASKED, _NOTHING)
"""A run that is put away waits for that, too: its process may have been asked in the moment before, and not looked."""


def cancel(engine: Engine, run: str, *, undo: bool = True, accept: bool = False) -> RunRow:
    """Cancel a run; how it stands then. One that another process works on is only asked to end.

    Parameters
    ----------
    undo: run the undos that it owes; else it is marked as cancelled, and nothing of the program is run. accept: with
    the program as it is now, whatever is different.

    Raises
    ------
    Unknown: there is no such run. Over: it is over. LeaseLost: somebody else has begun to work on it. StoreError: the
    engine has no store.
    """
    recorder = engine.recorder
    if recorder is None:
        msg = "the engine has no store: Engine(store=...)"
        raise StoreError(msg)
    store = recorder.store
    row = find(store, run)
    if row.state in OVER:
        msg = f"{run} is over: it is {row.state}"
        raise Over(msg)
    if lives(store, row):
        ask(store, run)
        return find(store, run)
    began = row.state != "queued"
    row = take(recorder, row, asked=True, beyond=True)  # to end it needs no slot
    if not undo or not began:
        reason = "cancelled; undos that it may owe were not run" if began else None
        commit_now(
            store, [SetRun(run, recorder.owner.id, "cancelled", ended=time.time(), reason=reason, new_owner=NOWHERE)]
        )
        return find(store, run)
    started = reopened(engine, recorder, row, accept)
    if started is not None:
        end(started)
        with suppress(Exception, KeyboardInterrupt, Suspended):  # it is on record how it ended
            to_its_end(started)
    return find(store, run)


def ask(store: Store, run: str) -> None:
    """Ask the process that works on a run to end it.

    Raises
    ------
    Over: it is over.
    """
    now = time.time()
    signal = Signal(ASKED, _NOTHING, _NOTHING, run, unique=ASKED, sent=now)
    commit_now(store, [Send(signal), Remember(ASKED, str(now).encode(), now + 60.0, made=now)])


def lives(store: Store, row: RunRow) -> bool:
    """Does a process that lives work on a run?"""
    from ..store.owners import alive

    if row.state != "running" or row.owner == NOWHERE:
        return False
    owner = next((owner for owner in store.owners() if owner.id == row.owner), None)
    return owner is not None and alive(owner, {}) is not False


def end(started: Started) -> None:
    """Cancel a run as soon as it has been repeated to where it stood, before it begins anything new."""
    run, journal = started.state, started.state.journal
    assert journal is not None

    def once() -> None:
        if not run.interrupted:
            run.interrupt()

    journal.before_new = once
    if journal.replaying:
        journal.at_live.append(once)
    else:
        once()


def asked(store: Store, *runs: str) -> set[str]:
    """Those of the runs that somebody has asked to end."""
    return {run for run, _, _ in store.inboxes([(run, ASKED, _NOTHING) for run in runs])}


def end_asked(recorder: Recorder, seen: bytes | None) -> bytes | None:
    """Cancel those of a process's runs that it is asked to. To be called now and then, from any thread.

    Parameters
    ----------
    seen: what the last call gave.
    """
    found = recorder.store.cached(ASKED)
    if found is None or found.value == seen:
        return seen
    here = dict(recorder.under_way)
    for id in asked(recorder.store, *here):
        run, token = here[id]
        with suppress(RuntimeError):  # its loop has ended
            token.run_sync_soon(_interrupt, run)
    return found.value


def _interrupt(run: Run) -> None:
    if not run.interrupted:  # a second time would break its undos off
        run.interrupt()
