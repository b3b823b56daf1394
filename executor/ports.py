"""The ports behind which durability will stand: locks, rates, signals, timers, cache, once, detached runs.

Generated code and :mod:`.invoke` see only these protocols. :mod:`.memory` implements them inside one process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from attrs import define

if TYPE_CHECKING:
    from .run import Run


class Locks(Protocol):
    """Named locks, shared by all runs of an engine."""

    def hold(self, name: str) -> AbstractAsyncContextManager[None]: ...


class Rates(Protocol):
    """Named rate limits."""

    async def wait(self, key: str, rate: str) -> None:
        """Return when one more call fits into ``rate`` (``"10/s"``)."""
        ...


class Signals(Protocol):
    """The inboxes of runs."""

    async def wait(self, run: str, name: str, key: Any) -> Any:
        """The value of the next signal of that name and key, parked until it comes."""
        ...

    def send(self, run: str | None, name: str, value: Any, key: Any = None, unique: str = "") -> None:
        """Answer one waiting run, or, with ``run`` None, whichever waits first; kept where nobody waits yet. Of two
        with the same ``unique`` (and run and name) the second does not count."""
        ...


Shares = Callable[[object], bool]
"""May the asker use what has this claim: is it undone only if what the asker does is undone too?"""


class Cache(Protocol):
    """Values by key, with an age.

    What was done in a transaction that is not over may still be undone. Until then its value has a *claim*, and only
    who shares that uses the value; everybody else waits to hear whether it is kept.
    """

    async def get(
        self, key: str, compute: Callable[[], Awaitable[tuple[Any, object]]], ttl: float | None, shares: Shares
    ) -> tuple[Any, bool]:
        """The value and whether it was a hit. Two equal calls at once compute once.

        Parameters
        ----------
        compute: gives the value, and its claim or None.
        ttl: in seconds; None: for ever.
        """
        ...

    async def again(self, key: str, value: Any, claim: object, number: int) -> None:
        """A run that goes on has come past what it made before: that counts as made by it, as :meth:`get` would have
        it, also where somebody else makes it just now. ``number``: of the entry on record that says so."""
        ...

    def settle(self, key: str, claim: object, kept: bool | None) -> None:
        """The call with this claim counts for good (``kept``), or was undone: then the key is free again, unless
        another value has taken it. None: neither yet, but others may share the claim now."""
        ...


class Once(Cache, Protocol):
    """What is done once."""

    def named(self, key: str) -> str:
        """What a call with this key is known by to services outside, in whichever run: the same until it has been
        undone. "" where no other run could come to it."""
        ...


class Timers(Protocol):
    """Timers of runs."""

    async def sleep(self, run: str, seconds: float) -> None: ...


class Ready(Protocol):
    """A run that is ready to go."""

    @property
    def state(self) -> Run: ...

    async def main(self) -> Any: ...


class Processes(Protocol):
    """Places for calls in processes of their own."""

    def __call__(self) -> AbstractAsyncContextManager[None]:
        """Hold one; first come, first served."""
        ...


Launch = Callable[[str], Ready]
"""Given its id, a run that is ready to go."""


class Detached(Protocol):
    """Runs of their own."""

    async def start(self, launch: Launch, own_loop: bool) -> str:
        """Record a run and start it; its id. ``own_loop``: on a loop that lasts as long as it does; else on the
        caller's."""
        ...


@define
class Services:
    """What an engine lends to its runs."""

    locks: Locks
    rates: Rates
    signals: Signals
    cache: Cache
    once: Once
    timers: Timers
    detached: Detached
    processes: Processes
