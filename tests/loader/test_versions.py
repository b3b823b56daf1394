"""Two versions of one node side by side: the last is meant, and a flow pins another."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.cli.main import main
from cflow.compiler.diagnostics import ProgramError
from cflow.dsl.loader.static import StaticReader

NODES = '''
from cflow import flow, node

def release(x: int) -> None:
    pass

@node(reads="m", version="1")
def score(x: int) -> int:
    """As it was."""
    return x

@node(reads="m", version="2", retry=2)
def score(x: int, bonus: int = 5) -> int:
    """As it is."""
    return x * 10 + bonus

@node(version="1")
def said(x: int) -> int:
    return 1

@node
def said(x: int) -> int:
    return 2

@flow
def both(x: int) -> list[int]:
    return [score(x), score.options(version="1")(x), score.options(version="2", retry=1)(x, bonus=1)]

@flow
def latest(x: int) -> list[int]:
    return [said(x), said.options(version="1")(x)]

@flow
def wrong(x: int) -> int:
    return score.options(version="3")(x)
'''
TEXT = """
from "./nodes_of_versions.py" import score
from "./nodes_of_versions.py" import score as old with version="1"

flow main(x: int) -> list[int]:
    a = score(x)
    b = score(x) with version="1"
    c = old(x)
    d = old(x) with version="2", retry=1
    return [a, b, c, d]
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "nodes_of_versions.py").write_text(NODES)
    (tmp_path / "program.cflow").write_text(TEXT)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def module(files: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(files))
    yield __import__("nodes_of_versions")
    del sys.modules["nodes_of_versions"]


def test_a_call_pins_one_in_python(module: Any) -> None:
    assert module.both.run(3) == [35, 3, 31]
    assert module.latest.run(3) == [2, 1]
    with pytest.raises(ProgramError, match="score has no version '3': it has '1', '2'"):
        module.wrong.run(3)


def test_and_in_ordinary_code(module: Any) -> None:
    old = module.score.options(version="1")
    assert (module.score(3), old(3), old.options(version="2")(3)) == (35, 3, 35)
    with pytest.raises(ValueError, match="score has no version '9'"):
        module.score.options(version="9")


def test_a_call_or_an_import_pins_one_in_text(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "program.cflow"]) == 0
    for more in ([], ["--untrusted", "--allow", "./nodes_of_versions.py"], ["--store", "s"]):
        capsys.readouterr()
        assert main(["run", "program.cflow", "x=3", "--json", *more]) == 0
        assert json.loads(capsys.readouterr().out) == [35, 3, 3, 35]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('score(x) with version="3"', "score has no version '3': it has '1', '2'"),
        ('score(x, bonus=1) with version="1"', "score has no parameter 'bonus'"),
        ("score(x) with version=name", "version= is written out, as text"),
        ("score(x) with version=1", "version= is written out, as text"),
        ('part(x) with version="1"', "a call has no option 'version'"),
    ],
)
def test_a_pin_that_does_not_hold_is_found_before_anything_runs(line: str, said: str) -> None:
    text = f"""
from "./nodes_of_versions.py" import score

flow part(x: int) -> int:
    return x

flow main(x: int) -> int:
    name = "1"
    return {line}
"""
    with pytest.raises(ProgramError, match=said):
        cflow.loads(text, base=Path.cwd()).main.run(x=1)
    with pytest.raises(ProgramError, match="score has no version '7'"):
        cflow.loads(TEXT.replace('score as old with version="1"', 'score as old with version="7"'), base=Path.cwd())


def test_the_digest_follows_the_version_that_is_pinned(module: Any) -> None:
    def digest(text: str) -> str:
        loaded: str = cflow.loads(text, base=Path.cwd()).main.digest
        return loaded

    pinned = digest(TEXT)
    assert digest(TEXT.replace('b = score(x) with version="1"', 'b = score(x) with version="2"')) != pinned
    path = Path("nodes_of_versions.py")
    path.write_text(NODES.replace("return x * 10", "return x * 11"))
    assert digest(TEXT) == pinned, "its version says what it is"
    only_old = TEXT.replace('b = score(x) with version="1"', "b = 1").replace("a = score(x)", "a = 1")
    only_old = only_old.replace('with version="2", retry=1', "with retry=1")
    before = digest(only_old)
    path.write_text(NODES.replace('version="2"', 'version="3"'))
    assert digest(only_old) == before, "a newer one changes nothing for who has pinned an older"
    assert digest(TEXT.replace('with version="2", ', "with ")) != pinned


def test_what_is_read_is_what_is_executed(module: Any) -> None:
    static = StaticReader().file(Path("nodes_of_versions.py"), NODES)
    for name in ("score", "said"):
        read: Any = static.member(name)
        made: Any = getattr(module, name)
        assert {v: other.spec.signature for v, other in read.others.items()} == {
            v: other.spec.signature for v, other in made.others.items()
        }
        assert read.spec.policy == made.spec.policy
        assert all(other.spec.key.endswith(f"score@{v}") for v, other in read.others.items()) or name == "said"
    (other,) = module.score.others.values()
    assert other.spec.key.startswith("nodes_of_versions.score@1")
    assert "@" not in module.score.spec.key


def test_a_cell_that_is_run_again_is_no_other_version() -> None:
    space: dict[str, Any] = {"__name__": "a_notebook"}
    for value in (1, 2, 3):
        exec(f"from cflow import node\n@node(version='1')\ndef f() -> int:\n    return {value}\n", space)
    assert space["f"].others == {}
    assert space["f"].options(version="1")() == 3


def test_nodes_lists_each(files: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.syspath_prepend(str(files))
    assert main(["nodes", "nodes_of_versions.score"]) == 0
    said = capsys.readouterr().out
    assert "score(x: int) -> int  [reads m; version=1]" in said
    assert "score(x: int, bonus: int = 5) -> int  [reads m; retry=Retry(times=2, " in said
