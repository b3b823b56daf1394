"""``cflow.context()``: what a node may ask about the call it is in.

Nothing is set up for it: the call is found by walking back from the node to the generated code that called it, so a
node that does not ask costs nothing.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any

import trio
from attrs import field, frozen

from ..compiler import ir
from .frame import work
from .source import LINES


@frozen
class Context:
    """The call a node is in.

    ``run``: the run's id. ``node``: the operation's id. ``attempt``: from 1. ``key``: the same for every attempt of
    this call, without spaces: hand it to services that know idempotency keys.
    """

    run: str
    node: str
    attempt: int
    key: str
    _run: Any = field(alias="state", repr=False, eq=False)

    @property
    def log(self) -> logging.LoggerAdapter[logging.Logger]:
        """A logger that knows the run and the node."""
        return logging.LoggerAdapter(logging.getLogger("cflow.node"), {"run": self.run, "node": self.node})

    def progress(self, done: float, total: float) -> None:
        """Say how far the node is."""
        self._run.progress[self.node] = (done, total)


def context() -> Context:
    """The call that the calling node is in.

    Raises
    ------
    RuntimeError: the caller is not a node of a running flow.
    """
    attempt = 1
    key_frame: FrameType | None = None
    for frame in _callers():
        name = frame.f_code.co_name
        local = frame.f_locals
        if name == "_attempts" and "number" in local:
            attempt, key_frame = local["number"], frame
            continue
        op: Any = None
        run: Any = None
        lines = LINES.get(frame.f_code.co_filename)
        if lines is not None and frame.f_lineno < len(lines):
            op, run = lines[frame.f_lineno], local.get("_run")
        elif frame.f_code is work.__code__ and len(local["table"].ops[local["row"]]) == 1:
            op, run = local["table"].ops[local["row"]][0], local["run"]
        if isinstance(op, (ir.Call, ir.Eval)) and run is not None:
            return Context(run.id, op.id, attempt, _key(run, op.id, key_frame), run)
    msg = "context() was called outside of a running flow: call it in a node"
    raise RuntimeError(msg)


def _key(run: Any, node: str, frame: FrameType | None) -> str:
    """One key for all attempts of a call: kept with the loop over the attempts, where there is one."""
    place = "".join(c if not c.isspace() else "_" for c in f"{run.id}/{node}")
    if frame is None:
        return f"{place}/{next(run.calls)}"
    policy = frame.f_locals["policy"]
    number = policy.setdefault("\0call", None)
    if number is None:
        number = policy["\0call"] = next(run.calls)
    return f"{place}/{number}"


def _callers() -> Iterator[FrameType]:
    """The frames that called the node, nearest first; beyond the task, those of the task that opened its nursery."""
    frame: FrameType | None = sys._getframe(2)
    while frame is not None:
        yield frame
        frame = frame.f_back
    try:
        task = trio.lowlevel.current_task()
    except RuntimeError:
        return
    while task.parent_nursery is not None:
        task = task.parent_nursery.parent_task
        frames: list[FrameType] = []
        coroutine: Any = task.coro
        while coroutine is not None:
            inner = getattr(coroutine, "cr_frame", None) or getattr(coroutine, "gi_frame", None)
            if inner is None:
                break
            frames.append(inner)
            coroutine = getattr(coroutine, "cr_await", None) or getattr(coroutine, "gi_yieldfrom", None)
        yield from reversed(frames)
