"""Programs of ``tests/cases``, run by the command without a cache, with a cold one and with a warm one: one outcome.

Time is Trio's autojump clock: a script that stands around the command sees to that.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

CASES = Path(__file__).resolve().parents[1] / "cases"

FILES = (
    "at-a-glance form-branches form-calls-and-options form-declarations form-loops form-parallel-loops form-race"
    " form-scopes form-streams policies rule-01-guards rule-06-failures order-10-two-failures"
    " order-12-try-with-finally order-17-a-failing-arm"
).split()

SCRIPT = """
import functools, sys
import trio, trio.testing
run = trio.run
trio.run = lambda *a, **k: run(*a, **{**k, "clock": trio.testing.MockClock(autojump_threshold=0)})
from cflow.cli.main import main
code = main()
print("compiled:", "cflow.dsl.lower" in sys.modules, file=sys.stderr)
sys.exit(code)
"""

STAGE = """
from contextlib import contextmanager

import trio

_counts = {}
_world = {}

class Call:
    def __init__(self, count):
        self.count = count

    async def takes(self, seconds):
        await trio.sleep(seconds)

    def takes_sync(self, seconds):
        pass

@contextmanager
def call(name, *args):
    key = name, repr(args)
    _counts[key] = _counts.get(key, 0) + 1
    yield Call(_counts[key])

async def items(it, takes, values):
    for value in values:
        await it.takes(takes)
        if isinstance(value, Exception):
            raise value
        yield value

def fail(error):
    raise error

def now():
    return trio.current_time()

def world():
    return _world
"""


def helper(name: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """A module of ``tests/cases``, which are found by name."""
    monkeypatch.syspath_prepend(str(CASES))
    return importlib.import_module(name)


@pytest.mark.parametrize("file", FILES)
def test_a_case_ends_alike(file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long: bool) -> None:
    if FILES.index(file) % 3 and not long:
        pytest.skip("a third of the cases unless --long is given: each takes three processes")
    cases = helper("case_file", monkeypatch).read_cases(CASES / f"{file}.md")
    case, variant = next(
        (case, variant)
        for case in cases
        for variant in case.variants
        if variant.run and variant.clock == "virtual" and not variant.signals and variant.cancel is None
    )
    built = helper("case_build", monkeypatch).build(case, variant, tmp_path)
    nodes = tmp_path / f"{built.nodes}.py"
    nodes.rename(tmp_path / "case_nodes.py")
    program = (tmp_path / "program.cflow").read_text(encoding="utf-8").replace(built.nodes, "case_nodes")
    (tmp_path / "program.cflow").write_text(program, encoding="utf-8")
    (tmp_path / "case_stage.py").write_text(STAGE, encoding="utf-8")
    (tmp_path / "given.json").write_text(json.dumps(variant.given, default=str), encoding="utf-8")

    def seen(**environment: str) -> tuple[int, str, str, str]:
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, "run", "program.cflow:main", "--json", "--input", "given.json"],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONDONTWRITEBYTECODE": "1",
                "XDG_CACHE_HOME": str(tmp_path / "cache"),
                **variant.env,
                **environment,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        said, _, compiled = done.stderr.rpartition("compiled:")
        return done.returncode, done.stdout, said, compiled.strip()

    none, cold, warm = seen(CFLOW_NO_CACHE="1"), seen(), seen()
    assert none == cold
    assert cold[:3] == warm[:3]
    assert none[3] == "True"
    if list((tmp_path / "cache").glob("cflow/*.plan")):
        assert warm[3] == "False"
