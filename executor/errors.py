"""Where a run failed: found in the error's traceback, which holds every generated frame on its way.

Nothing is recorded while things go well. When an error leaves a run, its traceback is read once, and what is found is
written to the error (``__cflow__``); the error itself keeps its type and text.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from types import FrameType
from typing import Any

from attrs import frozen

from ..compiler import ir
from ..compiler.diagnostics import NOWHERE, Span
from ..compiler.evaluate import arguments, evaluate
from ..compiler.secrets import redact
from ..compiler.spec import Objects
from .frame import work
from .source import LINES


@frozen
class Failure:
    """``flow``: the entry flow. ``node``: the id of the failing operation. ``span``: the author's line. ``path``: the
    way from the flow to the operation. ``attempt``: from 1. ``inputs``: the arguments of the failing call, secrets
    redacted."""

    flow: str
    node: str
    span: Span
    path: tuple[str, ...]
    attempt: int
    inputs: Mapping[str, Any]


def explain_failure(error: BaseException, graph: ir.Graph, objects: Objects) -> None:
    """Write to ``error`` where in the run it came from, once."""
    if getattr(error, "__cflow__", None) is not None:
        return
    places: list[tuple[ir.Op, FrameType]] = []
    attempt = 1
    tb = error.__traceback__
    while tb is not None:
        frame = tb.tb_frame
        lines = LINES.get(frame.f_code.co_filename)
        if lines is not None and tb.tb_lineno < len(lines):
            op = lines[tb.tb_lineno]
            if op is not None and (not places or places[-1][0] is not op):
                places.append((op, frame))
        elif frame.f_code is work.__code__:
            found = _row_op(frame)
            if found is not None and (not places or places[-1][0] is not found):
                places.append((found, frame))
        elif frame.f_code.co_name == "_attempts" and "number" in frame.f_locals:
            attempt = frame.f_locals["number"]
        tb = tb.tb_next
    if not places:
        failure = Failure(graph.main.name, "", graph.main.span, (graph.main.name,), attempt, {})
    else:
        op, frame = places[-1]
        path = [graph.main.name, *(o.id for o, _ in places if isinstance(o, (ir.Subflow, ir.Call)) or o is op)]
        inputs = _inputs(op, frame, graph, objects)
        failure = Failure(graph.main.name, op.id, op.span, tuple(path), attempt, inputs)
    try:
        error.__cflow__ = failure  # type: ignore[attr-defined]
    except AttributeError:  # an exception class with slots
        return
    if failure.span is not NOWHERE:
        error.add_note(_note(failure))


def _note(failure: Failure) -> str:
    line = linecache.getline(failure.span.file, failure.span.line).strip()
    text = f"in flow {failure.flow}, {failure.span.file}:{failure.span.line}"
    return f"{text}: {line}" if line else text


def _row_op(frame: FrameType) -> ir.Op | None:
    """The operation of a table's row that has no code of its own."""
    values = frame.f_locals
    try:
        ops: tuple[ir.Op, ...] = values["table"].ops[values["row"]]
    except (KeyError, IndexError):
        return None
    return ops[0] if len(ops) == 1 else None


def _inputs(op: ir.Op, frame: FrameType, graph: ir.Graph, objects: Objects) -> dict[str, Any]:
    """The arguments of a call, computed again from the values its frame still holds; nothing where that is not
    certain."""
    if not isinstance(op, (ir.Call, ir.Subflow)):
        return {}
    env = dict(frame.f_locals)
    run = env.get("_run") or env.get("run")
    try:
        args, kwargs = arguments(
            op.args, op.kwargs, lambda e: evaluate(e, _Values(env), objects, run.ambient if run is not None else {})
        )
    except Exception:
        return {}
    if isinstance(op, ir.Call):
        names = [p.name for p in graph.nodes[op.target].signature.params]
    else:
        names = [p.name for p in graph.flows[op.target].params]
    named = {names[i] if i < len(names) else f"#{i + 1}": value for i, value in enumerate(args)}
    return {name: redact(value) for name, value in {**named, **kwargs}.items()}


class _Values(dict[str, Any]):
    """Values by id from a frame's locals, or, in a table's row, unknown."""

    def __missing__(self, key: str) -> Any:
        raise KeyError(key)
