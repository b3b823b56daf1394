"""What happened, and who listens.

A sink is called directly, in the task where the thing happened: that is the cheapest port there is. Two things
are kept from the run: a sink that raises is detached and reported once, and a sink found slow is
served by a thread of its own from then on, so that it never slows a node.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
import weakref
from collections.abc import Callable, Iterable
from typing import Literal

from attrs import frozen

logger = logging.getLogger("cflow")

Kind = Literal["run", "node", "attempt"]
What = Literal["started", "done", "failed", "cancelled", "cached", "retried", "skipped"]

SLOW = 0.001
"""Seconds in one call after which a sink is served by a thread."""


@frozen
class Event:
    """One thing that happened in a run.

    ``run``: the run's id. ``node``: the operation's id (``settle/charge``), empty for the run itself. ``attempt``:
    from 1. ``time``: seconds since the epoch. ``error``: what was raised, for ``failed`` and ``retried``.
    """

    kind: Kind
    what: What
    run: str
    node: str = ""
    attempt: int = 1
    time: float = 0.0
    error: BaseException | None = None


Sink = Callable[[Event], object]


class Sinks:
    """The listeners of an engine; told from the threads of all its runs."""

    def __init__(self, sinks: Iterable[Sink] = ()) -> None:
        self._lock = threading.Lock()
        # Both in one value, read at once: a sink on its way from the one to the other is met exactly once.
        self._told: tuple[tuple[Sink, ...], tuple[_Drain, ...]] = (tuple(sinks), ())
        self._end: weakref.finalize[[list[_Drain]], Sinks] | None = None

    def __bool__(self) -> bool:
        return self._told != ((), ())

    @property
    def slow(self) -> bool:
        """Is any of them served by a thread?"""
        return bool(self._told[1])

    def emit(
        self, kind: Kind, what: What, run: str, node: str = "", attempt: int = 1, error: BaseException | None = None
    ) -> None:
        """Tell every sink."""
        event = Event(kind, what, run, node, attempt, time.time(), error)
        direct, drains = self._told
        for sink in direct:
            began = time.perf_counter()
            try:
                sink(event)
            except Exception:
                if self._take(sink):
                    logger.exception("an event sink raised and was detached: %r", sink)
                continue
            if time.perf_counter() - began > SLOW:
                self._take(sink, _Drain)
        for drain in drains:
            drain.put(event)

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
                    logger.exception("an event sink raised and was detached: %r", self.sink)

    def flush(self, timeout: float) -> None:
        seen = threading.Event()
        self._events.put(seen)
        seen.wait(timeout)

    def close(self) -> None:
        self._events.put(None)
        self._thread.join(5.0)
