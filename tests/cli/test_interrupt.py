"""Ctrl-C: once cancels the run and lets its undos finish, twice ends it; the exit code is 130."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cflow.cli.main import main

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

flow detaching() -> str:
    detach main()
    return "detached"

flow both() -> str:
    detach main()
    wait_signal("never")
    return "both"
"""


def write(folder: Path) -> None:
    (folder / "slow_nodes.py").write_text(NODES)
    (folder / "main.cflow").write_text(FLOW)


Popen = Callable[..., subprocess.Popen[str]]


def start(popen: Popen, folder: Path, flow: str = "main", *options: str) -> subprocess.Popen[str]:
    write(folder)
    line = [sys.executable, "-m", "cflow", "run", f"main.cflow:{flow}", *options]
    return popen(line, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


def read_until(process: subprocess.Popen[str], said: str) -> None:
    """Read on until a node has said so: standard error, where what nodes print goes, has the progress too."""
    assert process.stderr is not None
    assert any(said in line for line in iter(process.stderr.readline, "")), f"nobody said {said!r}"


FLOWS = pytest.mark.parametrize("flow", ["main", "detaching", "both"])
"""The run that is cut: the command's own, one that it has detached and waits for, both at once."""


@FLOWS
def test_once_lets_the_undos_finish(tmp_path: Path, flow: str, popen: Popen) -> None:
    process = start(popen, tmp_path, flow)
    read_until(process, "waiting")
    os.kill(process.pid, signal.SIGINT)
    read_until(process, "undo began")
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait()
    assert process.returncode == 130
    assert (tmp_path / "undone").read_text() == "taken"
    assert err.rstrip().endswith("interrupted")
    assert "Traceback" not in err


@FLOWS
def test_twice_ends(tmp_path: Path, flow: str, popen: Popen) -> None:
    (tmp_path / "slow").touch()
    process = start(popen, tmp_path, flow)
    read_until(process, "waiting")
    os.kill(process.pid, signal.SIGINT)
    read_until(process, "undo began")
    os.kill(process.pid, signal.SIGINT)
    assert process.stderr is not None
    err = process.stderr.read()
    process.wait()
    assert process.returncode == 130
    assert not (tmp_path / "undone").exists()
    assert "Traceback" not in err


def test_the_result_is_there_before_what_is_detached_ends(tmp_path: Path, popen: Popen) -> None:
    process = start(popen, tmp_path, "detaching")
    assert process.stdout is not None
    assert process.stdout.readline() == "detached\n"
    read_until(process, "waiting")
    os.kill(process.pid, signal.SIGINT)
    process.communicate()
    assert process.returncode == 130


class Output(io.StringIO):
    """Standard output in the moment in which a result is written: a node prints, or Ctrl-C comes."""

    def __init__(self, interrupted: bool) -> None:
        super().__init__()
        self.interrupted = interrupted

    def write(self, text: str) -> int:
        if self.interrupted:
            self.interrupted = False
            raise KeyboardInterrupt
        print("a node prints")
        return super().write(text)


def test_what_is_printed_meanwhile_is_no_part_of_the_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "one.cflow").write_text("flow one() -> int:\n    return 1\n")
    monkeypatch.setattr(sys, "stdout", out := Output(interrupted=False))
    assert main(["run", str(tmp_path / "one.cflow")]) == 0
    assert out.getvalue() == "1\n"
    assert "a node prints\n" in capsys.readouterr().err


def test_while_the_result_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "stdout", Output(interrupted=True))
    assert main(["run", str(tmp_path / "main.cflow:detaching")]) == 130


def test_as_json(tmp_path: Path, popen: Popen) -> None:
    process = start(popen, tmp_path, "main", "--json")
    read_until(process, "waiting")
    os.kill(process.pid, signal.SIGINT)
    out, err = process.communicate()
    assert process.returncode == 130
    assert out == ""
    said = json.loads(err.splitlines()[-1])["error"]
    assert (said["id"], said["type"], said["message"]) == ("interrupted", "KeyboardInterrupt", "interrupted")
    assert set(said) == {"id", "type", "message", "flow", "node", "line", "path", "attempt", "inputs"}


SCRIPT = """
import os, signal, threading
import trio
from cflow import detach, flow, node, transaction

ENDED = threading.Event()

@node(writes="stock")
async def give_back(hold: str) -> None:
    print("given back", flush=True)

@node(writes="stock", undo=give_back)
async def take() -> str:
    return "taken"

@node(writes="stock")
async def interrupted_at_exit() -> None:
    while not ENDED.is_set() or signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        await trio.sleep(0.001)
    os.kill(os.getpid(), signal.SIGINT)
    await trio.sleep_forever()

@flow
def detached() -> None:
    with transaction():
        take()
        interrupted_at_exit()

@flow
def main() -> None:
    detach(detached())

main.run()
ENDED.set()
"""


def test_a_script_that_has_ended_hears_it(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    done = subprocess.run([sys.executable, "script.py"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.stdout, done.stderr, done.returncode) == ("given back\n", "", 0)
