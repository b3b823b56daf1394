"""``--store``, ``cflow runs`` and ``cflow resume``: on record, listed, gone on with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cflow.cli.main import main

PROGRAM = """\
flow double(n: int) -> int:
    sleep(1ms)
    return n * 2
"""


def test_a_run_is_on_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = tmp_path / "double.cflow", tmp_path / "store"
    file.write_text(PROGRAM)
    assert main(["run", str(file), "n=4", "--store", str(store)]) == 0
    assert capsys.readouterr().out == "8\n"
    assert main(["runs", "--store", str(store), "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    row = json.loads(line)
    assert (row["flow"], row["state"], row["program"]) == ("double", "done", f"{file.resolve()}:double")
    assert main(["runs", "--store", str(store)]) == 0
    assert capsys.readouterr().out.startswith(f"{row['id']}  done ")
    assert main(["resume", "--store", str(store)]) == 0
    assert capsys.readouterr().out == ""


def test_runs_can_be_picked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = tmp_path / "double.cflow", tmp_path / "store"
    file.write_text(PROGRAM + "\nflow half(n: int) -> int:\n    sleep(1ms)\n    return 2 // n\n")
    for flow, n in (("double", 1), ("half", 0), ("double", 2)):
        main(["run", f"{file}:{flow}", f"n={n}", "--store", str(store)])

    def listed(*options: str) -> list[tuple[str, str]]:
        capsys.readouterr()
        assert main(["runs", "--store", str(store), "--json", *options]) == 0
        return [(r["flow"], r["state"]) for r in map(json.loads, capsys.readouterr().out.splitlines())]

    assert listed() == [("double", "done"), ("half", "failed"), ("double", "done")]
    assert listed("--state", "failed") == [("half", "failed")]
    assert listed("--flow", "double", "--limit", "1") == [("double", "done")]
    assert main(["runs", "--store", str(store), "--state", "over"]) == 2


@pytest.mark.parametrize("verb", ["runs", "resume"])
def test_a_store_that_is_not_there_is_told(verb: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([verb, "--store", str(tmp_path / "none")]) == 2
    assert "there is no store in" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()


def test_an_unknown_run_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, store = tmp_path / "double.cflow", tmp_path / "store"
    file.write_text(PROGRAM)
    assert main(["run", str(file), "n=4", "--store", str(store)]) == 0
    assert main(["resume", "run-nobody", "--store", str(store)]) == 2
    assert "no run 'run-nobody'" in capsys.readouterr().err
