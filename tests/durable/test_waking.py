"""Many runs that are woken at once are asked for together; who is asked to end meanwhile hears of it."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import CancelledError
from typing import Any

import pytest
from engines_kit import Make
from waiting_kit import until

from cflow import Engine, flow, node, timeout, wait_signal
from cflow.runs import supervisor
from cflow.runs.cancel import ask
from cflow.runs.resume import Ahead
from cflow.store.port import Send, Store
from cflow.store.rows import Signal
from cflow.store.tickets import commit_now

DONE: list[str] = []


@pytest.fixture
def engine(engines: Make) -> Engine:
    DONE.clear()
    return engines(idle=0.05)


@node(writes="file")
async def write(what: str) -> str:
    DONE.append(what)
    return what


@flow
def asks(n: int) -> object:
    first = write(f"asked {n}")
    return [first, wait_signal("answer", n)]


def resting(engine: Engine, count: int) -> list[Any]:
    """The futures of runs that are put away."""
    futures = [engine.submit(asks, n) for n in range(count)]
    until(lambda: supervisor.supervisor_of(engine).resting == count)
    return futures


def test_none_is_asked_for_by_itself(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    count = 40
    futures = resting(engine, count)
    assert engine.recorder is not None
    store, inbox = engine.recorder.store, engine.recorder.inbox
    alone: list[str] = []

    def noted(name: str) -> Any:
        was = getattr(type(store), name)

        def ask(self: Store, run: str, *rest: Any) -> Any:
            alone.append(f"{name} {run}")
            return was(self, run, *rest)

        return ask

    for name in ("run", "segments", "inbox"):
        monkeypatch.setattr(type(store), name, noted(name))
    send = [Send(Signal("answer", inbox.key(n), inbox.values.encode(-n), "", "", 1.0)) for n in range(count)]
    commit_now(store, [*send, Send(Signal("answer", inbox.key(7), inbox.values.encode("late"), "", "", 2.0))])
    assert [future.result(60) for future in futures] == [[f"asked {n}", -n] for n in range(count)]
    assert len(DONE) == count, "what is on record is not done again"
    assert alone == []
    assert [signal.value for signal in store.signals()] == [inbox.values.encode("late")]


@flow
def stays() -> object:
    with timeout("1h"):
        return wait_signal("never")


def test_one_that_is_asked_to_end_before_it_is_under_way_again(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process looks for that when it takes the run over, and later only at runs that are under way."""
    resting(engine, 1)
    recorder = engine.recorder
    assert recorder is not None
    store = recorder.store
    (row,) = store.runs()
    other = engine.submit(stays)
    until(lambda: len(recorder.under_way) == 1)
    looked = supervisor.look_ahead

    def look_ahead(store: Store, runs: Sequence[str]) -> Ahead:
        ahead = looked(store, runs)
        if row.id in runs:
            ask(store, row.id)
            recorder.beat()
        return ahead

    monkeypatch.setattr(supervisor, "look_ahead", look_ahead)
    supervisor.supervisor_of(engine).take_up(row.id)
    until(lambda: row.id in recorder.under_way)
    recorder.beat()
    until(lambda: store.runs_by_id([row.id])[row.id].state == "cancelled")
    other.cancel()
    with pytest.raises(CancelledError):
        other.result(60)
