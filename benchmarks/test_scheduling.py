"""The order of real workflow shapes with real sleeps, beside a hand-written list scheduler; and the table of what the
order itself costs, in virtual time (``.venv/bin/python benchmarks/workflows/table.py`` prints it alone)."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from bench_beside import Beside
from workflows import generate
from workflows.graph import Workflow
from workflows.replay import by_hand, prepare
from workflows.table import measure, table

SECONDS = 1.5
"""How long a replay is meant to take: run times are scaled to that lower bound, so that most sleeps are of 10 ms or
more, of which the timer adds about one."""

CASES: list[tuple[Workflow, int]] = [
    (generate.montage(20), 4),
    (generate.epigenomics(4, 10), 8),
    (generate.blast(50), 8),
    (generate.chain_beside(25, 50, 1.3), 4),
]


@pytest.mark.parametrize(("workflow", "workers"), CASES, ids=[f"{w.name}-{k}" for w, k in CASES])
def test_scheduling(workflow: Workflow, workers: int, benchmark: Any, tmp_path: Path) -> None:
    bound = workflow.lower_bound(workers)
    scaled = workflow.scaled(SECONDS / bound)
    replay = prepare(scaled, tmp_path)
    engine = replay.engine(workers, replay.costs())
    replay.real(engine)
    row = measure(prepare(workflow, tmp_path), workers)
    real: list[float] = []
    name = f"{workflow.name} on {workers} workers"
    beside = Beside(benchmark, name, aim="<= 1.05x", clock=time.perf_counter)
    beside.run(lambda: real.append(replay.real(engine)), lambda: by_hand(scaled, workers), rounds=5)
    if "what" in benchmark.extra_info:
        over = min(real) / SECONDS / (row.listed / row.bound)
        benchmark.extra_info["note"] = f"real makespan / list schedule {over:.3f}; in virtual time:\n{table([row])}"
