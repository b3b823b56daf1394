"""``cflow queue`` and ``cflow run --queue``: submitted, listed, set."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from cflow import Engine
from cflow.cli.main import main
from cflow.store.rows import QueueRow, RunRow

PROGRAM = """\
flow double(n: int) -> int:
    sleep(1ms)
    return n * 2
"""


class Shell:
    """Command lines on one store."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.file, self.store, self.capsys = folder / "double.cflow", folder / "store", capsys
        self.file.write_text(PROGRAM)

    def __call__(self, *words: str, code: int = 0) -> str:
        assert main([*words, "--store", str(self.store)]) == code
        captured = self.capsys.readouterr()
        return captured.err if code else captured.out

    def put(self, n: int, *words: str) -> str:
        return self("run", str(self.file), f"n={n}", "--queue", "mail", *words).strip()

    def rows(self) -> list[QueueRow]:
        return [QueueRow(**json.loads(line)) for line in self("queue", "list", "--json").splitlines()]


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, capsys)


def test_a_run_is_submitted_and_run_by_who_works_on_the_queue(shell: Shell) -> None:
    first, second = shell.put(1), shell.put(2, "--priority", "5", "--key", "alice")
    rows = [json.loads(line) for line in shell("runs", "--queue", "mail", "--json").splitlines()]
    assert [(row["id"], row["state"], row["queue"], row["priority"]) for row in rows] == [
        (second, "queued", "mail", 5),
        (first, "queued", "mail", 0),
    ]
    assert shell("runs", "--queue", "other") == ""
    engine = Engine(store=shell.store)
    over: list[str] = []
    both = threading.Event()

    def told(row: RunRow) -> None:
        over.append(row.id)
        if sorted(over) == sorted((first, second)):
            both.set()

    with engine.supervise(told=told):
        assert both.wait(30)
    assert engine.recorder is not None
    engine.recorder.close()
    assert shell.rows() == [QueueRow("mail", None, "", False, 0, 0, 0, 0)]


def test_a_watching_process_is_a_worker(shell: Shell, popen: Callable[..., subprocess.Popen[str]]) -> None:
    run = shell.put(4)
    command = [sys.executable, "-m", "cflow", "resume", "--watch", "--store", str(shell.store)]
    watching = popen(command, stdout=subprocess.PIPE)
    assert watching.stdout is not None
    assert watching.stdout.readline() == f"{run}  done       double\n"
    watching.send_signal(signal.SIGINT)
    watching.communicate()
    assert watching.returncode == 0


def test_the_id_is_json_where_that_is_asked_for(shell: Shell) -> None:
    assert json.loads(shell.put(1, "--json")).startswith("run-")


def test_limits_are_set_and_shown(shell: Shell) -> None:
    shell.put(1)
    shell("queue", "set", "mail", "--concurrency", "4", "--rate", "100/m")
    assert shell("queue", "list") == "mail  1 queued  0 running  0 waiting  0 parked  4 at once  100/m\n"
    shell("queue", "pause", "mail")
    shell("queue", "set", "mail", "--concurrency", "none")
    assert shell("queue", "list") == "mail  1 queued  0 running  0 waiting  0 parked  no limit  100/m  paused\n"
    shell("queue", "resume", "mail")
    shell("queue", "set", "mail", "--rate", "none")
    shell("queue", "set", "print", "--concurrency", "1")  # before it has any runs
    assert shell.rows() == [
        QueueRow("mail", None, "", False, 1, 0, 0, 0),
        QueueRow("print", 1, "", False, 0, 0, 0, 0),
    ]


def test_another_priority(shell: Shell) -> None:
    run = shell.put(1)
    shell("queue", "priority", run, "-3")
    (row,) = [json.loads(line) for line in shell("runs", "--json").splitlines()]
    assert row["priority"] == -3
    assert "there is no run 'run-x'" in shell("queue", "priority", "run-x", "1", code=2)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("pause other", "there is no queue 'other'"),
        ("resume other", "there is no queue 'other'"),
        ("pause", "cflow queue pause: which one?"),
        ("list mail", "cflow queue list lists all"),
        ("set mail --rate often", "--rate: 'often' is not a rate"),
        ("set mail --concurrency 0", "a whole number from 1 on is wanted"),
        ("pause mail --concurrency 3", "takes no --concurrency"),
        ("priority run-1", "a run that waits, and its new priority"),
        ("pause mail 4", "a run that waits, and its new priority"),
    ],
)
def test_what_is_wrong_is_told(words: str, said: str, shell: Shell) -> None:
    shell.put(1)
    assert said in shell("queue", *words.split(), code=2)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--priority", "1"), "--queue NAME"),
        (("--key", "k"), "--queue NAME"),
        (("--queue", ""), "a name is wanted"),
        (("--queue", "mail", "--limit", "3"), "--queue only submits"),
        (("--queue", "mail", "--profile", "times.json"), "--queue only submits"),
    ],
)
def test_what_belongs_to_a_queue_and_what_does_not(options: tuple[str, ...], said: str, shell: Shell) -> None:
    assert said in shell("run", str(shell.file), "n=1", *options, code=2)


def test_a_wrong_input_is_told_when_it_is_submitted(shell: Shell) -> None:
    assert "n" in shell("run", str(shell.file), "n=x", "--queue", "mail", code=2)
    assert not shell.store.exists()
