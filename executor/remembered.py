"""What a flow call with ``cache`` or ``once`` gave, in a recorded run: whether it was remembered came from outside."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .at import At
from .entries import CUT, DONE, Entry
from .ports import Cache, Shares
from .run import Run


async def remembered(
    run: Run,
    at: At,
    id: str,
    cache: Cache,
    key: str,
    made: Callable[[], Awaitable[tuple[Any, object]]],
    ttl: float | None,
    shares: Shares,
) -> Any:
    """What is kept under ``key``, else what ``made`` gives. Where it was made, it is made again: its calls are in the
    journal."""
    journal = run.journal
    assert journal is not None
    name = f"{at.path}${key.partition(':')[0]}"
    entry = journal.take(name)
    if entry is not None and entry.kind == DONE:
        return journal.keeper.value(entry.data)

    if entry is not None:
        value, claim = await made()
        await cache.again(key, value, claim, entry.number)
        return value

    async def noted() -> tuple[Any, object]:
        journal.add(Entry(name, CUT))
        found = await made()
        journal.going()  # else what it has done is not on record, and it is made again
        return found

    await journal.live()
    await journal.on_disk(journal.written)
    value, hit = await cache.get(key, noted, ttl, shares)
    if hit:
        journal.add(Entry(name, DONE, value), write=True)
        if run.sinks is not None:
            run.sinks.emit("node", "cached", run.id, id)
    return value
