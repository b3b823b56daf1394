"""Figures, page and plot from a small document, and the runner on the floors alone."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import install
import pytest
import run
from engines import ENGINES
from figures import cold, figure, short
from page import page
from plot import svg
from workloads import WORKLOADS

ROOT = Path(__file__).parents[2]


def entry(times: list[float], units: int = 10, ideal: float = 0.0, small: bool = False) -> dict[str, Any]:
    sizes = {"units": units, "ideal": ideal, "small": small}
    return {**sizes, "build": [0.5], "first": [0.25], "times": times, "rounds": times}


def engine(**workloads: Any) -> dict[str, Any]:
    return {"version": "1.2", "importing": [0.1], "starting": [0.0], "workloads": workloads}


@pytest.fixture
def document() -> dict[str, Any]:
    return {
        "when": "2026-01-01",
        "machine": "a machine",
        "engines": {
            "plain": engine(chain=entry([1e-6, 2e-6, 3e-6])),
            "conductor": engine(chain=entry([2e-6]), waits=entry([0.1165], 1, 0.115)),
            "dask": engine(chain=entry([2e-3], small=True), branches={"why": "no conditionals"}),
            "dbos": engine(chain=entry([0.5]), map={"failed": "OSError: no disk"}),
            "prefect": {"why": "it could not be installed here"},
        },
    }


def test_a_figure_is_what_is_over_the_critical_path_for_a_unit() -> None:
    found = figure(entry([0.3, 0.4, 0.7], units=10, ideal=0.2))
    assert found is not None
    assert (found.median, found.low, found.high) == pytest.approx((0.02, 0.01, 0.05))
    assert figure({"why": "no"}) is None
    below = figure(entry([0.1], ideal=0.2))
    assert below is not None
    assert below.median == 0  # a timer that is early
    assert cold(entry([0.3], ideal=0.2)) == pytest.approx(0.55)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(2.0, "2.0 s"), (0.0155, "16 ms"), (1.5e-3, "1.5 ms"), (2.34e-6, "2.3 µs"), (4e-8, "0.04 µs"), (0.0, "0.00 µs")],
)
def test_seconds_for_people(seconds: float, text: str) -> None:
    assert short(seconds) == text


def test_the_page_has_a_row_a_workload_and_a_column_an_engine_that_ran(document: dict[str, Any]) -> None:
    text = page(document)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert rows[0] == "|  | plain Python | Conductor | dask.delayed | DBOS |"
    assert rows[2].startswith("| chain | 0.20 µs<br><sub>0.10 µs – 0.30 µs</sub> | 0.20 µs<br>")
    assert "200 µs\\*<br>" in rows[2]
    assert "| if/else | – | – | – | – |" in rows
    assert "| map of 10,000 | – | – | – | failed |" in rows
    assert "- **Prefect** did not run: it could not be installed here." in text
    assert "- **Hamilton** did not run: it was not chosen." in text
    assert "  It failed on map of 10,000: OSError: no disk." in text
    assert "n8n did not run here" in text
    assert "80, 5 and 30 ms" in text


def test_the_plot_is_an_svg_with_a_mark_a_figure(document: dict[str, Any]) -> None:
    tree = ET.fromstring(svg(document))
    assert tree.tag.endswith("svg")
    marks = list(tree.iter("{http://www.w3.org/2000/svg}circle"))
    assert len(marks) == 4 + 5  # in the legend, and one each
    conductor = [c for c in marks if c.get("r") == "7"][1]
    slow = max(marks[4:], key=lambda c: float(c.get("cx", "0")))
    assert float(conductor.get("cx", "0")) < float(slow.get("cx", "0"))
    width = float(tree.get("width", "0"))
    assert all(0 < float(c.get("cx", "0")) < width for c in marks)
    words = " ".join(t.text or "" for t in tree.iter("{http://www.w3.org/2000/svg}text"))
    assert "Prefect" not in words


def test_every_engine_has_a_colour_and_an_environment_that_is_known() -> None:
    from plot import COLOURS

    assert set(COLOURS) == set(ENGINES)
    assert {e.environment for e in ENGINES.values()} - {""} == set(install.REQUIREMENTS)


def test_an_unknown_engine_is_not_installed(capsys: pytest.CaptureFixture[str]) -> None:
    assert install.main(["n8n"]) == 2
    assert "no engine n8n" in capsys.readouterr().err


def test_the_runner_keeps_what_processes_find(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The floors in processes of their own; an engine without an environment is told as not run."""
    monkeypatch.setenv("CONDUCTOR_PEERS", str(tmp_path / "peers"))
    output = tmp_path / "results.json"
    options = "--engines dask --rounds 1 --seconds 0 --samples 1 --workloads chain sleeps --no-install --no-page"
    run.main([*options.split(), "--output", str(output)])
    document = json.loads(output.read_text())
    assert document["engines"]["dask"] == {"why": "it could not be installed here"}
    plain = document["engines"]["plain"]["workloads"]
    assert len(plain["chain"]["times"]) == 1
    assert "why" in plain["sleeps"]
    assert document["engines"]["conductor"]["workloads"]["sleeps"]["ideal"] == 0.010
    assert set(document["engines"]) == {"plain", "by_hand", "pool", "conductor", "dask"}
    assert "dask.delayed** did not run" in page(document)
    run.main([*options.split(), "--add", "--output", str(output)])
    document = json.loads(output.read_text())
    assert document["rounds"] == 2
    assert len(document["engines"]["plain"]["workloads"]["chain"]["rounds"]) == 2
    assert "over 2 rounds" in page(document)


def test_a_process_that_breaks_off_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setenv("CONDUCTOR_PEERS", str(tmp_path))
    found = list(run.child("nothing", sys.executable, ["chain"], 0.0, 1))
    assert [f["what"] for f in found] == ["broken"]
    assert "ended early: KeyError: 'nothing'" in found[0]["why"]


def test_the_committed_page_is_made_of_the_committed_samples() -> None:
    document = json.loads((ROOT / "benchmarks" / "peers" / "results.json").read_text())
    assert (ROOT / "docs" / "comparison.md").read_text() == page(document)
    assert (ROOT / "docs" / "img" / "comparison.svg").read_text() == svg(document)
    assert set(document["engines"]) == set(ENGINES)
    assert WORKLOADS.keys() == document["engines"]["conductor"]["workloads"].keys()
