"""WfFormat, the JSON of WfCommons in which traces of workflows are published: versions 1.4 and 1.5.

Source: the schema at github.com/wfcommons/WfFormat (``wfcommons-schema.json``, its README and its migration script).
Version 1.4 has one list, ``workflow.tasks``, whose tasks name each other (by name, some writers by id) and may do so at
one end only; version 1.5 parts ``workflow.specification.tasks``, which name each other by id, from
``workflow.execution.tasks``, which hold what was measured. Files, machines and commands are not read.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .graph import Task, Workflow

VERSIONS = ("1.4", "1.5")


class WfFormatError(ValueError):
    """The document is no workflow trace that can be replayed; the text says where and why."""


def load(path: str | Path) -> Workflow:
    """The workflow in a file.

    Raises
    ------
    WfFormatError: it is malformed. OSError: it cannot be read.
    """
    try:
        return loads(Path(path).read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        msg = f"{path}: no JSON: it is not text"
        raise WfFormatError(msg) from None
    except WfFormatError as error:
        msg = f"{path}: {error}"
        raise WfFormatError(msg) from None


def loads(text: str) -> Workflow:
    """The workflow in a text.

    Raises
    ------
    WfFormatError: it is malformed.
    """
    try:
        document = json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        msg = f"no JSON: {error}"
        raise WfFormatError(msg) from None
    whole = _typed(document, dict, "the document")
    version = whole.get("schemaVersion")
    if version not in VERSIONS:
        msg = f"schemaVersion is {version!r}; read are {' and '.join(VERSIONS)}"
        raise WfFormatError(msg)
    name = _get(whole, "name", str, "the document")
    workflow = _get(whole, "workflow", dict, "the document")
    tasks = _flat(workflow) if version == "1.4" else _parted(workflow)
    try:
        return Workflow(name, tuple(tasks))
    except ValueError as error:
        raise WfFormatError(str(error)) from None


def _flat(workflow: dict[str, Any]) -> list[Task]:
    """Version 1.4."""
    rows = list(_rows(workflow, "workflow"))
    names = [_get(row, "name", str, where) for row, where in rows]
    ids = [_get(row, "id", str, where) if "id" in row else name for (row, where), name in zip(rows, names, strict=True)]
    known = _unique(ids, "workflow")
    shared, own = Counter(names), set(ids)
    for at, name in enumerate(names):
        if name not in own:
            known[name] = at if shared[name] == 1 else -1  # nobody's
    parents = _parents(rows, ids, known)
    return [
        Task(ids[at], _kind(row, names[at], where), _seconds(row, where), tuple(parents[at]))
        for at, (row, where) in enumerate(rows)
    ]


def _parted(workflow: dict[str, Any]) -> list[Task]:
    """Version 1.5."""
    place = "workflow.specification"
    rows = list(_rows(_get(workflow, "specification", dict, "workflow"), place))
    if "execution" not in workflow:
        msg = "workflow.execution is missing: without run times there is nothing to replay"
        raise WfFormatError(msg)
    seconds: dict[str, float] = {}
    for row, where in _rows(_get(workflow, "execution", dict, "workflow"), "workflow.execution"):
        id = _get(row, "id", str, where)
        if id in seconds:
            msg = f"{where}: {id!r} has a run time already"
            raise WfFormatError(msg)
        seconds[id] = _seconds(row, where)
    ids = [_get(row, "id", str, where) for row, where in rows]
    known = _unique(ids, place)
    if ids and (unknown := [id for id in seconds if id not in known]):
        msg = f"workflow.execution has run times of {', '.join(map(repr, unknown[:4]))}, and {place} no such task"
        raise WfFormatError(msg)
    for at, id in enumerate(ids):
        if id not in seconds:
            msg = f"{rows[at][1]}: {id!r} has no run time in workflow.execution.tasks"
            raise WfFormatError(msg)
    parents = _parents(rows, ids, known)
    return [
        Task(ids[at], _get(row, "name", str, where), seconds[ids[at]], tuple(parents[at]))
        for at, (row, where) in enumerate(rows)
    ]


def _unique(ids: list[str], place: str) -> dict[str, int]:
    """The place of each task, by its id."""
    known: dict[str, int] = {}
    for at, id in enumerate(ids):
        if known.setdefault(id, at) != at:
            msg = f"{place}: two tasks are called {id!r}"
            raise WfFormatError(msg)
    return known


def _parents(rows: list[tuple[dict[str, Any], str]], ids: list[str], known: dict[str, int]) -> list[dict[str, None]]:
    """The parents of each task, said by itself or by them."""
    found: list[dict[str, None]] = [{} for _ in rows]
    for at, (row, where) in enumerate(rows):
        for label in _labels(row, "parents", where):
            found[at][ids[_known(label, known, where)]] = None
    for at, (row, where) in enumerate(rows):
        for label in _labels(row, "children", where):
            found[_known(label, known, where)][ids[at]] = None
    return found


def dumps(workflow: Workflow) -> str:
    """The workflow as a text of version 1.5; its makespan is that of unbounded workers."""
    children = workflow.children
    tasks = workflow.tasks
    document = {
        "name": workflow.name,
        "schemaVersion": "1.5",
        "workflow": {
            "specification": {
                "tasks": [
                    {
                        "name": task.kind,
                        "id": task.id,
                        "parents": list(task.parents),
                        "children": [tasks[child].id for child in children[at]],
                    }
                    for at, task in enumerate(tasks)
                ]
            },
            "execution": {
                "makespanInSeconds": workflow.critical_path,
                "executedAt": "1970-01-01T00:00:00+00:00",
                "tasks": [{"id": task.id, "runtimeInSeconds": task.seconds} for task in tasks],
            },
        },
    }
    return json.dumps(document, indent=1)


def _rows(holder: dict[str, Any], place: str) -> Iterator[tuple[dict[str, Any], str]]:
    """The tasks in a list, each with where it stands."""
    for at, row in enumerate(_get(holder, "tasks", list, place)):
        where = f"{place}.tasks[{at}]"
        yield _typed(row, dict, where), where


def _labels(row: dict[str, Any], key: str, where: str) -> Iterator[str]:
    for at, label in enumerate(_get(row, key, list, where) if key in row else ()):
        yield _typed(label, str, f"{where}.{key}[{at}]")


def _known(label: str, known: dict[str, int], where: str) -> int:
    if label not in known:
        msg = f"{where} names the task {label!r}, which does not exist"
        raise WfFormatError(msg)
    if known[label] < 0:
        msg = f"{where} names {label!r}, which several tasks are called: name it by its id"
        raise WfFormatError(msg)
    return known[label]


def _kind(row: dict[str, Any], name: str, where: str) -> str:
    """What a 1.4 task ran: its category or program, else its name."""
    if "category" in row:
        return _get(row, "category", str, where)
    command = row.get("command")
    program = command.get("program") if isinstance(command, dict) else None
    return program if isinstance(program, str) and program else name


def _seconds(row: dict[str, Any], where: str) -> float:
    value = _get(row, "runtimeInSeconds", (int, float), where)
    if isinstance(value, bool) or not 0 <= value <= sys.float_info.max:
        msg = f"{where}.runtimeInSeconds is {value!r:.40}; it is a number of seconds, 0 or more"
        raise WfFormatError(msg)
    return float(value)


def _get(holder: dict[str, Any], key: str, kind: Any, where: str) -> Any:
    if key not in holder:
        msg = f"{where} has no {key!r}"
        raise WfFormatError(msg)
    return _typed(holder[key], kind, f"{where}.{key}")


_WORDS = {dict: "an object", list: "a list", str: "a text", (int, float): "a number"}


def _typed(value: Any, kind: Any, where: str) -> Any:
    if not isinstance(value, kind):
        msg = f"{where} is {value!r:.40}; it has to be {_WORDS[kind]}"
        raise WfFormatError(msg)
    return value
