"""The picture and the table of growth, and the other words of the benchmarks' commands."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import growth
import pytest
import report
from gate_shapes import CASES

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

SAVED: dict[str, Any] = {
    "benchmarks": [
        {
            "params": {"spelling": spelling, "steps": steps},
            "extra_info": {"stages": dict.fromkeys(growth.STAGES, steps * 1e-5)},
        }
        for spelling in ("text", "python")
        for steps in (1000, 20_000)
    ]
}


def test_the_curves_are_drawn_and_the_table_is_printed() -> None:
    found = growth.rows({"benchmarks": [{"params": None, "extra_info": {}}, *SAVED["benchmarks"]]})
    drawn = ET.fromstring(growth.picture(found))
    names = [path.findtext("{*}title") for path in drawn.iter("{http://www.w3.org/2000/svg}path")]
    assert names == ["text", "python"]
    assert growth.table(found).splitlines()[-1] == "| 20,000 steps, python |" + " 10 |" * 7 + " 1.00 s |"


def test_a_file_without_them_is_refused() -> None:
    with pytest.raises(ValueError, match="no figures"):
        growth.rows({"benchmarks": [{"extra_info": {"what": "chain"}}]})


def test_the_picture_of_the_page_is_there() -> None:
    assert growth.PICTURE.read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize(
    ("seconds", "text"), [(2.5, "2.50 s"), (0.0123, "12.3 ms"), (7e-8, "0.07 us"), (4.1e-9, "4.1 ns"), (0.0, "0 ns")]
)
def test_times_of_the_table_have_digits_that_count(seconds: float, text: str) -> None:
    assert report.short(seconds) == text


def test_a_list_of_cases_can_be_read() -> None:
    assert not any("," in name for name in CASES)


@pytest.mark.parametrize("script", ["memory.py", "waiting_runs.py", "growth.py"])
def test_a_script_says_what_it_does(script: str) -> None:
    line = [sys.executable, str(BENCHMARKS / script), "--help"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: {script}" in done.stdout
