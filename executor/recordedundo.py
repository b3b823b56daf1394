"""Undos of a recorded run. One that fails for good parks the run, so that a person can see to it: those that are left
wait for it, as they are to run in their order.

When the run goes on, what has failed is repeated from the record like an attempt, and the undo is tried again.
"""

from __future__ import annotations

import linecache
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..compiler.secrets import hide
from .at import At
from .entries import FAILED, TRY, Entry
from .suspended import Suspended

if TYPE_CHECKING:
    from .journal import Journal
    from .run import Run
    from .undo import Owed


async def undo(run: Run, owed: Owed, left: Sequence[Owed]) -> None:
    """Run one undo, unless that is on record. ``left``: those that are to follow, the next one last.

    Raises
    ------
    Suspended: it has failed; the run is parked. What it raised: a person has said that it is to be left out.
    """
    journal = run.journal
    assert journal is not None
    at = owed.at
    assert isinstance(at, At)
    key = f"{at.path}undo!"
    number = 1
    while True:
        try:
            await owed.run(run, at.anew(number), *owed.args, **owed.kwargs)
            return
        except Exception as error:
            if journal.take(f"{key}{number}") is None:
                journal.add(Entry(f"{key}{number}", TRY, error, attempt=number))
                journal.stop(_told(run.id, owed, error, left))
                raise Suspended(journal.stopped) from error
            number += 1
            if await _skipped(journal, key, number, error):
                raise


async def _skipped(journal: Journal, key: str, number: int, error: Exception) -> bool:
    """Is an undo that has failed left out? ``number``: of the attempt that would be next."""
    entry = journal.peek(key)
    if entry is not None and entry.attempt == number:  # not after an earlier one
        journal.take(key)
        return True
    if not journal.skip_undo or journal.peek(f"{key}{number}") is not None:
        return False
    await journal.live()
    journal.skip_undo = False
    journal.add(Entry(key, FAILED, error, attempt=number))
    return True


def _told(run: str, owed: Owed, error: Exception, left: Sequence[Owed]) -> str:
    lines = [f"the undo {owed.name} failed: {error!r}; left to do, in this order:"]
    for one in (owed, *reversed(left)):
        at = one.at
        assert isinstance(at, At)
        file, line = at.line
        where = f"  ({file}:{line}: {linecache.getline(file, line).strip()})" if line else ""
        lines.append(f"  {one.name} of {at.path.removesuffix('~')}{where}")
    lines.append(f"`cflow resume {run}` tries it again, `cflow resume {run} --skip-undo` leaves it out")
    return hide("\n".join(lines))
