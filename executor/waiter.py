"""One task that waits for what another gives it, which may run on another loop."""

from __future__ import annotations

from typing import Any

from .late import trio


class Waiter:
    """A task that waits for an answer, which may come from another loop."""

    __slots__ = ("box", "event", "token")

    def __init__(self) -> None:
        self.event = trio.Event()
        self.token = trio.lowlevel.current_trio_token()
        self.box: list[Any] = []
        """The answer, once there is one."""

    def answer(self, value: Any) -> bool:
        """Give it the answer; False where its loop has ended."""
        self.box.append(value)  # before the other loop can look
        try:
            here = trio.lowlevel.in_trio_run() and trio.lowlevel.current_trio_token() is self.token
            if not here:
                self.token.run_sync_soon(self.event.set)
        except trio.RunFinishedError:
            self.box.clear()
            return False
        if here:
            self.event.set()
        return True
