"""What a database has to offer for transactional nodes, and how a node is bound to one.

A backend is a subclass of :class:`Database` whose transactions have the five methods of :class:`Transaction`; nothing
here says SQLite. In the database it keeps one table, ``cflow_done``: a key, and the encoded result of the call.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Generic, Protocol, TypeVar
from weakref import WeakKeyDictionary

from ..executor.late import trio

H = TypeVar("H")
H_co = TypeVar("H_co", covariant=True)


class Transaction(Protocol[H_co]):
    """A transaction that has begun. It is used in one thread, and ended once: by ``commit`` or by ``rollback``."""

    @property
    def handle(self) -> H_co:
        """What the node is given: a connection, a cursor, a session."""
        ...

    def recorded(self, key: str) -> bytes | None:
        """The result of the call with this key, where it has been committed."""
        ...

    def record(self, key: str, result: bytes) -> None:
        """Add a result, to be committed with what the node does. A key that somebody else has added is an error."""
        ...

    def commit(self) -> None:
        """Make it last, also through a loss of power. Where it raises, it may have been committed all the same: the
        engine looks, in a new transaction."""
        ...

    def rollback(self) -> None:
        """Take it all back; does not raise, also where the connection is gone or ``commit`` has raised."""
        ...


class Database(ABC, Generic[H]):
    """A database for transactional nodes. All methods may be called from any thread."""

    def __init__(self) -> None:
        self._bound: dict[Callable[..., Any], Bound] = {}
        self.swept: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
        """By store: how many results are still to be added before it is looked which of them nobody needs."""

    @abstractmethod
    def begin(self) -> Transaction[H]:
        """Begin a transaction that sees what others have committed, and that is serializable with those of the same
        key. An adapter that waits here for others calls :func:`alive` now and then."""

    @abstractmethod
    def first(self, key: str) -> str | None:
        """The least recorded key, by code points, that is not below ``key``."""

    @abstractmethod
    def forget(self, ranges: Sequence[tuple[str, str]]) -> None:
        """Drop the results under all keys from the first of each pair up to, and without, the second."""

    def bound(self, fn: Callable[..., Any]) -> Bound:
        """A node's function as the engine calls it: without the handle. The same for the same function."""
        return self._bound.setdefault(fn, Bound(self, fn))


class Bound:
    """A function in a transaction of a database.

    Parameters
    ----------
    held_to: raises where a result is not what was promised; that is rolled back like any other error.
    """

    def __init__(
        self, database: Database[Any], fn: Callable[..., Any], held_to: Callable[[Any], object] | None = None
    ) -> None:
        self.database = database
        self.func = fn  # under the name that `functools.partial` has for it
        self._held_to = held_to
        functools.update_wrapper(self, fn)

    def held_to(self, check: Callable[[Any], object]) -> Bound:
        return Bound(self.database, self.func, check)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from .calls import carried_out

        return carried_out(self.database, self.func, args, kwargs, self._held_to)


def alive() -> None:
    """To be called by who waits for a database.

    Raises
    ------
    trio.Cancelled: the call that waits was cut: by its timeout, with its run.
    """
    try:
        trio.from_thread.check_cancelled()
    except RuntimeError:  # no thread of a run: nobody cuts it
        pass
