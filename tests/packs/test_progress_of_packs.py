"""Nodes whose work is long say how far they are, and the command shows it."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from cflow import Engine, flow, node
from cflow.cli import progress as shown
from cflow.executor.events import Event
from cflow.stdlib_nodes import compress, crypto, csv, files, jsonl

LINES = 60_000


@flow
def rows(path: str) -> int:
    count = 0
    for row in csv.records(path):
        count = count + 1
    return count


@flow
def values(path: str) -> int:
    count = 0
    for value in jsonl.records(path):
        count = count + 1
    return count


@flow
def texts(path: str) -> int:
    count = 0
    for line in files.lines(path):
        count = count + 1
    return count


@flow
def packed(path: str) -> str:
    return str(compress.file(path))


@flow
def expanded(path: str) -> str:
    return str(compress.expand(compress.file(path), "out"))


@flow
def archived(path: str) -> str:
    return str(compress.pack("a.zip", [path, "other"]))


@flow
def hashed(path: str) -> str:
    return crypto.hash_file(path)


@flow
def copied(path: str) -> str:
    return str(files.copy(path, "copy"))


def heard(program: Any, *args: Any) -> list[Event]:
    events: list[Event] = []
    Engine(sinks=[events.append]).run(program, *args)
    return [event for event in events if event.what == "progress"]


@pytest.mark.parametrize("program", [rows, values, texts, packed, expanded, archived, hashed, copied])
def test_the_last_word_is_that_all_is_done(program: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").write_text("".join(f'{{"a": {i}, "b": {i}}}\n' for i in range(LINES)))
    Path("other").write_text("x")
    found = heard(program, "data")
    assert found, "nothing was said"
    how_far = [event.progress for event in found if event.progress is not None]
    size = 2 if program is archived else Path("data").stat().st_size
    assert all(0 < done <= total for done, total in how_far)
    assert program is expanded or how_far[-1] == (size, size)


@node(reads="x")
def long(n: int) -> int:
    from cflow import context

    for i in range(n):
        context().progress(i + 1, n)
    return n


@flow
def main(n: int) -> int:
    return long(n)


def test_a_node_that_says_it_with_every_item_is_not_heard_each_time() -> None:
    found = heard(main, 5000)
    assert found[-1].progress == (5000, 5000)
    assert len(found) < 500


def test_lines_and_the_table_show_it(monkeypatch: pytest.MonkeyPatch) -> None:
    from rich.console import Console

    out = io.StringIO()
    begun = [
        Event("node", "started", "run-1", "load", 1, 0.0),
        Event("node", "progress", "run-1", "load", 1, 0.0, None, (30.0, 120.0)),
    ]
    done = Event("node", "done", "run-1", "load", 1, 0.0)
    lines = shown.Lines(out, str)
    tally = shown.Tally()
    for event in begun:
        lines(event)
        tally(event)
    assert "load 25 %" in out.getvalue()
    console = Console(file=io.StringIO(), width=100)
    console.print(shown._table(tally))
    drawn = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 running" in drawn
    assert "25 %" in drawn
    tally(done)
    assert tally.rows["load"].far is None
    events = io.StringIO()
    for event in (*begun, done):
        shown.Events(events, str)(event)
    assert ['"progress": [30.0, 120.0]' in line for line in events.getvalue().splitlines()] == [False, True, False]
