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
from .alone import IN_PLACE, run_of
from .frame import work
from .invoke import CALLS, Tries
from .loglines import NODES, NodeLog
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
        return NodeLog(NODES, {"run": self.run, "node": self.node})

    def progress(self, done: float, total: float) -> None:
        """Say how far the node is."""
        self._run.progress[self.node] = (done, total)


def context() -> Context:
    """The call that the calling node is in.

    Raises
    ------
    RuntimeError: the caller is not a node that the engine calls (a thread that a node started is not one either: ask
    before, and hand it on).
    """
    node: FrameType | None = None  # the frame that the engine called
    for frame in _callers():
        local = frame.f_locals
        if frame.f_code in CALLS:
            run, tries = local["run"], local.get("tries")
            return _found(run, local["site"].id, tries, node)
        if frame.f_code is IN_PLACE:
            run = (
                node.f_locals.setdefault(_RUN, run_of(local["engine"])) if node is not None else run_of(local["engine"])
            )
            return _found(run, local["node"].__name__, None, node)
        op: Any = None
        run = None
        lines = LINES.get(frame.f_code.co_filename)
        if lines is not None and frame.f_lineno < len(lines):
            op, run = lines[frame.f_lineno], local.get("_run")
        elif frame.f_code is work.__code__ and len(local["table"].ops[local["row"]]) == 1:
            op, run = local["table"].ops[local["row"]][0], local["run"]
        if isinstance(op, (ir.Call, ir.Eval)) and run is not None:
            return _found(run, op.id, None, node)
        node = frame
    msg = "context() was called outside of a node: call it in one that a flow, or ordinary code, has called"
    raise RuntimeError(msg)


def _found(run: Any, id: str, tries: Tries | None, node: FrameType | None) -> Context:
    """The call, under its key: kept with its attempts where it may have several, else in the node's own frame."""
    if tries is not None:
        number = tries.key = tries.key or next(run.calls)
    elif node is None:
        number = next(run.calls)
    else:
        # A frame keeps what is added to its locals as long as it lives; no code can see it.
        number = node.f_locals.get(_KEY) or next(run.calls)
        node.f_locals[_KEY] = number
    where = "".join("_" if c.isspace() else c for c in f"{run.id}/{id}")
    return Context(run.id, id, tries.number if tries is not None else 1, f"{where}/{number}", run)


_KEY = "\0cflow call"
_RUN = "\0cflow run"


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
