"""What went wrong, for people and as JSON: a wrong program, wrong inputs, or a flow that failed.

Owns the form of the report only. Where a failure happened and with which inputs is known to the executor, which writes
it to the error itself.
"""

from __future__ import annotations

import json
import linecache
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..compiler.diagnostics import NOWHERE, CflowError, Diagnostic, InputError, ProgramError
from ..compiler.render import as_json, render
from ..compiler.secrets import hide, hide_passwords
from ..executor.told import causes, context_of, further_notes, own_frames, said, way
from .output import Hide, note, plain, wants_colour

_NOWHERE: dict[str, Any] = {"flow": None, "node": None, "line": None, "path": [], "attempt": None, "inputs": {}}


def disk_sources(file: str) -> Sequence[str] | None:
    """The lines of a file as it is now; sources that are in memory only, from where Python keeps them."""
    path = Path(file)
    if path.exists() and not path.is_file():  # a pipe would be waited for
        return None
    try:
        return path.read_text(encoding="utf-8-sig").splitlines()
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
    if isinstance(error, InputError):
        problems = [{"name": p.name, "message": p.message} for p in error.problems]
        return {"id": "wrong-input", "type": "InputError", "message": str(error), **_NOWHERE, "problems": problems}
    first = error.diagnostics[0] if error.diagnostics else Diagnostic("wrong-program", "error", str(error))
    line = first.span.line or None
    told = [as_json(d) for d in error.diagnostics]
    return {
        "id": first.id,
        "type": "ProgramError",
        "message": first.message,
        **_NOWHERE,
        "line": line,
        "diagnostics": told,
    }


def print_unusable(error: BaseException, *, json_form: bool = False) -> None:
    """A store that cannot be opened, on standard error."""
    if json_form:
        told = {"id": "store", "type": type(error).__name__, "message": str(error), **_NOWHERE}
        note(json.dumps({"error": told}, ensure_ascii=False))
    else:
        note(_as_people("store", str(error)))


def _as_people(id: str, message: str) -> str:
    return render(
        Diagnostic(id, "error", message.splitlines()[0] if message else id), color=wants_colour(sys.stderr)
    ) + ("\n" + "\n".join(message.splitlines()[1:]) if "\n" in message else "")


# ---- a flow that failed ---------------------------------------------------------------------------------


def print_failure(error: BaseException, *, json_form: bool = False, hide: Hide = hide) -> None:
    """What a flow raised, on standard error: the author's line, the way there, the inputs of the failed call."""
    if json_form:
        note(hide_passwords(hide(json.dumps({"error": failure_json(error)}, ensure_ascii=False))))
        return
    where = context_of(error)
    text = said(error)
    message = type(error).__name__ + (f": {text.splitlines()[0]}" if text else "")
    span = where.span if where is not None else NOWHERE
    lines = [
        render(Diagnostic(failure_id(error), "error", message, span), disk_sources, color=wants_colour(sys.stderr))
    ]
    lines += [f"   = {line}" for line in [*text.splitlines()[1:], *causes(error), *way(where), *further_notes(error)]]
    lines += [f"     {frame}" for frame in own_frames(error)]
    note(hide_passwords(hide("\n".join(lines))))


def print_interrupted(*, json_form: bool = False) -> None:
    """Ctrl-C, on standard error."""
    if json_form:
        told = {"id": "interrupted", "type": "KeyboardInterrupt", "message": "interrupted", **_NOWHERE}
        note(json.dumps({"error": told}, ensure_ascii=False))
    else:
        note("interrupted")


def failure_json(error: BaseException) -> dict[str, Any]:
    """The object that programs get: what, where, on which way, with which inputs; from what, where it was raised from
    another error."""
    where = context_of(error)
    cause = error.__cause__
    told = {} if cause is None else {"cause": {"type": type(cause).__name__, "message": said(cause)}}
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
        **told,
    }


def failure_id(error: BaseException) -> str:
    """The stable id of a failure: of the engine's own errors their name, of a node's any error that it raised."""
    if isinstance(error, CflowError):
        # LoopLimit -> loop-limit
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "-", type(error).__name__).lower()
    where = context_of(error)
    return "node-failed" if where is not None and where.node else "flow-failed"
