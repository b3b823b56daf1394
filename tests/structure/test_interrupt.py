"""Ctrl-C, with a real process and a real signal: once, and compensations run; twice, and it is out."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

NODES = """
import sys
import trio
from cflow import node

def say(text):
    print(text, file=sys.stderr, flush=True)

@node(writes="stock")
async def release(hold: str) -> None:
    say("undoing")
    await trio.sleep(SECONDS)
    say("undone")

@node(writes="stock", undo=release)
async def reserve() -> str:
    return "hold"

@node(reads="news")
async def wait_long() -> int:
    say("waiting")
    await trio.sleep(3600)
    say("never")
    return 1

@node(writes="door")
async def close(door: str) -> None:
    say(f"closed {door}")
"""

FLOW = """
from "./nodes.py" import reserve, wait_long, close

flow main() -> int:
    transaction:
        hold = reserve()
        try:
            n = wait_long()
        finally:
            close("door")
    return n
"""

SCRIPT = """
import cflow
cflow.load("program.cflow").main.run()
"""


Popen = Callable[..., subprocess.Popen[str]]


class Process:
    """A command whose standard error is read line by line."""

    def __init__(self, popen: Popen, folder: Path, *command: str) -> None:
        self.popen = popen([sys.executable, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.lines: list[str] = []

    def until(self, text: str) -> None:
        assert self.popen.stderr is not None
        for line in self.popen.stderr:
            self.lines.append(line.strip())
            if text in line:
                return
        pytest.fail(f"{text!r} did not come: {self.lines}")

    def interrupt(self) -> None:
        self.popen.send_signal(signal.SIGINT)

    def end(self) -> int:
        assert self.popen.stderr is not None
        self.lines += [line.strip() for line in self.popen.stderr]
        return self.popen.wait()

    def said(self, text: str) -> bool:
        return any(text in line for line in self.lines)


@pytest.fixture(params=["command", "script"])
def process(request: pytest.FixtureRequest, tmp_path: Path, popen: Popen) -> Process:
    seconds = getattr(request.node.get_closest_marker("undo_takes"), "args", ("0.1",))[0]
    (tmp_path / "nodes.py").write_text(NODES.replace("SECONDS", seconds))
    (tmp_path / "program.cflow").write_text(FLOW)
    (tmp_path / "script.py").write_text(SCRIPT)
    command = ("-m", "cflow", "run", "program.cflow") if request.param == "command" else ("script.py",)
    return Process(popen, tmp_path, *command)


def test_once_runs_what_is_owed(process: Process, request: pytest.FixtureRequest) -> None:
    process.until("waiting")
    process.interrupt()
    code = process.end()
    assert process.said("closed door")
    assert process.said("undone")
    assert not process.said("never")
    assert code in (130, -signal.SIGINT, 1)
    if "command" in request.node.name:
        assert code == 130
        assert not process.said("Traceback")


@pytest.mark.undo_takes("3600")
def test_twice_is_out(process: Process, request: pytest.FixtureRequest) -> None:
    process.until("waiting")
    process.interrupt()
    process.until("undoing")
    process.interrupt()
    code = process.end()
    assert not process.said("undone")
    assert code != 0
    if "command" in request.node.name:
        assert code == 130
