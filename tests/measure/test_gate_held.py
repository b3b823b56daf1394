"""What the gate holds by bounds: a figure over its bound fails, and a worsening of the real thing is seen."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import gate
import gate_held
from gate_held import HELD, LONG, hold
from gate_process import ROOT, Trouble, linked

IMPORTS = (
    "import asyncio, concurrent.futures.process, ctypes, decimal, http.client, sqlite3, unittest.mock, xml.dom.minidom"
)
"""An extra import or two."""

QUADRATIC = """
from cflow.planner import order
region = order.Orderer.region

def slow(self, region_, *args, **kwargs):
    found = region(self, region_, *args, **kwargs)
    for at in range(len(found.ops)):
        sum(map(id, found.ops[:at] * 2))
    return found

order.Orderer.region = slow
"""
"""Each step looks at all before it."""

RETAINED = """
from cflow.executor import blocks
kept = []
worker = blocks.for_each

async def for_each(run, log, source, body, *args, **kwargs):
    async def held(log, item, *rest):
        kept.append([item])
        return await body(log, item, *rest)
    return await worker(run, log, source, held, *args, **kwargs)

from cflow.executor import link
link.for_each = for_each
"""
"""Each pass is remembered."""


@pytest.fixture
def path() -> Iterator[Path]:
    with linked(ROOT) as found:
        yield found


def made_up(monkeypatch: pytest.MonkeyPatch, *groups: list[float]) -> list[float]:
    """No process is started for the stream: the figures are these, then the last again. How long each was given."""
    given: list[float] = []
    left = list(groups)

    def take(path: Path, worse: str, seconds: float) -> list[float]:
        given.append(seconds)
        group = left.pop(0) if len(left) > 1 else left[0]
        if not group:
            raise subprocess.TimeoutExpired("", seconds)
        return group

    limits = evolve(gate_held.COLD, seconds=1e9)
    monkeypatch.setitem(HELD, "memory: a stream", evolve(HELD["memory: a stream"], take=take, most=2.0, limits=limits))
    return given


@pytest.mark.parametrize(
    ("figures", "verdict", "processes"),
    [([1.9], "no loss", 3), ([2.1], "loss", 5), ([1.9, 2.1], "unclear", 8), ([-0.1], "no loss", 3)],
)
def test_a_figure_stays_below_its_bound(
    figures: list[float], verdict: str, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    made_up(monkeypatch, figures)
    found = hold(["memory: a stream"], ROOT, 1e9)["memory: a stream"]
    assert (found.verdict, found.processes) == (verdict, processes)


def test_one_bad_process_is_no_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    made_up(monkeypatch, [9.0], [1.0])
    assert hold(["memory: a stream"], ROOT, 1e9)["memory: a stream"].verdict != "loss"


def test_what_takes_too_long_is_told_and_is_no_failure(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    given = made_up(monkeypatch, [])
    assert gate.main(["--short", "--case", "memory: a stream"]) == 0
    assert "unclear  not measured within the time, at most 2 MB" in capsys.readouterr().out
    assert 0 < given[0] <= gate_held.SHORT
    assert hold(["memory: a stream"], ROOT, 0.0) == {}


def test_the_exit_code(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    made_up(monkeypatch, [3.0])
    assert gate.main(["--case", "memory: a stream"]) == 1
    assert "OVER THEIR BOUNDS: memory: a stream" in capsys.readouterr().out
    made_up(monkeypatch, [1.0])
    assert gate.main(["--case", "memory: a stream"]) == 0


def test_a_process_that_fails_is_trouble(path: Path) -> None:
    with pytest.raises(Trouble, match=r"memory: another flow: (.|\n)*no module of that name"):
        hold(["memory: another flow"], path, LONG, "raise ImportError('no module of that name')")


def test_a_list_that_is_kept_is_seen(path: Path) -> None:
    """Memory is no time: it is the same on a busy machine."""
    name = "memory: a parallel loop"
    assert hold([name], path, LONG)[name].verdict == "no loss"
    assert hold([name], path, LONG, RETAINED)[name].verdict == "loss"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "worse"),
    [
        ("start: cflow check", IMPORTS),
        ("start: cflow --help", IMPORTS),
        ("start: cflow run hello", IMPORTS),
        ("growth: 10,000 steps, python", QUADRATIC),
    ],
)
def test_what_takes_longer_is_seen(name: str, worse: str, path: Path, long: bool) -> None:
    """With real processes: a minute or more on a busy machine, so only where it is asked for."""
    if not long:
        pytest.skip("only with --long")
    assert hold([name], path, LONG, worse)[name].verdict == "loss"
    assert hold([name], path, LONG)[name].verdict != "loss"
