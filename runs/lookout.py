"""Finding runs of a store that somebody has to go on with, and taking them over."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Container, Iterator, Sequence

from ..store.owners import Seen, alive
from ..store.port import DropOwner
from ..store.rows import NOWHERE, RunRow
from .recorder import Recorder
from .resume import taking

PAGE = 1000
"""Runs that are asked for at once."""

FRESH = 5.0
"""Seconds in which a run that was detached is left to the process that has detached it."""


class Lookout:
    """Looks on behalf of one process. To be used by one thread.

    Parameters
    ----------
    recorder: of the process.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._store = recorder.store
        self._seen: dict[str, Seen] = {}

    def due(self, wanted: Callable[[RunRow], bool]) -> Iterator[RunRow]:
        """Those of the runs that are wanted whose time or signal has come, page by page, those whose it came first in
        front; of a queue as many as may be under way."""
        before = ""
        slots: dict[str, float] = {"": math.inf}
        while True:
            page = self._store.runs(states=("waiting",), due=time.time(), limit=PAGE, before=before)
            for row in sorted(page, key=lambda row: row.wake or 0.0):
                if not wanted(row):
                    continue
                if row.queue not in slots:
                    slots[row.queue] = self._store.slots(row.queue)
                if slots[row.queue] >= 1:
                    slots[row.queue] -= 1
                    yield row
            if len(page) < PAGE:
                return
            before = page[-1].id

    def left(self, ours: Container[str]) -> Iterator[RunRow]:
        """Runs whose owner is gone, or that were never begun, but for these. A doubt whether somebody is alive counts
        as alive."""
        for owner in self._store.owners():
            if owner.id == self._recorder.owner.id or alive(owner, self._seen) is not False:
                continue
            page = self._store.runs(owner=owner.id, states=("running", "queued", "waiting"), limit=PAGE)
            if not page:
                self._seen.pop(owner.id, None)
                self._store.do([DropOwner(owner.id)], lambda _: None)
            yield from reversed(page)
        rows = self._store.runs(owner=NOWHERE, states=("running",), limit=PAGE)
        rows += self._store.runs(owner=NOWHERE, states=("queued",), queue="", limit=PAGE)
        for row in reversed(rows):
            if row.id not in ours and not (row.state == "queued" and row.created > time.time() - FRESH):
                yield row

    def take(self, rows: Sequence[RunRow], beyond: bool) -> list[BaseException | None]:
        """Take runs over, in one commit where that may be; for each, why it could not be.

        Parameters
        ----------
        beyond: also where no more of a queue may be under way.
        """
        answers: list[BaseException | None] = [None] * len(rows)
        heard = threading.Semaphore(0)

        def hears(number: int) -> Callable[[BaseException | None], None]:
            def done(error: BaseException | None) -> None:
                answers[number] = error
                heard.release()

            return done

        for number, row in enumerate(rows):
            self._store.do(taking(self._recorder, row, beyond=beyond), hears(number))
        for _ in rows:
            heard.acquire()
        return answers
