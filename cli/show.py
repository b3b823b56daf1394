"""``cflow show``: what a run did, as a tree; it reads the store only."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import math
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..compiler import ir
from ..compiler.secrets import hide_passwords
from ..executor.told import shown
from ..runs.cancel import CALLED_OFF
from ..runs.programs import place_of
from .graph.words import duration, expression, short
from .output import emit, wants_colour, writable
from .stores import existing
from .streams import results
from .valuejson import value_json

if TYPE_CHECKING:
    from ..runs.history import History
    from ..runs.tree import Node
    from ..store.keeper import Noted
    from ..store.port import Store
    from ..store.rows import RunRow

VALUE = 60
"""Characters of a value that are shown."""
FOLDED = 6
"""Passes of a loop that are all shown; of a longer one, the first and last two, and those in which something failed."""
FAILURES = 20
"""Passes with failures that are shown of one loop."""

Piece = tuple[str, str]
"""A style, and text in it."""


def execute(arguments: argparse.Namespace) -> int:
    """Exit code 0; 1 where the journal is damaged; 2 where there is no such run or store."""
    from ..runs.history import read_history
    from ..runs.tree import tree_of
    from ..store.place import open_store

    with existing(arguments.store):
        store = open_store(arguments.store, readonly=True)
        try:
            history = read_history(store, arguments.run, Path(arguments.store) / "blobs" if arguments.json else None)
            facts = list(_standing(store, history))
        finally:
            store.close()
    root = tree_of(history)
    if arguments.json:
        told = {**_row_json(history), "standing": facts, "steps": _steps(history, root)}
        emit(hide_passwords(json.dumps(told, ensure_ascii=False)))
    else:
        _print([*_head(history), *_tree(history, root, ""), *_foot(history, root, facts)])
    return 1 if history.damage else 0


# ---- what is known of the run as a whole --------------------------------------------------------------------


def _standing(store: Store, history: History) -> Iterator[str]:
    """Who works on it, and what it waits for."""
    from ..store.owners import alive
    from ..store.rows import NOWHERE, OVER

    row = history.row
    if row.state in OVER:
        return
    if row.state == "queued":
        yield (
            f"it waits for its turn in the queue {row.queue}; a worker begins it: cflow resume --watch"
            if row.queue
            else f"it has not begun; it does with: cflow resume {row.id}"
        )
    if row.state == "running":
        owner = next((o for o in store.owners() if o.id == row.owner), None)
        if row.owner == NOWHERE or owner is None or alive(owner, {}) is False:
            yield f"its process is gone; it goes on with: cflow resume {row.id}"
        else:
            yield f"process {owner.pid} on {owner.host.partition('/')[0]} works on it"
            yield _up_to(history)
    for waited in store.waits(row.id):
        if waited == CALLED_OFF:
            continue
        key = history.value(waited.key)
        yield f"it waits for the signal {waited.name}" + ("" if key is None else f", key {shown(key)}")
    if row.wake is not None:
        yield f"it has something to do from {_moment(row.wake)} on"


def _up_to(history: History) -> str:
    """How far a run has come that somebody works on. That a call has begun is on record nowhere: it would cost each
    call as much as its end does."""
    from ..runs.paths import path_of

    if not history.entries:
        return "nothing is on record yet; a call is when it ends"
    last = history.entries[-1]
    ago = f", {_length(max(0.0, time.time() - last.began - last.took))} ago" if last.began else ""
    return f"the last on record is {path_of(last.key)}{ago}; a call that has begun since is when it ends"


def _head(history: History) -> Iterator[list[Piece]]:
    row = history.row
    inputs = history.value(row.inputs)
    given = ", ".join(f"{k}={_short(v)}" for k, v in inputs.items()) if isinstance(inputs, dict) else ""
    took = f" in {_length(row.ended - row.began)}" if row.ended is not None and row.began is not None else ""
    yield [
        ("bold", row.id), ("", "  "), ("bold", f"{row.flow}({given})"), ("", "  "),
        (_STYLES.get(row.state, ""), row.state + took), ("dim", f"  {_moment(row.created)}"),
    ]  # fmt: skip
    yield [("dim", _from_here(place_of(row.program)))]
    if row.reason:
        first, *rest = row.reason.splitlines()
        yield [("yellow", first)]
        yield from ([("yellow", line)] for line in rest)
    if row.resumed:
        yield [("dim", f"gone on with {row.resumed} times" if row.resumed > 1 else "gone on with once")]
    if row.parent:
        yield [("dim", f"detached by {row.parent}")]


def _foot(history: History, root: Node, facts: list[str]) -> Iterator[list[Piece]]:
    row = history.row
    for note in root.notes:
        yield [("yellow", note)]
    if root.items:
        yield [("", f"{root.items} items were given out")]
    if row.result is not None:
        yield [("green", "= "), ("", _short(history.value(row.result), 4 * VALUE))]
    if row.error is not None:
        yield from _error(history, row.error, "")
    for fact in facts:
        yield [("yellow", fact)]
    if history.damage:
        yield from ([("bold red", line)] for line in history.damage.splitlines())
        yield [("red", f"{len(history.entries)} of {row.entries} entries can be read, and are shown")]


_STYLES = {"done": "green", "failed": "red", "cancelled": "red", "parked": "yellow", "running": "cyan"}


# ---- the steps --------------------------------------------------------------------------------------------


def _tree(history: History, node: Node, prefix: str) -> Iterator[list[Piece]]:
    """The lines of what is in a node."""
    inner: list[Node | str] = list(_folded(node))
    for i, child in enumerate(inner):
        last = i == len(inner) - 1
        bar, below = ("└─ ", "   ") if last else ("├─ ", "│  ")
        if isinstance(child, str):
            yield [("dim", f"{prefix}{bar}{child}")]
            continue
        yield [("dim", prefix + bar), *_step(history, child, node)]
        yield from _outcome(history, child, prefix + below)
        yield from _tree(history, child, prefix + below)


def _folded(node: Node) -> Iterator[Node | str]:
    """The steps in a node; of a long loop, some."""
    inner = list(node.inner())
    if node.kind != "loop" or len(inner) <= FOLDED:
        yield from inner
        return
    shown = {0, 1, len(inner) - 2, len(inner) - 1}
    shown.update([i for i, child in enumerate(inner) if child.failed or child.state == "open"][:FAILURES])
    before = -1
    for i in sorted(shown):
        if i > before + 1:
            yield f"… {i - before - 1} more" if i > before + 2 else inner[before + 1]
        yield inner[i]
        before = i


def _step(history: History, node: Node, around: Node) -> Iterator[Piece]:
    """A step on one line: what was written, what it gave, how long it took, where it stands."""
    line = node.line if node.line != around.line else None
    match node.kind:
        case "pass":
            yield "", f"pass {node.index}"
        case "attempt":
            yield "yellow", f"attempt {node.index}"
        case "undo":
            yield "yellow", f"undo: {node.name}"
        case _:
            yield "", short(line.text, 80) if line is not None and line.text else _planned(node)
    if node.kind == "loop" and node.children:
        yield "dim", f"  {len(node.children)} passes" if len(node.children) > 1 else "  1 pass"
    if node.items:
        yield "dim", f"  {node.items} items"
    entry = node.entry
    if entry is not None and node.state == "done":
        value = history.value(entry.data)
        if value is not None or node.kind not in ("wait", "undo"):
            yield "green", f"  = {_short(value)}"
    elif entry is None and node.kind in ("call", "wait"):
        until = history.value(node.until.data) if node.until is not None else None
        if isinstance(until, float) and until < math.inf:
            yield "yellow", f"  until {_moment(until)}"
        else:
            yield "yellow", "  its end is not on record"
    if entry is not None and entry.attempt > 1:
        yield "yellow", f"  attempt {entry.attempt}"
    times = node.times()
    if times is not None:
        yield "dim", f"  {_length(times[1] - times[0])}"
    if line is not None and node.kind not in ("pass", "attempt", "undo"):
        yield "dim", f"  {_from_here(line.file)}:{line.line}"


def _planned(node: Node) -> str:
    """A step in the words of the plan: where the author's line is not known, or says more than this step."""
    op = node.op
    if not isinstance(op, (ir.Call, ir.Subflow)):
        return node.name
    given = [expression(arg) for arg in op.args] + [f"{name}={expression(value)}" for name, value in op.kwargs]
    return short(f"{node.name}({', '.join(given)})", 80)


def _outcome(history: History, node: Node, prefix: str) -> Iterator[list[Piece]]:
    """What else is on record of a step, below it."""
    for tried in sorted(node.tries, key=lambda entry: entry.attempt):
        yield [("dim", prefix), ("yellow", f"attempt {tried.attempt} failed")]
        yield from _error(history, tried.data, prefix)
    if node.entry is not None and node.state == "failed":
        yield from _error(history, node.entry.data, prefix)
    for note in node.notes:
        yield [("dim", prefix), ("yellow", note)]


def _error(history: History, data: bytes, prefix: str) -> Iterator[list[Piece]]:
    for line in history.error(data).splitlines():
        yield [("dim", prefix), ("red", f"! {line}")]


# ---- as JSON ----------------------------------------------------------------------------------------------


def _row_json(history: History) -> dict[str, Any]:
    row: RunRow = history.row
    names = ("id", "flow", "program", "state", "created", "began", "ended", "reason", "resumed", "parent", "entries")
    return {
        **{name: getattr(row, name) for name in names},
        **value_json(history, row.inputs, "inputs"),
        **value_json(history, row.result, "result"),
        "error": None if row.error is None else history.error(row.error),
        "damage": history.damage or None,
    }


def _steps(history: History, node: Node) -> list[dict[str, Any]]:
    return [_step_json(history, child) for child in node.inner()]


def _step_json(history: History, node: Node) -> dict[str, Any]:
    entry, line, times = node.entry, node.line, node.times()
    made: dict[str, Any] = {"key": node.key, "kind": node.kind, "name": node.name, "state": node.state or None}
    if node.kind in ("pass", "attempt"):
        made["index"] = node.index
    if line is not None:
        made["line"] = {"file": line.file, "line": line.line, "text": line.text}
    if entry is not None:
        failed = node.state == "failed"
        made.update({"error": history.error(entry.data)} if failed else value_json(history, entry.data))
        made["attempt"] = entry.attempt
    if node.tries:
        made["attempts"] = [_try_json(history, tried) for tried in node.tries]
    if times is not None:
        made["began"], made["took"] = times[0], times[1] - times[0]
    if node.until is not None:
        made["until"] = history.value(node.until.data)
    if node.items:
        made["items"] = node.items
    if node.notes:
        made["notes"] = node.notes
    if node.children:
        made["steps"] = _steps(history, node)
    return made


def _try_json(history: History, tried: Noted) -> dict[str, Any]:
    return {"attempt": tried.attempt, "error": history.error(tried.data)}


# ---- words ------------------------------------------------------------------------------------------------


def _short(value: Any, longest: int = VALUE) -> str:
    return short(shown(value), longest)


def _length(seconds: float) -> str:
    """How long something took, in three digits at most."""
    if seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s" if seconds < 100 else duration(round(seconds))


def _moment(time_: float) -> str:
    moment = dt.datetime.fromtimestamp(time_)
    today = abs(time.time() - time_) < 12 * 3600 and moment.date() == dt.date.today()
    return moment.isoformat(" ", "seconds")[11 if today else 0 :]


def _from_here(file: str) -> str:
    try:
        here = os.getcwd() + os.sep
    except OSError:
        return file
    return file.removeprefix(here)


def _print(lines: list[list[Piece]]) -> None:
    """With colours on a terminal, as text elsewhere."""
    if not wants_colour(results()):
        for line in lines:
            emit("".join(text for _, text in line))
        return
    from rich.console import Console
    from rich.text import Text

    console = Console(file=results(), highlight=False)
    for line in lines:
        pieces = ((writable(text), style) for style, text in line)
        console.print(Text.assemble(*pieces), no_wrap=True, overflow="ellipsis")
