"""What checking, planning and linking cost as a flow grows: the curve should be a straight line.

The floor is Python's own work on the same flow: ``ast.parse`` and ``compile`` of its source.
"""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import pytest
from bench_beside import Beside
from growth_stages import python_text, whole

SIZES = [1_000, 2_000, 5_000, 10_000, 20_000]


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("steps", SIZES)
@pytest.mark.parametrize("spelling", ["text", "python"])
def test_growth(spelling: str, steps: int, benchmark: Any, tmp_path: Path) -> None:
    text = python_text(steps)
    kept: dict[str, float] = {}

    def ours() -> None:
        kept.update(whole(spelling, steps, tmp_path))

    def floor() -> None:
        compile(ast.parse(text), "<floor>", "exec")

    extra: dict[str, Any] = {"stages": kept}
    beside = Beside(benchmark, f"{steps:,} steps, {spelling}", steps, "", extra)
    beside.run(ours, floor, rounds=2 if steps <= 10_000 else 1)
    shown = ", ".join(f"{k} {v / steps * 1e6:.0f}" for k, v in kept.items())
    if "what" in benchmark.extra_info:
        planned = sum(v for k, v in kept.items() if k in ("read", "check", "optimize", "order", "plan"))
        benchmark.extra_info["note"] = f"checked and planned in {planned:.2f} s; us a step: {shown}"
