"""A new run that begins with what another one had recorded before a step, and goes on from there.

What is on record before the first entry of a step had ended while the step had not, so it cannot depend on it: the
journal up to there is the new run's own. What comes after it is done again, with the program of today.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..compiler.inputs import bind_again
from ..executor.suspended import Suspended
from ..store.failures import StoreError
from ..store.keeper import read_entries, read_journal
from ..store.port import SetRun
from ..store.rows import RunRow
from ..store.tickets import commit_now
from .history import read_history
from .programs import find_program
from .resume import entered, find, to_its_end
from .since import since

if TYPE_CHECKING:
    from ..engine import Engine


def rerun(engine: Engine, run: str, start: str = "") -> RunRow:
    """Run a flow once more on the inputs of a run; how the new run has ended.

    Parameters
    ----------
    start: the step from which on everything is done again: its key, the end of that, or the name of what it calls.
    Empty: all of it.

    Raises
    ------
    Unknown: there is no such run or step, or there are several. StoreError: the engine has no store, the journal is
    damaged, or the run has undone what the new one would count as done. ProgramError, InputError: the program is wrong
    or gone, or a secret is not set; the inputs of the run do not fit it any more.
    """
    from ..started import read_ambient

    recorder = engine.recorder
    if recorder is None:
        msg = "the engine has no store: Engine(store=...)"
        raise StoreError(msg)
    store = recorder.store
    row = find(store, run)
    compiled = entered(engine.compiled(find_program(engine, row.program)), row.flow)
    key, kept = "", set[int]()
    if start:
        history = read_history(store, run)
        step = since(history, start)
        key = step.key
        kept = {entry.number for entry in history.entries if entry.number < step.first}
    fresh = read_ambient(compiled.graph)
    codec = recorder.codec(compiled, fresh)
    ambient = {**fresh, **codec.decode(row.ambient)}
    flow = compiled.graph.main
    bound = bind_again(flow.params, codec.decode(row.inputs), compiled.objects.classes, name=flow.name)
    begun = recorder.begin(compiled, row.program, bound, ambient)
    id = begun.row.id
    reason = f"{run} again, from {key} on" if key else f"{run} again"
    begun.keeper.head.append(SetRun(id, recorder.owner.id, reason=reason))
    entries: list[bytes] = []
    if kept:
        for noted, data in zip(read_entries(store, run), store.journal(run), strict=True):
            if noted.number in kept:
                entries.append(data)
                begun.keeper.hold(noted.data)
    # From here on it is a run like any other: whoever resumes it goes on from these entries.
    commit_now(store, begun.keeper.unit(0, entries))
    recording = recorder.reopen(begun.row, begun.codec, read_journal(store, id))
    started = engine._started(compiled, bound, id, recording, ambient)
    with suppress(Exception, Suspended):  # it is on record how it ended
        to_its_end(started)
    return find(store, id)
