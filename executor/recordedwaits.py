"""``sleep`` and ``wait_signal`` of a recorded run: their deadlines and answers are on record, so they outlive the
process."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from typing import Any

from ..compiler.durations import seconds
from .at import At
from .entries import DONE, FAILED, Entry
from .late import trio
from .recorded import given
from .run import Run
from .scopes import parked
from .undo import UndoLog
from .wall import wall

LOOK = 60.0
"""Seconds after which the wall's clock is looked at again: it may have been set, or the machine have slept."""


async def _sleep(run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], duration: Any) -> Any:
    return await _recorded(run, at, id, policy, seconds(duration), _until)


async def _wait_signal(
    run: Run, log: UndoLog | None, at: At, id: str, policy: dict[str, Any], name: Any, key: Any = None
) -> Any:
    async def wait(until: float) -> Any:
        with parked(log):
            found: list[Any] = []
            # The wait for the signal ends with the time, whichever clock says so first.
            async with trio.open_nursery() as nursery:

                async def answered() -> None:
                    found.append(await run.services.signals.wait(run.id, str(name), key))
                    nursery.cancel_scope.cancel()

                nursery.start_soon(answered)
                await _until(until)
                nursery.cancel_scope.cancel()
            if found:
                return found[0]
        raise TimeoutError(f"{id} took longer than {seconds(policy['timeout']):g} s")

    limit = policy.get("timeout")
    return await _recorded(run, at, id, policy, None if limit is None else seconds(limit), wait)


async def _recorded(
    run: Run,
    at: At,
    id: str,
    policy: dict[str, Any],
    length: float | None,
    wait: Callable[[float], Awaitable[Any]],
) -> Any:
    """Wait, unless that is on record. ``length``: in seconds, at most; None: for ever."""
    journal = run.journal
    assert journal is not None
    where = at.path + id
    entry = journal.take(where)
    if entry is not None:
        journal.take(f"{where}@")
        return given(journal, entry)
    begun = journal.take(f"{where}@")
    await journal.live()
    await journal.before_write()
    until = math.inf
    if begun is not None:
        until = journal.keeper.value(begun.data)
    elif length is not None and length < math.inf:
        until = wall() + length
        journal.add(Entry(f"{where}@", DONE, until))
    if run.sinks is not None:
        run.sinks.emit("node", "started", run.id, id)
    journal.flush()
    error: Exception | None = None
    value: Any = None
    try:
        value = await wait(until)
    except TimeoutError as exc:
        if "default" in policy:
            value = policy["default"]
        else:
            error = exc
    if error is not None:
        journal.add(Entry(where, FAILED, error), write=True)
    else:
        journal.add(Entry(where, DONE, value), write=True)
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
