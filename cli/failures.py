"""What went wrong, for people and as JSON: a wrong program, wrong inputs, or a flow that failed.

Owns the form of the report only. Where a failure happened and with which inputs is known to the executor, which writes
it to the error itself.
"""

from __future__ import annotations

import json
import linecache
import os
import re
import sys
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from ..compiler.diagnostics import NOWHERE, CflowError, Diagnostic, InputError, ProgramError, Span
from ..compiler.render import as_json, render
from ..compiler.secrets import hide
from .output import Hide, note, plain, said, shown, wants_colour


def disk_sources(file: str) -> Sequence[str] | None:
    """The lines of a file as it is now; sources that are in memory only, from where Python keeps them."""
    try:
        return Path(file).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError):
        return [line.rstrip("\n") for line in linecache.getlines(file)] or None


def print_wrong(error: ProgramError | InputError, *, json_form: bool = False) -> None:
    """A wrong program or wrong inputs, on standard error."""
    if json_form:
        note(json.dumps({"error": _wrong_json(error)}, ensure_ascii=False))
    elif isinstance(error, ProgramError):
        for diagnostic in error.diagnostics:
            note(render(diagnostic, disk_sources, color=wants_colour(sys.stderr)) + "\n")
    else:
        note(_as_people("wrong-input", str(error)))


def _wrong_json(error: ProgramError | InputError) -> dict[str, Any]:
    empty: dict[str, Any] = {"flow": None, "node": None, "line": None, "path": [], "attempt": None, "inputs": {}}
    if isinstance(error, InputError):
        problems = [{"name": p.name, "message": p.message} for p in error.problems]
        return {"id": "wrong-input", "type": "InputError", "message": str(error), **empty, "problems": problems}
    first = error.diagnostics[0] if error.diagnostics else Diagnostic("wrong-program", "error", str(error))
    line = first.span.line or None
    told = [as_json(d) for d in error.diagnostics]
    return {
        "id": first.id,
        "type": "ProgramError",
        "message": first.message,
        **empty,
        "line": line,
        "diagnostics": told,
    }


def _as_people(id: str, message: str) -> str:
    return render(
        Diagnostic(id, "error", message.splitlines()[0] if message else id), color=wants_colour(sys.stderr)
    ) + ("\n" + "\n".join(message.splitlines()[1:]) if "\n" in message else "")


# ---- a flow that failed ---------------------------------------------------------------------------------


class FailureContext(Protocol):
    """Where a run failed, as the executor writes it to the error."""

    @property
    def flow(self) -> str: ...
    @property
    def node(self) -> str: ...
    @property
    def span(self) -> Span: ...
    @property
    def path(self) -> Sequence[str]: ...
    @property
    def attempt(self) -> int: ...
    @property
    def inputs(self) -> Mapping[str, Any]: ...


def context_of(error: BaseException) -> FailureContext | None:
    """What the executor knows of a failure; None of one that did not come through it."""
    found: FailureContext | None = getattr(error, "__cflow__", None)
    return found


def print_failure(error: BaseException, *, json_form: bool = False, hide: Hide = hide) -> None:
    """What a flow raised, on standard error: the author's line, the way there, the inputs of the failed call."""
    if json_form:
        note(hide(json.dumps({"error": failure_json(error)}, ensure_ascii=False)))
        return
    where = context_of(error)
    text = said(error)
    message = type(error).__name__ + (f": {text.splitlines()[0]}" if text else "")
    span = where.span if where is not None else NOWHERE
    lines = [
        render(Diagnostic(failure_id(error), "error", message, span), disk_sources, color=wants_colour(sys.stderr))
    ]
    # The executor's own note says what is shown here anyway.
    notes = [n for n in getattr(error, "__notes__", ()) if where is None or not n.startswith(f"in flow {where.flow}, ")]
    lines += [f"   = {line}" for line in [*text.splitlines()[1:], *_way(where), *notes]]
    lines += [f"     {frame}" for frame in _own_frames(error)]
    note(hide("\n".join(lines)))


def failure_json(error: BaseException) -> dict[str, Any]:
    """The object that programs get: what, where, on which way, with which inputs."""
    where = context_of(error)
    return {
        "id": failure_id(error),
        "type": type(error).__name__,
        "message": said(error),
        "flow": where.flow if where else None,
        "node": where.node if where else None,
        "line": where.span.line if where else None,
        "path": list(where.path) if where else [],
        "attempt": where.attempt if where else None,
        "inputs": plain(where.inputs) if where else {},
    }


def failure_id(error: BaseException) -> str:
    """The stable id of a failure: of the engine's own errors their name, of a node's any error that it raised."""
    if isinstance(error, CflowError):
        # LoopLimit -> loop-limit
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
    where = context_of(error)
    return "node-failed" if where is not None and where.node else "flow-failed"


def _way(where: FailureContext | None) -> list[str]:
    if where is None:
        return []
    attempt = f" (attempt {where.attempt})" if where.attempt and where.attempt > 1 else ""
    lines = [f"in {' > '.join(where.path)}{attempt}"] if where.path else []
    if where.inputs:
        lines.append("with " + ", ".join(f"{name}={_short(value)}" for name, value in where.inputs.items()))
    return lines


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= 80 else text[:79] + "…"


def _own_frames(error: BaseException) -> list[str]:
    """The last lines of the user's own code that the error came through; those of the engine are not theirs."""
    engine = str(Path(__file__).resolve().parent.parent) + os.sep
    packs = engine + "stdlib_nodes"
    frames = []
    for frame in traceback.extract_tb(error.__traceback__):
        file = frame.filename
        foreign = file.startswith("<") or f"{os.sep}trio{os.sep}" in file or f"{os.sep}outcome{os.sep}" in file
        if foreign or (file.startswith(engine) and not file.startswith((packs, engine + "examples", engine + "tests"))):
            continue
        frames.append(f"{file}:{frame.lineno} in {frame.name}: {frame.line or ''}".rstrip(": "))
    return frames[-4:]
