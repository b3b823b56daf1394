"""How long a large program takes to be read, checked, digested and planned."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import cflow

STEPS = 10_000
NODES = """
from cflow import node

@node(reads="x")
async def read(n: int) -> int:
    return n

@node(writes="x")
async def write(n: int) -> int:
    return n

@node(pure=True)
def calc(a: int, b: int) -> int:
    return a + b
"""


def program(shape: str, steps: int = STEPS) -> str:
    """A flow of ``steps`` steps: a chain, independent reads, or a mixture with branches."""
    lines = []
    for i in range(steps):
        if shape == "chain":
            lines.append(f"    x = calc(x, {i})")
        elif shape == "wide":
            lines.append(f"    x{i} = read({i})")
        elif i % 10 == 0:
            lines += [f"    if x > {i}:", "        x = write(x)"]
        elif i % 3 == 0:
            lines.append("    x = calc(x, read(x))")
        else:
            lines.append(f"    y{i % 7} = read(x + {i})")
    head = 'from "./nodes.py" import read, write, calc\n'
    return head + "flow main(x: int) -> int:\n" + "\n".join(lines) + "\n    return x\n"


@pytest.fixture(params=["chain", "wide", "mixed"])
def text(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[str, Path]:
    (tmp_path / "nodes.py").write_text(NODES)
    return program(request.param), tmp_path


def test_check(benchmark: Any, text: tuple[str, Path]) -> None:
    found = benchmark.pedantic(cflow.check, (text[0],), {"base": text[1]}, rounds=3)
    assert not [d for d in found if d.severity == "error"]


def test_plan(benchmark: Any, text: tuple[str, Path]) -> None:
    """From text to plan, nothing kept from before."""

    def from_text() -> Any:
        module = cflow.loads(text[0], base=text[1])
        return module.main.plan()

    plan = benchmark.pedantic(from_text, rounds=3)
    assert len(plan.steps) > 100
