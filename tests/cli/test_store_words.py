"""What the commands of a store say of what is unusual: a store that cannot be opened, a run that is over, a signal that
nobody waits for, secrets that are set to nothing."""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from cflow import Engine
from cflow.cli.main import main
from cflow.compiler.diagnostics import Diagnostic
from cflow.runs.resume import find
from cflow.store.port import SetRun
from cflow.store.tickets import commit_now

PROGRAM = """\
from "./word_nodes.py" import use

secret TOKEN

flow main(n: int) -> int:
    return use(TOKEN) + n

flow ask(n: int) -> bool:
    return wait_signal("approve", n)
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "word_nodes.py").write_text(
        "from cflow import node\n\n@node(writes='x')\ndef use(s: str) -> int:\n    return len(s)\n"
    )
    (tmp_path / "words.cflow").write_text(PROGRAM)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOKEN", "sentinel")
    monkeypatch.delitem(sys.modules, "word_nodes", raising=False)
    return tmp_path


Said = pytest.CaptureFixture[str]


def command(capsys: Said, *words: str, code: int = 0) -> tuple[str, str]:
    assert main([*words, "--store", "s"]) == code, capsys.readouterr().err
    return capsys.readouterr()


def test_a_store_that_cannot_be_opened_is_no_failed_flow(folder: Path, capsys: Said) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    with sqlite3.connect(folder / "s" / "store.db") as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    for options in ([], ["--profile", "times.json"]):
        out, err = command(capsys, "run", "words.cflow:main", "n=1", *options, code=2)
        assert (out, err.partition(":")[0]) == ("", "error[store]")
        assert "has version 99" in err
    _, err = command(capsys, "run", "words.cflow:main", "n=1", "--json", code=2)
    error = json.loads(err)["error"]
    assert (error["id"], error["type"], error["flow"]) == ("store", "Newer", None)
    for name in ("store.db", "store.db-wal", "store.db-shm"):  # not in place: the command before may still close it
        (folder / "s" / name).unlink(missing_ok=True)
    (folder / "s" / "store.db").write_bytes(b"no database" * 1000)
    assert "is no store" in command(capsys, "run", "words.cflow:main", "n=1", code=2)[1]
    assert "is no store" in command(capsys, "runs", code=2)[1]


def test_a_run_that_is_over_is_not_gone_on_with(capsys: Said) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    run = json.loads(command(capsys, "runs", "--json")[0])["id"]
    assert command(capsys, "resume", run) == ("", f"{run} is done: it is over\n")
    assert command(capsys, "resume") == ("", "there is no run to go on with\n")


def test_a_signal_that_nobody_waits_for_is_kept_and_that_is_told(folder: Path, capsys: Said) -> None:
    run = left(folder, "ask", n=7)
    assert command(capsys, "resume")[0] == f"{run}  waiting    ask\n"

    kept = "nobody waits for the signal {} now: it is kept for {}\n"
    assert command(capsys, "signal", run, "aprove", "true")[1] == kept.format("aprove", run)
    assert command(capsys, "signal", run, "approve", "true", "--key", "8")[1] == kept.format("approve, key 8,", run)
    assert command(capsys, "signal", "-", "aprove")[1] == kept.format("aprove", "whoever waits first")
    assert command(capsys, "signal", "-", "approve", "true", "--key", "7") == ("", "")
    assert command(capsys, "resume")[0] == f"{run}  done       ask\n"


@pytest.mark.parametrize("words", [("run", "words.cflow:main", "n=1"), ("runs",), ("explain", "words.cflow:main")])
def test_a_store_without_a_name_is_no_run_without_a_store(folder: Path, capsys: Said, words: tuple[str, ...]) -> None:
    assert main([*words, "--store", ""]) == 2
    assert capsys.readouterr().err.endswith("argument --store: a folder is wanted\n")


def test_a_file_is_no_store(capsys: Said) -> None:
    assert main(["runs", "--store", "words.cflow"]) == 2
    assert capsys.readouterr().err == "words.cflow is a file; a store is a folder\n"


@pytest.mark.parametrize("words", [("run-x",), ("--accept",), ("--skip-undo",), ("run-x", "--from", "use")])
def test_who_watches_names_no_run(capsys: Said, words: tuple[str, ...]) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    assert command(capsys, "resume", "--watch", *words, code=2)[1].startswith("--watch goes on with all runs")


def test_an_undo_is_left_out_of_one_run(capsys: Said) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    assert command(capsys, "resume", "--skip-undo", code=2)[1] == "--skip-undo goes with the id of a run\n"


def left(folder: Path, flow: str, state: str = "running", **inputs: object) -> str:
    """A run that a process has left that is gone."""
    engine = Engine(store=folder / "s")
    recorder = engine.recorder
    assert recorder is not None
    loaded = getattr(engine.load(folder / "words.cflow"), flow)
    begun = recorder.started(engine, engine.compiled(loaded), loaded.source, inputs)
    assert begun.recording is not None
    commit_now(recorder.store, begun.recording.keeper.unit(0, []))
    commit_now(recorder.store, [SetRun(begun.state.id, recorder.owner.id, state, new_owner="")])  # type: ignore[arg-type]
    recorder.close()
    return begun.state.id


def test_it_is_told_how_a_run_has_failed_that_was_gone_on_with(folder: Path, capsys: Said) -> None:
    (folder / "words.cflow").write_text(PROGRAM + "\nflow divide(n: int) -> int:\n    sleep(1ms)\n    return 1 // n\n")
    run = left(folder, "divide", n=0)
    failed = "failed     divide  ZeroDivisionError: integer division or modulo by zero"
    assert command(capsys, "resume", code=1)[0] == f"{run}  {failed}\n"
    assert command(capsys, "rerun", run, code=1)[0].partition("  ")[2] == f"{failed}  {run} again\n"


def test_a_run_that_has_not_begun_says_what_begins_it(folder: Path, capsys: Said) -> None:
    run = command(capsys, "run", "words.cflow:main", "n=1", "--queue", "mail")[0].strip()
    told = "it waits for its turn in the queue mail; a worker begins it: cflow resume --watch"
    assert command(capsys, "show", run)[0].splitlines()[-1] == told
    detached = left(folder, "ask", "queued", n=1)
    told = f"it has not begun; it does with: cflow resume {detached}"
    assert command(capsys, "show", detached)[0].splitlines()[-1] == told


def test_old_runs_are_dropped(folder: Path, capsys: Said) -> None:
    for n in ("n=1", "n=2", "n=3"):
        command(capsys, "run", "words.cflow:main", n)
    parked = left(folder, "ask", "parked", n=1)
    assert command(capsys, "prune", "--older-than", "1h")[0] == "0 dropped\n"
    assert command(capsys, "prune", "--older-than", "0s", "--keep", "1")[0] == "2 dropped\n"
    runs = [json.loads(line) for line in command(capsys, "runs", "--json")[0].splitlines()]
    assert [run["state"] for run in runs] == ["parked", "done"]
    assert runs[0]["id"] == parked
    assert command(capsys, "prune", "--older-than", "0s")[0] == "1 dropped\n"


@pytest.mark.parametrize("words", [("--older-than", "soon"), (), ("--older-than", "1d", "--keep", "-1")])
def test_what_is_old_has_to_be_said(capsys: Said, words: tuple[str, ...]) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    command(capsys, "prune", *words, code=2)


def test_parked_runs_are_not_passed_over_in_silence(folder: Path, capsys: Said) -> None:
    left(folder, "ask", "parked", n=1)
    told = "there is no run to go on with, but some are parked: `cflow runs --state parked` tells why\n"
    assert command(capsys, "resume") == ("", told)


@pytest.mark.parametrize("state", ["running", "parked"])
def test_a_signal_for_a_run_that_nobody_works_on_tells_that(folder: Path, capsys: Said, state: str) -> None:
    run = left(folder, "ask", state, n=7)
    why = {"running": "has no process any more", "parked": "is parked"}[state]
    told = f"{run} {why}: the signal is kept until it goes on (cflow resume {run})\n"
    assert command(capsys, "signal", run, "approve", "true", "--key", "7")[1] == told
    assert command(capsys, "resume", run)[0] == f"{run}  done       ask\n"


def test_a_secret_that_is_empty_at_replay_is_told(capsys: Said, monkeypatch: pytest.MonkeyPatch) -> None:
    command(capsys, "run", "words.cflow:main", "n=1")
    run = json.loads(command(capsys, "runs", "--json")[0])["id"]
    assert command(capsys, "replay", run)[1] == ""
    monkeypatch.setenv("TOKEN", "")
    told = "the secret TOKEN is empty here: where the run had one, what was made with it differs\n"
    assert command(capsys, "replay", run)[1] == told
    out, err = command(capsys, "replay", run, "use", "--yes", code=1)
    assert (err, out.splitlines()[-1]) == (told, "  it differs")


def test_what_stands_nowhere_is_told_without_a_place(folder: Path, capsys: Said) -> None:
    assert str(Diagnostic("gone", "error", "it is gone", help="put it back")) == "error[gone]: it is gone (put it back)"
    engine = Engine(store=folder / "s")
    assert engine.recorder is not None
    with pytest.raises(Exception, match="there is no run 'run-x'"):
        find(engine.recorder.store, "run-x")
    engine.recorder.close()
