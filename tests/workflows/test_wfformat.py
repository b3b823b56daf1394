"""Reading WfFormat 1.4 and 1.5, what malformed documents are told, and writing 1.5."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from workflows import generate
from workflows.graph import Task, Workflow
from workflows.wfformat import WfFormatError, dumps, load, loads

DATA = Path(__file__).parent / "data"
DIAMOND = [
    Task("ID1", "split", 2.0),
    Task("ID2", "left_ID2", 4.0, ("ID1",)),
    Task("ID3", "right_ID3", 3.0, ("ID1",)),
    Task("ID4", "join", 1.5, ("ID2", "ID3")),
]


@pytest.mark.parametrize("version", ["1.4", "1.5"])
def test_both_versions_give_the_same_workflow(version: str) -> None:
    found = load(DATA / f"diamond-{version}.json")
    assert found.name == "diamond"
    assert sorted(found.tasks, key=lambda t: t.id) == DIAMOND
    assert found.critical_path == 7.5
    assert found.work == 10.5


@pytest.mark.parametrize(
    "workflow", [generate.montage(6), generate.epigenomics(2, 3), generate.blast(5), Workflow("one", (DIAMOND[0],))]
)
def test_what_is_written_is_read_again(workflow: Workflow) -> None:
    again = loads(dumps(workflow))
    assert again == workflow
    assert dumps(again) == dumps(workflow)


def test_written_documents_name_children_too() -> None:
    document = json.loads(dumps(Workflow("diamond", tuple(DIAMOND))))
    assert [t["children"] for t in document["workflow"]["specification"]["tasks"]] == [
        ["ID2", "ID3"],
        ["ID4"],
        ["ID4"],
        [],
    ]


Change = Callable[[dict[str, Any]], Any]


def tasks(document: dict[str, Any], part: str = "specification") -> list[dict[str, Any]]:
    workflow = document["workflow"]
    found: list[dict[str, Any]] = workflow["tasks"] if "tasks" in workflow else workflow[part]["tasks"]
    return found


BOTH: dict[str, tuple[Change, str]] = {
    "version": (lambda d: d.update(schemaVersion="1.3"), "schemaVersion is '1.3'; read are 1.4 and 1.5"),
    "no version": (lambda d: d.pop("schemaVersion"), "schemaVersion is None"),
    "no name": (lambda d: d.pop("name"), "the document has no 'name'"),
    "workflow": (lambda d: d.update(workflow=[]), r"the document\.workflow is \[\]; it has to be an object"),
    "a task is no object": (lambda d: tasks(d).append("x"), r"tasks\[4\] is 'x'; it has to be an object"),
    "a number as parent": (lambda d: tasks(d)[0].update(parents=[7]), r"tasks\[0\]\.parents\[0\] is 7"),
    "parents no list": (lambda d: tasks(d)[0].update(parents="ID1"), r"tasks\[0\]\.parents is 'ID1'"),
    "unknown parent": (lambda d: tasks(d)[0].update(parents=["ID9"]), r"tasks\[0\] names the task 'ID9', which does"),
    "unknown child": (lambda d: tasks(d)[1].update(children=["ID9"]), r"tasks\[1\] names the task 'ID9', which does"),
    "circle": (lambda d: tasks(d)[1].update(parents=["ID4"]), "waits for itself"),
    "no tasks": (lambda d: tasks(d).clear(), "at least one task"),
    "twice": (lambda d: tasks(d).append(dict(tasks(d)[1])), "two tasks are called"),
    "no run time": (lambda d: tasks(d, "execution")[0].pop("runtimeInSeconds"), "has no 'runtimeInSeconds'"),
    "text as run time": (lambda d: tasks(d, "execution")[0].update(runtimeInSeconds="3"), "has to be a number"),
    "negative": (lambda d: tasks(d, "execution")[0].update(runtimeInSeconds=-1), "0 or more"),
    "true": (lambda d: tasks(d, "execution")[0].update(runtimeInSeconds=True), "a number of seconds, 0 or more"),
    "beyond all numbers": (lambda d: tasks(d, "execution")[0].update(runtimeInSeconds=10**400), "0 or more"),
    "not finite": (lambda d: tasks(d, "execution")[0].update(runtimeInSeconds=float("nan")), "0 or more"),
}
LATER: dict[str, tuple[Change, str]] = {
    "no execution": (lambda d: d["workflow"].pop("execution"), "without run times there is nothing to replay"),
    "no specification": (lambda d: d["workflow"].pop("specification"), "workflow has no 'specification'"),
    "not executed": (lambda d: d["workflow"]["execution"]["tasks"].pop(), "'ID4' has no run time"),
    "timed twice": (
        lambda d: tasks(d, "execution").append(dict(tasks(d, "execution")[0])),
        "has a run time already",
    ),
    "timed and unknown": (
        lambda d: tasks(d, "execution").append({"id": "ID9", "runtimeInSeconds": 1}),
        "run times of 'ID9', and workflow.specification no such task",
    ),
    "no id": (lambda d: tasks(d)[0].pop("id"), r"tasks\[0\] has no 'id'"),
}


def test_tasks_of_one_name_are_told_apart_by_their_ids() -> None:
    document = json.loads((DATA / "diamond-1.4.json").read_text())
    for task in tasks(document):
        task["name"] = "blast"
        for key in {"parents", "children"} & task.keys():
            task[key] = [label.rpartition("_")[2] for label in task[key]]
    assert loads(json.dumps(document)).critical_path == 7.5
    tasks(document)[3]["parents"] = ["blast"]
    with pytest.raises(WfFormatError, match="names 'blast', which several tasks are called: name it by its id"):
        loads(json.dumps(document))


def test_a_mark_at_the_beginning_of_the_file_is_no_part_of_it(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_bytes(b"\xef\xbb\xbf" + (DATA / "diamond-1.5.json").read_bytes())
    assert load(tmp_path / "t.json").name == "diamond"


@pytest.mark.parametrize(
    ("version", "change", "told"),
    [
        *(pytest.param(v, *case, id=f"{v} {name}") for v in ("1.4", "1.5") for name, case in BOTH.items()),
        *(pytest.param("1.5", *case, id=name) for name, case in LATER.items()),
    ],
)
def test_malformed_documents_are_told_where_and_why(version: str, change: Change, told: str) -> None:
    document = json.loads((DATA / f"diamond-{version}.json").read_text())
    before = copy.deepcopy(document)
    change(document)
    assert repr(document) != repr(before)
    with pytest.raises(WfFormatError, match=told):
        loads(json.dumps(document))


@pytest.mark.parametrize(
    ("text", "told"), [("{", "no JSON"), ("[]", "the document is \\[\\]"), ("[" * 100_000, "no JSON")]
)
def test_what_is_no_document(text: str, told: str) -> None:
    with pytest.raises(WfFormatError, match=told):
        loads(text)


def test_a_file_is_named_in_the_error(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{}")
    with pytest.raises(WfFormatError, match=r"broken\.json: schemaVersion is None"):
        load(tmp_path / "broken.json")


def test_a_graph_made_by_hand_is_checked_too() -> None:
    with pytest.raises(ValueError, match="two tasks have the id 'a'"):
        Workflow("w", (Task("a", "k", 1.0), Task("a", "k", 1.0)))
    with pytest.raises(ValueError, match="the parent 'b', which does not exist"):
        Workflow("w", (Task("a", "k", 1.0, ("b",)),))
