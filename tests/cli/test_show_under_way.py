"""What ``cflow show`` says of a run that somebody works on: what is on record, and that what has begun is not."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from cflow import Engine, flow, node
from cflow.cli.main import main

HELD, GO = threading.Event(), threading.Event()


@node(writes="x")
def quick(n: int) -> int:
    return n


@node(writes="x")
def held(n: int) -> int:
    HELD.set()
    assert GO.wait(60)
    return n


@flow
def two(n: int) -> int:
    quick(n)
    return held(n)


def test_how_far_it_has_come(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = Engine(store=tmp_path)
    future = engine.submit(two, 1)
    try:
        assert HELD.wait(60)
        assert engine.recorder is not None
        (row,) = engine.recorder.store.runs()
        assert main(["show", row.id, "--store", str(tmp_path)]) == 0
        *_, works, last = capsys.readouterr().out.splitlines()
        assert works.startswith("process ")
        assert last.startswith("the last on record is quick, ")
        assert last.endswith(" ago; a call that has begun since is when it ends")
    finally:
        GO.set()
    assert future.result(60) == 1
    engine.recorder.close()
