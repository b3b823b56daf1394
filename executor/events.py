"""What happened, and who listens.

A sink is called directly, in the task where the thing happened: that is the cheapest port there is. Two things
are kept from the run: a sink that raises is detached and reported once, and a sink found slow is
served by a thread of its own from then on, so that it never slows a node.
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    import logging
    import queue

Kind = Literal["run", "node", "attempt"]
What = Literal["started", "done", "failed", "cancelled", "cached", "retried", "skipped", "progress"]

SLOW = 1e-3
STALL = 0.1
STRIKES = 3
NEAR = 10
"""A sink is served by a thread after one call over STALL seconds, or STRIKES calls over SLOW, each within NEAR events
of the one before: a busy machine interrupts a quick sink too, but not call after call."""


def _logger() -> logging.Logger:
    import logging

    return logging.getLogger("cflow")


class Event(NamedTuple):
    """One thing that happened in a run. (A named tuple: a frozen class takes four times as long to make.)

    ``run``: the run's id. ``node``: the operation's id (``settle/charge``), empty for the run itself. ``attempt``:
    from 1. ``time``: seconds since the epoch. ``error``: what was raised, for ``failed`` and ``retried``.
    ``progress``: how far the node says it is, done and total, for ``progress``; that may come from the node's thread.
    """

    kind: Kind
    what: What
    run: str
    node: str = ""
    attempt: int = 1
    time: float = 0.0
    error: BaseException | None = None
    progress: tuple[float, float] | None = None


Sink = Callable[[Event], object]

_now = time.time
_new = tuple.__new__


class Sinks:
    """The listeners of an engine; told from the threads of all its runs."""

    def __init__(self, sinks: Iterable[Sink] = ()) -> None:
        self._lock = threading.Lock()
        # Both in one value, read at once: a sink on its way from the one to the other is met exactly once.
        self._told: tuple[tuple[Sink, ...], tuple[_Drain, ...]] = (tuple(sinks), ())
        self._count = 0
        self._strikes: dict[int, tuple[int, int]] = {}
        self._end: weakref.finalize[[list[_Drain]], Sinks] | None = None

    def __bool__(self) -> bool:
        return self._told != ((), ())

    @property
    def slow(self) -> bool:
        """Is any of them served by a thread?"""
        return bool(self._told[1])

    def emit(
        self,
        kind: Kind,
        what: What,
        run: str,
        node: str = "",
        attempt: int = 1,
        error: BaseException | None = None,
        progress: tuple[float, float] | None = None,
    ) -> None:
        """Tell every sink."""
        self._count += 1
        now = _now()
        event = _new(Event, (kind, what, run, node, attempt, now, error, progress))
        direct, drains = self._told
        for sink in direct:
            try:
                sink(event)
            except Exception:
                self._broken(sink)
            else:
                then = _now()  # the wall clock serves: one that jumps costs a sink a thread, no more
                if then - now > SLOW:
                    self._stalled(sink, then - now)
                now = then
        for drain in drains:
            drain.put(event)

    def teller(self, run: str) -> Callable[[What, str], None]:
        """:meth:`emit` for the calls of one run, with the least around it: every call tells two events this way.

        Parameters
        ----------
        run: the run's id. What is given takes what happened and the operation's id.
        """
        told = self._told
        if told[1] or len(told[0]) != 1:
            return partial(self._call, run)
        sink = told[0][0]

        def tell(what: What, node: str) -> None:
            if self._told is not told:  # the sink was detached, or a thread serves it by now
                self._call(run, what, node)
                return
            self._count += 1
            now = _now()
            try:
                sink(_new(Event, ("node", what, run, node, 1, now, None, None)))
            except Exception:
                self._broken(sink)
            else:
                if (took := _now() - now) > SLOW:
                    self._stalled(sink, took)

        return tell

    def _call(self, run: str, what: What, node: str) -> None:
        self.emit("node", what, run, node)

    def _broken(self, sink: Sink) -> None:
        """A sink has raised."""
        if self._take(sink):
            _logger().exception("an event sink raised and was detached: %r", sink)

    def _stalled(self, sink: Sink, seconds: float) -> None:
        """A call took long: count it, and see whether the sink is a slow one."""
        last, strikes = self._strikes.get(id(sink), (0, 0))
        strikes = strikes + 1 if self._count - last <= NEAR else 1
        self._strikes[id(sink)] = self._count, strikes
        if seconds > STALL or strikes >= STRIKES:
            self._take(sink, _Drain)

    def _take(self, sink: Sink, drain: Callable[[Sink], _Drain] | None = None) -> bool:
        """No longer call the sink directly; False where another thread has seen to that."""
        with self._lock:
            direct, drains = self._told
            if sink not in direct:
                return False
            place = direct.index(sink)
            direct = direct[:place] + direct[place + 1 :]
            if drain is not None:
                drains = (*drains, drain(sink))
                if self._end is not None:
                    self._end.detach()
                self._end = weakref.finalize(self, _end, list(drains))
            self._told = direct, drains
            return True

    def flush(self, timeout: float = 5.0) -> None:
        """Wait until slow sinks have seen everything so far, at most ``timeout`` seconds. Called at the end of a
        run."""
        for drain in self._told[1]:
            drain.flush(timeout)

    def close(self) -> None:
        """Flush and end the threads."""
        with self._lock:
            direct, drains = self._told
            self._told = (*direct, *(d.sink for d in drains)), ()
        for drain in drains:
            drain.close()


def _end(drains: list[_Drain]) -> None:
    """The listeners are garbage: their threads end once they have told what they know."""
    for drain in drains:
        drain.put(None)


class _Drain:
    """A slow sink behind a queue."""

    def __init__(self, sink: Sink) -> None:
        import queue

        self.sink = sink
        self._events: queue.SimpleQueue[Event | threading.Event | None] = queue.SimpleQueue()
        self.put = self._events.put
        self._thread = threading.Thread(target=self._work, name="cflow-sink", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        broken = False
        while (item := self._events.get()) is not None:
            if isinstance(item, threading.Event):
                item.set()
            elif not broken:
                try:
                    self.sink(item)
                except Exception:
                    broken = True
                    _logger().exception("an event sink raised and was detached: %r", self.sink)

    def flush(self, timeout: float) -> None:
        seen = threading.Event()
        self._events.put(seen)
        seen.wait(timeout)

    def close(self) -> None:
        self._events.put(None)
        self._thread.join(5.0)
