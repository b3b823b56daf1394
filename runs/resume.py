"""Going on with runs whose owner is gone, or that have something to do again."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from ..compiled import Compiled
from ..compiler import ir
from ..compiler.diagnostics import InputError, ProgramError
from ..compiler.inputs import bind_again
from ..executor.entries import CUT, RESUMED, SINCE, Entry
from ..executor.launch import iterate
from ..executor.loop import run_loop
from ..executor.suspended import Suspended
from ..started import Started, read_ambient
from ..store.failures import Busy, Full, LeaseLost, Over, StoreError, Unknown
from ..store.keeper import RunKeeper, read_journal
from ..store.port import Change, KeepPlan, SetRun, Store, TakeRun
from ..store.rows import NOWHERE, OVER, RunRow
from ..store.tickets import commit_now
from .differences import Changed, differences
from .helpers import read_helpers
from .programs import find_program
from .recorder import Recorder

if TYPE_CHECKING:
    from ..engine import Engine
    from .since import Since

VAIN = 5
"""Times in a row that a run is gone on with by itself, where its process dies before anything new is on record."""


def waiting_for_us(store: Store) -> Iterator[RunRow]:
    """Runs that somebody should go on with: whose owner is dead, that were never begun and wait in no queue, whose time
    has come."""
    from ..store.owners import alive

    owners = {owner.id: owner for owner in store.owners()}
    for row in reversed([*store.runs(states=("running",)), *store.runs(states=("queued",), queue="")]):
        if row.owner == NOWHERE or row.owner not in owners or alive(owners[row.owner], {}) is False:
            yield store.run(row.id) or row  # it may have written something before it died
    yield from reversed(store.runs(states=("waiting",), due=time.time()))


def take(
    recorder: Recorder, row: RunRow, asked: bool = False, step: Since | None = None, beyond: bool = False
) -> RunRow:
    """Take a run over.

    Parameters
    ----------
    row: as it stands in the store. asked: did a person ask for it? step: where it goes on from; None: where it stood.
    beyond: also where no more runs of its queue may be under way.

    Raises
    ------
    LeaseLost: somebody else was quicker. Full: its queue has no slot for it.
    """
    commit_now(recorder.store, taking(recorder, row, asked, step, beyond))
    return evolve(row, owner=recorder.owner.id, state="running")


def taking(
    recorder: Recorder, row: RunRow, asked: bool = False, step: Since | None = None, beyond: bool = False
) -> list[Change]:
    """The unit that takes a run over. That its process had died before goes into its journal, so that a run that kills
    its process is known."""
    owner = recorder.owner.id
    recorder.taken_up(row.id)
    unit: list[Change] = [*recorder.known(), TakeRun(row.id, row.owner, owner, beyond=beyond)]
    if row.state == "parked":
        unit.append(SetRun(row.id, owner, reason=""))  # it is tried again: why it was is over
    if step is not None:
        entry = Entry(f"{SINCE}{row.entries}", CUT, step.first, time.time())
    elif row.state == "running" or (asked and row.state == "parked"):
        entry = Entry(f"{RESUMED}{row.entries}", CUT, asked, time.time())
    else:
        return unit
    keeper = RunKeeper(recorder.store, recorder.inbox.values, row.id, owner)
    unit += keeper.unit(row.entries, [keeper.encoded(entry)])
    if step is not None:
        unit.append(SetRun(row.id, owner, reason=f"from {step.key} on made again"))
    return unit


def park(recorder: Recorder, row: RunRow, reason: str) -> None:
    """Leave a run, which we own, to a person."""
    commit_now(recorder.store, [SetRun(row.id, recorder.owner.id, "parked", reason=reason, new_owner=NOWHERE)])


@frozen
class Ahead:
    """What was asked for many runs at once after they were taken over. ``journals``: of most of them. ``asked``: those
    that somebody has asked to end; None: each asks for itself."""

    journals: Mapping[str, Iterable[tuple[int, bytes]]] = {}
    asked: Set[str] | None = None


def look_ahead(store: Store, runs: Sequence[str]) -> Ahead:
    """To be called once they are ours: nobody else adds to their journals then."""
    from .cancel import asked

    try:
        return Ahead(store.journals(runs), asked(store, *runs))
    except StoreError:
        return Ahead()


def reopened(
    engine: Engine,
    recorder: Recorder,
    row: RunRow,
    accept: bool = False,
    skip_undo: bool = False,
    ahead: Ahead = Ahead(),
) -> Started | None:
    """A run that was taken over, ready to go on; None where it was parked instead.

    Parameters
    ----------
    accept: go on with the program as it is now, whatever is different. skip_undo: without the undo that has parked it.
    ahead: what is known of it already.
    """
    try:
        started = _reopened(engine, recorder, row, accept, ahead)
        if started is not None and started.recording is not None:
            started.recording.journal.skip_undo = skip_undo
        return started
    except LeaseLost:
        raise
    except Busy as error:  # that gets better by itself: whoever looks then goes on with it
        recorder.left(row.id, error)
        raise
    except (ProgramError, InputError, StoreError) as error:
        # The program is gone or wrong, a secret is not set, the journal is damaged: the run waits for who mends it.
        park(recorder, row, str(error))
        return None


def _reopened(engine: Engine, recorder: Recorder, row: RunRow, accept: bool, ahead: Ahead) -> Started | None:
    past = read_journal(recorder.store, row.id, ahead.journals.get(row.id))
    if past.vain > VAIN:
        park(
            recorder,
            row,
            f"it was gone on with {VAIN} times in a row, and each time it broke off before anything new was on "
            f"record; `cflow resume {row.id}` tries once more",
        )
        return None
    current = engine.compiled(find_program(engine, row.program))
    pinned = entered(current, row.flow) if accept else _pinned(recorder, row, current)
    if isinstance(pinned, str):
        park(recorder, row, pinned)
        return None
    fresh = read_ambient(pinned.graph)  # secrets are not stored
    codec = recorder.codec(pinned, fresh)
    inputs = codec.decode(row.inputs)
    if accept:
        flow = pinned.graph.main
        inputs = bind_again(flow.params, inputs, pinned.objects.classes, name=flow.name)
        text, digest = recorder.plan(pinned)
        commit_now(recorder.store, [KeepPlan(digest, text), SetRun(row.id, recorder.owner.id, digest=digest)])
    recording = recorder.reopen(row, codec, past)
    if not pinned.graph.main.stream:
        recording.journal.idle = engine.idle
    ambient = {**fresh, **codec.decode(row.ambient)}
    started = engine._started(pinned, inputs, row.id, recording, ambient)
    from .cancel import asked, end

    if row.id in (asked(recorder.store, row.id) if ahead.asked is None else ahead.asked):
        end(started)  # its process died before it heard
    return started


def entered(current: Compiled, flow: str) -> Compiled:
    """The program with the flow of a run as its entry (a detached one is not the file's own)."""
    if current.graph.main.name == flow:
        return current
    key = next((k for k, f in current.graph.flows.items() if f.name == flow), current.graph.entry)
    return current.entered(key)


def _pinned(recorder: Recorder, row: RunRow, current: Compiled) -> Compiled | str:
    """The plan that a run is pinned to, over the objects of today; or what stands against it, in words."""
    same = entered(current, row.flow)
    now, digest = recorder.plan(same)
    if digest == row.digest:
        return same
    text = recorder.store.plan(row.digest)
    if text is None:
        return f"the plan of the run ({row.digest}) is not in the store"
    from ..compiler.reader import read_graph

    recorded: ir.Graph = read_graph(text)
    found = differences(recorded, same.optimized, read_helpers(text), read_helpers(now))
    objects = current.objects
    gone = [
        Changed(key, f"node {spec.name}: the program has it no more")
        for key, spec in recorded.nodes.items()
        if not spec.builtin and key not in objects.nodes
    ]
    if found.nodes or gone:
        from .history import read_history
        from .touched import told

        return told(evolve(found, nodes=(*found.nodes, *gone)), read_history(recorder.store, row.id), same.optimized)
    return Compiled(recorded, objects, recorded)


def find(store: Store, run: str) -> RunRow:
    """A run by its id.

    Raises
    ------
    Unknown: there is none.
    """
    row = store.run(run)
    if row is None:
        msg = f"there is no run {run!r} in this store; `cflow runs` lists them"
        raise Unknown(msg)
    return row


def _left(recorder: Recorder, row: RunRow) -> RunRow:
    """A run that somebody names, unless a live process works on it: taken away, it would be executed twice.

    Raises
    ------
    StoreError: one does, or it waits for its turn in a queue.
    """
    from ..store.owners import alive

    if row.queue and row.state == "queued":
        msg = f"{row.id} waits for its turn in the queue {row.queue}: `cflow resume --watch` begins it then"
        raise StoreError(msg)
    if row.owner == recorder.owner.id:
        at_work = row.id in recorder.programs
    else:
        at_work = any(owner.id == row.owner and alive(owner, {}) for owner in recorder.store.owners())
    if at_work and row.state not in OVER:
        msg = f"{row.id} is under way in a process that lives: wait for it, or end that process"
        raise StoreError(msg)
    return row


def _step(store: Store, row: RunRow, start: str, accept: bool) -> Since:
    from .history import read_history
    from .since import Repeats, since

    if row.state in OVER:
        msg = f"{row.id} is {row.state}: `cflow rerun {row.id} --from {start}` makes a new run"
        raise Over(msg)
    step = since(read_history(store, row.id), start)
    if step.again and not accept:
        raise Repeats(step.again)
    return step


def to_its_end(started: Started) -> None:
    """Go through with a run; the items of a stream flow go to nobody.

    Raises
    ------
    What the run raises.
    """
    if started.stream:
        for _ in iterate(started):
            pass
    else:
        run_loop(started.main, started.state)


def resume(
    engine: Engine, run: str = "", *, accept: bool = False, start: str = "", skip_undo: bool = False
) -> list[RunRow]:
    """Go on with runs that nobody works on any more, or with one, until each is over, parked or waits; what has become
    of them.

    Parameters
    ----------
    run: its id; empty: all whose owner is dead. accept: with the program as it is now, whatever is different. start: of
    one run, the step from which on everything is made again, with the program as it is now: its key, the end of that,
    or the name of what it calls. What is on record before it is kept. skip_undo: of a run that is parked because an
    undo failed: leave that out, and go on with the next one.

    Raises
    ------
    Unknown: there is no such run or step. Full: its queue has no slot for it. Repeats: writes that are on record would
    be made again, and ``accept`` does not say that they are to be. StoreError: the engine has no store, a live process
    works on the run, it waits for its turn in a queue, or it has undone what would count as done.
    """
    recorder = engine.recorder
    if recorder is None:
        msg = "the engine has no store: Engine(store=...)"
        raise StoreError(msg)
    rows = [_left(recorder, find(recorder.store, run))] if run else list(waiting_for_us(recorder.store))
    step = _step(recorder.store, rows[0], start, accept) if run and start else None
    ended = []
    for row in rows:
        if row.state in OVER:
            continue
        try:
            skip = skip_undo and row.state == "parked"
            taken = take(recorder, row, asked=bool(run), step=step)
            started = reopened(engine, recorder, taken, accept or step is not None, skip)
        except LeaseLost:  # somebody else was quicker
            continue
        except Full:
            if run:
                raise
            continue
        if started is not None:
            from .cancel import asked

            try:
                to_its_end(started)
            except KeyboardInterrupt:
                # Of a run that was cancelled before, or is to be, this is how it ends; else it is Ctrl-C.
                if started.state.interrupted and not asked(recorder.store, row.id):
                    raise
            except (Exception, Suspended):
                pass  # it is on record how it ended
        ended.append(find(recorder.store, row.id))
    return ended
