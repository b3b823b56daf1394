"""Threads that a run keeps busy, without a task for each.

``trio.to_thread.run_sync`` is a task that waits, a limiter that hands tokens from task to task, and a report through
the loop: 40 of them at once cost twice what the same threads cost when nobody waits for each by itself
(``docs/performance.md``). Here they come straight from Trio's own cache of threads.
"""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .late import Late, trio

if TYPE_CHECKING:
    _threads: Any
else:
    _threads = Late("trio._threads")

LANES = 40
"""Threads a run may keep busy at once."""


class Crew:
    """Threads of one run that share a fate: what is cut leaves all of them behind.

    What runs in them may use ``trio.from_thread`` as in a thread of ``to_thread.run_sync(abandon_on_cancel=True)``.
    """

    __slots__ = ("_context", "_cut", "_limiter", "_token", "cut")

    def __init__(self, limiter: trio.CapacityLimiter) -> None:
        self._limiter = limiter
        self._token = trio.lowlevel.current_trio_token()
        self._context = contextvars.copy_context()
        sniffio: Any = sys.modules.get("sniffio")
        if sniffio is not None:  # in a thread no library is current, whoever may have set that around the run
            self._context.run(sniffio.current_async_library_cvar.set, None)
        self._cut: list[Any] = [None]
        self.cut = False
        """Nothing more may begin in them."""

    def start(self, work: Callable[[], object]) -> bool:
        """Call ``work`` in a thread; False where the run keeps as many busy as it may. On the loop."""
        place = object()
        try:
            self._limiter.acquire_on_behalf_of_nowait(place)
        except trio.WouldBlock:
            return False
        self._begin(work, place)
        return True

    async def start_later(self, work: Callable[[], object]) -> None:
        """The same, once there is a thread to be had."""
        place = object()
        await self._limiter.acquire_on_behalf_of(place)
        self._begin(work, place)

    def _begin(self, work: Callable[[], object], place: object) -> None:
        def body() -> None:
            known = vars(_threads.PARENT_TASK_DATA)
            known.update(token=self._token, abandon_on_cancel=True, cancel_register=self._cut, task_register=[None])
            try:
                work()
            finally:
                known.clear()

        def left(_: object) -> None:
            self.soon(self._limiter.release_on_behalf_of, place)

        trio.lowlevel.start_thread_soon(body, left)

    def soon(self, fn: Callable[..., object], *args: Any) -> bool:
        """Call ``fn`` on the loop; False where that has ended since. From any thread."""
        try:
            self._token.run_sync_soon(fn, *args)
        except trio.RunFinishedError:
            return False
        return True

    def call(self, fn: Callable[..., Any], *args: Any) -> Any:
        """Call ``fn`` in a context of its own: what it sets in contextvars stays with it."""
        return self._context.copy().run(fn, *args)

    def leave_behind(self, raise_cancel: Any = None) -> None:
        """The run goes on without them; what asks in there raises ``raise_cancel``."""
        self.cut = True
        self._cut[0] = raise_cancel
