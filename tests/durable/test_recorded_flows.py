"""Flows of every shape of generated code are run on record: those that are plain functions, too."""

from __future__ import annotations

from cflow import Engine, flow, node
from cflow.store.keeper import read_entries


@node(pure=True, runs="loop")
def double(x: int) -> int:
    return 2 * x


@flow
def inner(x: int) -> int:
    return double(x)


@flow
def loops(n: int) -> int:
    x = 1
    for _ in range(n):
        x = inner(x)
    return x


def test_a_flow_that_only_computes_is_a_plain_function_on_record(engine: Engine) -> None:
    assert engine.run(loops, 5) == 32
    assert engine.recorder is not None
    (row,) = engine.recorder.store.runs()
    assert row.state == "done"
    assert list(read_entries(engine.recorder.store, row.id)) == []
