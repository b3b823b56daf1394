"""The values that the language itself makes: what a collecting loop gives."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from attrs import Factory, frozen

from .diagnostics import CflowError

T = TypeVar("T")


@frozen
class Failed:
    """A pass that failed: the item it was given, its position in the source, and its error."""

    item: Any
    index: int
    error: BaseException


@frozen
class Collected(Generic[T]):
    """What ``collect`` gives: ``ok``, the results in the order of the source, and ``failed``, the passes that did."""

    ok: list[T] = Factory(list)
    failed: list[Failed] = Factory(list)

    def append(self, item: T, /) -> None:
        """In a flow, a pass of the loop adds its result (``done = collect(max_failed=3)``); a value does not change.

        Raises
        ------
        CflowError: always; the statement is part of a flow and never runs as Python.
        """
        msg = "append belongs in a flow: `done = collect(max_failed=3)`, then a `for ... in parallel(...)` that appends"
        raise CflowError(msg)
