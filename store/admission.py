"""Which runs of a queue may begin, and which of them is next: the rules alone, on facts that :mod:`.queues` looks up.

Nothing in here knows a clock or a database, so the rules can be tried in virtual time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from attrs import frozen

from ..executor.memory import parse_rate

AGING = 60.0
"""Seconds of waiting that count as much as one step of priority."""


@frozen
class Head:
    """Who is next of one priority. ``since``: when it came, epoch seconds."""

    priority: int
    since: float
    run: int


def places(concurrency: int | None, taken: int, rate: str, starts: Sequence[float], now: float) -> float:
    """How many runs may begin now; infinity where nothing limits them.

    The rate is a sliding window, as the ``rate`` of a node: of any period, at most so many runs begin in it.

    Parameters
    ----------
    concurrency: slots; None: no limit. taken: slots that are taken, or that runs which have begun wait for. rate: as
    ``"10/s"``; empty: no limit. starts: when the last ones began, as many as the rate counts. now: epoch seconds.
    """
    free = math.inf if concurrency is None else max(0, concurrency - taken)
    if rate:
        calls, period = parse_rate(rate)
        # One that lies further ahead was made before the clock was set back: waiting for it could take for ever.
        free = min(free, max(0, calls - sum(now - period < start <= now + period for start in starts)))
    return free


def round_of(front: int | None, last: int | None) -> int:
    """The round in which a run that comes now has its turn: in each, every key has one.

    That is start-time fair queueing with equal weights and costs (Goyal, Vin, Cheng: Start-time Fair Queueing, SIGCOMM
    1996): the round is the start tag, the front's round the virtual time. A key that comes anew begins with the front:
    it has no claim to what it did not use, and waits for no backlog of others.

    Parameters
    ----------
    front: the round of who is next of this priority; None: nobody waits. last: the last round of the same key among
    those that wait; None: it has none.
    """
    return max(0 if front is None else front, 0 if last is None else last + 1)


def next_of(heads: Iterable[Head]) -> Head:
    """Who begins next: the highest priority, where each :data:`AGING` seconds of waiting count as one step.

    All age alike, so which of two is in front never changes, and no run waits for ever: one that comes later is in
    front of it only within ``AGING`` seconds a step of priority (linear aging, as in Kleinrock: A delay dependent queue
    discipline, Naval Research Logistics Quarterly 11, 1964, with equal slopes).
    """
    return max(heads, key=lambda head: (head.priority - head.since / AGING, -head.run))
