"""cflow bench: what it prints, what it saves, what it compares, and that it writes once."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

QUICK = ("--rounds", "2", "--warm-up", "1", "--seconds", "1")

WRITER = """
from pathlib import Path
from cflow import flow, node
import cflow

@node(writes="book")
def note(text: str) -> str:
    with Path("book").open("a") as book:
        book.write(text + "\\n")
    print("noted", text)
    return text

@node(pure=True)
def loud(text: str) -> str:
    print("LOUD")
    return text.upper()

@flow
def main(text: str) -> str:
    return note(text)

@flow
def shout(text: str) -> str:
    return loud(text)

@flow
def fail(n: int) -> str:
    return loud(str(1 // n))
"""


@pytest.fixture
def writer(folder: Path) -> Path:
    (folder / "writer.py").write_text(WRITER)
    return folder / "book"


def test_for_people(cflow: Run) -> None:
    done = cflow("bench", "prog.cflow", "n=4", *QUICK)
    assert done.code == 0, done.err
    first, *lines = done.out.splitlines()
    assert first.startswith("main (prog.cflow): 2 rounds of ")
    said = {tuple(line.split()[:2]) for line in lines}
    assert {("a", "run"), ("critical", "path"), ("node", "calls")} <= said
    assert {line.split()[0] for line in lines if line} >= {"overhead", "memory"}
    calls = {line.split()[0]: line.split()[1] for line in lines if line.endswith("%")}
    assert sorted(calls.values()) == ["1", "4"]
    assert done.err == ""


def test_as_json(cflow: Run) -> None:
    done = cflow("bench", "prog.cflow", "n=4", "--json", *QUICK)
    assert (done.code, done.err) == (0, "")
    value = json.loads(done.out)
    assert value["flow"] == "main"
    assert value["mode"] == "real"
    assert value["rounds"] == 2
    assert value["seconds"]["best"] <= value["seconds"]["median"]
    assert value["overhead"] == pytest.approx(value["seconds"]["median"] - value["critical_path"])
    assert sum(node["calls"] for node in value["nodes"]) == 5
    assert value["comparison"] is None


def test_a_stream_is_read_to_its_end(cflow: Run) -> None:
    value = json.loads(cflow("bench", "prog.cflow:numbers", "n=3", "--json", *QUICK).out)
    assert sum(node["calls"] for node in value["nodes"]) == 4


def test_a_table_on_a_terminal(cflow: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from cflow.cli.main import main

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    out = Terminal()
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert main(["bench", "prog.cflow", *QUICK]) == 0
    assert "\x1b[" in out.getvalue()
    assert "critical path" in out.getvalue()


def test_a_flow_that_writes_is_run_once_for_real(cflow: Run, writer: Path) -> None:
    done = cflow("bench", "writer.py", "text=a", *QUICK)
    assert done.code == 0
    assert writer.read_text() == "a\n"
    assert "with stand-ins" in done.out
    assert done.err.splitlines() == [
        "note may write: run once for real, then with stand-ins (--repeat-writes runs it each time)",
        "noted a",
    ]


def test_or_each_time_if_it_is_told_to(cflow: Run, writer: Path) -> None:
    done = cflow("bench", "writer.py", "text=a", "--repeat-writes", *QUICK)
    assert done.code == 0
    assert writer.read_text().count("a\n") >= 1 + 1 + 2
    assert "stand-ins" not in done.out + done.err


def test_nodes_print_once(cflow: Run, writer: Path) -> None:
    done = cflow("bench", "writer.py:shout", "text=a", *QUICK)
    assert done.err == "LOUD\n"
    assert "LOUD" not in done.out


def test_a_profile_is_taken_by_stand_ins(cflow: Run, writer: Path, folder: Path) -> None:
    assert cflow("bench", "writer.py", "text=a", "--save", "b.json", *QUICK).code == 0
    saved = json.loads((folder / "b.json").read_text())
    (op,) = saved["profile"]["nodes"]
    saved["profile"]["nodes"][op] = {"calls": 1, "seconds": 0.05, "busy": 0.0}
    (folder / "p.json").write_text(json.dumps(saved["profile"]))
    value = json.loads(cflow("bench", "writer.py", "text=a", "--profile", "p.json", "--json", *QUICK).out)
    assert value["mode"] == "stand-ins"
    assert value["critical_path"] == pytest.approx(0.05, abs=1e-6)
    assert value["times"] == "p.json"
    assert [(node["median"], node["total"]) for node in value["nodes"]] == [(0.05, 0.05)], "the times that are used"
    done = cflow("bench", "writer.py", "text=a", "--profile", "p.json", *QUICK)
    assert "with stand-ins that take the times of p.json" in done.out.splitlines()[0]
    assert "50.0 ms" in done.out
    assert value["seconds"]["best"] >= 0.05
    assert writer.read_text() == "a\na\na\n"  # once for each of the three commands


# ---- baselines -------------------------------------------------------------------------------------------


@pytest.fixture
def saved(cflow: Run, folder: Path) -> Callable[..., None]:
    """A baseline of prog.cflow, with changes: ``factor`` stretches its times."""
    done = cflow("bench", "prog.cflow", "--save", "b.json", "--rounds", "3", "--warm-up", "1", "--seconds", "1")
    assert done.code == 0, done.err
    value = json.loads((folder / "b.json").read_text())

    def change(factor: float = 1.0, **changes: Any) -> None:
        samples = [s * factor for s in value["samples"]]
        (folder / "b.json").write_text(json.dumps({**value, "samples": samples, **changes}))

    return change


def compared(cflow: Run, *more: str) -> Any:
    return cflow("bench", "prog.cflow", "--baseline", "b.json", *QUICK, *more)


def test_a_clear_loss_is_exit_code_1(cflow: Run, saved: Callable[..., None]) -> None:
    saved(0.001)
    done = compared(cflow, "--fail-above", "10%")
    assert done.code == 1
    assert "LOSS: more than 10 %" in done.out
    done = compared(cflow, "--fail-above", "0.1", "--json")
    assert (done.code, json.loads(done.out)["comparison"]["verdict"]) == (1, "loss")
    assert done.err == ""


def test_runs_for_real_do_not_compare_with_stand_ins(cflow: Run, writer: Path) -> None:
    assert cflow("bench", "writer.py", "text=a", "--save", "b.json", *QUICK).code == 0
    done = cflow("bench", "writer.py", "text=a", "--baseline", "b.json", "--repeat-writes", *QUICK)
    assert done.code == 2
    assert "b.json was measured with stand-ins" in done.err
    assert writer.read_text() == "a\n"


def test_no_loss_is_a_success(cflow: Run, saved: Callable[..., None]) -> None:
    saved(1000.0)
    done = compared(cflow, "--fail-above", "10%")
    assert done.code == 0
    assert "no loss of more than 10 %" in done.out


def test_without_a_limit_the_change_is_only_told(cflow: Run, saved: Callable[..., None]) -> None:
    saved(0.001)
    done = compared(cflow)
    assert done.code == 0
    assert "beside the baseline: +" in done.out
    assert "LOSS" not in done.out


def test_another_machine_decides_nothing_and_says_so(cflow: Run, saved: Callable[..., None]) -> None:
    saved(0.001, machine={"processor": "another", "cores": 64, "system": "Plan 9", "python": "CPython 3.11"})
    done = compared(cflow, "--fail-above", "10%")
    assert done.code == 0
    assert "unclear" in done.out
    assert "another machine (another, 64 cores" in done.out


def test_a_baseline_of_something_else_is_refused(cflow: Run, saved: Callable[..., None], folder: Path) -> None:
    saved(0.001)
    (folder / "other.py").write_text(WRITER)
    for words, said in (
        (("prog.cflow", "n=7"), "b.json was measured with other inputs"),
        (("prog.cflow:numbers", "n=3"), "b.json has figures of the flow 'main', not of 'numbers'"),
        (("other.py", "text=a"), "b.json has figures of prog.cflow, which has no node in common with other.py"),
    ):
        done = cflow("bench", *words, "--baseline", "b.json", "--fail-above", "10%", *QUICK)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


def test_changed_code_of_the_same_flow_is_what_is_compared(
    cflow: Run, saved: Callable[..., None], folder: Path
) -> None:
    saved()
    program = folder / "prog.cflow"
    program.write_text(program.read_text().replace("sum(doubled)", "sum(doubled) + 0 * n"))
    done = compared(cflow)
    assert done.code == 0, done.err
    assert "note: the flow has changed since the baseline" in done.out


def test_a_baseline_is_renewed_but_not_by_a_loss(cflow: Run, saved: Callable[..., None], folder: Path) -> None:
    saved(0.001)
    before = (folder / "b.json").read_text()
    done = compared(cflow, "--fail-above", "10%", "--save", "b.json")
    assert done.code == 1
    assert "b.json is kept as it was: after a loss the baseline is not renewed" in done.err
    assert (folder / "b.json").read_text() == before
    saved(1000.0)
    assert compared(cflow, "--fail-above", "10%", "--save", "b.json").code == 0
    assert json.loads((folder / "b.json").read_text())["samples"] != json.loads(before)["samples"]
    assert "is kept" not in compared(cflow, "--fail-above", "10%", "--save", "./c.json").err


# ---- what is wrong ---------------------------------------------------------------------------------------


def test_a_flow_that_fails_is_exit_code_1(cflow: Run, writer: Path) -> None:
    done = cflow("bench", "writer.py:fail", "n=0", *QUICK)
    assert (done.code, done.out) == (1, "")
    assert "ZeroDivisionError" in done.err
    done = cflow("bench", "writer.py:fail", "n=0", "--json", *QUICK)
    assert (done.code, done.out) == (1, "")
    assert json.loads(done.err)["error"]["type"] == "ZeroDivisionError"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("nothing.cflow", "nothing.cflow"),
        ("prog.cflow:mian", "did you mean main?"),
        ("prog.cflow:hello", "missing"),
        ("prog.cflow m=1", "no input of this name"),
        ("prog.cflow --baseline nothing.json", "there is no such file"),
        ("prog.cflow --baseline shop.py", "it is no JSON"),
        ("prog.cflow --profile shop.py", "it is no JSON"),
        ("prog.cflow --fail-above 10%", "--baseline FILE"),
        ("prog.cflow --fail-above ten --baseline b.json", "a share is wanted"),
        ("prog.cflow --fail-above 10 --baseline b.json", "10 alone would be 1000 %: write 10%, or 1000% if that is"),
        ("prog.cflow --rounds 0", "from 1 on"),
        ("prog.cflow --warm-up -1", "whole number"),
        ("prog.cflow --seconds never", "a number of seconds"),
        ("prog.cflow --save nowhere/b.json --rounds 1 --warm-up 0", "nowhere/b.json cannot be written"),
    ],
)
def test_what_is_wrong_is_exit_code_2(line: str, said: str, cflow: Run) -> None:
    done = cflow("bench", *line.split())
    assert (done.code, done.out) == (2, "")
    assert said in done.err


WAITING = """
import trio
from cflow import flow, node

@node(reads="x")
async def wait() -> None:
    print("waiting", flush=True)
    await trio.sleep(3600)

@flow
def main() -> None:
    wait()
"""


def test_ctrl_c_is_exit_code_130(tmp_path: Path, popen: Callable[..., subprocess.Popen[str]]) -> None:
    (tmp_path / "main.py").write_text(WAITING)
    line = [sys.executable, "-m", "cflow", "bench", "main.py"]
    process = popen(line, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stderr is not None
    assert any("waiting" in said for said in iter(process.stderr.readline, ""))
    os.kill(process.pid, signal.SIGINT)
    err = process.stderr.read()
    process.wait()
    assert process.returncode == 130
    assert err.rstrip().endswith("interrupted")
