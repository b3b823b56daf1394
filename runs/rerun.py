"""A new run that begins with what another one had recorded before a step, and goes on from there.

What is on record before the first entry of a step had ended while the step had not, so it cannot depend on it: the
journal up to there is the new run's own. What comes after it is done again, with the program of today.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from ..executor.entries import OWED
from ..executor.suspended import Suspended
from ..executor.watch import CANCELLED
from ..store.keeper import Noted, read_entries
from ..store.port import RunRow, SetRun, StoreError
from ..store.tickets import commit_now
from .history import History, read_history
from .paths import only
from .programs import find_program
from .resume import entered, find, to_its_end
from .tree import Node, tree_of

if TYPE_CHECKING:
    from ..engine import Engine

_FOLLOWS = frozenset(":#@!=<|$[/")
"""What may stand after the key of a step in the keys of what belongs to it."""


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
    or gone, or a secret is not set.
    """
    from ..started import read_ambient

    recorder = engine.recorder
    if recorder is None:
        msg = "the engine has no store: Engine(store=...)"
        raise StoreError(msg)
    store = recorder.store
    row = find(store, run)
    compiled = entered(engine.compiled(find_program(engine, row.program)), row.flow)
    key, kept = "", 0
    if start:
        history = read_history(store, run)
        if history.damage:
            raise StoreError(history.damage)
        key = find_step(history, start)
        kept = _kept(history.entries, key)
    fresh = read_ambient(compiled.graph)
    codec = recorder.codec(compiled, fresh)
    ambient = {**fresh, **codec.decode(row.ambient)}
    bound = codec.decode(row.inputs)
    begun = recorder.begin(compiled, row.program, bound, ambient)
    id = begun.row.id
    reason = f"{run} again, from {key} on" if key else f"{run} again"
    begun.keeper.head.append(SetRun(id, recorder.owner.id, reason=reason))
    entries: list[bytes] = []
    if kept:
        for noted, data in zip(read_entries(store, run), store.journal(run), strict=True):
            if noted.number >= kept:
                break
            entries.append(data)
            begun.keeper.hold(noted.data)
    # From here on it is a run like any other: whoever resumes it goes on from these entries.
    commit_now(store, begun.keeper.unit(0, entries))
    recording = recorder.reopen(begun.row, compiled, begun.codec)
    started = engine._started(compiled, bound, id, recording, ambient)
    with suppress(Exception, Suspended):  # it is on record how it ended
        to_its_end(started)
    return find(store, id)


def find_step(history: History, name: str) -> str:
    """The key of a step on record.

    Raises
    ------
    Unknown: there is none of that name, or there are several; the message lists them.
    """
    steps = list(_steps(tree_of(history)))
    if any(node.key == name for node in steps):
        return name
    found = [node.key for node in steps if name == node.name or node.key.endswith((f":{name}", f"/{name}"))]
    return only(found, name, "step")


def _steps(node: Node) -> list[Node]:
    """All steps but passes by their number, and undos, which nobody begins with."""
    found = []
    for child in node.inner():
        if child.kind != "undo":
            found += [child, *_steps(child)]
    return found


def _kept(entries: tuple[Noted, ...], key: str) -> int:
    """How many entries stand before the first one of a step.

    Raises
    ------
    StoreError: a later one has undone what an earlier one has done.
    """
    first = next((e.number for e in entries if _belongs(e.key, key)), len(entries))
    first = next((e.number for e in entries[:first] if e.key == CANCELLED), first)
    before = [entry.key for entry in entries[:first]]
    for entry in entries[first:]:
        done, tilde, _ = entry.key.partition("~")
        if tilde and entry.kind != OWED and any(_belongs(earlier, done) for earlier in before):
            msg = f"{done} was undone when the run failed, so it has to be done again: begin with it, or before it"
            raise StoreError(msg)
    return first


def _belongs(key: str, step: str) -> bool:
    """Is an entry one of a step, or of what is in it? Its undos are not."""
    return key == step or (key.startswith(step) and key[len(step)] in _FOLLOWS)
