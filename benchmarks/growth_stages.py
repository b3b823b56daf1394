"""Flows of any length, and what each stage of compiling them costs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bench_programs as programs
from bench_beside import once

import cflow
from cflow.compiler.garbage import collector_held
from cflow.dsl.scope import FlowSource


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


def whole(spelling: str, steps: int, folder: Path) -> dict[str, float]:
    """Seconds of each stage of a flow of so many steps, from its text in ``folder`` to runnable code."""
    (folder / "nodes.py").write_text(programs.HEAD)
    found: dict[str, Any] = {}

    def read() -> None:
        if spelling == "text":
            found["flow"] = cflow.loads(flow_text(steps), base=folder).main
        else:
            found["flow"] = programs.load(programs.HEAD + python_text(steps), folder, "growth").main

    return {"read": once(read), **stages(found["flow"], found["flow"].source)}
