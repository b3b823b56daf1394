"""What an engine is made with, looked at before it fails somewhere else."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .planner.profile import Profile


def check(store: Any, limit: Any, workers: Any, sinks: tuple[Any, ...], allow: Any, profile: Any) -> None:
    """
    Raises
    ------
    TypeError, ValueError: one of them is not what it should be.
    """
    if not (store is None or isinstance(store, str | os.PathLike) or hasattr(store, "journal")):
        msg = f"store is the path of a folder, or an opened store, not {store!r}"
        raise TypeError(msg)
    for name, number in {"limit": limit, "workers": 1 if workers is None else workers}.items():
        if type(number) is not int:
            msg = f"{name} is a whole number, not {number!r}"
            raise TypeError(msg)
        if number < 1:
            msg = f"{name} is at least 1, not {number!r}"
            raise ValueError(msg)
    if isinstance(allow, str):
        msg = f"allow is a list of names: write allow=[{allow!r}]"
        raise TypeError(msg)
    if allow is not None:
        from .dsl.loader.allow import Allow

        Allow.of(allow)  # a grant that is none is told here
    for sink in sinks:
        if not callable(sink):
            msg = f"a sink is called with each event, and {sink!r} cannot be called"
            raise TypeError(msg)
    known = getattr(profile, "seconds", {} if profile is None else profile)
    if not isinstance(known, Mapping):
        msg = f"a profile is seconds by operation, or what cflow.planner.profile.load reads, not {profile!r}"
        raise TypeError(msg)
    for id, seconds in known.items():
        if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
            msg = f"a profile is seconds by operation, and {id!r} has {seconds!r}"
            raise TypeError(msg)


def as_profile(known: Mapping[str, float] | Profile | None) -> Profile | None:
    """Seconds by operation, as a profile."""
    if not isinstance(known, Mapping):
        return known
    from .planner.profile import Profile

    return Profile("", "", dict(known))


def as_idle(seconds: float | None) -> float:
    """Seconds; None: none are too many.

    Raises
    ------
    TypeError: it is no time.
    """
    if seconds is None:
        return math.inf
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not seconds >= 0:
        msg = f"idle is a number of seconds, or None, not {seconds!r}"
        raise TypeError(msg)
    return float(seconds)
