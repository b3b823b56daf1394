"""``--profile FILE``: what nodes took is kept between runs, decides the order, and is expected by explain."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cflow.cli.main import main
from cflow.executor.events import Event
from cflow.measure.nodetimes import NodeTimes
from cflow.planner.profile import Profile, load

NODES = """
import trio
from collections.abc import AsyncIterator
from cflow import node

@node(reads="a")
async def slow(x: int) -> int:
    await trio.sleep(0.05)
    return x

@node(reads="b")
async def quick(x: int) -> int:
    return x
"""
PROGRAM = """
from "./nodes_of_profiles.py" import slow, quick

flow main(n: int) -> int:
    a = quick(n)
    b = slow(n)
    return a + b

flow items(n: int) -> stream[int]:
    for i in range(n):
        yield slow(i)
"""


@pytest.fixture(autouse=True)
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "nodes_of_profiles.py").write_text(NODES)
    (tmp_path / "p.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)


def run(capsys: Any, *words: str) -> tuple[int, str, str]:
    code = main(list(words))
    said = capsys.readouterr()
    return code, said.out, said.err


def test_a_run_keeps_what_its_nodes_took(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json") == (0, "4\n", "")
    first = load(Path("t.json"))
    assert set(first.seconds) == {"slow", "quick"}
    assert first.seconds["slow"] >= 0.05
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json")[0] == 0
    assert load(Path("t.json")).digest == first.digest


def test_explain_expects_it(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "t.json")[0] == 0
    data = json.loads(Path("t.json").read_text())
    data["nodes"]["slow"]["seconds"] = 7.0
    Path("t.json").write_text(json.dumps(data))
    assert "about 7 s" in run(capsys, "explain", "p.cflow:main", "--profile", "t.json")[1]
    assert "about 7 s" not in run(capsys, "explain", "p.cflow:items", "--profile", "t.json")[1], "of another program"
    assert "about 7 s" not in run(capsys, "explain", "p.cflow:main")[1]


def test_of_a_stream_when_it_has_ended(capsys: Any) -> None:
    assert run(capsys, "run", "p.cflow:items", "n=2", "--json", "--profile", "t.json")[:2] == (0, "0\n1\n")
    assert load(Path("t.json")).calls == {"slow": 2}


def test_what_is_no_profile_is_not_written_over(capsys: Any) -> None:
    Path("t.json").write_text('{"mine": 1}')
    code, out, err = run(capsys, "run", "p.cflow:main", "n=2", "--profile", "t.json")
    assert (code, out) == (2, "")
    assert "t.json" in err
    assert Path("t.json").read_text() == '{"mine": 1}'


def test_a_result_is_worth_more_than_a_profile(capsys: Any) -> None:
    code, out, err = run(capsys, "run", "p.cflow:main", "n=2", "--json", "--profile", "nowhere/t.json")
    assert (code, out) == (0, "4\n")
    assert "nowhere/t.json cannot be written" in err


def told(*events: tuple[Any, str, float]) -> NodeTimes:
    times = NodeTimes()
    for what, node, time in events:
        times(Event("node", what, "r", node, 1, time))
    return times


def test_calls_at_once_and_calls_that_say_nothing() -> None:
    times = told(
        ("started", "a", 1.0),
        ("started", "a", 2.0),
        ("done", "a", 4.0),
        ("done", "a", 5.0),
        ("started", "failed", 1.0),
        ("failed", "failed", 9.0),
        ("started", "kept", 1.0),
        ("cached", "kept", 1.0),
        ("done", "kept", 1.0),
        ("started", "open", 1.0),
        ("skipped", "skipped", 1.0),
    )
    assert times.profile("f", "d").seconds == {"a": 3.0}
    known = Profile("f", "d", {"a": 1.0, "failed": 8.0}, {"a": 1, "failed": 1})
    assert times.profile("f", "d", known).seconds == {"a": 2.0, "failed": 8.0}
    assert times.profile("f", "other", known).seconds == {"a": 3.0}
