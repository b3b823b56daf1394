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
    engine = Engine(store=folder / "s")
    recorder = engine.recorder
    assert recorder is not None
    flow = engine.load(folder / "words.cflow").ask
    begun = recorder.started(engine, engine.compiled(flow), flow.source, {"n": 7})
    assert begun.recording is not None
    commit_now(recorder.store, begun.recording.keeper.unit(0, []))
    commit_now(recorder.store, [SetRun(begun.state.id, recorder.owner.id, new_owner="")])
    recorder.close()
    run = begun.state.id
    assert command(capsys, "resume")[0] == f"{run}  waiting    ask\n"

    kept = "nobody waits for the signal {} now: it is kept for {}\n"
    assert command(capsys, "signal", run, "aprove", "true")[1] == kept.format("aprove", run)
    assert command(capsys, "signal", run, "approve", "true", "--key", "8")[1] == kept.format("approve, key 8,", run)
    assert command(capsys, "signal", "-", "aprove")[1] == kept.format("aprove", "whoever waits first")
    assert command(capsys, "signal", "-", "approve", "true", "--key", "7") == ("", "")
    assert command(capsys, "resume")[0] == f"{run}  done       ask\n"


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
