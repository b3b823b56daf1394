"""What can go wrong with a store."""

from __future__ import annotations


class StoreError(Exception):
    """The store cannot do what it is asked; the message says what to do."""


class LeaseLost(StoreError):
    """Somebody else works on the run by now: whoever hears this stops at once and writes nothing more."""


class Full(StoreError):
    """As many runs of the queue are under way as it may have at once."""


class Exists(StoreError):
    """It is there already."""


class Unknown(StoreError):
    """There is no such run."""


class Over(StoreError):
    """The run is over."""


class Taken(StoreError):
    """Somebody else has consumed the signal by now, or has reserved the key."""


class Busy(StoreError):
    """Another process keeps everybody else from reading. Commits only wait in that case."""


class Damaged(StoreError):
    """What is on disk is not what was written; ``what`` names it (a run, a blob, the file)."""

    def __init__(self, message: str, what: str) -> None:
        super().__init__(message, what)
        self.what = what

    def __str__(self) -> str:
        return str(self.args[0])


class Newer(StoreError):
    """The store was made by a newer version."""


class ReadOnly(StoreError):
    """The store cannot be written to: the folder or the disk is read-only."""
