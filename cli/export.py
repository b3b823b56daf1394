"""``cflow export``: a run as one JSON object, for other programs. Its shape is described in docs/time-travel.md."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler.secrets import hide
from ..executor.told import said
from .output import emit
from .stores import existing
from .valuejson import value_json

if TYPE_CHECKING:
    from ..runs.history import History
    from ..store.keeper import Noted

FORMAT, VERSION = "cflow-run", 1
"""The version grows where a field gets another meaning or goes; fields may be added under the same one."""

KINDS = ("done", "failed", "decided", "item", "end", "attempt", "given", "owed")
"""By the number of an entry's kind."""

FIELDS = (
    "id", "flow", "program", "digest", "state", "created", "began", "ended", "wake", "resumed", "parent", "reason",
    "queue", "priority",
)  # fmt: skip
"""Of a run's row, as they are."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the journal is damaged; 2 where there is no such run or store."""
    from ..runs.history import read_history
    from ..store.place import open_store

    with existing(arguments.store):
        store = open_store(arguments.store, readonly=True)
        try:
            history = read_history(store, arguments.run, Path(arguments.store) / "blobs")
            plan = store.plan(history.row.digest)
        finally:
            store.close()
    head = json.dumps({**_head(history), "plan": plan}, ensure_ascii=False)
    # One entry a line, and one at a time in memory.
    emit(head[:-1] + ', "entries": [')
    last = len(history.entries) - 1
    for i, entry in enumerate(history.entries):
        emit(json.dumps(_entry(history, entry), ensure_ascii=False) + ("," if i < last else ""))
    emit("]}", flush=True)
    return 1 if history.damage else 0


def _head(history: History) -> dict[str, Any]:
    row = history.row
    return {
        "format": FORMAT,
        "version": VERSION,
        "run": {name: getattr(row, name) for name in FIELDS},
        **value_json(history, row.inputs, "inputs"),
        **(value_json(history, row.ambient, "ambient") if row.ambient else {"ambient": {}}),
        **value_json(history, row.result, "result"),
        "error": None if row.error is None else _error(history.value(row.error)),
        "damage": history.damage or None,
    }


def _entry(history: History, entry: Noted) -> dict[str, Any]:
    kind = KINDS[entry.kind] if entry.kind < len(KINDS) else str(entry.kind)
    if kind in ("failed", "attempt"):
        what = {"error": _error(history.value(entry.data))}
    else:
        what = {} if kind == "end" else value_json(history, entry.data)
    times = {"began": entry.began, "took": entry.took} if entry.began else {}
    return {"number": entry.number, "key": entry.key, "kind": kind, **what, "attempt": entry.attempt, **times}


def _error(value: Any) -> dict[str, Any]:
    """An error, and what it came from."""
    if not isinstance(value, BaseException):
        return {"type": "", "message": str(value), "notes": []}
    from ..store.exceptions import Restored

    kind = type(value)
    name, text = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}:{kind.__qualname__}", ""
    if isinstance(value, Restored):
        name, text = value.type, value.text
    told: dict[str, Any] = {"type": name, "message": hide(text or said(value))}
    told["notes"] = [hide(note) for note in getattr(value, "__notes__", ())]
    if isinstance(value, BaseExceptionGroup):
        told["errors"] = [_error(inner) for inner in value.exceptions]
    if value.__cause__ is not None:
        told["cause"] = _error(value.__cause__)
    return told
