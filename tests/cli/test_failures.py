"""What is said of a wrong program, of wrong inputs and of a flow that failed."""

from __future__ import annotations

import importlib
import json
from pathlib import Path

import attrs
import pytest

from cflow.cli.failures import failure_json, print_failure, print_wrong
from cflow.compiler.diagnostics import Diagnostic, InputError, LoopLimit, Problem, ProgramError, Span, UndoFailed
from cflow.stdlib_nodes import files


@attrs.frozen
class Where:
    flow: str = "nightly"
    node: str = "settle/charge"
    span: Span = Span("orders.cflow", 2, 5)
    path: tuple[str, ...] = ("nightly", "settle", "charge")
    attempt: int = 3
    inputs: dict[str, object] = attrs.field(factory=lambda: {"card": "4242", "total": 9.5, "note": "x" * 200})


def failed(error: Exception, where: Where | None) -> Exception:
    """As if a node had raised it in a run."""
    try:
        raise error
    except Exception as raised:
        raised.__cflow__ = where  # type: ignore[attr-defined]
        raised.add_note("a later step failed too")
        return raised


def test_a_failure_for_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "orders.cflow").write_text("flow nightly():\n    charge()\n", encoding="utf-8")
    print_failure(failed(ValueError("no funds\nreally"), Where()))
    said = capsys.readouterr().err.splitlines()
    assert said[:5] == [
        "error[node-failed]: ValueError: no funds",
        " --> orders.cflow:2:5",
        "  |",
        "2 |     charge()",
        "  |     ^",
    ]
    assert "   = really" in said
    assert "   = in nightly > settle > charge (attempt 3)" in said
    assert any(line.startswith("   = with card='4242', total=9.5, note='xxx") and len(line) < 200 for line in said)
    assert "   = a later step failed too" in said
    assert any("test_failures.py" in line and "raise error" in line for line in said), "the author's own code is shown"


def test_a_failure_for_programs() -> None:
    said = json.loads(json.dumps(failure_json(failed(ValueError("no funds"), Where()))))
    assert said == {
        "id": "node-failed", "type": "ValueError", "message": "no funds", "flow": "nightly", "node": "settle/charge",
        "line": 2, "path": ["nightly", "settle", "charge"], "attempt": 3,
        "inputs": {"card": "4242", "total": 9.5, "note": "x" * 200},
    }  # fmt: skip


def test_what_an_error_was_raised_from(capsys: pytest.CaptureFixture[str]) -> None:
    error = failed(UndoFailed("these undos failed"), Where())
    error.__cause__ = ExceptionGroup("several", [ValueError("one"), KeyError("two")])
    assert failure_json(error)["cause"] == {"type": "ExceptionGroup", "message": "several (2 sub-exceptions)"}
    print_failure(error)
    said = capsys.readouterr().err.splitlines()
    at = said.index("   = from ExceptionGroup: several (2 sub-exceptions)")
    assert said[at + 1 : at + 3] == ["   =   ValueError: one", "   =   KeyError: 'two'"]


def test_only_the_users_own_code_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "own.py").write_text("import json\ndef parse():\n    json.loads('{')\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    parse = importlib.import_module("own").parse
    with pytest.raises(ValueError, match="Expecting") as caught:
        parse()
    print_failure(caught.value)
    frames = [line for line in capsys.readouterr().err.splitlines() if line.startswith("     ")]
    assert frames[-1] == "     own.py:3 in parse: json.loads('{')"
    with pytest.raises(OSError, match="here") as unwritable:
        files.write.fn(tmp_path / "own.py" / "here", "x")
    print_failure(unwritable.value)
    frames = [line for line in capsys.readouterr().err.splitlines() if line.startswith("     ")]
    assert len(frames) == 1, "none of the pack's own lines"


def test_ids_of_failures() -> None:
    assert failure_json(failed(LoopLimit("past 5"), None))["id"] == "loop-limit"
    assert failure_json(failed(KeyError("x"), None)) == {
        "id": "flow-failed", "type": "KeyError", "message": "'x'", "flow": None, "node": None, "line": None, "path": [],
        "attempt": None, "inputs": {},
    }  # fmt: skip


def test_a_wrong_program(capsys: pytest.CaptureFixture[str]) -> None:
    error = ProgramError([
        Diagnostic("unused-import", "warning", "unused", Span("x.cflow", 1)),
        Diagnostic("unknown-name", "error", "no such name", Span("x.cflow", 7, 3)),
    ])  # fmt: skip
    print_wrong(error)
    assert capsys.readouterr().err.startswith("error[unknown-name]: no such name\n --> x.cflow:7:3\n")
    print_wrong(error, json_form=True)
    said = json.loads(capsys.readouterr().err)["error"]
    assert (said["id"], said["type"], said["message"], said["line"]) == (
        "unknown-name",
        "ProgramError",
        "no such name",
        7,
    )
    assert [d["id"] for d in said["diagnostics"]] == ["unknown-name", "unused-import"]
    assert set(said) >= {"flow", "node", "path", "attempt", "inputs"}


def test_wrong_inputs(capsys: pytest.CaptureFixture[str]) -> None:
    error = InputError("the inputs do not fit f:\n  day: missing", (Problem("day", "missing"),))
    print_wrong(error)
    assert capsys.readouterr().err == "error[wrong-input]: the inputs do not fit f:\n  day: missing\n"
    print_wrong(error, json_form=True)
    said = json.loads(capsys.readouterr().err)["error"]
    assert (said["id"], said["problems"]) == ("wrong-input", [{"name": "day", "message": "missing"}])
