"""Where a run failed: found in the error's traceback, which holds every generated frame on its way.

Nothing is recorded while things go well. When an error leaves a run, its traceback is read once, and what is found is
written to the error (``__cflow__``); the error itself keeps its type and text.
"""

from __future__ import annotations

import linecache
import pickle
from collections.abc import Mapping, Sequence
from types import FrameType, TracebackType
from typing import Any

from attrs import field, frozen

from ..compiler import ir
from ..compiler.diagnostics import NOWHERE, Span
from ..compiler.evaluate import arguments, evaluate
from ..compiler.secrets import HIDDEN, hide_passwords, redact
from ..compiler.spec import Objects
from ..compiler.walk import all_ops
from .frame import CALL, work
from .invoke import CALLS, _attempts
from .lane_rows import called
from .run import NUMBERS
from .source import LINES, NAMES


@frozen
class Failure:
    """``flow``: the flow whose line failed. ``node``: the id of the failing operation. ``span``: the author's line.
    ``path``: the way from the entry flow, through the calls of flows, to the operation. ``attempt``: from 1.
    ``inputs``: the arguments of the failing call, secrets redacted."""

    flow: str
    node: str
    span: Span
    path: tuple[str, ...]
    attempt: int
    inputs: Mapping[str, Any]
    _number: int = field(default=0, repr=False, eq=False, alias="number")
    _read: TracebackType | None = field(default=None, repr=False, eq=False, alias="read")
    """The traceback that was read: where the same error is raised again, it hangs below the new one."""

    def __copy__(self) -> Failure:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Failure:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """An error goes to other processes with what is known of it; inputs that cannot go there as text."""
        inputs = {name: _portable(value) for name, value in self.inputs.items()}
        return type(self), (self.flow, self.node, self.span, self.path, self.attempt, inputs)


def _portable(value: Any) -> Any:
    try:
        pickle.loads(pickle.dumps(value))
    except Exception:
        return repr(value)
    return value


def explain_failure(error: BaseException, graph: ir.Graph, source: ir.Graph, objects: Objects, run: int) -> None:
    """Write to ``error`` where in the run it came from; what a run inside this one wrote stands.

    ``graph``: the graph that ran. ``source``: the one that it was made from, in which no flow is inlined. ``run``: the
    number of the run (:data:`~.run.NUMBERS`).
    """
    before: Failure | None = getattr(error, "__cflow__", None)
    if before is not None and before._number > run:
        return
    places, attempt, exact = _read(error, before._read if before is not None else None)
    flow, node, span, path, inputs = source.main, "", source.main.span, [source.main.name], {}
    here = graph.entry
    for op, frame in places:
        last = op is places[-1][0]
        if last or isinstance(op, (ir.Subflow, ir.Call)):
            key = next((k for k, flow in graph.flows.items() if any(o is op for o in all_ops(flow))), graph.entry)
            if key != here:  # no call leads there: a stream that is read here, an undo
                path.append(graph.flows[key].name)
            here = op.target if isinstance(op, ir.Subflow) else key
            flow, way = _home(op, key, source)
            path += way
        if last:
            node, span, inputs = op.id, op.span, _inputs(op, frame, exact, graph, objects)
    failure = Failure(
        flow.name, node, span, tuple(path), attempt, inputs, number=next(NUMBERS), read=error.__traceback__
    )
    try:
        error.__cflow__ = failure  # type: ignore[attr-defined]
    except AttributeError:  # an exception class with slots
        return
    if failure.span is not NOWHERE:
        error.add_note(_note(failure))


def _home(op: ir.Op, key: str, source: ir.Graph) -> tuple[ir.FlowGraph, list[str]]:
    """The flow whose text holds an operation, and the way to it from the flow that ran it (``key``): of the flows that
    were inlined there the calls, then the operation."""
    way: list[str] = []
    rest = op.id
    while True:
        head, _, tail = rest.partition("/")
        calls = (o for o in all_ops(source.flows[key]) if isinstance(o, ir.Subflow) and o.id == head)
        call = next(calls, None) if tail else None
        if call is None:
            return source.flows[key], [*way, rest]
        way.append(head)
        key, rest = call.target, tail


Given = tuple[Sequence[Any], Mapping[str, Any]]
"""The arguments of a call: by position, by name."""


def _read(error: BaseException, end: TracebackType | None) -> tuple[list[tuple[ir.Op, FrameType]], int, Given | None]:
    """The operations on the way to the error with their frames, the attempt, and the arguments of the call that failed
    where a frame of the engine holds them."""
    places: list[tuple[ir.Op, FrameType]] = []
    attempt = 1
    given: Given | None = None
    tb = error.__traceback__
    while tb is not None and tb is not end:
        frame = tb.tb_frame
        op = _op(frame, tb.tb_lineno)
        if op is not None:
            if places and places[-1][0] is op:
                places.pop()  # a row, and the code of the row
            places.append((op, frame))
            given = None
        elif frame.f_code is _attempts.__code__:
            attempt = frame.f_locals["number"]
        elif frame.f_code in CALLS and given is None:
            given = frame.f_locals["args"], frame.f_locals["kwargs"]
        tb = tb.tb_next
    return places, attempt, given


def _op(frame: FrameType, line: int) -> ir.Op | None:
    """The operation that a frame is at: by the line of generated code, or by the row of a table."""
    lines = LINES.get(frame.f_code.co_filename)
    if lines is not None:
        found: ir.Op | None = lines[line] if line < len(lines) else None
        return found
    if frame.f_code is work.__code__ or frame.f_code is called.__code__:
        ops = frame.f_locals["table"].ops[frame.f_locals["row"]]
        return ops[0] if len(ops) == 1 else None
    return None


def _note(failure: Failure) -> str:
    line = linecache.getline(failure.span.file, failure.span.line).strip()
    text = f"in flow {failure.flow}, {failure.span.file}:{failure.span.line}" + (f": {line}" if line else "")
    if not failure.node:
        return text
    text += f"\n  on the way {' > '.join(failure.path)}"
    if failure.attempt > 1:
        text += f" (attempt {failure.attempt})"
    if failure.inputs:
        text += f"\n  with {', '.join(f'{name}={_short(value)}' for name, value in failure.inputs.items())}"
    return text


SHORT = 80
"""Characters of an input that a note shows."""


def _short(value: Any) -> str:
    try:
        text = hide_passwords(repr(value))
    except Exception:
        return f"<{type(value).__name__}>"
    return text if len(text) <= SHORT else text[: SHORT - 1] + "…"


def _inputs(op: ir.Op, frame: FrameType, given: Given | None, graph: ir.Graph, objects: Objects) -> dict[str, Any]:
    """The arguments of a call: as the engine held them, else computed again from the values its frame still holds;
    nothing where that is not certain."""
    if not isinstance(op, (ir.Call, ir.Subflow)):
        return {}
    try:
        args, kwargs = given or _row(frame) or _computed(op, frame, objects)
    except Exception:
        return {}
    params = graph.nodes[op.target].signature.params if isinstance(op, ir.Call) else graph.flows[op.target].params
    names = [p.name for p in params]
    named = {names[i] if i < len(names) else f"#{i + 1}": value for i, value in enumerate(args)}
    return {name: _shown(value) for name, value in {**named, **kwargs}.items()}


def _row(frame: FrameType) -> Given | None:
    """The arguments of a row without code of its own."""
    if frame.f_code is not work.__code__:
        return None
    table, row, values = (frame.f_locals[n] for n in ("table", "row", "values"))
    if table.kind[row] != CALL:
        return None
    return tuple(values[s] for s in table.args[row]), {name: values[s] for name, s in table.kwargs[row]}


def _computed(op: ir.Call | ir.Subflow, frame: FrameType, objects: Objects) -> Given:
    """The arguments, evaluated again."""
    values = _Values(frame)
    run = frame.f_locals.get("_run")
    ambient = run.ambient if run is not None else {}
    return arguments(op.args, op.kwargs, lambda e: evaluate(e, values, objects, ambient))


def _shown(value: Any) -> Any:
    """The value without secrets in it; one that cannot be looked at may hold some."""
    try:
        return redact(value)
    except Exception:
        return HIDDEN


class _Values(dict[str, Any]):
    """Values by id from the locals of a frame of generated code."""

    def __init__(self, frame: FrameType) -> None:
        super().__init__(frame.f_locals)
        self._names = NAMES.get(frame.f_code.co_filename, {})

    def __getitem__(self, id: str) -> Any:
        return super().__getitem__(self._names.get(id, id))


__all__ = ["Failure", "explain_failure", "redact"]
