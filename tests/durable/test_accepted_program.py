"""Going on with the program of today: what is done stays done, also where something that is not on record comes first;
inputs that do not fit it end nothing."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cflow import Engine, InputError
from cflow.executor.suspended import Suspended
from cflow.runs.rerun import rerun
from cflow.runs.resume import find, resume

NODES = """
from pathlib import Path
from cflow import context, node

def note(what):
    with Path(__file__).with_name("log").open("a") as log:
        log.write(f"{what}\\n")

@node(reads="shop")
async def look(what: str) -> str:
    note(f"look {what}")
    return what + MARK

@node(writes="shop")
async def unput(what: str) -> None:
    note(f"-{what}")

@node(writes="shop", undo=unput)
async def put(what: str) -> str:
    note(what)
    if what == STOPS:
        context()._run.journal.stop("broken off by a test")
    return what + MARK

@node(writes="mail")
async def tell(what: str) -> None:
    note(f"tell {what}")
    if what == STOPS:
        context()._run.journal.stop("broken off by a test")

@node(writes="shop")
async def boom() -> None:
    raise ValueError("no")
"""

PROGRAM = """
from "./record_nodes.py" import look, put, tell, boom

flow shop({takes}) -> list[str]:
    {first}
    a = look("a")
    bs = for i in range(n):
        yield put(f"b{{i}}")
    return [a, *bs]

flow all_or_nothing(n: int) -> list[str]:
    transaction:
        {first}
        bs = for i in range(n):
            yield put(f"b{{i}}")
        {last}
    return bs
"""

Write = Callable[..., None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(
        mark: str = "",
        stops: str = "",
        first: str = "pass",
        last: str = "pass",
        takes: str = "n: int",
        puts: str = "put",
    ) -> None:
        """Another version of the program, as another process would find it."""
        (tmp_path / "record_nodes.py").write_text(
            f"MARK = {mark!r}\nSTOPS = {stops!r}\n{NODES.replace('def put(', f'def {puts}(')}"
        )
        program = PROGRAM.format(first=first, last=last, takes=takes).replace("put", puts)
        (tmp_path / "shop.cflow").write_text(re.sub(r"\n +pass\n", "\n", program))
        sys.modules.pop("record_nodes", None)
        monkeypatch.setattr("cflow.runs.programs._SEEN", {})

    yield write
    sys.modules.pop("record_nodes", None)


def done(folder: Path) -> list[str]:
    lines = (folder / "log").read_text().splitlines()
    (folder / "log").unlink()
    return lines


def broken(folder: Path, write: Write, flow: str) -> str:
    """A run that was broken off in ``b2``."""
    write(stops="b2")
    engine = Engine(store=folder / "store")
    with pytest.raises(Suspended):
        engine.run(getattr(engine.load(folder / "shop.cflow"), flow), 4)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    engine.recorder.close()
    return row.id


def test_a_step_in_front_repeats_no_write(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "shop")
    assert done(tmp_path) == ["look a", "b0", "b1", "b2"]
    write(mark="!", first='tell("them")')
    engine = Engine(store=tmp_path / "store")
    assert [row.state for row in resume(engine, run)] == ["parked"]
    assert [row.state for row in resume(engine, run, accept=True)] == ["done"]
    assert done(tmp_path) == ["tell them", "b2", "b3"]


def test_neither_does_the_process_after_one_that_died_in_it(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "shop")
    done(tmp_path)
    write(mark="!", stops="them", first='tell("them")')
    engine = Engine(store=tmp_path / "store")
    assert [row.state for row in resume(engine, run, accept=True)] == ["parked"]
    assert done(tmp_path) == ["tell them"]
    write(mark="!", first='tell("them")')
    engine = Engine(store=tmp_path / "store")
    assert [row.state for row in resume(engine, run, accept=True)] == ["done"]
    assert done(tmp_path) == ["tell them", "b2", "b3"]


def test_what_was_done_is_undone_all_the_same(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "all_or_nothing")
    done(tmp_path)
    write(mark="!", first='tell("them")', last="boom()")
    engine = Engine(store=tmp_path / "store")
    assert [row.state for row in resume(engine, run, accept=True)] == ["failed"]
    assert done(tmp_path) == ["tell them", "b2", "b3", "-b3!", "-b2!", "-b1", "-b0"]


def test_a_new_run_keeps_what_stands_before_its_step(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "shop")
    write()
    engine = Engine(store=tmp_path / "store")
    resume(engine, run, accept=True)
    done(tmp_path)
    write(first='tell("them")')
    assert rerun(engine, run, "for[2]").state == "done"
    assert done(tmp_path) == ["tell them", "b2", "b3"]


@pytest.mark.parametrize(
    ("takes", "told"),
    [("n: int, m: int", "m: missing"), ("n: list[int]", "n: expected"), ("k: int = 1, n: str = ''", "n: expected")],
)
def test_inputs_that_do_not_fit_park_it_under_its_own_plan(write: Write, tmp_path: Path, takes: str, told: str) -> None:
    run = broken(tmp_path, write, "shop")
    done(tmp_path)
    write(takes=takes)
    engine = Engine(store=tmp_path / "store")
    assert engine.recorder is not None
    pinned = find(engine.recorder.store, run).digest
    (row,) = resume(engine, run, accept=True)
    assert row.state == "parked"
    assert told in row.reason
    assert row.digest == pinned
    with pytest.raises(InputError, match=told):
        rerun(engine, run)
    assert len(engine.recorder.store.runs()) == 1
    write()
    assert [row.state for row in resume(engine, run, accept=True)] == ["done"]
    assert done(tmp_path) == ["b2", "b3"]


def test_inputs_are_converted_to_what_they_are_to_be_now(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "shop")
    done(tmp_path)
    write(mark="!", takes="n: int, m: int = 2")
    engine = Engine(store=tmp_path / "store")
    assert [row.state for row in resume(engine, run, accept=True)] == ["done"]
    assert done(tmp_path) == ["b2", "b3"]


def test_a_parked_run_is_told_what_would_not_be_found(write: Write, tmp_path: Path) -> None:
    run = broken(tmp_path, write, "shop")
    done(tmp_path)
    write(puts="put_in")
    engine = Engine(store=tmp_path / "store")
    (row,) = resume(engine, run)
    assert row.state == "parked"
    assert row.reason.splitlines()[-2:] == [
        "`--accept` does not find this, so what stands there now is done anew:",
        "  for[0]:put for[1]:put",
    ]
    assert [row.state for row in resume(engine, run, accept=True)] == ["done"]
    assert done(tmp_path) == ["b0", "b1", "b2", "b3"]
