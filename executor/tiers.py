"""Where a plain ``def`` node runs: found out by measuring.

A ``def`` node begins in a thread, since nobody knows whether it blocks. After :data:`CALLS` calls, hardly one of which
took :data:`QUICK` or longer, it is trusted and called in place; when it then stalls it goes back, and has to show
:data:`AGAIN` times as many quick calls the next time. So one that blocks now and then stays where it is, and one that a
busy machine interrupted comes back. ``epoch`` changes with every move, so that linked code knows when to link again.
``runs=`` is obeyed and never measured.

A call that was slow because its thread had to wait for a processor is not the node's doing: Linux tells how long that
was (:func:`lost`).
"""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from typing import Any

CALLS = 64
QUICK = 200e-6
OUTLIERS = 2
"""Calls in a window that may take longer than QUICK, but not STALL: the first one may have paid for an import, and a
busy machine interrupts whom it likes."""

STALL = 50e-3
LONG = 1e-3
STRIKES = 3
NEAR = 0.05
"""One call over STALL seconds ends the trust. So do STRIKES calls over LONG, each within NEAR seconds of the one
before:
a single one is more often the machine's doing than the node's."""

AGAIN = 16


class Tier:
    """What is known of one function, trusted after ``needed`` quick calls. ``seen`` and ``total``: all measured calls,
    and the seconds they took."""

    __slots__ = ("__weakref__", "calls", "last", "needed", "seen", "slow", "strikes", "total", "trusted")

    def __init__(self, needed: float = CALLS) -> None:
        self.seen = 0
        self.total = 0.0
        self.trusted = False
        self.needed = needed
        self.calls = 0
        self.slow = 0
        self.strikes = 0
        self.last = 0.0

    def measured(self, seconds: float) -> None:
        """One call in a thread took so long."""
        self.seen += 1
        self.total += seconds
        if self.trusted:
            return
        self.calls += 1
        if seconds >= QUICK:
            self.slow += 1 if seconds < STALL else OUTLIERS + 1
        if self.slow > OUTLIERS:
            self.calls = self.slow = 0
        elif self.calls >= self.needed:
            self.trusted = True
            TIERS.epoch += 1

    def stalled(self, seconds: float) -> None:
        """A call in place took longer than it may."""
        now = time.perf_counter()
        own = seconds - lost()
        if own < LONG:
            return
        near = now - self.last - seconds < NEAR
        self.last = now
        self.strikes = self.strikes + 1 if near else 1
        if self.trusted and (own > STALL or self.strikes >= STRIKES):
            self.trusted = False
            self.calls = self.slow = self.strikes = 0
            self.needed *= AGAIN
            TIERS.epoch += 1


class _Waited(threading.local):
    """How long this thread had waited for a processor when it last looked."""

    seconds = 0.0


_WAITED = _Waited()


def lost() -> float:
    """Seconds that this thread has waited for a processor since it last looked; 0.0 where nobody can tell.

    The figure is Linux's ``run_delay`` (``Documentation/scheduler/sched-stats.rst``); a look takes 20 us. It may be of
    before the slow call: then that is forgiven once, since the next look tells.
    """
    try:
        with open("/proc/thread-self/schedstat", "rb", buffering=0) as file:
            waited = int(file.read().split()[1]) / 1e9
    except (OSError, IndexError, ValueError):
        return 0.0
    found, _WAITED.seconds = waited - _WAITED.seconds, waited
    return found


class Tiers:
    """All tiers of the process, by function."""

    def __init__(self) -> None:
        self.epoch = 0
        self._known: weakref.WeakKeyDictionary[Callable[..., Any], Tier] = weakref.WeakKeyDictionary()
        self._others: dict[int, tuple[Callable[..., Any], Tier]] = {}

    def of(self, fn: Callable[..., Any]) -> Tier:
        """The tier of a function; a callable without weak references is kept by identity."""
        try:
            return self._known.setdefault(fn, Tier())
        except TypeError:
            return self._others.setdefault(id(fn), (fn, Tier()))[1]


TIERS = Tiers()
