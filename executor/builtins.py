"""The engine's own operations, by the name in ``NodeSpec.builtin``: async functions of the run, the undo log and the
arguments."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .run import Run
from .scopes import sleep, wait_signal
from .undo import UndoLog


async def _sleep(run: Run, log: UndoLog | None, duration: Any) -> None:
    await sleep(run, duration)


async def _wait_signal(run: Run, log: UndoLog | None, name: Any, key: Any = None) -> Any:
    return await wait_signal(run, log, name, key)


def builtins(recorded: bool) -> dict[str, Callable[..., Awaitable[Any]]]:
    """The operations, or those of recorded runs, which take further where they stand and their id."""
    if recorded:
        from .recordedwaits import WAITS

        return WAITS
    return BUILTINS


BUILTINS: dict[str, Callable[..., Awaitable[Any]]] = {"sleep": _sleep, "wait_signal": _wait_signal}
