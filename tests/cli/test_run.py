"""``cflow run``: inputs, results, failures, and which stream says what."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]


@pytest.mark.parametrize("target", ["prog.cflow", "prog.cflow:main", "prog.py", "prog.py:main"])
def test_both_spellings_run_in_a_process_of_their_own(command: Run, target: str) -> None:
    done = command("run", target, "n=4", "--json")
    assert (done.code, json.loads(done.out), done.err) == (0, {"sum": 12}, "")


def test_a_text_result_is_printed_as_it_is_and_progress_goes_elsewhere(cflow: Run) -> None:
    done = cflow("run", "prog.cflow:hello", "name=Ada")
    assert (done.code, done.out) == (0, "hello Ada\n")
    done = cflow("run", "prog.cflow")
    assert (done.code, json.loads(done.out)) == (0, {"sum": 6})
    assert "fetch" in done.err
    assert done.err.rstrip().endswith(" s")


def test_the_folder_of_a_python_file_is_importable(command: Run, folder: Path) -> None:
    done = command("run", str(folder / "prog.py") + ":stem")
    assert (done.code, done.out) == (0, "beside\n")


def test_inputs_from_json_are_laid_under_those_of_the_line(cflow: Run, folder: Path) -> None:
    (folder / "in.json").write_text('{"n": 2, "label": "json"}', encoding="utf-8")
    assert json.loads(cflow("run", "prog.cflow:main", "--input", "in.json").out) == {"json": 2}
    assert json.loads(cflow("run", "prog.cflow:main", "n=5", "--input", "in.json").out) == {"json": 20}


def test_inputs_from_standard_input(command: Run) -> None:
    done = command("run", "prog.cflow:main", "--input", "-", "--json", stdin='{"n": 1}')
    assert (done.code, done.out) == (0, '{"sum": 0}\n')


def test_inputs_have_the_types_of_their_parameters(cflow: Run) -> None:
    done = cflow("run", "prog.cflow:typed", 'order={"id": 7, "tags": ["a"]}', "day=2026-01-31", "pause=1m30s", "--json")
    assert (done.code, json.loads(done.out)) == (0, ["7", "2026", "90.0", "a"])


def test_text_that_looks_like_json_stays_text_for_a_text(cflow: Run) -> None:
    assert cflow("run", "prog.cflow:hello", "name=12", "--json").out == '"hello 12"\n'


def test_wrong_inputs_are_told_all_at_once(cflow: Run) -> None:
    done = cflow("run", "prog.cflow:typed", "order={}", "daay=2026-01-31", "pause=soon")
    assert (done.code, done.out) == (2, "")
    for word in ("order", "daay", "day", "pause"):
        assert word in done.err
    done = cflow("run", "prog.cflow:typed", "--json")
    error = json.loads(done.err)["error"]
    assert (done.code, done.out, error["type"]) == (2, "", "InputError")
    assert {p["name"] for p in error["problems"]} == {"order", "day"}


def test_a_stream_is_one_item_a_line(command: Run) -> None:
    done = command("run", "prog.cflow:numbers", "n=3", "--json")
    assert (done.code, done.out) == (0, "0\n2\n4\n")


def test_none_prints_nothing(cflow: Run) -> None:
    assert cflow("run", "prog.cflow:nothing").out == ""
    assert cflow("run", "prog.cflow:nothing", "--json").out == "null\n"


def test_a_failed_flow_for_people(cflow: Run) -> None:
    done = cflow("run", "prog.cflow:pay", "card=4242")
    assert (done.code, done.out) == (1, "")
    assert "Declined: no funds on 4242" in done.err
    assert "prog.cflow:16:12" in done.err
    assert "return charge(card, total) with retry=1" in done.err
    assert "shop.py" in done.err


def test_a_failed_flow_for_programs(command: Run) -> None:
    done = command("run", "prog.cflow:pay", "card=4242", "--json")
    assert (done.code, done.out) == (1, "")
    error = json.loads(done.err)["error"]
    assert set(error) == {"id", "type", "message", "flow", "node", "line", "path", "attempt", "inputs"}
    assert (error["type"], error["message"]) == ("Declined", "no funds on 4242")
    assert (error["flow"], error["line"], error["attempt"]) == ("pay", 16, 2)
    assert error["inputs"] == {"card": "4242", "total": 1.5}


def test_events_are_json_lines_on_standard_error(command: Run) -> None:
    done = command("run", "prog.cflow:main", "n=2", "--json", "--events")
    events = [json.loads(line) for line in done.err.splitlines()]
    assert done.out == '{"sum": 2}\n'
    assert (events[0]["kind"], events[0]["what"]) == ("run", "started")
    assert (events[-1]["kind"], events[-1]["what"]) == ("run", "done")
    calls = [e for e in events if e["kind"] == "node" and e["what"] == "done" and "double" in e["node"]]
    assert len(calls) == 2


def test_events_and_a_failure_are_both_json(command: Run) -> None:
    done = command("run", "prog.cflow:pay", "card=1", "--json", "--events")
    *events, last = [json.loads(line) for line in done.err.splitlines()]
    assert any(e["what"] == "retried" for e in events)
    assert last["error"]["type"] == "Declined"


def test_a_limit_is_kept(cflow: Run) -> None:
    assert json.loads(cflow("run", "prog.cflow:main", "n=20", "--limit", "1", "--json").out) == {"sum": 380}


def test_which_flow(cflow: Run, folder: Path) -> None:
    (folder / "alone.cflow").write_text("flow f() -> int:\n    return 1\n")
    (folder / "two.cflow").write_text("flow f() -> int:\n    return 1\nflow two() -> int:\n    return 2\n")
    (folder / "open.cflow").write_text("flow f() -> int:\n    return 1\nflow g() -> int:\n    return 2\n")
    (folder / "none.cflow").write_text("const X: int = 1\n")
    assert cflow("run", "alone.cflow").out == "1\n"
    assert cflow("run", "two.cflow").out == "2\n"
    for target, said in (("open.cflow", "open.cflow:f"), ("open.cflow:h", "no flow 'h'"), ("none.cflow", "no flow")):
        done = cflow("run", target)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


def test_a_wrong_program_shows_where(cflow: Run, folder: Path) -> None:
    (folder / "bad.cflow").write_text("flow f() -> int:\n    return nmae\n")
    done = cflow("run", "bad.cflow")
    assert (done.code, done.out) == (2, "")
    assert "bad.cflow:2:12" in done.err
    assert "return nmae" in done.err
    assert "^" in done.err
    error = json.loads(cflow("run", "bad.cflow", "--json").err)["error"]
    assert (error["type"], error["line"]) == ("ProgramError", 2)


@pytest.mark.parametrize("verb", ["run", "explain", "graph", "check", "fmt", "test"])
def test_files_that_are_no_files(cflow: Run, folder: Path, verb: str) -> None:
    (folder / "latin.cflow").write_bytes("flow f():\n    x = 'é'\n".encode("latin-1"))
    (folder / "dir.cflow").mkdir()
    for name in ("missing.cflow", "dir.cflow", "latin.cflow"):
        done = cflow(verb, name)
        assert done.code == 2, name
        assert name in done.err + done.out
        assert "Traceback" not in done.err


def test_a_python_file_that_fails_or_is_no_python(cflow: Run, folder: Path) -> None:
    (folder / "boom.py").write_text("import sys\nsys.exit(3)\n")
    (folder / "syntax.py").write_text("def f(:\n")
    (folder / "missing.py").write_text("import nowhere_to_be_found\n")
    for name in ("boom.py", "syntax.py", "missing.py"):
        done = cflow("run", name)
        assert (done.code, done.out) == (2, ""), name
        assert name in done.err
        assert "Traceback" not in done.err


def test_a_reader_that_has_seen_enough(folder: Path) -> None:
    import subprocess
    import sys

    line = f"{sys.executable} -m cflow run prog.cflow:numbers n=20000 --json | head -n 1"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True)
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr
