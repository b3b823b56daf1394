"""Streams whose source can begin anywhere: a run that goes on does not read again what it has used."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio
from attrs import frozen
from engines_kit import Make

from cflow import Engine, buffered, context, flow, node
from cflow.compiler.diagnostics import ProgramError
from cflow.dsl.nodes import spec_of
from cflow.executor.suspended import Suspended
from cflow.runs.resume import resume

READ: list[int] = []
DONE: list[str] = []
STOP: set[str] = set()
OPENED: list[Any] = []


@pytest.fixture
def engine(engines: Make) -> Engine:
    for seen in (READ, DONE, OPENED):
        seen.clear()
    STOP.clear()
    return engines()


@frozen
class Line:
    """A line of a file, and where the next one begins."""

    text: str
    offset: int


@node(reads="file", seek="after")
async def tail(file: Path, after: Line | None = None) -> AsyncIterator[Line]:
    OPENED.append(after)
    with file.open("rb") as lines:
        lines.seek(0 if after is None else after.offset)
        while line := lines.readline():
            READ.append(len(line))
            await trio.lowlevel.checkpoint()
            yield Line(line.decode().strip(), lines.tell())


@node(writes="out")
async def use(what: str) -> str:
    DONE.append(what)
    if what in STOP:
        STOP.discard(what)
        context()._run.journal.stop("broken off by a test")
    return what


@flow
def copies(file: Path) -> list[str]:
    return [use(line.text) for line in tail(file)]


@flow
def copies_ahead(file: Path) -> list[str]:
    return [use(line.text) for line in buffered(tail(file), 3)]


@flow
def copies_slowly(file: Path) -> list[str]:
    return [use(line.text) for line in tail.options(timeout="1h")(file)]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "lines"
    made.write_text("".join(f"line {i}\n" for i in range(10)))
    return made


def broken(engine: Engine, run: Any, at: str, *args: Any) -> str:
    STOP.add(at)
    with pytest.raises(Suspended):
        engine.run(run, *args)
    assert engine.recorder is not None
    return engine.recorder.store.runs()[0].id


@pytest.mark.parametrize("program", [copies, copies_slowly, copies_ahead], ids=lambda f: f.source.name)
def test_it_goes_on_after_the_last_line_on_record(program: Any, engine: Engine, file: Path) -> None:
    run = broken(engine, program, "line 6", file)
    before = len(READ)
    (row,) = resume(engine, run)
    assert row.state == "done", row.reason
    assert set(DONE) == {f"line {i}" for i in range(10)}
    assert len(DONE) <= 11 + (program is copies_ahead)
    assert OPENED[0] is None
    assert OPENED[1].text >= "line 6"
    assert OPENED[1].offset == 7 * (int(OPENED[1].text[-1]) + 1)
    # What was read and is not on record is read again: at most what was ahead.
    assert len(READ) <= 10 + max(0, before - int(OPENED[1].text[-1]) - 1)


def test_a_run_that_is_not_broken_off_opens_it_once(engine: Engine, file: Path) -> None:
    assert engine.run(copies, file) == [f"line {i}" for i in range(10)]
    assert OPENED == [None]
    assert Engine().run(copies, file) == [f"line {i}" for i in range(10)]


def test_a_source_that_had_ended_is_not_opened_again(engine: Engine, file: Path) -> None:
    run = broken(engine, and_then, "end", file)
    OPENED.clear()
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert OPENED == []


@flow
def and_then(file: Path) -> list[str]:
    texts = [line.text for line in tail(file)]
    use("end")
    return texts


@flow
def from_a_place(file: Path, place: Line) -> list[str]:
    return [use(line.text) for line in tail(file, place)]


def test_where_the_caller_lets_it_begin(engine: Engine, file: Path) -> None:
    """Also where that is said by position."""
    run = broken(engine, from_a_place, "line 7", file, Line("line 4", 35))
    assert DONE == ["line 5", "line 6", "line 7"]
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert [after.text for after in OPENED] == ["line 4", "line 7"]
    assert DONE == ["line 5", "line 6", "line 7", "line 7", "line 8", "line 9"]


@node(reads="file", seek="after")
async def lists(n: int, *, after: list[int] | None = None) -> AsyncIterator[list[int]]:
    OPENED.append(after)
    for i in range(0 if after is None else after[0] + 1, n):
        yield [i]


@node(pure=True)
def grown(items: list[int]) -> list[int]:
    items.append(99)  # nodes must not, and some do
    return items


@flow
def changing(n: int) -> int:
    for items in lists(n):
        use(str(grown(items)))
    return n


def test_it_gets_the_item_as_it_was_recorded(engine: Engine) -> None:
    run = broken(engine, changing, "[2, 99]", 4)
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert OPENED == [None, [2]]


@node(writes="out", seek="after")
async def emitting(n: int, after: int | None = None) -> AsyncIterator[int]:
    OPENED.append(after)
    try:
        for i in range(0 if after is None else after + 1, n):
            DONE.append(f"emitted {i}")
            yield i
    finally:
        DONE.append("closed")


@flow
def first_two(n: int) -> list[int]:
    out = []
    for i in emitting(n):
        out.append(i)
        use(str(i))
        if i == 1:
            break
    use("end")
    return out


def test_one_that_writes_is_closed_where_it_stood(engine: Engine) -> None:
    """What its ``finally`` does is owed; so it has to stand there, and is led there by its items."""
    run = broken(engine, first_two, "1", 5)
    OPENED.clear()
    DONE.clear()
    (row,) = resume(engine, run)
    assert row.state == "done"
    assert OPENED == [None]
    assert DONE.count("closed") == 1


def test_what_is_declared_is_checked() -> None:
    async def items(n: int) -> AsyncIterator[int]:
        yield n

    async def one(n: int) -> int:
        return n

    assert spec_of(items, seek="n").seek == "n"
    with pytest.raises(ValueError, match="items has no 'after'"):
        spec_of(items, seek="after")
    with pytest.raises(ValueError, match="one is none: it does not yield"):
        spec_of(one, seek="n")
    with pytest.raises(TypeError, match="the name of a parameter"):
        spec_of(items, seek=3)


def test_it_is_declared_where_a_function_is_imported(tmp_path: Path) -> None:
    (tmp_path / "sources.py").write_text("async def count(n, after=None):\n    yield n\n")
    program = (
        'from "./sources.py" import count with reads="x", seek="after"\n\n'
        "flow counts() -> list:\n    return [n for n in count(3)]\n"
    )
    (tmp_path / "counts.cflow").write_text(program)
    module = Engine().load(tmp_path / "counts.cflow")
    (spec,) = (s for s in Engine().compiled(module.counts).graph.nodes.values() if s.name == "count")
    assert spec.seek == "after"
    (tmp_path / "counts.cflow").write_text(program.replace('"after"', '"place"'))
    with pytest.raises(ProgramError, match="place"):
        Engine().load(tmp_path / "counts.cflow")


KILLED = """
import os, signal, sys
from pathlib import Path
from cflow import Engine, flow, node
from cflow.runs.resume import resume

READ = Path(sys.argv[3])

@node(reads="file", seek="after")
async def tail(after=None):
    for i in range(0 if after is None else after + 1, 40):
        with READ.open("a") as log:
            log.write(f"{i}\\n")
        yield i

@node(writes="x")
async def use(i: int) -> int:
    if i and i % 10 == 0 and not Path(f"{READ}{i}").exists():
        Path(f"{READ}{i}").touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return i

@flow
def sums() -> int:
    total = 0
    for i in tail():
        total += use(i)
    return total

engine = Engine(store=sys.argv[1])
print(engine.run(sums) if sys.argv[2] == "run" else [row.state for row in resume(engine)])
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_processes_that_are_killed(tmp_path: Path) -> None:
    program, log = tmp_path / "killed.py", tmp_path / "log"
    program.write_text(KILLED)

    def process(what: str) -> subprocess.CompletedProcess[str]:
        words = [sys.executable, str(program), str(tmp_path / "store"), what, str(log)]
        return subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=dict(os.environ))

    assert process("run").returncode == -9
    assert [process("resume").returncode for _ in range(2)] == [-9, -9]
    assert process("resume").stdout == "['done']\n"
    # Each item is on disk before the write that uses it, so none is read twice.
    assert log.read_text().split() == [str(i) for i in range(40)]
