"""A folder with programs in both spellings, and two ways to run the command in it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from attrs import frozen

from cflow.cli.main import main

SHOP = '''
from cflow import node

class Declined(Exception):
    """No funds."""

@node(reads="orders")
async def fetch(n: int) -> list[int]:
    return list(range(n))

@node(pure=True)
def double(x: int) -> int:
    return 2 * x

@node(writes="cards")
def charge(card: str, total: float) -> str:
    raise Declined(f"no funds on {card}")

@node(pure=True)
def wrong(x: int) -> int:
    return 1 // x
'''

MAIN = '''"""Programs of the command's own tests."""
from "./shop.py" import fetch, double, charge

type Order:
    id: int
    tags: list[str]

flow main(n: int = 3, label: str = "sum") -> dict[str, int]:
    """Doubles a few numbers."""
    xs = fetch(n)
    doubled = for x in xs with parallel=2:
        yield double(x)
    return {label: sum(doubled)}

flow pay(card: str, total: float = 1.5) -> str:
    return charge(card, total) with retry=1

flow numbers(n: int) -> stream[int]:
    for x in fetch(n):
        yield double(x)

flow typed(order: Order, day: date, pause: timedelta = 5s) -> list[str]:
    return [str(order.id), str(day.year), str(pause.total_seconds()), *order.tags]

flow hello(name: str) -> str:
    return f"hello {name}"

flow nothing() -> None:
    fetch(1)

test "doubling":
    mock fetch = [5, 6]
    assert main() == {"sum": 22}
'''

PYTHON = '''
import helper_beside
from cflow import flow, parallel
from shop import double, fetch

@flow
def main(n: int = 3, label: str = "sum") -> dict[str, int]:
    """Doubles a few numbers."""
    xs = fetch(n)
    doubled = [double(x) for x in parallel(xs, limit=2)]
    return {label: sum(doubled)}

@flow
def stem() -> str:
    return helper_beside.WORD
'''


@frozen
class Done:
    code: int
    out: str
    err: str


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in (
        ("shop.py", SHOP),
        ("prog.cflow", MAIN),
        ("prog.py", PYTHON),
        ("helper_beside.py", 'WORD = "beside"'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    for module in ("shop", "prog", "helper_beside"):  # another test's, of that name
        monkeypatch.delitem(sys.modules, module, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def cflow(folder: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Runs a command line in this process."""

    def run(*arguments: str) -> Done:
        code = main(arguments)
        captured = capsys.readouterr()
        return Done(code, captured.out, captured.err)

    return run


@pytest.fixture
def command(folder: Path) -> Callable[..., Done]:
    """Runs a command line in a process of its own."""

    def run(*arguments: str, stdin: str = "") -> Done:
        line = [sys.executable, "-m", "cflow", *arguments]
        env = {**os.environ, "PYTHONWARNINGS": "error"}
        done = subprocess.run(line, input=stdin, capture_output=True, text=True, cwd=folder, env=env)
        return Done(done.returncode, done.stdout, done.stderr)

    return run
