"""``cflow.context()``: what a node may ask about the call it is in.

Nothing is set up for it: the call is found by walking back from the node to the generated code that called it, so a
node that does not ask costs nothing.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from types import FrameType
from typing import Any

from attrs import field, frozen

from ..compiler import ir
from ..runtimes.away import CALL
from . import governed, recordedstreams, streams
from .alone import IN_PLACE, run_of
from .at import known
from .callers import callers
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
    ahead: Any = None  # the loop for which a stream is read ahead
    for frame in callers():
        local = frame.f_locals
        if frame.f_code in CALLS:
            run, tries = local["run"], local.get("tries")
            return _found(run, local["site"].id, tries, node)
        if frame.f_code in IN_PLACE:
            run = (
                node.f_locals.setdefault(_RUN, run_of(local["engine"])) if node is not None else run_of(local["engine"])
            )
            return _found(run, local["node"].__name__, None, node)
        if frame.f_code in recordedstreams.ITEMS and local["self"].id:
            stream = local["self"]
            key = stream.key or f"{stream.run.id}/{stream.path}"
            return Context(stream.run.id, stream.id, 1, _without_spaces(key), stream.run)
        if frame.f_code is governed.GOVERNED and local["self"].run.journal is None:
            return _found(local["self"].run, local["self"].id, None, node)
        if frame.f_code is streams.PUMP:
            ahead = local["self"].loop
        op: Any = None
        run = None
        lines = LINES.get(frame.f_code.co_filename)
        if lines is not None and frame.f_lineno < len(lines):
            op, run = ahead or lines[frame.f_lineno], local.get("_run")
        elif frame.f_code is work.__code__ and len(local["table"].ops[local["row"]]) == 1:
            op, run = local["table"].ops[local["row"]][0], local["run"]
        if isinstance(op, (ir.Call, ir.Eval)) and run is not None:
            return _found(run, op.id, None, node)
        if isinstance(op, (ir.Loop, ir.ForEach)) and node is not None and op.stream is not False and run is not None:
            return _found(run, _opener(op, lines or ()), None, node)
        if ahead is None and frame.f_code.co_filename not in _READING:
            node = frame
    away = CALL.get()
    if away is not None:
        return Context(away.run, away.node, away.attempt, away.key, away)
    msg = "context() was called outside of a node: call it in one that a flow, or ordinary code, has called"
    raise RuntimeError(msg)


def _found(run: Any, id: str, tries: Tries | None, node: FrameType | None) -> Context:
    """The call, under its key: kept with its attempts where it may have several, else in the node's own frame."""
    if tries is not None and tries.path:  # of a recorded run: the same in every execution
        return Context(run.id, id, tries.number, _without_spaces(tries.named or f"{run.id}/{known(tries.path)}"), run)
    if tries is not None:
        number = tries.key = tries.key or next(run.calls)
    elif node is None:
        number = next(run.calls)
    else:
        # A frame keeps what is added to its locals as long as it lives; no code can see it.
        number = node.f_locals.get(_KEY) or next(run.calls)
        node.f_locals[_KEY] = number
    where = _without_spaces(f"{run.id}/{id}")
    return Context(run.id, id, tries.number if tries is not None else 1, f"{where}/{number}", run)


def _without_spaces(text: str) -> str:
    return _SPACE.sub("_", text)


_SPACE = re.compile(r"\s")


def _opener(op: ir.Loop | ir.ForEach, ops: Sequence[Any]) -> str:
    """The id of the call that opened the stream which a loop reads; the loop's own where that is not in this code."""
    return next((o.id for o in ops if isinstance(o, ir.Call) and op.source == ir.Ref(o.result)), op.id)


_READING = frozenset({streams.__file__, governed.__file__, recordedstreams.__file__})
"""Where frames stand between a loop and the stream node that it reads."""

_KEY = "\0cflow call"
_RUN = "\0cflow run"
