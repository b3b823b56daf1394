"""Two runs side by side: what differs is found, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from engines_kit import Make

from cflow import Engine, Retry, context, flow, node, race, sleep
from cflow.cli.main import main
from cflow.runs.compare import Comparison, compare
from cflow.runs.history import read_history


@dataclass
class Order:
    id: int
    lines: list[dict[str, Any]]


WORLD: dict[str, Any] = {}


@pytest.fixture
def engine(engines: Make) -> Engine:
    WORLD.clear()
    return engines()


@node(reads="orders")
async def fetch(n: int) -> Order:
    return Order(n, [{"price": WORLD.get("price", 3), "count": 1}])


@node(writes="log", retry=Retry(2, backoff=0.0))
async def put(n: int) -> int:
    if WORLD.get("flaky") == n and context().attempt < 2:
        raise OSError("busy")
    if WORLD.get("broken") == n:
        raise ValueError(f"no {n}")
    return n + WORLD.get("more", 0)


@flow
def work(n: int) -> int:
    fetch(7)
    total = 0
    for x in range(n):
        try:
            total += put(x)
        except ValueError:
            total += 100
    return total


@flow
def other(n: int) -> int:
    fetch(7)
    return put(n)


@pytest.fixture
def done(engine: Engine) -> Callable[..., str]:
    def run(flow_: Any, n: int, **world: Any) -> str:
        WORLD.clear()
        WORLD.update(world)
        engine.run(flow_, n)
        assert engine.recorder is not None
        return engine.recorder.store.runs()[0].id

    return run


def compared(engine: Engine, first: str, second: str) -> Comparison:
    assert engine.recorder is not None
    store = engine.recorder.store
    return compare(read_history(store, first), read_history(store, second))


def told(found: Comparison) -> list[tuple[str, str, str, str, str]]:
    return [(c.key, c.what, c.where, c.before, c.after) for c in found.changes]


def test_runs_that_did_the_same(engine: Engine, done: Callable[..., str]) -> None:
    assert compared(engine, done(work, 3), done(work, 3)).same


def test_the_part_of_a_value_that_differs_is_named(engine: Engine, done: Callable[..., str]) -> None:
    found = compared(engine, done(work, 1), done(work, 1, price=4))
    assert told(found) == [("fetch", "value", "lines[0]['price']", "3", "4")]
    assert not found.same


def test_errors_attempts_and_ends(engine: Engine, done: Callable[..., str]) -> None:
    found = compared(engine, done(work, 3, flaky=1), done(work, 3, broken=2))
    assert [(key, what, before, after) for key, what, _, before, after in told(found)] == [
        ("for[1]:put", "attempts", "2", "1"),
        ("for[2]:put", "error", "2", "ValueError: no 2\n  put failed in attempt 3 of 3"),
        ("for[2]:put", "attempts", "1", "3"),
    ]
    assert [(c.key, c.before, c.after) for c in found.ends] == [("result", "3", "101")]


def test_passes_that_only_one_has(engine: Engine, done: Callable[..., str]) -> None:
    found = compared(engine, done(work, 1), done(work, 2))
    assert told(found) == [("for", "passes", "", "1", "2"), ("for[1]:put", "only second", "", "", "1")]
    assert [(c.where, c.before, c.after) for c in found.inputs] == [("['n']", "1", "2")]


def test_plans_that_differ_are_told_in_words(engine: Engine, done: Callable[..., str]) -> None:
    found = compared(engine, done(work, 1), done(other, 1))
    assert "flow work: it is not there any more" in found.plans
    assert "flow other: it was not there before" in found.plans


@flow
def raced(n: int) -> int:
    race(sleep(n), sleep(1 - n))
    return 1


def test_who_won_a_race(engine: Engine, done: Callable[..., str]) -> None:
    found = compared(engine, done(raced, 0), done(raced, 1))
    assert ("race", "decision", "", "arm 0", "arm 1") in told(found)


def test_the_command(
    engine: Engine, done: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = done(work, 8), done(work, 8, more=1)
    store = str(tmp_path / "store")
    assert main(["diff", first, first, "--store", store]) == 0
    assert capsys.readouterr().out.startswith(f"{first} and {first} did the same in ")
    assert main(["diff", first, second, "--store", store]) == 1
    assert capsys.readouterr().out.splitlines() == [
        *("for[0]:put:", "  - 0", "  + 1", "for[1]:put:", "  - 1", "  + 2", "for[2]:put:", "  - 2", "  + 3"),
        *("  … and 5 more of for[*]:put", "result:", "  - 28", "  + 36"),
    ]
    assert main(["diff", first, second, "--store", store, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["changes"][0] == {"key": "for[0]:put", "what": "value", "before": "0", "after": "1", "where": ""}
    assert len(found["changes"]) == 8
    assert main(["diff", first, "run-nobody", "--store", store]) == 2
