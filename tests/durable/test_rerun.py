"""New runs that begin with what another one recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from engines_kit import Make

from cflow import Engine, context, flow, node, parallel, transaction
from cflow.cli.main import main
from cflow.runs.history import read_history
from cflow.runs.rerun import rerun
from cflow.runs.since import find_step
from cflow.runs.tree import tree_of
from cflow.store.blobs import Blobs
from cflow.store.failures import StoreError, Unknown

DONE: list[str] = []
KEYS: list[str] = []
BROKEN: set[str] = set()


@pytest.fixture
def engine(engines: Make) -> Engine:
    DONE.clear()
    KEYS.clear()
    BROKEN.clear()
    return engines()


@node(reads="world")
async def look(what: str) -> str:
    DONE.append(what)
    return what


@node(writes="world")
async def unput(what: str) -> None:
    DONE.append(f"-{what}")


@node(writes="world", undo=unput)
async def put(what: str) -> str:
    DONE.append(what)
    KEYS.append(context().key)
    if what in BROKEN:
        raise ValueError(f"no {what}")
    return what


@node(writes="world")
async def large(n: int) -> bytes:
    DONE.append("large")
    return b"x" * n


@flow
def line(n: int) -> str:
    a = look("a")
    b = put("b")
    c = put("c")
    return a + b + c + put("d")


@flow
def loop(n: int) -> list[str]:
    return [step(str(x)) for x in range(n)]


@flow
def step(x: str) -> str:
    look(f"look {x}")
    return put(f"put {x}")


@flow
def booked(n: int) -> str:
    put("before")
    with transaction():
        put("x")
        put("y")
    return "good"


@flow
def with_large(n: int) -> int:
    data = large(n)
    put("b")
    return len(data)


def last(engine: Engine) -> str:
    assert engine.recorder is not None
    return engine.recorder.store.runs()[0].id


def result(engine: Engine, flow_: Any, run: str) -> Any:
    assert engine.recorder is not None
    row = engine.recorder.store.run(run)
    assert row is not None
    assert row.state == "done", row
    return engine.recorder.codec(engine.compiled(flow_), {}).decode(row.result or b"")


def test_what_stands_before_the_step_is_not_done_again(engine: Engine) -> None:
    engine.run(line, 1)
    first = last(engine)
    DONE.clear()
    row = rerun(engine, first, "put_2")
    assert (row.state, row.reason) == ("done", f"{first} again, from put_2 on")
    assert DONE == ["c", "d"]
    assert result(engine, line, row.id) == "abcd"
    # They are other calls to whoever is asked for them.
    assert {key.partition("/")[0] for key in KEYS} == {first, row.id}


def test_all_of_it(engine: Engine) -> None:
    engine.run(line, 1)
    DONE.clear()
    assert rerun(engine, last(engine)).state == "done"
    assert DONE == ["a", "b", "c", "d"]


def test_from_a_pass_and_from_a_flow_call_in_it(engine: Engine) -> None:
    engine.run(loop, 3)
    first = last(engine)
    for start, done in (
        ("for[1]", ["look 1", "put 1", "look 2", "put 2"]),
        ("for[2]:step", ["look 2", "put 2"]),
        ("for[2]:step:put", ["put 2"]),
    ):
        DONE.clear()
        row = rerun(engine, first, start)
        assert result(engine, loop, row.id) == ["put 0", "put 1", "put 2"]
        assert done == DONE


def test_a_failed_run_is_mended_from_where_it_failed(engine: Engine) -> None:
    BROKEN.add("c")
    with pytest.raises(ValueError, match="no c"):
        engine.run(line, 1)
    BROKEN.clear()
    DONE.clear()
    row = rerun(engine, last(engine), "put_2")
    assert result(engine, line, row.id) == "abcd"
    assert DONE == ["c", "d"]


def test_what_was_undone_does_not_count_as_done(engine: Engine) -> None:
    BROKEN.add("y")
    with pytest.raises(ValueError, match="no y"):
        engine.run(booked, 1)
    first = last(engine)
    BROKEN.clear()
    assert DONE == ["before", "x", "y", "-x"]
    DONE.clear()
    with pytest.raises(StoreError, match="put_2 was undone when the run failed"):
        rerun(engine, first, "put_3")
    assert last(engine) == first  # no new run
    row = rerun(engine, first, "put_2")
    assert row.state == "done"
    assert DONE == ["x", "y"]


def test_arms_that_had_ended_are_kept(engine: Engine) -> None:
    engine.run(arms, 3)
    first = last(engine)
    assert engine.recorder is not None
    order = [e.key for e in read_history(engine.recorder.store, first).entries if e.key.startswith("each")]
    DONE.clear()
    row = rerun(engine, first, order[1])
    assert result(engine, arms, row.id) == ["p0", "p1", "p2"]
    assert sorted(DONE) == sorted(f"p{key[5]}" for key in order[1:])


@flow
def arms(n: int) -> list[str]:
    return [put(f"p{x}") for x in parallel(range(n))]


def test_large_values_belong_to_both(engine: Engine, tmp_path: Path) -> None:
    engine.run(with_large, 200_000)
    row = rerun(engine, last(engine), "put")
    assert result(engine, with_large, row.id) == 200_000
    assert DONE == ["large", "b", "b"]
    assert engine.recorder is not None
    store = engine.recorder.store
    (digest,) = store.used_blobs()
    from cflow.store.port import DropRun
    from cflow.store.tickets import commit_now

    first = store.runs()[1].id
    commit_now(store, [DropRun(first)])
    assert store.used_blobs() == {digest}
    assert len(Blobs(tmp_path / "store" / "blobs").get(digest)) == 200_000
    assert rerun(engine, row.id, "put").state == "done"


def test_the_new_run_fails_on_its_own(engine: Engine) -> None:
    engine.run(line, 1)
    BROKEN.add("d")
    assert rerun(engine, last(engine), "put_2").state == "failed"


def test_steps_are_found_by_name(engine: Engine) -> None:
    engine.run(line, 1)
    assert engine.recorder is not None
    root = tree_of(read_history(engine.recorder.store, last(engine)))
    assert find_step(root, "look") == "look"
    assert find_step(root, "put_2") == "put_2"
    assert find_step(root, "put") == "put"  # a key before a name
    engine.run(loop, 2)
    root = tree_of(read_history(engine.recorder.store, last(engine)))
    with pytest.raises(Unknown, match=r"2 steps fit 'put'; say which: for\[0\]:step:put for\[1\]:step:put"):
        find_step(root, "put")
    with pytest.raises(Unknown, match="no step 'never'"):
        find_step(root, "never")


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "rerun_nodes.py").write_text(
        "from cflow import node\n\n@node(writes='x')\nasync def ship(n: int) -> int:\n    return n\n"
    )
    (tmp_path / "again.cflow").write_text(
        'from "./rerun_nodes.py" import ship\n\nflow again(n: int) -> int:\n    ship(n)\n    return ship(n + 1)\n'
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "rerun_nodes", raising=False)
    assert main(["run", "again.cflow", "n=1", "--store", "store"]) == 0
    assert main(["runs", "--store", "store"]) == 0
    run = capsys.readouterr().out.splitlines()[-1].split()[0]
    assert main(["rerun", run, "--from", "ship_2", "--store", "store"]) == 0
    assert capsys.readouterr().out.split(maxsplit=3)[1:] == ["done", "again", f"{run} again, from ship_2 on\n"]
    assert main(["rerun", run, "--from", "nothing", "--store", "store"]) == 2
    assert "no step 'nothing'" in capsys.readouterr().err
    assert main(["rerun", "run-nobody", "--store", "store"]) == 2
