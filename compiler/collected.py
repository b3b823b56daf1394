"""What a collecting loop that bears failures gives: the values of the passes that succeeded, and the failures.

A runtime value like any other; it lives beside the graph because the reference and the executor both build it.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import frozen

T = TypeVar("T")


@frozen
class Failure:
    """A pass that failed: the item it was given, that item's index in the source, and the error."""

    item: Any
    index: int
    error: Exception


@frozen
class Collected(Generic[T]):
    """``ok``: what the passes that succeeded gave; ``failed``: the others. Both in the order of the source."""

    ok: list[T]
    failed: list[Failure]
