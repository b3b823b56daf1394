"""What checking, planning and linking cost as a flow grows: the curve should be a straight line.

The floor is Python's own work on the same flow: ``ast.parse`` and ``compile`` of its source.
"""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Any

import bench_programs as programs
import pytest
from bench_beside import Beside, once

import cflow
from cflow.compiler.garbage import collector_held
from cflow.dsl.scope import FlowSource

SIZES = [1_000, 2_000, 5_000, 10_000, 20_000]


def python_text(steps: int) -> str:
    """A flow of ``steps`` steps, a mixture: chains, independent reads, writes under an ``if``."""
    lines = ["@flow", "def main(x: int) -> int:"]
    for i in range(steps):
        if i % 10 == 0:
            lines += [f"    if x > {i}:", "        x = put(x)"]
        elif i % 3 == 0:
            lines.append(f"    x = add2(x, {i})")
        else:
            lines.append(f"    y{i % 7} = inc(x)")
    return "\n".join([*lines, "    return x", ""])


def flow_text(steps: int) -> str:
    """The same as ``.cflow`` text."""
    body = python_text(steps).replace("@flow\ndef main", "flow main")
    return 'from "./nodes.py" import add2, inc, put\n' + body


def stages(flow: Any, source: FlowSource) -> dict[str, float]:
    """Seconds of each stage, from the source to runnable code."""
    from cflow.engine import compile_flow

    engine = cflow.Engine()
    found: dict[str, Any] = {}
    seconds = {"check": once(lambda: found.update(compiled=compile_flow(source)))}
    compiled = found["compiled"]
    seconds["digest"] = once(lambda: compiled.digest)
    seconds["optimize"] = once(lambda: compiled.optimized)
    seconds["order"] = once(lambda: compiled.orders)
    with collector_held():  # as in a run
        seconds["link"] = once(lambda: engine._link(compiled, False).written())
    seconds["plan"] = once(lambda: engine.plan(flow))
    return seconds


@pytest.mark.benchmark(timer=time.process_time)
@pytest.mark.parametrize("steps", SIZES)
@pytest.mark.parametrize("spelling", ["text", "python"])
def test_growth(spelling: str, steps: int, benchmark: Any, tmp_path: Path) -> None:
    (tmp_path / "nodes.py").write_text(programs.HEAD)
    text = python_text(steps)
    kept: dict[str, float] = {}

    def ours() -> None:
        def read() -> None:
            if spelling == "text":
                found["flow"] = cflow.loads(flow_text(steps), base=tmp_path).main
            else:
                found["flow"] = programs.load(programs.HEAD + text, tmp_path, "growth").main

        found: dict[str, Any] = {}
        kept["read"] = once(read)
        kept.update(stages(found["flow"], found["flow"].source))

    def floor() -> None:
        compile(ast.parse(text), "<floor>", "exec")

    extra: dict[str, Any] = {"stages": kept}
    beside = Beside(benchmark, f"{steps:,} steps, {spelling}", steps, "", extra)
    beside.run(ours, floor, rounds=2 if steps <= 10_000 else 1)
    shown = ", ".join(f"{k} {v / steps * 1e6:.0f}" for k, v in kept.items())
    if "what" in benchmark.extra_info:
        whole = sum(v for k, v in kept.items() if k in ("read", "check", "optimize", "order", "plan"))
        benchmark.extra_info["note"] = f"checked and planned in {whole:.2f} s; us a step: {shown}"
