"""What other threads tell a Trio loop: it is woken once for all that is told together.

Waking a loop is a lock and a system call; a hundred runs that share a commit are told of it with one of them.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import cache
from typing import Any

from attrs import define, field

from .late import trio


@define(eq=False)
class Tray:
    """What is to be called in one Trio run. ``wake``: brings the loop to it; always the same object, so that who has
    put into several trays can call each one's once."""

    token: trio.lowlevel.TrioToken
    wake: Callable[[], None] = field(init=False)
    _calls: deque[tuple[Callable[..., object], tuple[Any, ...]]] = field(factory=deque)

    def __attrs_post_init__(self) -> None:
        self.wake = self._wake

    def put(self, call: Callable[..., object], *args: Any) -> Callable[[], None]:
        """Have something called on the loop once it is woken, in any thread; gives :attr:`wake`."""
        self._calls.append((call, args))
        return self.wake

    def _wake(self) -> None:
        try:
            self.token.run_sync_soon(self._empty, idempotent=True)
        except trio.RunFinishedError:
            self._calls.clear()

    def _empty(self) -> None:
        calls = self._calls
        for _ in range(len(calls)):
            call, args = calls.popleft()
            call(*args)


@cache
def _tray() -> trio.lowlevel.RunVar[Tray]:
    return trio.lowlevel.RunVar("cflow.tray")


def tray_here() -> Tray:
    """The tray of the loop that this is called on."""
    try:
        return _tray().get()
    except LookupError:
        tray = Tray(trio.lowlevel.current_trio_token())
        _tray().set(tray)
        return tray
