"""Going on with runs in the background: with those of this process that were put away or detached, and, where it is
asked to, with all runs of the store that nobody works on.

One thread looks; the runs are on the engine's loop with those that were submitted.
"""

from __future__ import annotations

import concurrent.futures
import contextlib
import itertools
import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

import trio
from attrs import evolve

from ..executor import underway
from ..executor.away import Submitted
from ..executor.suspended import Away, Suspended
from ..started import Started
from ..store.failures import Over, StoreError
from ..store.port import Claim
from ..store.rows import OVER, RunRow
from ..store.tickets import commit_now
from .cancel import ask, lives
from .lookout import PAGE, Lookout
from .recorder import Recorder
from .resume import Ahead, look_ahead, park, reopened

if TYPE_CHECKING:
    from ..engine import Engine
    from ..executor.run import Run

LOOK = 0.25
"""Seconds between two looks for runs whose time or signal has come."""

SLOW = 2.0
"""Seconds between two looks for owners that are gone, and for what other processes have done with our runs."""

AT_ONCE = 100
"""Runs that are gone on with at once, where nothing else is asked for."""

PATIENCE = 5.0
"""Seconds that runs under way have to come to an end when nobody is to go on with runs any more."""

FEW = 50
"""Runs that are looked at each time for what others have done with them."""

Whose = Literal["submitted", "detached", "foreign"]

Told = Callable[[RunRow], object]
"""Hears of each run that is over, parked or put away, in the thread that looks."""

logger = logging.getLogger("cflow")


def supervisor_of(engine: Engine) -> Supervisor:
    """The one of an engine with a store."""
    recorder = engine.recorder
    assert recorder is not None
    with recorder.lock:
        if recorder.supervisor is None:
            recorder.supervisor = Supervisor(engine, recorder)
        found: Supervisor = recorder.supervisor
        return found


@contextlib.contextmanager
def supervised(engine: Engine, at_once: int, told: Told | None) -> Iterator[None]:
    """As :meth:`~cflow.engine.Engine.supervise`."""
    if engine.recorder is None:
        msg = "the engine has no store: Engine(store=...)"
        raise StoreError(msg)
    supervisor = supervisor_of(engine)
    supervisor.watch(at_once, told)
    try:
        yield
    finally:
        supervisor.unwatch(told)


class Supervisor:
    """See above. What is public may be called from any thread."""

    def __init__(self, engine: Engine, recorder: Recorder) -> None:
        self._engine = engine
        self._recorder = recorder
        self._store = recorder.store
        self._lock = threading.Lock()
        self._poke = threading.Event()
        self._alive = False
        self._closed = False
        self._watching = 0
        self._at_once = AT_ONCE
        self._told: list[Told] = []
        self._asked: deque[str] = deque()
        """Runs to be gone on with whatever the store says."""
        self._ours: dict[str, Submitted | None] = {}
        """Runs of this process that are not over, with who waits for their result."""
        self._busy: dict[str, tuple[Submitted, Started, str]] = {}
        """Runs that are under way here, but for those that were submitted and were never put away."""
        self._ended: deque[str] = deque()
        self._lookout = Lookout(recorder)
        self._slow = 0.0
        self._soon = 0.0
        self._turn = 0
        """Which queue is first at the next look, among those that have runs."""
        self._due: deque[RunRow] = deque()
        """Runs that were due at the last look."""
        self._round: deque[str] = deque()
        """Of ours, those at which the next look is for what others have done."""
        recorder.inbox.sent = self._poke.set

    # ---- what others tell ------------------------------------------------------------------------

    def submitted(self, run: str) -> Submitted:
        """What a run that is submitted gives, which may be put away meanwhile."""
        future = self._future(run, "submitted")
        with self._lock:
            self._ours[run] = future
        return future

    def queued(self, run: str) -> Submitted:
        """What a run gives that waits in a queue. The process does not wait for it; whoever comes first begins it."""
        future = self._future(run, "submitted")
        future.set_running_or_notify_cancel()  # cancelling it is the run's end, not the future's alone
        underway.over(future)
        with self._lock:
            self._ours[run] = future
        self._wake()
        return future

    def take_up(self, run: str) -> None:
        """Begin a run that is on record; the process waits for it, unless it is put away."""
        future = self._future(run, "detached")
        with self._lock:
            self._ours[run] = future
        self._ask(run)

    def watch(self, at_once: int, told: Told | None) -> None:
        """Go on with all runs of the store, from now on."""
        with self._lock:
            self._watching += 1
            self._at_once = at_once
            if told is not None:
                self._told.append(told)
        self._slow = 0.0
        self._wake()

    def unwatch(self, told: Told | None) -> None:
        """Not any more. Runs of others that are under way have :data:`PATIENCE` seconds to come to an end, then they
        are left to whoever comes next."""
        with self._lock:
            self._watching -= 1
        try:
            if not self._watching:
                self._leave_foreign()
        finally:
            with self._lock:
                if told is not None:
                    self._told.remove(told)

    def _leave_foreign(self) -> None:
        try:
            self._wait_for_foreign()
        finally:  # Ctrl-C meanwhile: they are left at once, not cancelled with this process
            for future, started in self._foreign():
                assert started.recording is not None
                journal = started.recording.journal
                if future.token is not None:
                    with contextlib.suppress(trio.RunFinishedError):
                        future.token.run_sync_soon(journal.put_away, Away(time.time()))
            self._wait_for_foreign()

    def _wait_for_foreign(self) -> None:
        end = time.monotonic() + PATIENCE
        while self._foreign() and time.monotonic() < end:
            time.sleep(0.01)

    @property
    def resting(self) -> int:
        """Runs of this process that are put away."""
        with self._lock:
            return sum(map(_rests, self._ours.values()))

    def close(self) -> None:
        self._closed = True
        self._poke.set()

    def _foreign(self) -> list[tuple[Submitted, Started]]:
        """Runs under way that do not come from this process."""
        with self._lock:
            return [(future, started) for future, started, whose in self._busy.values() if whose == "foreign"]

    def _future(self, run: str, whose: Whose) -> Submitted:
        future = Submitted(rests=lambda future, ran: self._rests(run, future, ran, whose))
        future.add_done_callback(lambda _: self._over(run, future))
        return future

    def _over(self, run: str, future: Submitted) -> None:
        with self._lock:
            busy = self._busy.pop(run, None)
            if self._ours.get(run) in (None, future):  # not that of another one, who waits for the run too
                self._ours.pop(run, None)
        if busy is not None:
            self._ended.append(run)
            self._wake()

    def _rests(self, run: str, future: Submitted, ran: Run | None, whose: Whose) -> None:
        """A run has been put away, or (``ran`` is None) is to be cancelled while it is."""
        with self._lock:
            if whose == "submitted" or future.cuts:
                self._ours[run] = future
            elif whose == "detached":
                self._ours[run] = None
            busy = self._busy.get(run)
            if busy is not None and busy[1].state is ran:
                del self._busy[run]
        if ran is not None:
            self._ended.append(run)
        if future.cuts:
            self._asked.append(run)
        self._wake()

    def _ask(self, run: str) -> None:
        self._asked.append(run)
        self._wake()

    def _wake(self) -> None:
        with self._lock:
            begin = not self._alive and not self._closed
            self._alive = self._alive or begin
        if begin:
            threading.Thread(target=self._work, name="cflow-supervisor", daemon=True).start()
        self._poke.set()

    # ---- the thread ------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            self._poke.wait(LOOK)
            self._poke.clear()
            try:
                self._look()
                self._tell()
            except StoreError as error:
                if not self._closed:
                    logger.warning("runs are looked for again, as the store does not answer: %s", error)
            except Exception:
                logger.exception("runs are looked for again")
            with self._lock:
                nothing = not (self._watching or self._ours or self._asked or self._busy or self._ended)
                if self._closed or nothing:
                    self._alive = False
                    return

    def _look(self) -> None:
        self._go_on(self._take_asked(), beyond=True)
        room = self._at_once - len(self._busy)
        if room > 0:
            if not self._due and (self._watching or self._ours):
                self._due.extend(itertools.islice(self._lookout.due(self._wanted), PAGE))
            rows = [self._due.popleft() for _ in range(min(room, len(self._due)))]
            self._go_on([row for row in rows if row.id not in self._busy])
        now = time.monotonic()
        room = self._at_once - len(self._busy)
        if now >= self._slow and room > 0:
            left = list(itertools.islice(self._lookout.left(self._ours), room)) if self._watching else []
            if len(left) < room:  # else there are more, for whom there is room soon
                self._slow = now + SLOW
                self._what_others_did()
            self._go_on(left)
        if self._watching:
            self._begin_queued()  # last: what has begun is not to wait for a long line
        if now >= self._soon:
            self._soon = now + LOOK
            self._what_others_did(FEW)

    def _wanted(self, row: RunRow) -> bool:
        """Those of a queue are for who watches, though this process may wait for what they give."""
        return row.id not in self._busy and (bool(self._watching) or (row.id in self._ours and not row.queue))

    def _take_asked(self) -> list[RunRow]:
        """Those of the runs that were asked for that nobody works on."""
        asked = [self._asked.popleft() for _ in range(len(self._asked))]
        try:
            rows = self._store.runs_by_id(asked)
            return [row for run in dict.fromkeys(asked) if (row := rows.get(run)) and not self._at_work(row)]
        except StoreError:
            self._asked.extend(asked)  # it does not answer now; nothing was begun
            raise

    def _at_work(self, row: RunRow) -> bool:
        """Does somebody work on a run that was asked for, or has? If it is to be cut, that is told."""
        future = self._ours.get(row.id)
        cut = future is not None and future.cuts
        if row.id in self._busy:
            if cut and (busy := self._busy[row.id][0]) is not future:  # begun here before that was known
                busy.interrupt()
            return True
        over = row.state in OVER or row.state == "parked"
        if not over and not lives(self._store, row):
            return False
        if cut and not over:
            with contextlib.suppress(Over):
                ask(self._store, row.id)
        if future is not None:
            underway.over(future)  # it is not for this process to wait; what it gives is looked for
        return True

    def _begin_queued(self) -> None:
        """Begin runs that wait in queues; each queue has its share of the room that there is."""
        room = self._at_once - len(self._busy)
        if room < 1 or not (names := self._store.ready(time.time())):
            return
        first = self._turn % len(names)
        self._turn += 1
        names = (names[first:] + names[:first])[:room]
        me = self._recorder.owner.id
        claims = [Claim(name, me, room // len(names)) for name in names]
        try:
            commit_now(self._store, [*self._recorder.known(), *claims])
        finally:  # where the disk fails, it may be done all the same
            rows = self._store.runs_by_id([run for claim in claims for run in claim.claimed])
            if ours := [row for row in rows.values() if row.owner == me]:
                self._taken(ours)
                self._poke.set()  # there may be more

    def _go_on(self, rows: Sequence[RunRow], beyond: bool = False) -> None:
        """Take runs over, all in one commit where that may be, and begin.

        Parameters
        ----------
        beyond: also where no more of a queue may be under way: somebody who has a slot waits for it, or it is to end.
        """
        rows = [row for row in rows if row.state not in OVER and row.state != "parked"]
        taken = []
        for row, error in zip(rows, self._lookout.take(rows, beyond), strict=True):
            if error is None:
                taken.append(evolve(row, owner=self._recorder.owner.id, state="running"))
                continue
            with self._lock:
                future = self._ours.get(row.id)
            if future is not None:  # somebody else goes on with it
                underway.over(future)
        if taken:
            self._taken(taken)

    def _taken(self, rows: Sequence[RunRow]) -> None:
        """Go on with runs that are ours by now."""
        ahead = look_ahead(self._store, [row.id for row in rows])
        for row in rows:
            with self._lock:
                ours = row.id in self._ours
                future = self._ours.get(row.id)
            if future is None:
                future = self._future(row.id, "detached" if ours else "foreign")
            elif future.ended.is_set():
                underway.begun(future)
            self._begin(row, future, ours, ahead)

    def _begin(self, row: RunRow, future: Submitted, ours: bool, ahead: Ahead) -> None:
        try:
            started = reopened(self._engine, self._recorder, row, ahead=ahead)
        except StoreError as error:  # it is not ours any more, or the store is gone
            future.set_exception(error)
            return
        except Exception as error:  # one that nobody works on would keep its slot as long as this process lives
            logger.exception("%s cannot go on", row.id)
            park(self._recorder, row, f"{type(error).__name__}: {error}")
            started = None
        if started is None:
            parked = self._store.run(row.id)
            self._ended.append(row.id)
            future.set_exception(Suspended("" if parked is None else parked.reason))
            return
        started.state.owns_loop = True
        with self._lock:
            if ours:
                self._ours[row.id] = future
            self._busy[row.id] = future, started, "ours" if ours else "foreign"
        main = (lambda: started.main(_dropped)) if started.stream else started.main
        self._engine.background.submit(main, started.state, future)

    def _what_others_did(self, most: int = PAGE) -> None:
        """Results that are waited for here, of runs that somebody else has gone on with; some at a time, in turn."""
        if not self._round:
            with self._lock:
                self._round.extend(self._ours)
        some = [self._round.popleft() for _ in range(min(most, len(self._round)))]
        with self._lock:  # the others may not even be on disk yet
            resting = [run for run in some if run in self._ours and _rests(self._ours[run])]
        rows = self._store.runs_by_id(resting)
        for run in resting:
            row = rows.get(run)
            if row is None or row.state in OVER:
                with self._lock:
                    future = self._ours.pop(run, None)
                if future is not None and not future.done():
                    self._answer(future, row)

    def _answer(self, future: Submitted, row: RunRow | None) -> None:
        decode = self._recorder.inbox.values.decode
        try:
            if row is None:
                future.set_exception(StoreError("the run was dropped from the store"))
            elif row.state == "done":
                future.set_result(None if row.result is None else decode(row.result))
            elif row.error is not None:
                error = decode(row.error)
                future.set_exception(error if isinstance(error, BaseException) else RuntimeError(error))
            elif future.cuts:
                future.set_exception(concurrent.futures.CancelledError())
            else:
                future.set_exception(CancelledElsewhere(f"{row.id} was cancelled"))
        except StoreError as unreadable:
            future.set_exception(unreadable)

    def _tell(self) -> None:
        with self._lock:
            told = tuple(self._told)
        ended = self._ended.copy()
        rows = self._store.runs_by_id(tuple(ended)) if told else {}
        for run in ended:
            self._ended.popleft()
            for hears in told if run in rows else ():
                hears(rows[run])


class CancelledElsewhere(Exception):
    """Somebody has cancelled the run."""


async def _dropped(item: Any) -> None:
    """Nobody reads the items of a stream flow that is gone on with."""


def _rests(future: Submitted | None) -> bool:
    return future is None or future.ended.is_set()
