"""Calls of a run that is recorded: what they gave before, else what they give now, written down.

Generated code comes here, where a run is recorded, for every call that is not pure, and for pure ones that may wait. A
pure call in place is made again: that costs less than reading it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from .at import At
from .entries import DONE, FAILED, GIVEN, OWED, Entry, Recorded
from .groups import is_cancellation, stopped
from .invoke import CALLS, LANE, LOOP, Site, Tries, Undoing, invoke, once_key, owe_by_name
from .journal import Journal
from .run import SLICE, Run
from .suspended import Suspended
from .undo import UndoLog

Whose = Callable[[], tuple[str, Callable[..., Awaitable[Any]], At]]
"""Of an undo, without its arguments: its name, who runs it, and where it stands."""

WORTH = 0.001
"""Seconds from which on the result of a pure call is worth recording."""


def given(journal: Journal, entry: Recorded) -> Any:
    """What a call gave before.

    Raises
    ------
    What it raised before.
    """
    if entry.kind == FAILED:
        raise journal.keeper.error(entry.data)
    return journal.keeper.value(entry.data)


def _owes(
    journal: Journal, key: str, number: int, log: UndoLog, undoing: Undoing, whose: Whose | None
) -> Recorded | None:
    """Note the undo of an attempt that had done its work, whatever became of it."""
    entry = journal.take(f"{key}~{number}")
    if entry is not None:
        log.add(*undoing(given(journal, entry)))
        return entry
    entry = journal.take(f"{key}~{number}!")
    if entry is not None and whose is not None:
        name, runner, at = whose()
        found = journal.keeper.value(entry.data)
        args, kwargs = ((), {}) if found is None else found
        log.add(name, _cannot if found is None else runner, args, kwargs, at)
    return entry


def _owes_anyway(journal: Journal, key: str, number: int, undoing: Undoing, value: Any) -> None:
    """Record what an undo needs of a value that cannot be stored; that it owes one, where that cannot be either."""
    _, _, args, kwargs, _ = undoing(value)
    try:
        journal.add(Entry(f"{key}~{number}!", OWED, (args, kwargs), attempt=number), True)
    except Exception:
        journal.add(Entry(f"{key}~{number}!", OWED, None, attempt=number), True)


async def _cannot(run: Run, at: At) -> None:
    """Stands for an undo that needs what could not be stored."""
    if run.journal is None or run.journal.take(f"{at.path}undo") is None:  # else the process that knew it has run it
        msg = "it needs what the call gave, which could not be stored"
        raise RuntimeError(msg)


async def once_again(
    run: Run, site: Site, policy: dict[str, Any], value: Any, log: UndoLog | None, mark: int, path: str, number: int
) -> None:
    """What a call ``once`` gave is on record; it is settled with what it owes, or by now. ``path``: of the call.
    ``number``: of its entry."""
    once = run.services.once
    key = once_key(site.spec.key, policy)
    owe_by_name(log, mark, path, once.named(key))
    claim = None if log is None else log.claim(mark, functools.partial(once.settle, key))
    await once.again(key, value, claim, number)


async def quick(
    run: Run, site: Site, args: tuple[Any, ...], kwargs: dict[str, Any], tries: Tries, journal: Journal, write: bool
) -> Any:
    """A call that asks for nothing, in a run that is live: what :func:`recorded` and :func:`~.invoke.invoke` do, in one
    piece, since most calls are of this kind and each coroutine between a task and its commit is paid at both ends."""
    if journal.stopped is not None or journal.before_new is not None or journal.shielded():
        await journal.live()
    number = journal.next if write else journal.written if site.reader else -1
    if journal.synced < number:
        if journal.landing:
            await journal.until_landed(number)
        if journal.synced < number:
            await journal.on_disk(number)
        run.due = time.perf_counter() + SLICE
    began, clock = time.time(), time.perf_counter()
    journal.begun += 1
    try:
        if run.free > 0:
            run.free -= 1
        else:
            await run.slot()
        try:
            value = await site.fn(*args, **kwargs) if site.placement is LOOP else site.fn(*args, **kwargs)
            if site.promise is not None:
                site.promise.check(value)
        finally:
            run.release()
    except Exception as exc:
        if not is_cancellation(exc):
            error, took = stopped(exc) or exc, time.perf_counter() - clock
            journal.add(Entry(tries.path, FAILED, error, began, took, 1, site.reader), write)
        raise
    finally:
        journal.begun -= 1
    took = time.perf_counter() - clock
    try:
        journal.add(Entry(tries.path, DONE, value, began, took, 1, site.reader), write)
    except Exception as unstorable:
        journal.add(Entry(tries.path, FAILED, unstorable, began, took, 1, site.reader), write)
        raise
    return value


CALLS.add(quick.__code__)


def recorded(
    run: Run,
    at: At,
    site: Site,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    policy: dict[str, Any],
    log: UndoLog | None = None,
    undoing: Undoing | None = None,
    whose: Whose | None = None,
    name: str = "",
) -> Coroutine[Any, Any, Any]:
    """Call a node under its policy, unless the journal has what it gave. ``name``: of the step, where it is not the
    id. ``undoing``, ``whose``: its undo, with and without what it gave. (What it gives is to be awaited at once.)"""
    journal = run.journal
    assert journal is not None
    key = at.path + (name or site.id)
    if (
        not (policy or journal.old or journal.replaying or site.placement is LANE)
        and undoing is None
        and run.sinks is None
        and not (effects := site.spec.effects).pure
    ):
        tries = Tries(path=key, spare=site.reader, named=at.key(key))
        return quick(run, site, args, kwargs, tries, journal, not site.reader and not effects.logs_only)
    return _recorded(journal, key, run, at, site, args, kwargs, policy, log, undoing, whose)


async def _recorded(
    journal: Journal,
    key: str,
    run: Run,
    at: At,
    site: Site,
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    policy: dict[str, Any],
    log: UndoLog | None,
    undoing: Undoing | None,
    whose: Whose | None,
) -> Any:
    """The same for all other calls; ``key`` names the step in the journal."""
    if journal.old or journal.replaying:
        if journal.seen is not None:
            journal.seen(key, site, args, kwargs)
        entry = journal.take(key)
        if entry is not None and entry.attempt > 1:
            journal.tries(key)  # those before it are used with it
        if entry is not None and journal.keeper.lossy(entry.data):
            if not site.reader:
                journal.stop(f"what {site.id} has given holds a secret, which is not stored; it was not made again")
                raise Suspended(journal.stopped)
        elif entry is not None:
            mark = 0 if log is None else len(log.entries)
            if log is not None and undoing is not None:
                for number in range(1, entry.attempt + 1):
                    _owes(journal, key, number, log, undoing, whose)
            value = given(journal, entry)
            if log is not None and undoing is not None and entry.kind == DONE:
                log.add(*undoing(value))
            if policy.get("once") is not None and entry.kind == DONE:
                await once_again(run, site, policy, value, log, mark, key, entry.number)
            if run.sinks is not None:
                run.sinks.emit("node", "cached", run.id, site.id)
            return value
    tries = Tries(number=journal.tries(key), path=key, spare=site.reader, named=at.key(key))
    notes = undoing
    owed = False
    """Is the undo on record by itself?"""
    if log is not None and undoing is not None:
        found = [_owes(journal, key, number, log, undoing, whose) for number in range(1, tries.number + 1)][-1]
        if found is not None:
            # The attempt has done its work, and the process died before it was known whether that was in time.
            if found.key.endswith("!"):
                lost = RuntimeError(f"what {site.id} has given could not be stored")
                journal.add(Entry(key, FAILED, lost, attempt=tries.number), True)
                raise lost
            value = given(journal, found)
            journal.add(Entry(key, GIVEN, value, attempt=tries.number), True)
            return value

        def noted(value: Any) -> Any:
            nonlocal owed
            owed = True
            try:
                journal.add(Entry(f"{key}~{tries.number}", OWED, value, attempt=tries.number), True)
            except Exception:  # that it cannot be stored is told with the result
                _owes_anyway(journal, key, tries.number, undoing, value)
            return undoing(value)

        if policy.get("timeout") is not None:
            notes = noted

    effects = site.spec.effects
    write = not site.reader and not effects.logs_only
    if not effects.pure:
        await journal.live()
        number = journal.next if write and policy.get("once") is None else journal.written if site.reader else -1
        if journal.synced < number:
            await journal.on_disk(number)
            run.due = time.perf_counter() + SLICE  # meanwhile others had their turn
    began, clock = time.time(), time.perf_counter()
    journal.begun += 1
    try:
        value = await invoke(run, site, args, kwargs, policy, log, notes, tries=tries)
    except Exception as exc:
        if not is_cancellation(exc):
            error, took = stopped(exc) or exc, time.perf_counter() - clock
            journal.add(Entry(key, FAILED, error, began, took, tries.number, site.reader), write)
        raise
    finally:
        journal.begun -= 1
    took = time.perf_counter() - clock
    # A pure one with a timeout may be too late where it is made again.
    if not effects.pure or took > WORTH or policy.get("timeout") is not None:
        kind = DONE if tries.made and not owed else GIVEN
        try:
            journal.add(Entry(key, kind, value, began, took, tries.number, site.reader), write)
        except Exception as unstorable:
            # It was done: what is made of that, here and in a repetition, is an error, and no second call.
            if log is not None and undoing is not None and kind == DONE:
                _owes_anyway(journal, key, tries.number, undoing, value)
            journal.add(Entry(key, FAILED, unstorable, began, took, tries.number, site.reader), write)
            raise
    return value
