"""The README keeps its word: the examples are one program, the commands those that CI runs, the links lead on."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "README.md").read_text(encoding="utf-8")


def test_both_spellings_are_one_program(tmp_path: Path) -> None:
    for name, body in re.findall(r"```(?:python)?\n# (\S+)\n(.*?)```", TEXT, re.DOTALL):
        (tmp_path / name).write_text(body, encoding="utf-8")
    code = "import cflow, report; print(report.report.digest, cflow.load('report.cflow').report.digest)"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    python, text = done.stdout.split()
    assert python == text


def test_ci_runs_the_second_command_first() -> None:
    commands = re.findall(r"^    (\./dev .*)$", TEXT, re.MULTILINE)
    assert commands[:2] == ["./dev cflow run examples/quakes.cflow", "./dev test"]
    steps = re.findall(r"^step (.*)$", (ROOT / ".ci" / "run").read_text(encoding="utf-8"), re.MULTILINE)
    assert steps[0] == commands[1]


@pytest.mark.parametrize("link", re.findall(r"\]\((?!http)([^)]+)\)", TEXT))
def test_links_lead_somewhere(link: str) -> None:
    assert (ROOT / link).exists()
