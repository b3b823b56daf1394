"""The start of the command, beside what it cannot do without: an empty Python, and ``import trio``.

Processes are timed by the processor time of the child, turn about with their floor, so that other work on the machine
counts less. ``cold`` is the same without the cache of plans.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from bench_beside import Beside
from cold_start import LINES, Commands, spent


@pytest.mark.parametrize("cache", ["warm", "cold"])
@pytest.mark.parametrize(("name", "words", "floor", "aim"), LINES, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.benchmark(timer=spent)
def test_cold_start(
    name: str, words: tuple[str, ...], floor: tuple[str, ...], aim: str, cache: str, benchmark: Any, tmp_path: Path
) -> None:
    commands = Commands(tmp_path)
    if cache == "cold":
        if words[0] == "--help":
            pytest.skip("nothing is kept of it")
        commands.environment["CFLOW_NO_CACHE"] = "1"
    python = commands.python
    python("-m", "cflow", *words)
    beside = Beside(benchmark, f"{name}, {cache}", aim=aim if cache == "warm" else "", clock=spent)
    beside.run(lambda: python("-m", "cflow", *words), lambda: python(*floor))
