"""The other verbs: check, fmt, test, explain, graph, nodes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

BAD = """from "./shop.py" import fetch
import files

flow f() -> int:
    return nmae
"""


def test_check_says_it_in_three_forms(cflow: Run, folder: Path) -> None:
    (folder / "bad.cflow").write_text(BAD)
    people = cflow("check", "bad.cflow", "prog.cflow")
    assert people.code == 2
    assert "bad.cflow:5:12" in people.out
    assert "^^^^" in people.out
    assert people.err.startswith("2 files: 1 error, 2 warnings")
    line = cflow("check", "bad.cflow", "--format", "line")
    assert sum(row.startswith("bad.cflow:5:12: error[") for row in line.out.splitlines()) == 1
    said = json.loads(cflow("check", "bad.cflow", "--json").out)
    assert sorted(d["severity"] for d in said) == ["error", "warning", "warning"]


def test_warnings_change_no_exit_code(cflow: Run, folder: Path) -> None:
    (folder / "warn.cflow").write_text("import files\n\nflow f() -> int:\n    return 1\n")
    done = cflow("check", "warn.cflow")
    assert done.code == 0
    assert "warning[" in done.out
    assert json.loads(cflow("check", "prog.cflow", "--json").out) == []


def test_check_imports_nothing(cflow: Run, folder: Path) -> None:
    (folder / "evil.py").write_text("open('ran', 'w').close()\n\ndef f() -> int:\n    return 1\n")
    (folder / "use.cflow").write_text('from "./evil.py" import f\n\nflow g() -> int:\n    return f()\n')
    assert cflow("check", "use.cflow", "evil.py", "prog.py").code == 0
    assert not (folder / "ran").exists()


def test_check_reads_python_files(cflow: Run, folder: Path) -> None:
    (folder / "bad.py").write_text("from cflow import flow\n\n@flow\ndef f() -> int:\n    return nmae\n")
    done = cflow("check", "bad.py", "--format", "line")
    assert done.code == 2
    assert "bad.py:5:12: error[" in done.out


def test_fmt_rewrites_in_place_and_says_what(cflow: Run, folder: Path) -> None:
    messy = folder / "messy.cflow"
    messy.write_text("flow f( x:int )->int:\n  # kept\n  return x+1\n")
    messy.chmod(0o600)
    assert cflow("fmt", "--check", "messy.cflow").code == 1
    assert "x:int" in messy.read_text()
    done = cflow("fmt", "messy.cflow", "prog.cflow")
    assert done.code == 0
    assert "reformatted messy.cflow" in done.err
    assert messy.read_text() == "flow f(x: int) -> int:\n    # kept\n    return x + 1\n"
    assert messy.stat().st_mode & 0o777 == 0o600
    assert cflow("fmt", "--check", "messy.cflow", "prog.cflow").code == 0


def test_fmt_goes_on_after_a_wrong_file(cflow: Run, folder: Path) -> None:
    (folder / "broken.cflow").write_text("flow f(:\n")
    (folder / "messy.cflow").write_text("flow f( )->int:\n    return 1\n")
    done = cflow("fmt", "broken.cflow", "messy.cflow")
    assert done.code == 2
    assert "broken.cflow:1" in done.err
    assert (folder / "messy.cflow").read_text().startswith("flow f() -> int:")
    assert (folder / "broken.cflow").read_text() == "flow f(:\n"


def test_fmt_of_standard_input(command: Run) -> None:
    done = command("fmt", "-", stdin="flow f( )->int:\n    return 1\n")
    assert (done.code, done.out) == (0, "flow f() -> int:\n    return 1\n")


def test_fmt_leaves_python_alone(cflow: Run) -> None:
    assert cflow("fmt", "prog.py").code == 2


def test_test_blocks(cflow: Run, folder: Path) -> None:
    done = cflow("test", "prog.cflow")
    assert done.code == 0
    assert "doubling" in done.out
    assert "1 passed" in done.err
    (folder / "fails.cflow").write_text('test "sums":\n    assert 1 + 1 == 3, "arithmetic"\n')
    done = cflow("test", "prog.cflow", "fails.cflow")
    assert done.code == 1
    assert "fails.cflow:2" in done.out + done.err
    assert "arithmetic" in done.out + done.err
    assert "1 passed, 1 failed" in done.err
    said = json.loads(cflow("test", "prog.cflow", "fails.cflow", "--json").out)
    assert [(t["test"], t["passed"]) for t in said] == [("doubling", True), ("sums", False)]


def test_explain(cflow: Run) -> None:
    done = cflow("explain", "prog.cflow")
    assert done.code == 0
    assert "fetch" in done.out
    steps = json.loads(cflow("explain", "prog.cflow", "--json").out)["steps"]
    assert {"index", "id", "line", "waits", "placement", "cost"} <= set(steps[0])


@pytest.mark.parametrize("name", ["g.svg", "g.png", "g.mmd", "g.json"])
def test_graph_writes_what_the_name_asks_for(cflow: Run, folder: Path, name: str) -> None:
    assert cflow("graph", "prog.py", "-o", name).code == 0
    begins = {"g.svg": b"<svg", "g.png": b"\x89PNG", "g.mmd": b"---", "g.json": b"{"}[name]
    assert (folder / name).read_bytes().startswith(begins)


def test_graph_is_mermaid_on_standard_output(cflow: Run) -> None:
    done = cflow("graph", "prog.cflow:main")
    assert done.code == 0
    assert "flowchart TD" in done.out
    assert "xs = fetch" in done.out


def test_graph_into_a_folder_that_is_not_there_or_an_unknown_form(cflow: Run) -> None:
    assert cflow("graph", "prog.cflow", "-o", "nowhere/x.svg").code == 2
    done = cflow("graph", "prog.cflow", "-o", "x.gif")
    assert (done.code, ".svg" in done.err) == (2, True)


def test_nodes(cflow: Run) -> None:
    done = cflow("nodes")
    assert done.code == 0
    assert {"http", "files", "log"} <= {line for line in done.out.splitlines() if not line.startswith(" ")}
    one = cflow("nodes", "files")
    assert "read" in one.out
    said = json.loads(cflow("nodes", "files", "--json").out)
    assert {"pack", "name", "signature", "reads", "writes", "pure", "doc", "declared", "barrier"} <= set(said[0])
    assert any(n["writes"] for n in said)


def test_an_unknown_pack(cflow: Run) -> None:
    done = cflow("nodes", "filess")
    assert done.code == 2
    assert "files" in done.err


@pytest.mark.parametrize("verb", ["run", "explain", "graph", "bench", "test"])
def test_a_program_that_is_not_trusted_imports_nothing(verb: str, cflow: Run) -> None:
    Path("beside.py").write_text("open('was-here', 'w').close()\n\ndef f() -> int:\n    return 1\n")
    Path("guest.cflow").write_text('from "./beside.py" import f\n\nflow main() -> int:\n    return f()\n')
    done = cflow(verb, "guest.cflow", "--untrusted")
    assert done.code != 0
    assert "import-refused" in done.err + done.out
    assert not Path("was-here").exists()
