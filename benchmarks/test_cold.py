"""The start of the command, beside what it cannot do without: an empty Python, and ``import trio``.

Processes are timed by the processor time of the child, turn about with their floor, so that other work on the machine
counts less. ``cold`` is the same without the cache of plans.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bench_beside import Beside

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
TRIO = ("-c", "import trio")
PASS = ("-c", "pass")

NODES = """
from cflow import node

@node(pure=True)
def greet(name: str) -> str:
    return f"hello, {name}"

@node(reads="clock")
async def later(name: str) -> str:
    return name
"""

PROGRAM = """
from "./nodes.py" import greet, later

flow node(name: str = "world") -> str:
    return greet(name)

flow waits(name: str = "world") -> str:
    return later(name)

flow overlap(name: str = "world") -> str:
    a = later(name)
    b = later("b")
    return a + b
"""

LINES = [
    ("cflow run hello", ("run", "hello.cflow"), TRIO, "<= 1.3x"),
    ("cflow run, a Python node", ("run", "p.cflow:node"), TRIO, "<= 1.3x"),
    ("cflow run, an async node", ("run", "p.cflow:waits"), TRIO, "<= 1.3x"),
    ("cflow run, two at once", ("run", "p.cflow:overlap"), TRIO, ""),
    ("cflow check", ("check", "hello.cflow"), PASS, "<= 1.5x"),
    ("cflow --help", ("--help",), PASS, "<= 1.5x"),
]


def spent() -> float:
    """The processor time of all children so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


@pytest.mark.parametrize("cache", ["warm", "cold"])
@pytest.mark.parametrize(("name", "words", "floor", "aim"), LINES, ids=lambda v: v if isinstance(v, str) else "")
@pytest.mark.benchmark(timer=spent)
def test_cold_start(
    name: str, words: tuple[str, ...], floor: tuple[str, ...], aim: str, cache: str, benchmark: Any, tmp_path: Path
) -> None:
    (tmp_path / "nodes.py").write_text(NODES)
    (tmp_path / "p.cflow").write_text(PROGRAM)
    (tmp_path / "hello.cflow").write_bytes((EXAMPLES / "hello.cflow").read_bytes())
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    for variable in ("CFLOW_NO_CACHE", "PYTHONDONTWRITEBYTECODE"):  # who starts commands has compiled modules
        environment.pop(variable, None)
    if cache == "cold":
        if words[0] == "--help":
            pytest.skip("nothing is kept of it")
        environment["CFLOW_NO_CACHE"] = "1"

    def python(*words: str) -> None:
        subprocess.run([sys.executable, *words], cwd=tmp_path, env=environment, capture_output=True, check=True)

    python("-m", "cflow", *words)
    beside = Beside(benchmark, f"{name}, {cache}", aim=aim if cache == "warm" else "", clock=spent)
    beside.run(lambda: python("-m", "cflow", *words), lambda: python(*floor))
