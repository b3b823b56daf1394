"""What a text that is not trusted may say of where a node's code runs: another program only where that is granted."""

from __future__ import annotations

from pathlib import Path

import pytest

import cflow
from cflow.compiler.diagnostics import ProgramError

NODES = """\
from cflow import node

@node(pure=True)
def f(x: int) -> int: ...

def reads(path: str) -> str:
    from cflow.stdlib_nodes import files
    return files.read(path)
"""

FLOW = "\nflow main() -> int:\n    return f(1)\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nodes.py").write_text(NODES)
    (tmp_path / "secret.txt").write_text("42")
    return tmp_path


@pytest.mark.parametrize(
    ("options", "grant", "said"),
    [
        ('runs="command", command=["touch", "there"]', "process:git", "not allowed to start 'touch'"),
        ('runs="wasm", module="/etc/passwd"', "files:.", "not allowed to reach the file '/etc/passwd'"),
        (
            'runs="native", library="libc.so.6", signature="int f(int)"',
            "files:/",
            "not allowed to call a shared library",
        ),
    ],
)
def test_code_of_its_own_choice_is_refused(folder: Path, options: str, grant: str, said: str) -> None:
    text = f'from "./nodes.py" import f with {options}\n{FLOW}'
    allow = [f"{folder}/nodes.py", grant]
    with pytest.raises(ProgramError, match=said):
        cflow.loads(text, base=folder, allow=allow)


def test_a_program_that_is_granted_may_be_named(folder: Path) -> None:
    text = f'from "./nodes.py" import f with runs="command", command=["touch", "there"]\n{FLOW}'
    module = cflow.loads(text, base=folder, allow=[f"{folder}/nodes.py", "process:touch"])
    assert module.__all__ == ["main"]


def test_a_process_of_its_own_is_under_the_same_grants(folder: Path) -> None:
    text = 'from "./nodes.py" import reads with runs="process"\nflow main(path: str) -> str:\n    return reads(path)\n'
    module = cflow.loads(text, base=folder, allow=[f"{folder}/nodes.py", "files:/nowhere"])
    with pytest.raises(PermissionError, match="not allowed to reach the file"):
        module.main(str(folder / "secret.txt"))
