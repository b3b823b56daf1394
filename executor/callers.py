"""The frames around a call, read from the inside: what led to it through its task and those around."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

from .late import trio


def callers() -> Iterator[FrameType]:
    """The frames around the call that the caller of this function looks from, nearest first.

    Beyond a task come the frames of the one that opened its nursery, from the nursery outwards.
    """
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back
    try:
        task = trio.lowlevel.current_task()
    except RuntimeError:  # a node that is called by itself
        return
    while task.parent_nursery is not None:
        nursery = task.parent_nursery
        task = nursery.parent_task
        frames = list(_frames(task.coro))
        inside = next((i for i, f in enumerate(frames) if f.f_locals.get("nursery") is nursery), len(frames) - 1)
        yield from reversed(frames[: inside + 1])


def _frames(coroutine: Any) -> Iterator[FrameType]:
    """The frames of a task, outermost first."""
    while coroutine is not None:
        frame = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
        if frame is None:
            return
        yield frame
        coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
