"""The lines of the command whose start is timed, and what each of them cannot do without."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

from attrs import define, field

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


@define
class Commands:
    """Runs Python in a folder that has the programs, with a cache of its own and compiled modules, as whoever starts
    commands has them. ``path``: where ``import cflow`` finds what is timed, if not as usual."""

    folder: Path
    path: Path | None = None
    environment: dict[str, str] = field(init=False)

    def __attrs_post_init__(self) -> None:
        (self.folder / "nodes.py").write_text(NODES)
        (self.folder / "p.cflow").write_text(PROGRAM)
        (self.folder / "hello.cflow").write_bytes((EXAMPLES / "hello.cflow").read_bytes())
        self.environment = {**os.environ, "XDG_CACHE_HOME": str(self.folder / "cache")}
        for variable in ("CFLOW_NO_CACHE", "PYTHONDONTWRITEBYTECODE"):
            self.environment.pop(variable, None)
        if self.path is not None:
            self.environment["PYTHONPATH"] = str(self.path)

    def python(self, *words: str) -> None:
        """Python with these words, to its end.

        Raises
        ------
        CalledProcessError: it failed.
        """
        subprocess.run(
            [sys.executable, *words], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=True
        )
