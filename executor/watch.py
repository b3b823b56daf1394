"""The clocks of a recorded run, and the look whether its repetition gets on.

Trio's own deadlines fire unseen. In a recorded run a timeout that fires is an entry of the journal, written before what
it cuts goes on to its ``finally`` blocks and undos; so one task beside the run keeps all its deadlines.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from ..compiler.durations import seconds
from .at import At
from .entries import CUT, Entry
from .journal import Journal
from .late import trio
from .rest import Rest
from .run import Run
from .undo import UndoLog

STUCK = 2.0
"""Seconds after which a repetition that does not get on, while nothing is under way, goes live, where it cannot be seen
that all of its tasks wait for the record."""

SOONEST = 0.002
"""Seconds between two looks whether a repetition gets on, at first and after it did not; twice as many each time, up to
:data:`LAZY`."""

CANCELLED = "!cancelled"

LAZY = 0.2
"""Seconds after which entries are handed over without anybody asking for it."""


class Watch:
    """The deadlines of one run, and the task that keeps them."""

    def __init__(self, journal: Journal, nursery: trio.Nursery) -> None:
        self.journal = journal
        self.nursery = nursery
        self._heap: list[tuple[float, int, Deadline]] = []
        self._tickets = itertools.count()
        self._poke = trio.Event()
        self.over = False
        self.clocks = 0
        """Timeouts that the run is in."""
        journal.woken = self.poke

    def poke(self) -> None:
        """There is something to look after."""
        self._poke.set()

    def at(self, time: float, deadline: Deadline) -> None:
        heapq.heappush(self._heap, (time, next(self._tickets), deadline))
        if self._heap[0][2] is deadline:
            self._poke.set()

    async def serve(self, run: Run) -> None:
        """Until it is cancelled: with the run, unless that is over."""
        task = trio.lowlevel.current_task()
        try:
            await self._serve(Rest(run, self.journal, self.nursery, task, lambda: self.clocks))
        except trio.Cancelled:
            if not self.over:
                self.journal.cutting(CANCELLED)  # before anything of the run goes on to what it owes
            raise

    async def _serve(self, rest: Rest) -> None:
        steps, since, pause = -1, trio.current_time(), SOONEST
        rests, handing, now = rest.look(since), math.inf, since
        while True:
            self._poke = trio.Event()
            handing = min(handing, now + LAZY) if self.journal.unwritten else math.inf
            looks = now + pause if self.journal.replaying else math.inf
            with trio.move_on_at(min(self._next(), rests, handing, looks)):
                await self._poke.wait()
            now = trio.current_time()
            while self._heap and self._heap[0][0] <= now:
                time, _, deadline = heapq.heappop(self._heap)
                deadline.due(time)
            if now >= handing:
                handing = math.inf
                self.journal.flush()
            rests = rest.look(now)
            if self.journal.replaying:
                pause = max(SOONEST, min(2 * pause, LAZY))
                if steps != self.journal.steps or self.journal.begun:
                    steps, since = self.journal.steps, now
                elif rest.only(self.journal.reaching):
                    pause = 0.0
                    self.journal.stuck()
                elif now - since > STUCK:
                    self.journal.stuck()

    def _next(self) -> float:
        return self._heap[0][0] if self._heap else math.inf


class Deadline:
    """The deadline of one scope, which may stand still. It begins when what was recorded is used up."""

    def __init__(self, run: Run, key: str, scope: trio.CancelScope, length: float) -> None:
        assert run.watch is not None
        assert run.journal is not None
        self.watch: Watch = run.watch
        self.journal: Journal = run.journal
        self.key = key
        self.scope = scope
        self.left = length
        self.end = math.inf
        self.fired = False
        self.over = False
        self._parked = 0
        self._held = False
        self._counts = length < math.inf
        self.watch.clocks += self._counts
        if self.journal.peek(key) is not None:
            self.watch.nursery.start_soon(self._again)
        elif self.journal.replaying:
            self.journal.at_live.append(self._arm)
        else:
            self._arm()

    def _arm(self) -> None:
        if not self.over and not self._parked and self.left < math.inf:
            self.end = trio.current_time() + self.left
            self.watch.at(self.end, self)

    async def _again(self) -> None:
        """It had fired before."""
        await self.journal.cut(self.key)
        if not self.over:
            self.fired = True
            self.scope.cancel()

    def due(self, time: float) -> None:
        if not self.over and time == self.end and not self._held:
            self.fire()

    def hold(self) -> None:
        """The time goes on, but nothing is cut for now."""
        self._held = True

    def release(self) -> None:
        self._held = False
        if not self.fired and trio.current_time() >= self.end:
            self.fire()

    def fire(self) -> None:
        self.fired = True
        self.journal.add(Entry(self.key, CUT))
        self.scope.cancel()

    def stop(self) -> None:
        """The time stands still while anything in it is parked."""
        if not self._parked and self.end < math.inf:
            self.left = self.end - trio.current_time()
            self.end = math.inf
        self._parked += 1

    def go_on(self) -> None:
        self._parked -= 1
        if not self._parked and not self.journal.replaying:
            self._arm()

    def close(self) -> bool:
        """The scope is left; was its time over?"""
        self.over = True
        self.watch.clocks -= self._counts
        if not self.fired and self.journal.take(self.key) is not None:
            self.fired = True
        if not self.fired and trio.current_time() >= self.end:
            # What cannot be cut has outlasted it.
            self.fired = True
            self.journal.add(Entry(self.key, CUT))
        return self.fired


@contextmanager
def timeout(run: Run, key: str, length: Any, what: str, log: UndoLog | None = None) -> Iterator[None]:
    """As :func:`~.scopes.timeout`, in a recorded run."""
    span = math.inf if length is None else seconds(length)
    late = False
    with trio.CancelScope() as scope:
        deadline = Deadline(run, key, scope, span)
        if log is not None:
            log.clock = deadline
        try:
            yield
        finally:
            late = deadline.close()
    if late:
        msg = f"{what} took longer than {span:g} s"
        raise TimeoutError(msg)


async def watched(run: Run, entry: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]) -> Any:
    """Run a flow from its beginning with a watch beside it; its error stays as it is, in no group."""
    assert run.journal is not None
    assert run.scope is not None
    run.journal.on_stop = run.scope.cancel
    run.journal.shielded = lambda: bool(run.shields)
    run.journal.going()
    error: BaseException | None = None
    value: Any = None
    try:
        async with trio.open_nursery() as nursery:
            run.watch = Watch(run.journal, nursery)
            nursery.start_soon(run.watch.serve, run)
            if run.journal.peek(CANCELLED) is not None:
                nursery.start_soon(_cancelled_again, run)
            try:
                value = await entry(run, None, None, 0, At(), *args, **kwargs)
            except BaseException as exc:
                error = exc
            run.watch.over = True
            nursery.cancel_scope.cancel()
    except BaseExceptionGroup:
        if error is None:
            raise
    if error is not None:
        try:
            raise error
        finally:
            del error
    return value


async def _cancelled_again(run: Run) -> None:
    """The run had been cancelled before, here."""
    assert run.journal is not None
    assert run.scope is not None
    await run.journal.cut(CANCELLED)
    assert run.watch is not None
    run.watch.over = True  # that is on record already
    run.scope.cancel()
