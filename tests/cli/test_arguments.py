"""The command line itself: words, help, completion, and what it costs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cflow.cli.arguments import Usage, parse
from cflow.cli.inputs import read_json, read_pairs
from cflow.cli.main import main
from cflow.cli.target import split
from cflow.compiler.convert import ConversionError
from cflow.compiler.diagnostics import InputError, ProgramError
from cflow.compiler.textvalues import parse_text
from cflow.compiler.types import Type


def test_options_and_inputs_may_stand_in_any_order() -> None:
    arguments = parse("run a.cflow x=1 --json y=-2 --limit 3 z=a=b".split())
    assert arguments is not None
    assert (arguments.inputs, arguments.json, arguments.limit) == (["x=1", "y=-2", "z=a=b"], True, 3)


@pytest.mark.parametrize(
    "line", ["run", "run a --limit 0", "run a --limit x", "frob", "check", "", "run a --frob", "graph"]
)
def test_a_wrong_line_is_told_and_is_exit_code_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Usage):
        parse(line.split())
    assert main(line.split()) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "usage: cflow" in captured.err


@pytest.mark.parametrize("line", ["--help", "run --help", "--version", "graph -h"])
def test_help_is_a_success_on_standard_output(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == 0
    assert "cflow" in capsys.readouterr().out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_scripts_know_the_verbs(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--completion", shell]) == 0
    script = capsys.readouterr().out
    assert "explain" in script
    assert "cflow" in script


def test_the_bash_completion_completes() -> None:
    script = subprocess.run(
        [sys.executable, "-m", "cflow", "--completion", "bash"], capture_output=True, text=True, check=True
    )
    ask = """
COMP_WORDS=(cflow expl); COMP_CWORD=1; _shtab_cflow 2>/dev/null
echo "${COMPREPLY[@]}"
"""
    done = subprocess.run(["bash", "-c", script.stdout + ask], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "explain"


def test_help_loads_no_library() -> None:
    heavy = "attr trio lark rich httpx cattrs cloudpickle shtab PIL json"
    code = (
        "import sys; from cflow.cli.main import main; main(['--help']);"
        f"print([m for m in '{heavy}'.split() if m in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_pairs_are_split_at_the_first_sign() -> None:
    assert read_pairs(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}


@pytest.mark.parametrize(
    ("pairs", "said"), [(["a"], "write name=value"), (["1=2"], "name=value"), (["a=1", "a=2"], "twice")]
)
def test_wrong_pairs(pairs: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_pairs(pairs)


def test_a_folder_of_inputs_is_none(tmp_path: Path) -> None:
    with pytest.raises(ProgramError) as error:
        read_json(str(tmp_path))
    assert error.value.diagnostics[0].help == "name a .json file"
    (tmp_path / "day.json").write_text("{}", encoding="utf-8")
    with pytest.raises(ProgramError) as error:
        read_json(str(tmp_path))
    assert error.value.diagnostics[0].help == "name a file in it: day.json"


def test_json_inputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    file = tmp_path / "in.json"
    file.write_text('\ufeff{"a": [1]}', encoding="utf-8")
    assert read_json(str(file)) == {"a": [1]}
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"b": 2}')))
    assert read_json("-") == {"b": 2}
    assert read_json(None) == {}


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ("{'a': 1}", 1, "property name"),
        ('{\n"a": }', 2, "expecting value"),
        ("", 1, "expecting value"),
        ('{"a": NaN}', 1, "NaN"),
    ],
)
def test_bad_json_says_where(text: str, line: int, said: str, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ProgramError, match=said) as caught:
        read_json(str(file))
    assert (caught.value.diagnostics[0].id, caught.value.diagnostics[0].span.line) == ("bad-json", line)


@pytest.mark.parametrize(
    ("text", "name"), [('{"n": 3, "n": 4}', "n"), ('{"order": {"id": 1, "qty": 2, "id": 1}}', "id")]
)
def test_a_name_stands_once_in_json(text: str, name: str, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=rf"in\.json: the name '{name}' is given twice"):
        read_json(str(file))


@pytest.mark.parametrize("type", ["any", "dict", "class"])
def test_a_name_stands_once_in_the_json_of_a_pair(type: str) -> None:
    with pytest.raises(ConversionError, match="the name 'a' is given twice"):
        parse_text('{"a": 1, "a": 2}', Type(type, ("x.X",) if type == "class" else ()), {})


@pytest.mark.parametrize(
    ("text", "kind"), [("[1]", "array"), ("3", "number"), ('"a"', "string"), ("null", "null"), ("true", "boolean")]
)
def test_json_inputs_are_an_object(text: str, kind: str, tmp_path: Path) -> None:
    file = tmp_path / "in.json"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=f"JSON {kind}"):
        read_json(str(file))


def test_a_json_file_that_is_not_there_or_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ProgramError, match="no file"):
        read_json(str(tmp_path / "none.json"))
    with pytest.raises(ProgramError, match="folder"):
        read_json(str(tmp_path))


def test_targets_are_split_at_the_last_name(tmp_path: Path) -> None:
    assert split("a/b.cflow:nightly") == (Path("a/b.cflow"), "nightly")
    assert split("b.py:Jobs.nightly") == (Path("b.py"), "Jobs.nightly")
    assert split("a/b.cflow") == (Path("a/b.cflow"), "")
    odd = tmp_path / "x:y"
    odd.write_text("")
    assert split(str(odd)) == (odd, "")


def test_a_bug_of_conductor_is_told_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import cflow.cli.nodes

    monkeypatch.setattr(cflow.cli.nodes, "execute", lambda _: 1 / 0)
    assert main(["nodes"]) == 1
    assert capsys.readouterr().err.rstrip().endswith("error[engine-bug]: this is a bug of Conductor, please report it")
