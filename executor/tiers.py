"""Where a plain ``def`` node runs: found out by measuring.

A ``def`` node begins in a thread, since nobody knows whether it blocks. After :data:`CALLS` calls of which the worst
took under :data:`QUICK` it is trusted and called in place; when it then stalls it goes back for good. ``epoch``
changes with every move, so that linked code knows when to link again. ``runs=`` is obeyed and never measured.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any

CALLS = 64
QUICK = 200e-6
STALL = 20e-3
LONG = 1e-3
STRIKES = 3
"""One call over STALL seconds ends the trust; calls over LONG may be the machine's doing, so it takes a few."""


class Tier:
    """What is known of one function."""

    __slots__ = ("__weakref__", "barred", "calls", "seen", "strikes", "total", "trusted", "worst")

    def __init__(self) -> None:
        self.calls = 0
        self.seen = 0
        self.total = 0.0
        self.worst = 0.0
        self.trusted = False
        self.barred = False
        self.strikes = 0

    def measured(self, seconds: float) -> None:
        """One call in a thread took so long."""
        self.seen += 1
        self.total += seconds
        if self.barred or self.trusted:
            return
        self.calls += 1
        if seconds > self.worst:
            self.worst = seconds
        if self.calls >= CALLS:
            if self.worst < QUICK:
                self.trusted = True
                TIERS.epoch += 1
            else:  # a window, not a life sentence: the first calls may have paid for imports
                self.calls, self.worst = 0, 0.0

    def stalled(self, seconds: float) -> None:
        """A call in place took longer than it may."""
        self.strikes += STRIKES if seconds > STALL else 1
        if self.strikes >= STRIKES and not self.barred:
            self.trusted, self.barred = False, True
            TIERS.epoch += 1


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
