"""``cflow run``: inputs, results, failures, and which stream says what."""

from __future__ import annotations

import json
import os
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("inputs", "out"),
    [
        (["a=1", "b=2"], "[1, 2, 3, 0, 0]"),
        (["a=1", "b=2", "c=4", "xs=[5,6]", "other=7"], "[1, 2, 4, 11, 7]"),
    ],
)
@pytest.mark.parametrize("verb", ["run", "bench"])
def test_inputs_of_every_kind_go_by_their_names(
    cflow: Run, folder: Path, verb: str, inputs: list[str], out: str
) -> None:
    text = (
        "flow main(a: int, /, b: int, *xs: int, c: int = 3, **more: int) -> list[int]:\n"
        "    return [a, b, c, sum(xs), sum(more.values())]\n"
    )
    (folder / "kinds.cflow").write_text(text, encoding="utf-8")
    done = cflow(verb, "kinds.cflow", *inputs, "--json")
    assert done.code == 0
    assert verb == "bench" or done.out == f"{out}\n"


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
    line = f"{sys.executable} -m cflow run prog.cflow:numbers n=20000 --json | head -n 1"
    done = subprocess.run(["bash", "-c", line], cwd=folder, capture_output=True, text=True)
    assert done.stdout == "0\n"
    assert "Traceback" not in done.stderr


WILD = '''
import sys
from cflow import flow, node

@node
def leaves() -> int:
    sys.exit(0)

class Own(BaseException):
    """No Exception."""

@node
def odd() -> int:
    raise Own("odd")

class Mute(Exception):
    def __str__(self) -> str:
        raise RuntimeError("no words")

@node
def mute() -> int:
    raise Mute

class Shy:
    def __repr__(self) -> str:
        raise RuntimeError("no form")

@node
def shy() -> object:
    return Shy()

@flow
def left() -> int:
    return leaves()

@flow
def oddly() -> int:
    return odd()

@flow
def mutely() -> int:
    return mute()

@flow
def shyly():
    return shy()
'''


@pytest.mark.parametrize(
    ("flow", "code", "said"),
    [
        ("left", 1, "SystemExit"),
        ("oddly", 1, "Own"),
        ("mutely", 1, "__str__ raises RuntimeError"),
        ("shyly", 0, "Shy: its repr raises RuntimeError"),
    ],
)
def test_nodes_that_no_one_would_write(command: Run, folder: Path, flow: str, code: int, said: str) -> None:
    """A node's ``sys.exit`` is a failure of the flow, never the command's own code, and none ends in a traceback."""
    (folder / "wild.py").write_text(WILD)
    for more in ([], ["--json"], ["--events"]):
        done = command("run", f"wild.py:{flow}", *more)
        assert done.code == code, done
        assert said in done.out + done.err
        assert "Traceback" not in done.err


def _in_a_shell(folder: Path, line: str) -> tuple[int, str]:
    done = subprocess.run(["bash", "-c", f"{sys.executable} -m cflow {line}"], cwd=folder, capture_output=True)
    return done.returncode, done.stderr.decode()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a disk that is always full")
@pytest.mark.parametrize(
    "line", ["run prog.cflow:main n=3", "run prog.cflow:numbers n=3", "graph prog.cflow:main", "nodes files"]
)
@pytest.mark.parametrize(("to", "why"), [(">/dev/full", "No space left"), (">&-", "it is closed")])
def test_a_result_that_cannot_be_written_is_told(folder: Path, line: str, to: str, why: str) -> None:
    code, err = _in_a_shell(folder, f"{line} {to}")
    assert code == 1, err
    assert f"error[output]: the result cannot be written to standard output: {why}" in " ".join(err.split())
    assert "Traceback" not in err
    assert "Exception ignored" not in err


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (r"printf '{\"n\": 1, \"label\": \"\xe9\"}' |", "byte 0xe9"),
        ("printf '[[[[' |", "bad-json"),
        ("", "standard input is closed"),
    ],
)
def test_standard_input_that_is_no_input(folder: Path, given: str, said: str) -> None:
    closed = "" if given else "<&-"
    done = subprocess.run(
        ["bash", "-c", f"{given} {sys.executable} -m cflow run prog.cflow:main --input - {closed}"],
        cwd=folder,
        capture_output=True,
        env={**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0"},
    )
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_standard_input_may_begin_with_a_mark(folder: Path) -> None:
    (folder / "mark.json").write_bytes(b'\xef\xbb\xbf{"n": 1}')
    code, err = _in_a_shell(folder, "run prog.cflow:main --input - < mark.json")
    assert code == 0, err


def test_json_that_is_nested_too_deeply(cflow: Run, folder: Path) -> None:
    (folder / "deep.json").write_text("[" * 200_000)
    done = cflow("run", "prog.cflow:main", "--input", "deep.json")
    assert done.code == 2
    assert "nested too deeply" in done.err
    assert "help" in done.err


def test_a_missing_file_of_the_command_line_was_imported_by_nobody(cflow: Run) -> None:
    for line in (["run", "zzzzzz"], ["run", "prog.cflow:main", "--input", "zzzzzz"]):
        done = cflow(*line)
        assert done.code == 2
        assert "there is no file 'zzzzzz'" in done.err
        assert "importing file" not in done.err


def test_a_picture_for_a_folder_that_is_missing(cflow: Run) -> None:
    done = cflow("graph", "prog.cflow:main", "-o", "nowhere/x.svg")
    assert done.code == 2
    assert "nowhere/x.svg" in done.err
    assert "/." not in done.err
