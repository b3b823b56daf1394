"""What text may say of where a node's code runs: nothing that names other code, and a process is under its grants."""

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
    "options",
    [
        'runs="command", command=["touch", "there"]',
        'runs="wasm", module="/etc/passwd"',
        'runs="native", library="libc.so.6", signature="int f(int)"',
    ],
)
@pytest.mark.parametrize("trusted", [True, False])
def test_text_chooses_no_code_of_its_own(folder: Path, options: str, trusted: bool) -> None:
    text = f'from "./nodes.py" import f with {options}\n{FLOW}'
    allow = None if trusted else [f"{folder}/nodes.py", "process:touch", "files:/"]
    with pytest.raises(ProgramError, match="an import cannot declare"):
        cflow.loads(text, base=folder, allow=allow)


def test_a_process_of_its_own_is_under_the_same_grants(folder: Path) -> None:
    text = 'from "./nodes.py" import reads with runs="process"\nflow main(path: str) -> str:\n    return reads(path)\n'
    module = cflow.loads(text, base=folder, allow=[f"{folder}/nodes.py", "files:/nowhere"])
    with pytest.raises(PermissionError, match="not allowed to reach the file"):
        module.main(str(folder / "secret.txt"))
