"""``sleep`` and ``wait_signal`` of a recorded run: their deadlines and answers are on record, so they outlive the
process, and while a run does nothing but wait it may be put away."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from attrs import frozen

from ..compiler.durations import seconds
from .at import At
from .entries import DONE, FAILED, Entry
from .journal import Journal
from .late import trio
from .recorded import given
from .run import Run
from .scopes import parked
from .undo import UndoLog
from .wall import wall

LOOK = 60.0
"""Seconds after which the wall's clock is looked at again: it may have been set, or the machine have slept."""


@frozen
class Parked:
    """What a run waits for: a signal (``name``; empty: none), and until when (epoch seconds)."""

    name: str
    key: Any
    until: float


async def _sleep(run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], duration: Any) -> Any:
    async def wait(journal: Journal, until: float) -> Any:
        await _until(until)
        return None, None

    return await _recorded(run, at, id, {**policy, "timeout": None}, seconds(duration), "", None, wait)


async def _wait_signal(
    run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], name: Any, key: Any = None
) -> Any:
    async def wait(journal: Journal, until: float) -> Any:
        with parked(log):
            found: list[Any] = []
            # The wait for the signal ends with the time, whichever clock says so first.
            async with trio.open_nursery() as nursery:

                async def answered() -> None:
                    found.append(await run.services.signals.taken(run.id, str(name), key))
                    nursery.cancel_scope.cancel()

                nursery.start_soon(answered)
                await _until(until)
                nursery.cancel_scope.cancel()
            if found:
                return found[0]
        raise TimeoutError(f"{id} took longer than {seconds(policy['timeout']):g} s")

    return await _recorded(run, at, id, policy, None, str(name), key, wait)


async def _recorded(
    run: Run,
    at: At,
    id: str,
    policy: dict[str, Any],
    length: float | None,
    name: str,
    key: Any,
    wait: Callable[[Journal, float], Awaitable[tuple[Any, int | None]]],
) -> Any:
    """Wait, unless that is on record. ``length``: of a timer, in seconds. ``name``, ``key``: of a signal."""
    journal = run.journal
    assert journal is not None
    where = at.path + id
    entry = journal.take(where)
    if entry is not None:
        journal.take(f"{where}@")
        return given(journal, entry)
    span = length if length is not None else None if policy.get("timeout") is None else seconds(policy["timeout"])
    begun = journal.take(f"{where}@")
    await journal.live()
    await journal.before_write()
    until = math.inf
    if begun is not None:
        until = journal.keeper.value(begun.data)
    elif span is not None and span < math.inf:
        until = wall() + span
        journal.add(Entry(f"{where}@", DONE, until))
    if run.sinks is not None:
        run.sinks.emit("node", "started", run.id, id)
    mark = Parked(name, key, until)
    journal.parked.append(mark)
    journal.flush()
    error: Exception | None = None
    use: int | None = None
    value: Any = None
    try:
        value, use = await wait(journal, until)
    except TimeoutError as exc:
        if "default" in policy:
            value = policy["default"]
        else:
            error = exc
    finally:
        journal.parked.remove(mark)
    if error is not None:
        journal.add(Entry(where, FAILED, error), write=True)
    else:
        journal.add(Entry(where, DONE, value), write=True, use=use)
    if run.sinks is not None:
        run.sinks.emit("node", "failed" if error is not None else "done", run.id, id, error=error)
    if error is not None:
        raise error
    return value


async def _until(until: float) -> None:
    """Until the wall's clock says so."""
    while (left := until - wall()) > 0:
        await trio.sleep(min(left, LOOK))


WAITS: dict[str, Callable[..., Awaitable[Any]]] = {"sleep": _sleep, "wait_signal": _wait_signal}
"""By the name in ``NodeSpec.builtin``."""
