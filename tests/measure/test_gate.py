"""The regression gate: what it compares with what, and, asked for with --long, that it sees a real loss of 15 %."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))

import gate
import gate_process
from gate_shapes import CASES

from cflow.measure.groups import Limits
from cflow.measure.machine import Machine, here

ROOT = Path(__file__).resolve().parents[2]
LIMITS = Limits(least=3, least_loss=5, most=8, seconds=1e9), Limits(least=3, least_loss=5, most=8, seconds=1e9)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, Any]:
    """No process is started: the ratios are made up. ``alone`` and ``beside`` are those of our side."""
    state: dict[str, Any] = {"alone": 2.0, "beside": 1.0, "commit": "abc", "busy": False, "asked": []}

    def taking(kind: str) -> Any:
        def made(*paths: Path, **options: Any) -> Any:
            def take(number: int, cases: Sequence[str]) -> dict[str, list[float]]:
                state["asked"].append((kind, number, tuple(cases)))
                return {name: [state[kind] * (1 + 0.001 * i) for i in range(-9, 10)] for name in cases}

            return take

        return made

    class Folder:
        def __init__(self, *_: object) -> None: ...
        def __enter__(self) -> Path:
            return tmp_path

        def __exit__(self, *_: object) -> None: ...

    class Children(Folder):
        def __enter__(self) -> Any:
            return [self]

        def ask(self, **asked: Any) -> list[float]:
            return []

    monkeypatch.setattr(gate, "Alone", taking("alone"))
    monkeypatch.setattr(gate, "Beside", taking("beside"))
    monkeypatch.setattr(gate, "linked", Folder)
    monkeypatch.setattr(gate, "revision", Folder)
    monkeypatch.setattr(gate, "children", Children)
    monkeypatch.setattr(gate, "busy", lambda: state["busy"])
    monkeypatch.setattr(gate, "commit", lambda name="HEAD": state["commit"])
    monkeypatch.setattr(gate, "BASELINE", tmp_path / "baseline.json")
    gate.Baseline(here(), "abc", {"chain": [1.96, 2.0, 2.02], "map": [1.98, 2.0, 2.0]}).save(gate.BASELINE)
    return state


def kinds(state: dict[str, Any]) -> set[str]:
    return {kind for kind, _, _ in state["asked"]}


def test_on_the_machine_of_the_baseline_its_ratios_are_enough(machine: dict[str, Any]) -> None:
    result = gate.compare(["chain", "map"], LIMITS)
    assert (result.lost, result.unclear, kinds(machine)) == ([], [], {"alone"})


def test_what_seems_slower_is_measured_beside_the_revision_itself(machine: dict[str, Any]) -> None:
    """The hour is busy and the ratios are worse; so they are for the revision of the baseline."""
    machine["alone"] = 2.6
    result = gate.compare(["chain", "map"], LIMITS)
    assert (result.lost, result.unclear, kinds(machine)) == ([], [], {"alone", "beside"})
    machine["beside"] = 1.1
    assert gate.compare(["chain", "map"], LIMITS).lost == ["chain", "map"]


def test_what_seems_faster_too(machine: dict[str, Any]) -> None:
    """Else a baseline from a busy hour would hide a loss."""
    machine.update(alone=1.5, beside=1.1)
    assert gate.compare(["chain"], LIMITS).lost == ["chain"]


def test_on_another_machine_only_the_revision_counts(machine: dict[str, Any]) -> None:
    gate.Baseline(Machine("x", 1, "y", "z"), "abc", {"chain": [9.0]}).save(gate.BASELINE)
    assert (gate.compare(["chain"], LIMITS).lost, kinds(machine)) == ([], {"beside"})


def test_on_a_busy_machine_too(machine: dict[str, Any]) -> None:
    machine["busy"] = True
    assert (gate.compare(["chain"], LIMITS).lost, kinds(machine)) == ([], {"beside"})
    machine["commit"] = ""
    machine["asked"].clear()
    assert (gate.compare(["chain"], LIMITS).lost, kinds(machine)) == ([], {"alone"})


def test_and_without_it_only_a_gross_loss(machine: dict[str, Any]) -> None:
    gate.Baseline(Machine("x", 1, "y", "z"), "abc", {"chain": [1.6]}).save(gate.BASELINE)
    machine["commit"] = ""
    result = gate.compare(["chain"], LIMITS)
    assert (result.lost, result.how["chain"], kinds(machine)) == ([], "rough", {"alone"})
    machine["alone"] = 4.0
    assert gate.compare(["chain"], LIMITS).lost == ["chain"]


def test_another_revision_can_be_named(machine: dict[str, Any]) -> None:
    machine["beside"] = 1.2
    result = gate.compare(["chain"], LIMITS, against="main~3")
    assert (result.lost, result.how) == (["chain"], {"chain": "main~3"})


def test_the_exit_code(machine: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert gate.main(["--short", "--case", "chain"]) == 0
    assert "no loss" in capsys.readouterr().out
    machine.update(alone=3.0, beside=1.3)
    assert gate.main(["--case", "chain"]) == 1
    assert "LOSS: chain" in capsys.readouterr().out
    gate.BASELINE.write_text("{")
    assert gate.main(["--case", "chain"]) == 2
    assert "broken" in capsys.readouterr().err


def test_the_pool_of_a_proof_is_judged(capsys: pytest.CaptureFixture[str]) -> None:
    pairs = [[1.0 + 0.002 * i] * 3 for i in range(-6, 7)]
    gate.drawn({"chain": pairs, "map": pairs[:3]}, gates=3)
    said = capsys.readouterr().out
    assert "chain: 13 pairs, which differ by 0.7%" in said
    assert "5 pairs, 0% slower: loss 0.0%, no loss 100.0%" in said
    assert "5 pairs, 15% slower: loss 100.0%, no loss 0.0%" in said
    assert "map" not in said  # too few to draw from


def test_the_committed_baseline_has_every_case() -> None:
    baseline = gate.load(ROOT / "benchmarks" / "baseline.json")
    assert set(baseline.ratios) == set(CASES)
    assert all(len(ratios) >= 5 for ratios in baseline.ratios.values())
    assert len(baseline.revision) == 40
    assert json.loads((ROOT / "benchmarks" / "baseline.json").read_text())["cflow"] == "gate-baseline"


def test_a_revision_that_is_not_there_is_told() -> None:
    with pytest.raises(gate_process.Trouble, match="no-such-revision"):
        with gate_process.revision("no-such-revision"):
            pass


@pytest.mark.slow
def test_a_process_measures_the_checkout_it_is_given() -> None:
    with gate_process.linked(ROOT) as path, gate_process.children([path], 1) as (child,):
        ratios = child.ask(case="map", seconds=0.0, seed=1)
    assert len(ratios) >= 4
    assert all(ratio > 0 for ratio in ratios)


@pytest.mark.slow
def test_a_real_loss_of_fifteen_per_cent_is_seen(long: bool) -> None:
    """With real processes and a real slowdown: minutes on a busy machine, so only where it is asked for."""
    if not long:
        pytest.skip("only with --long")
    limits = Limits(least=3, least_loss=5, most=20, seconds=600.0)
    with gate_process.linked(ROOT) as path:
        from cflow.measure.groups import until_all_clear

        slower = until_all_clear(["map"], gate_process.Beside(path, path, 1.15), {}, gate.LINE, limits)
        same = until_all_clear(["map"], gate_process.Beside(path, path), {}, gate.LINE, limits)
    assert slower["map"].verdict == "loss"
    assert same["map"].verdict != "loss"
