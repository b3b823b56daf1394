"""``sleep`` and ``wait_signal`` of a recorded run: their deadlines and answers are on record, so they outlive the
process."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from ..compiler.durations import seconds
from .at import At
from .entries import DONE, FAILED, Entry
from .journal import Journal
from .late import trio
from .letters import Inbox, Letter
from .recorded import given
from .run import Run
from .scopes import parked
from .suspended import Suspended
from .undo import UndoLog
from .wall import wall

LOOK = 60.0
"""Seconds after which the wall's clock is looked at again: it may have been set, or the machine have slept."""

Kept = tuple[Any, bool]
"""What a wait gives, and whether that is on record."""


def _cut(_: object) -> trio.lowlevel.Abort:
    return trio.lowlevel.Abort.SUCCEEDED


async def _sleep(run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], duration: Any) -> Any:
    journal = run.journal
    assert journal is not None

    async def wait(until: float) -> Kept:
        with journal.waiting("", b"", until):
            while (left := until - wall()) > 0:
                with trio.CancelScope(deadline=trio.current_time() + min(left, LOOK)):  # as trio.sleep, in one piece
                    await trio.lowlevel.wait_task_rescheduled(_cut)
        return None, False

    return await _recorded(run, at, id, policy, seconds(duration), wait)


async def _wait_signal(
    run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], name: Any, key: Any = None
) -> Any:
    journal = run.journal
    assert journal is not None
    inbox = journal.inbox
    assert inbox is not None
    where = at.path + id
    place = inbox.key(key)
    missed = 0
    while journal.take(f"{where}?{missed}") is not None:  # what others had taken, used with the wait
        missed += 1

    async def wait(until: float) -> Kept:
        nonlocal missed
        with parked(log):
            while True:
                with journal.waiting(str(name), place, until):  # no longer: from here on something happens
                    letter = await _next(inbox, run.id, str(name), place, until)
                if letter is None:
                    raise TimeoutError(f"{id} took longer than {seconds(policy['timeout']):g} s")
                kept = await _received(journal, inbox, letter, where, f"{where}?{missed}")
                if kept is not None:
                    return kept
                missed += 1

    limit = policy.get("timeout")
    return await _recorded(run, at, id, policy, None if limit is None else seconds(limit), wait)


async def _next(inbox: Inbox, run: str, name: str, key: bytes, until: float) -> Letter | None:
    """The next signal; None: the wall's clock says that it is too late."""
    if until == math.inf:
        return await inbox.next(run, name, key)
    while (left := until - wall()) > 0:
        letter = None
        with trio.move_on_after(min(left, LOOK)):
            letter = await inbox.next(run, name, key)
        if letter is not None:
            return letter
    return None


async def _received(journal: Journal, inbox: Inbox, letter: Letter, where: str, instead: str) -> Kept | None:
    """Record what a signal brings, and consume it with that; None where somebody else has consumed it."""
    error: Exception | None = None
    value: Any = None
    try:
        try:
            value = journal.keeper.value(letter.value)
        except Exception as unreadable:  # a class that the program does not know: consumed all the same
            error = unreadable
        entry = Entry(where, FAILED, error) if error is not None else Entry(where, DONE, value)
        consumed = await journal.consume(entry, letter, instead)
    except BaseException:
        inbox.back(letter)
        raise
    inbox.used(letter)
    if not consumed:
        journal.going()
        return None
    if error is not None:
        raise error
    return value, True


async def _recorded(
    run: Run,
    at: At,
    id: str,
    policy: dict[str, Any],
    length: float | None,
    wait: Callable[[float], Awaitable[Kept]],
) -> Any:
    """Wait, unless that is on record. ``length``: in seconds, at most; None: for ever."""
    journal = run.journal
    assert journal is not None
    where = at.path + id
    entry = journal.take(where)
    if entry is not None:
        journal.take(f"{where}@")
        if journal.keeper.lossy(entry.data):
            journal.stop(f"what {id} has received holds a secret, which is not stored")
            raise Suspended(journal.stopped)
        return given(journal, entry)
    begun = journal.take(f"{where}@")
    await journal.live()
    await journal.on_disk(journal.next)
    if begun is not None:
        until = journal.keeper.value(begun.data)
    else:
        until = math.inf if length is None else wall() + length
        journal.add(Entry(f"{where}@", DONE, until))
    if run.sinks is not None:
        run.sinks.emit("node", "started", run.id, id)
    journal.flush()
    error: Exception | None = None
    value: Any = None
    kept = False
    try:
        value, kept = await wait(until)
    except TimeoutError as exc:
        if "default" in policy:
            value = policy["default"]
        else:
            error = exc
    if error is not None:
        journal.add(Entry(where, FAILED, error), write=True)
    elif not kept:
        journal.add(Entry(where, DONE, value), write=True)
    if run.sinks is not None:
        run.sinks.emit("node", "failed" if error is not None else "done", run.id, id, error=error)
    if error is not None:
        raise error
    return value


WAITS: dict[str, Callable[..., Awaitable[Any]]] = {"sleep": _sleep, "wait_signal": _wait_signal}
"""By the name in ``NodeSpec.builtin``."""
