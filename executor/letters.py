"""Signals as recorded runs receive them."""

from __future__ import annotations

from typing import Any, Protocol


class Missed(Exception):
    """Somebody else has consumed the signal that an entry was to consume: the entry does not count."""


class Letter(Protocol):
    """A signal that has come for a waiting run."""

    @property
    def id(self) -> int: ...

    @property
    def value(self) -> bytes:
        """For :meth:`.journal.Keeper.value`."""
        ...


class Inbox(Protocol):
    """Where the signals of recorded runs come from."""

    async def next(self, run: str, name: str, key: bytes) -> Letter:
        """The next one for a run, once there is one. Nobody else in this process gets it before it was given back."""
        ...

    def looking(self, run: str) -> bool:
        """Does nobody know yet whether there is one for it already?"""
        ...

    def used(self, letter: Letter) -> None:
        """It was consumed, here or elsewhere."""
        ...

    def back(self, letter: Letter) -> None:
        """It was not: it is for whoever waits."""
        ...

    def key(self, key: Any) -> bytes:
        """What a key is in the store."""
        ...
