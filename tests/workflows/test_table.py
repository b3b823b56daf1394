"""The command that prints the table of shapes: its words where nothing can be shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from workflows.table import main

TRACE = str(Path(__file__).parent / "data" / "diamond-1.5.json")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (["-k", "0"], "a whole number from 1 on is wanted, not '0'"),
        (["-k", "two"], "a whole number from 1 on is wanted, not 'two'"),
        (["nothing.json"], "nothing.json cannot be read: No such file or directory"),
        ([__file__], "no JSON"),
        ([TRACE, "--random", "3"], "--random makes traces of its own"),
        (["--random", "0"], "a whole number from 1 on is wanted, not '0'"),
        ([TRACE, "-k", "4", "8"], "each task has a worker of its own: give -k below 4"),
    ],
)
def test_what_is_wrong_is_told(line: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(line)
    told = capsys.readouterr()
    assert (stopped.value.code, told.out) == (2, "")
    assert said in told.err


def test_a_trace_without_text_or_times_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    still = json.loads(Path(TRACE).read_text())
    for task in still["workflow"]["execution"]["tasks"]:
        task["runtimeInSeconds"] = 0
    for data, said in ((b"\xff", "it is not text"), (json.dumps(still).encode(), "no task takes any time")):
        (tmp_path / "t.json").write_bytes(data)
        with pytest.raises(SystemExit):
            main([str(tmp_path / "t.json"), "-k", "2"])
        assert said in capsys.readouterr().err


def test_a_trace_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    main([TRACE, "-k", "2", "8"])
    assert len(capsys.readouterr().out.splitlines()) == 3
