"""Many ratios judged together, from samples that come a process at a time, until each is clear.

A process gives one group of samples for each case that is still open. Nothing here starts a process: what a group
costs and where it comes from is the caller's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from attrs import field, frozen

from .stats import Interval, grouped_ratio
from .verdict import Verdict, decide

Group = Sequence[float]
Take = Callable[[int, Sequence[str]], Mapping[str, Group]]
"""Called with the number of the process and the open cases; gives a group for each."""


@frozen
class Limits:
    """When a case is decided, and when all of it ends.

    ``least``: processes before ``no loss`` counts. ``least_loss``: before ``loss`` counts; a gate that fails must be
    surer than one that passes, for a loss that was missed today is met again tomorrow. ``most``: processes in all.
    ``seconds``: of real time; a process that would not end within them is not started, nor one that would leave all
    unclear for want of time for the others.
    """

    least: int = 3
    least_loss: int = 5
    most: int = 12
    seconds: float = 60.0


@frozen
class Outcome:
    """The verdict on one case."""

    case: str
    ratio: Interval
    verdict: Verdict
    processes: int
    groups: tuple[tuple[float, ...], ...] = field(repr=False, eq=False)


def until_all_clear(
    cases: Sequence[str],
    take: Take,
    floors: Mapping[str, Sequence[Group]],
    threshold: float,
    limits: Limits = Limits(),
    now: Callable[[], float] = time.monotonic,
) -> dict[str, Outcome]:
    """Judge every case, with as few processes as it takes.

    Parameters
    ----------
    cases: their names.
    take: gives one process's samples.
    floors: the groups that each case is compared with; a case that is not in it is compared with 1.
    threshold: the share of time that may be lost.
    limits: when to stop; what is then open is ``unclear``.
    now: the real time.
    """
    gathered: dict[str, list[Group]] = {name: [] for name in cases}
    found: dict[str, Outcome] = {}
    open_ = list(cases)
    began = now()
    last = 0.0
    for number in range(limits.most):
        started = now()
        needed = max(1, min(limits.least, limits.most) - number)
        if not open_ or (number and started + last * needed - began > limits.seconds):
            break
        for name, group in take(number, tuple(open_)).items():
            if group:
                gathered[name].append(group)
        last = now() - started
        for name in tuple(open_):
            groups = gathered[name]
            if len(groups) < min(limits.least, limits.most):
                continue
            ratio = grouped_ratio(groups, floors.get(name, ((1.0,),)))
            verdict = decide(ratio, threshold)
            if verdict == "loss" and len(groups) < min(limits.least_loss, limits.most):
                verdict = "unclear"
            found[name] = _outcome(name, ratio, verdict, groups)
            if verdict != "unclear":
                open_.remove(name)
    for name in open_:
        if name not in found and gathered[name]:
            ratio = grouped_ratio(gathered[name], floors.get(name, ((1.0,),)))
            found[name] = _outcome(name, ratio, "unclear", gathered[name])
    return {name: found[name] for name in cases if name in found}


def _outcome(name: str, ratio: Interval, verdict: Verdict, groups: Sequence[Group]) -> Outcome:
    return Outcome(name, ratio, verdict, len(groups), tuple(tuple(g) for g in groups))
