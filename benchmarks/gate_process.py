"""The processes of the regression gate, and the checkouts that they measure."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

ROOT = Path(__file__).resolve().parent.parent
CHILD = ROOT / "benchmarks" / "gate_child.py"
SECONDS = 0.25
"""Of measuring, for each case in each process."""
TURNS = 6
"""Changes between the two revisions while one case is measured: load that comes and goes meets both."""


class Trouble(Exception):
    """The gate cannot measure; the text says why."""


@contextlib.contextmanager
def linked(tree: Path) -> Iterator[Path]:
    """A folder in which ``import cflow`` finds a checkout, whatever that is called."""
    with tempfile.TemporaryDirectory(prefix="cflow-gate-") as folder:
        (Path(folder) / "cflow").symlink_to(tree)
        yield Path(folder)


@contextlib.contextmanager
def revision(name: str) -> Iterator[Path]:
    """The files of a revision of this repository, in a folder of their own.

    Raises
    ------
    Trouble: git does not know it, or is not there.
    """
    with tempfile.TemporaryDirectory(prefix="cflow-gate-") as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        packed = Path(folder) / "tree.tar"
        try:
            subprocess.run(
                ["git", "-C", str(ROOT), "archive", "--format=tar", "-o", str(packed), name],
                check=True,
                capture_output=True,
                text=True,
            )
        except FileNotFoundError:
            raise Trouble("git is not installed") from None
        except subprocess.CalledProcessError as error:
            raise Trouble(f"git cannot give the files of {name}: {error.stderr.strip()}") from None
        subprocess.run(["tar", "-xf", str(packed), "-C", str(tree)], check=True, capture_output=True)
        yield tree


def commit(name: str = "HEAD") -> str:
    """The commit that a name stands for; "" where there is none."""
    try:
        line = ["git", "-C", str(ROOT), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"]
        return subprocess.run(line, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""


class Child:
    """A process that measures one checkout. ``seed``: of its hashing, so that a pair can have the same."""

    def __init__(self, path: Path, seed: int) -> None:
        env = {**os.environ, "PYTHONPATH": str(path), "PYTHONHASHSEED": str(seed), "PYTHONDONTWRITEBYTECODE": ""}
        self._process = subprocess.Popen(
            [sys.executable, str(CHILD)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env
        )
        self._path = path

    def hello(self) -> None:
        """Wait until it is there, and see that it measures what it should.

        Raises
        ------
        Trouble: it does not.
        """
        found = Path(self._answer()["cflow"])
        if found.resolve().parent != (self._path / "cflow").resolve():
            raise Trouble(f"the process measures {found}, not {self._path / 'cflow'}")

    def ask(self, **asked: Any) -> list[float]:
        """The ratios of a few rounds.

        Raises
        ------
        Trouble: the process has ended.
        """
        self.send(**asked)
        return self.answer()

    def send(self, **asked: Any) -> None:
        """Ask, and do not wait.

        Raises
        ------
        Trouble: the process has ended.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(asked) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise Trouble("a measuring process has ended") from None

    def answer(self) -> list[float]:
        """The answer to the first question that has none yet."""
        ratios: list[float] = self._answer()["ratios"]
        return ratios

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Trouble(f"a measuring process has ended with exit code {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """End it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()


@contextlib.contextmanager
def children(paths: Sequence[Path], seed: int) -> Iterator[list[Child]]:
    """One process for each path."""
    started = [Child(path, seed) for path in paths]
    try:
        for child in started:
            child.hello()
        yield started
    finally:
        for child in started:
            child.close()


@frozen
class Alone:
    """Groups of one checkout: ours over floor.

    ``slow``: how many times as long our side is made to take, for the proof of the gate.
    """

    path: Path
    slow: float = 1.0

    def __call__(self, number: int, cases: Sequence[str]) -> Mapping[str, list[float]]:
        with children([self.path], number + 1) as (child,):
            return {name: child.ask(case=name, seconds=SECONDS, slow=self.slow, seed=number) for name in cases}


@frozen
class Beside:
    """Groups of two checkouts, measured in turns by two processes: ours over floor of the new one, over that of the
    old."""

    new: Path
    old: Path
    slow: float = 1.0

    def __call__(self, number: int, cases: Sequence[str]) -> Mapping[str, list[float]]:
        with children([self.new, self.old], number + 1) as (new, old):
            for name in cases:  # both build and warm up at once
                for child in (new, old):
                    child.send(case=name, seconds=0.0, seed=number)
            for child in (new, old):
                for _ in cases:
                    child.answer()
            return {name: self._group(new, old, name, number) for name in cases}

    def _group(self, new: Child, old: Child, name: str, number: int) -> list[float]:
        ratios: list[float] = []
        for turn in range(TURNS):
            asked = {"case": name, "seconds": SECONDS / TURNS, "seed": number * TURNS + turn}
            if (turn + number) % 2:
                after = old.ask(**asked)
                before = new.ask(**asked, slow=self.slow)
            else:
                before = new.ask(**asked, slow=self.slow)
                after = old.ask(**asked)
            ratios.append(middle(before) / middle(after))
        return ratios


def middle(values: Sequence[float]) -> float:
    """The median."""
    ordered = sorted(values)
    n = len(ordered)
    return (ordered[(n - 1) // 2] + ordered[n // 2]) / 2
