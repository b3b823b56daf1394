"""Where in the program a call stands that is being made, for tests: calls overlap and begin in any order, and a record
of them shall not depend on that.

As for :mod:`.context`, nothing is set up: the frames between the node and the start of the run tell. Only where steps
may overlap has one a place of its own: a row of a table, a pass of a ``parallel`` loop, an arm. Everything else runs
one after another, and there the order is that of time.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import trio

from . import blocks
from .frame import work

_ARMS = {f"{fn.__name__}.<locals>.one" for fn in (blocks.parallel, blocks.race)}


def places() -> list[tuple[Any, int]]:
    """The place of the call that the caller of this makes, from the outside in: what is executed there (any object of
    its own for each execution), and the place in it."""
    found = [place for frame in _callers() if (place := _place(frame)) is not None]
    found.reverse()
    return found


def _place(frame: FrameType) -> tuple[Any, int] | None:
    code = frame.f_code
    if code is work.__code__:
        return frame.f_locals["frame"], frame.f_locals["row"]
    if code is blocks._worker.__code__:
        local = frame.f_locals
        return (local["state"], local["index"]) if "index" in local else None
    if code.co_filename == blocks.__file__ and code.co_qualname in _ARMS:
        return frame.f_locals["nursery"], frame.f_locals["index"]
    return None


def _callers() -> Iterator[FrameType]:
    """The frames around the call, nearest first. Of a task that waits for others, those around its nursery."""
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
