"""The names of journal entries are taken apart as they were made, and become a tree."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cflow import Engine, Retry, flow, node, transaction
from cflow.compiler.printer import print_graph
from cflow.compiler.reader import read_graph
from cflow.executor.at import At
from cflow.runs.history import read_history
from cflow.runs.lines import read_lines, written_lines
from cflow.runs.paths import Name, Step, path_of, read_name
from cflow.runs.tree import Node, tree_of


def test_a_name_is_read_as_it_was_made() -> None:
    at = At().call("settle").again(2).nth("for", 3).owed("one/reserve")
    assert read_name(f"{at.path}undo#4") == Name(
        (Step("settle", attempt=2), Step("for", 3), Step("one/reserve", undo=True)), "undo", None, "#", "4"
    )


@pytest.mark.parametrize(
    ("key", "id", "index", "mark", "text"),
    [
        ("fetch", "fetch", None, "", ""),
        ("sleep@", "sleep", None, "@", ""),
        ("each[2]!", "each", 2, "!", ""),
        ("each[2]=", "each", 2, "=", ""),
        ("race=", "race", None, "=", ""),
        ("for<12", "for", None, "<", "12"),
        ("for|0", "for", None, "|", "0"),
        ("$once", "", None, "$", "once"),
    ],
)
def test_marks(key: str, id: str, index: int | None, mark: str, text: str) -> None:
    assert read_name(key) == Name((), id, index, mark, text)
    assert read_name(f"a:{key}") == Name((Step("a"),), id, index, mark, text)


def test_the_call_of_an_entry() -> None:
    assert path_of("a:for[1]:charge#2") == "a:for[1]:charge"
    assert path_of("sleep@") == "sleep"
    assert path_of("each[2]!") == "each[2]"


@node(reads="numbers")
async def numbers(n: int) -> AsyncIterator[int]:
    for i in range(n):
        yield i


@node(writes="log")
async def put(n: int) -> int:
    return n


@node(writes="log")
async def takes_back(n: int) -> int:
    return -n


TRIES: list[int] = []


@node(writes="log")
async def sometimes(n: int) -> int:
    TRIES.append(n)
    if len(TRIES) < 2:
        raise OSError("not yet")
    return n


@flow
def takes_more_back(n: int) -> int:
    return takes_back(n)


@flow
def step(n: int) -> int:
    return put(n)


@flow
def inner(n: int) -> int:
    put(n)
    return sometimes(n)


@flow
def outer(n: int) -> int:
    for x in numbers(n):
        put(x)
    r = inner.options(retry=Retry(2, backoff=0.0))(n)
    try:
        with transaction():
            step.options(undo=lambda _: takes_more_back(r))(r)
            raise ValueError("no")
    except ValueError:
        return put(0)


def outline(node: Node, level: int = 0) -> list[str]:
    lines = []
    for child in node.inner():
        index = f" {child.index}" if child.kind in ("pass", "attempt") else ""
        lines.append("  " * level + f"{child.kind} {child.name}{index}")
        lines += outline(child, level + 1)
    return lines


def test_streams_attempts_and_undos_have_their_places(tmp_path: Path) -> None:
    TRIES.clear()
    engine = Engine(store=tmp_path)
    assert engine.run(outer, 2) == 0
    assert engine.recorder is not None
    store = engine.recorder.store
    root = tree_of(read_history(store, store.runs()[0].id))
    engine.recorder.close()
    assert outline(root) == [
        "stream numbers",
        "loop for",
        "  pass for 0",
        "    call put",
        "  pass for 1",
        "    call put",
        "flow inner",
        "  call put",
        "  call sometimes",
        "  attempt inner 2",
        "    call put",
        "    call sometimes",
        "block transaction",
        "  flow step",
        "    call put",
        "    undo takes_more_back",
        "      call takes_back",
        "call put",
    ]
    assert root.children["numbers"].items == 2
    assert root.children["numbers"].notes == ["the stream has ended"]


def test_the_lines_of_a_plan_are_comments_to_its_reader() -> None:
    compiled = Engine().compiled(outer)
    text = print_graph(compiled.optimized)
    lines = written_lines(compiled.optimized, compiled.graph)
    assert read_graph(text + lines) == read_graph(text)
    found = read_lines(text + lines)
    line = found[compiled.graph.entry, "inner"]
    assert line.text == "r = inner.options(retry=Retry(2, backoff=0.0))(n)"
    assert Path(line.file) == Path(__file__)
    assert Path(__file__).read_text().splitlines()[line.line - 1].strip() == line.text
