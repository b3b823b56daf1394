"""Runs that are broken off where they stand, to be gone on with."""

from __future__ import annotations

from attrs import frozen


class Suspended(BaseException):
    """The run is broken off where it stands, to be gone on with some time. No ``except`` of a program catches it."""


class PutAway(Suspended):
    """The run only waits: whoever finds that it has something to do again goes on with it."""


def is_put_away(error: BaseException) -> bool:
    """Is it :class:`PutAway`, alone or with what was cut by that?"""
    if isinstance(error, BaseExceptionGroup):
        return any(map(is_put_away, error.exceptions))
    return isinstance(error, PutAway)


@frozen
class Away:
    """What a run that is put away waits for. ``until``: epoch seconds when it goes on all the same; ``signals``: names
    and keys."""

    until: float
    signals: tuple[tuple[str, bytes], ...] = ()
