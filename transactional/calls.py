"""One call of a transactional node: what it does and that it is done are committed together.

In a recorded run the call is known by its idempotency key (:func:`cflow.context`), which is the same for every attempt
and after a crash. Whoever comes to it again, whatever died in between, finds the key in the database and has its
result; so the journal may hear of it late.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from attrs import frozen

from ..executor.context import context
from .port import Database, alive

if TYPE_CHECKING:
    from ..executor.outbox import Keeper

logger = logging.getLogger("cflow")


@frozen
class _Completion:
    """How the call is known, and who turns its result into bytes."""

    key: str
    keeper: Keeper


def carried_out(
    database: Database[Any],
    fn: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    held_to: Callable[[Any], object] | None,
) -> Any:
    """What the node gives, or what it gave when it was committed before.

    Raises
    ------
    What the node raises, and what stands against its result: then nothing has happened. trio.Cancelled: the same, the
    call was cut before the commit.
    """
    done = _completion()
    before: bytes | None = None
    data = b""
    deciding = False
    transaction = database.begin()
    try:
        if done is not None and (before := transaction.recorded(done.key)) is not None:
            raise _DoneBefore
        value = fn(transaction.handle, *args, **kwargs)
        if held_to is not None:
            held_to(value)
        if done is not None:
            data = done.keeper.whole(value)
        alive()
        deciding = True
        if done is not None:
            transaction.record(done.key, data)
        transaction.commit()
    except BaseException as error:
        transaction.rollback()
        if deciding and done is not None and isinstance(error, Exception):
            # A connection that breaks in a commit leaves it open what has become of that; and of two that do the same
            # at once the second is refused.
            before = _recorded(database, done, error)
        if before is None or done is None:
            raise
        return done.keeper.value(before)
    if done is not None:
        _swept(database, done)
    return value


class _DoneBefore(Exception):
    """The call has been committed."""


def _completion() -> _Completion | None:
    """None where the run is not recorded: nobody could ask again."""
    here = context()
    journal = here._run.journal
    return None if journal is None else _Completion(here.key, journal.keeper)


def _recorded(database: Database[Any], done: _Completion, error: Exception) -> bytes | None:
    """What the database has of a call whose commit has raised."""
    try:
        transaction = database.begin()
        try:
            return transaction.recorded(done.key)
        finally:
            transaction.rollback()
    except Exception as silent:
        error.add_note(f"nor does the database tell whether it was committed: {silent!r}")
        return None


def _swept(database: Database[Any], done: _Completion) -> None:
    """Now and then, drop the results that nobody asks for any more: in the thread of a call, which has been
    committed."""
    store = getattr(done.keeper, "store", None)
    if store is None:
        return
    left = database.swept.get(store, 0)
    database.swept[store] = left - 1
    if left > 0:
        return
    from . import sweeping

    database.swept[store] = sweeping.EVERY
    try:
        database.swept[store] = sweeping.sweep(database, store)
    except Exception as error:
        logger.warning("results of transactional nodes that nobody needs stay for now: %s", error)
