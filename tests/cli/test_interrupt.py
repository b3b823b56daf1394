"""Ctrl-C: once cancels the run and lets its undos finish, twice ends it; the exit code is 130."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

NODES = """
import trio
from pathlib import Path
from cflow import node

@node(writes="stock")
async def take() -> str:
    return "taken"

@node(writes="stock")
async def give_back(hold: str) -> None:
    print("undo began", flush=True)
    if Path("slow").exists():
        await trio.sleep_forever()
    Path("undone").write_text(hold)

@node(writes="stock")
async def wait_for_ever() -> None:
    print("waiting", flush=True)
    await trio.sleep_forever()
"""
FLOW = """
from "./slow_nodes.py" import take, give_back, wait_for_ever

flow main() -> None:
    transaction:
        hold = take() undo give_back(hold)
        wait_for_ever()
"""


def start(folder: Path) -> subprocess.Popen[str]:
    (folder / "slow_nodes.py").write_text(NODES)
    (folder / "main.cflow").write_text(FLOW)
    line = [sys.executable, "-m", "cflow", "run", "main.cflow"]
    return subprocess.Popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def read_until(process: subprocess.Popen[str], said: str) -> None:
    """Read on until a node has said so: standard error, where what nodes print goes, has the progress too."""
    assert process.stderr is not None
    assert any(said in line for line in iter(process.stderr.readline, "")), f"nobody said {said!r}"


def test_once_lets_the_undos_finish(tmp_path: Path) -> None:
    with start(tmp_path) as process:
        read_until(process, "waiting")
        os.kill(process.pid, signal.SIGINT)
        read_until(process, "undo began")
        assert process.stderr is not None
        err = process.stderr.read()
        process.wait(timeout=30)
    assert process.returncode == 130
    assert (tmp_path / "undone").read_text() == "taken"
    assert err.rstrip().endswith("interrupted")
    assert "Traceback" not in err


def test_twice_ends(tmp_path: Path) -> None:
    (tmp_path / "slow").touch()
    with start(tmp_path) as process:
        read_until(process, "waiting")
        os.kill(process.pid, signal.SIGINT)
        read_until(process, "undo began")
        os.kill(process.pid, signal.SIGINT)
        assert process.stderr is not None
        process.stderr.read()
        process.wait(timeout=30)
    assert process.returncode == 130
    assert not (tmp_path / "undone").exists()
