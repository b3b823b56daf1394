"""Going on with a run from a step: under the program as it is now, with what is on record before the step."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cflow import Engine
from cflow.cli.main import main
from cflow.executor.suspended import Suspended
from cflow.runs.history import read_history
from cflow.runs.resume import find, resume
from cflow.runs.since import Repeats, since
from cflow.runs.tree import tree_of
from cflow.store.failures import Over, StoreError, Unknown
from cflow.store.keeper import read_journal
from cflow.store.place import open_store
from cflow.store.port import KeepPlan, SetRun
from cflow.store.rows import NOWHERE
from cflow.store.tickets import commit_now

NODES = """
from pathlib import Path
from cflow import context, node

def note(what):
    with Path(__file__).with_name("log").open("a") as log:
        log.write(f"{what} {context().key.partition('/')[2]}\\n")

@node(reads="shop")
async def look(what: str) -> str:
    note(f"look {what}")
    return what

@node(writes="shop")
async def unput(what: str) -> None:
    note(f"-{what}")

@node(writes="shop", undo=unput)
async def put(what: str) -> str:
    note(what)
    if what == STOPS:
        context()._run.journal.stop("broken off by a test")
    return what + MARK
"""

PROGRAM = """
from "./shop_nodes.py" import look, put

flow shop(n: int) -> str:
    a = put("a")
    b = look("b")
    c = put("c")
    d = put("d")
    return a + b + c + d
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    yield tmp_path
    sys.modules.pop("shop_nodes", None)


@pytest.fixture
def write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    def write(mark: str = "", stops: str = "", program: str = PROGRAM) -> None:
        """Another version of the program, as another process would find it."""
        monkeypatch.setattr(
            sys, "dont_write_bytecode", True
        )  # of the same second and size it would be taken for the old
        (folder / "shop_nodes.py").write_text(f"MARK = {mark!r}\nSTOPS = {stops!r}\n{NODES}")
        (folder / "shop.cflow").write_text(program)
        sys.modules.pop("shop_nodes", None)
        monkeypatch.setattr("cflow.runs.programs._SEEN", {})

    return write


@pytest.fixture
def parked(folder: Path, write: Callable[..., None]) -> str:
    """A run that has done ``a``, ``b`` and ``c`` and was broken off in ``d``; its program has changed then."""
    write(stops="d")
    engine = Engine(store=folder / "store")
    with pytest.raises(Suspended):
        engine.run(engine.load(folder / "shop.cflow").shop, 1)
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    engine.recorder.close()
    assert done(folder) == ["a put", "look b look", "c put_2", "d put_3"]
    write(mark="!")
    return row.id


def done(folder: Path) -> list[str]:
    log = folder / "log"
    lines = log.read_text().splitlines()
    log.unlink()
    return lines


def test_what_stands_before_the_step_is_kept(engine: Engine, parked: str, folder: Path) -> None:
    assert engine.recorder is not None
    store = engine.recorder.store
    assert [row.state for row in resume(engine, parked)] == ["parked"]
    (row,) = resume(engine, parked, start="put_2", accept=True)
    assert (row.id, row.state, row.reason) == (parked, "done", "from put_2 on made again")
    assert done(folder) == ["c put_2", "d put_3"]
    program = engine.compiled(engine.load("shop.cflow").shop)
    assert engine.recorder.codec(program, {}).decode(row.result or b"") == "abc!d!"
    # What was recorded from there on before does not count any more, for whoever looks.
    root = tree_of(read_history(store, parked))
    assert [node.key for node in root.inner()] == ["put", "look", "put_2", "put_3"]
    assert [entry.key for entry in read_journal(store, parked).entries] == ["put", "look", "put_2", "put_3"]
    assert row.digest == engine.recorder.plan(program)[1]


def test_it_is_told_what_would_be_done_again(engine: Engine, parked: str, folder: Path) -> None:
    with pytest.raises(Repeats, match="put_2") as told:
        resume(engine, parked, start="look")
    assert told.value.keys == ("put_2",)
    assert engine.recorder is not None
    assert find(engine.recorder.store, parked).state == "parked"
    assert not (folder / "log").exists()
    # `d` was under way: it is not on record, so it is made again in any case.
    (row,) = resume(engine, parked, start="look", accept=True)
    assert row.state == "done"
    assert done(folder) == ["look b look", "c put_2", "d put_3"]


def test_it_goes_on_with_another_plan_of_the_same_nodes(
    engine: Engine, write: Callable[..., None], folder: Path
) -> None:
    write(stops="d")
    with pytest.raises(Suspended):
        engine.run(engine.load("shop.cflow").shop, 1)
    assert engine.recorder is not None
    (run,) = (row.id for row in engine.recorder.store.runs())
    done(folder)
    write(stops="", program=PROGRAM.replace('put("d")', 'put("e")'))
    (row,) = resume(engine, run, start="look", accept=True)
    assert row.state == "done"
    assert done(folder) == ["look b look", "c put_2", "e put_3"]


def test_a_second_time_from_an_earlier_step(
    engine: Engine, parked: str, folder: Path, write: Callable[..., None]
) -> None:
    write(mark="!", stops="d")
    (row,) = resume(engine, parked, start="put_2", accept=True)
    assert row.state == "parked"
    write(mark="?")
    (row,) = resume(engine, parked, start="look", accept=True)
    assert row.state == "done"
    assert done(folder) == ["c put_2", "d put_3", "look b look", "c put_2", "d put_3"]
    assert engine.recorder is not None
    assert len(read_journal(engine.recorder.store, parked).entries) == 4


def test_what_its_plan_does_not_know_counts_as_a_write(engine: Engine, parked: str, write: Callable[..., None]) -> None:
    """A run that has gone on with another program before may have steps on record that this one has not."""
    write(program=PROGRAM.replace('put("c")', '"c"').replace('put("d")', '"d"'))
    assert engine.recorder is not None
    store = engine.recorder.store
    text, digest = engine.recorder.plan(engine.compiled(engine.load("shop.cflow").shop))
    commit_now(store, [KeepPlan(digest, text), SetRun(parked, NOWHERE, digest=digest)])
    assert since(read_history(store, parked), "look").again == ("put_2",)


def test_a_signal_is_waited_for_again(engine: Engine, folder: Path, write: Callable[..., None]) -> None:
    program = PROGRAM.replace('    c = put("c")', '    c = wait_signal("go")').replace("+ c", "+ str(c)")
    write(stops="d", program=program)
    engine.signal("go", "first")
    with pytest.raises(Suspended):
        engine.run(engine.load("shop.cflow").shop, 1)
    assert engine.recorder is not None
    (run,) = (row.id for row in engine.recorder.store.runs())
    write(program=program)
    with pytest.raises(Repeats) as told:
        resume(engine, run, start="look")
    assert told.value.keys == ("wait_signal",)
    engine.signal("go", "second", run=run)
    (row,) = resume(engine, run, start="look", accept=True)
    assert row.state == "done"
    codec = engine.recorder.codec(engine.compiled(engine.load("shop.cflow").shop), {})
    assert codec.decode(row.result or b"") == "absecondd"


def test_a_run_that_is_over_stays_so(engine: Engine, folder: Path, write: Callable[..., None]) -> None:
    write()
    engine.run(engine.load("shop.cflow").shop, 1)
    assert engine.recorder is not None
    (run,) = (row.id for row in engine.recorder.store.runs())
    with pytest.raises(Over, match=f"cflow rerun {run} --from put_3"):
        resume(engine, run, start="put_3")


def test_a_step_that_is_not_there(engine: Engine, parked: str) -> None:
    with pytest.raises(Unknown, match="no step 'nothing'"):
        resume(engine, parked, start="nothing")
    with pytest.raises(StoreError):
        resume(engine, "run-nobody", start="put")


def test_the_command(parked: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["resume", parked, "--from", "put_2", "--store", "store"]) == 2
    told = capsys.readouterr().err
    assert "put_2" in told
    assert "--accept" in told
    assert main(["resume", "--from", "put_2", "--store", "store"]) == 2
    assert "--from goes with the id of a run" in capsys.readouterr().err
    assert main(["resume", parked, "--from", "put_2", "--accept", "--store", "store"]) == 0
    assert capsys.readouterr().out.split()[:3] == [parked, "done", "shop"]
    assert done(folder) == ["c put_2", "d put_3"]
    store = open_store(folder / "store", readonly=True)
    assert find(store, parked).state == "done"
    store.close()


def test_who_sits_at_a_terminal_is_asked(
    parked: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = iter(["no\n", "y\n"])
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True)
    monkeypatch.setattr(sys.stdin, "readline", lambda: next(answers))
    assert main(["resume", parked, "--from", "put_2", "--store", "store"]) == 2
    assert not (folder / "log").exists()
    assert main(["resume", parked, "--from", "put_2", "--store", "store"]) == 0
    assert "Make it again?" in capsys.readouterr().err
    assert done(folder) == ["c put_2", "d put_3"]
