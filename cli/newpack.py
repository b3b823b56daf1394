"""``cflow nodes new NAME``: a pack to begin with, as a distribution of its own with tests and docs that hold."""

from __future__ import annotations

from pathlib import Path

from ..compiler.diagnostics import NOWHERE, Diagnostic, ProgramError
from ..dsl.loader import packs
from .arguments import Usage
from .output import note


def make(words: list[str]) -> None:
    """Write the files of a new pack into a folder of its name.

    Parameters
    ----------
    words: the name, alone.

    Raises
    ------
    Usage: it is not one name. ProgramError: the name cannot be that of a pack, or is taken, or the folder is there.
    """
    if len(words) != 1:
        raise Usage("cflow nodes new: give the name of the pack, as in: cflow nodes new weather")
    (name,) = words
    folder = Path(name)
    if not (name.isidentifier() and name.isascii() and name == name.lower() and not name.startswith("_")):
        raise _refused(f"{name!r} is no name of a pack", "lower-case letters, digits and _, as in: weather")
    if name in packs.standard_packs() or name in packs.declared_packs():
        raise _refused(f"there is a pack called {name!r} already", f"see it: cflow nodes {name}")
    if folder.exists():
        raise _refused(f"there is something at {name!r} already", "give another name, or go to another folder")
    for path, text in FILES.items():
        target = folder / path.replace("NAME", name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text.replace("NAME", name), encoding="utf-8")
    note(f"{name}/ holds a pack with tests and docs. Try it: cd {name} && pip install -e '.[dev]' && pytest")


def _refused(message: str, help: str) -> ProgramError:
    return ProgramError([Diagnostic("new-pack", "error", message, NOWHERE, help=help)])


FILES = {
    "pyproject.toml": """[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "cflow-NAME"
version = "0.1.0"
description = "Nodes for Conductor: NAME"
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["conductor-cflow"]

[project.optional-dependencies]
dev = ["pytest>=8"]

# By this name a program finds the pack: `import NAME`. Nothing is imported before a program names it.
[project.entry-points."cflow.packs"]
NAME = "cflow_NAME"

[tool.setuptools.packages.find]
where = ["src"]

[tool.setuptools.package-data]
cflow_NAME = ["py.typed"]
""",
    "README.md": '''# NAME

Nodes for [Conductor](https://pypi.org/project/conductor-cflow/).
`cflow nodes NAME` shows them, with what each does to the world.

```cflow
import NAME

flow main(path: str) -> str:
    """Greet everybody who is named in a file."""
    names = for name in NAME.words(path):
        yield NAME.greeting(name)
    return ", ".join(names)
```

The pack asks for `files`: a program that its host does not trust gets it with `--allow NAME --allow files:FOLDER`.

Work on it: `pip install -e ".[dev]"`, then `pytest`. The tests run the program above.
''',
    "src/cflow_NAME/__init__.py": '''"""One sentence that says what the nodes of NAME are for.

What a reader should know of all of them: which resource they share, what they raise, what they do not do.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import trio
from cflow import node, permissions

PERMISSIONS = ("files",)  # what the nodes ask the host for: net, files, process, env


@node(pure=True)
def greeting(name: str, word: str = "hello") -> str:
    """A greeting for somebody.

    ``line = NAME.greeting("Ada")``

    Raises ValueError where the name is empty.
    """
    if not name:
        msg = "nobody is greeted: the name is empty"
        raise ValueError(msg)
    return f"{word} {name}"


@node(reads="files")
async def words(path: str | Path) -> AsyncIterator[str]:
    """The words of a text file as a stream, in constant memory.

    ``for word in NAME.words("names.txt"): ...``

    Raises OSError, and PermissionError where the program was not granted the file.
    """
    file = await trio.open_file(permissions().file(path), encoding="utf-8")
    async with file:
        async for line in file:
            for word in line.split():
                yield word
''',
    "src/cflow_NAME/py.typed": "",
    "tests/test_NAME.py": '''"""The nodes alone, in a flow of each spelling, and for a program that is not trusted."""

from pathlib import Path

import cflow
import pytest
from cflow import flow

import cflow_NAME as NAME

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
PROGRAM = README.split("```cflow\\n")[1].split("```")[0]


@flow
def main(path: str) -> str:
    """The program of the README, as Python."""
    names = [NAME.greeting(name) for name in NAME.words(path)]
    return ", ".join(names)


@pytest.fixture
def names(tmp_path: Path) -> Path:
    path = tmp_path / "names.txt"
    path.write_text("Ada Bob\\nCem\\n", encoding="utf-8")
    return path


def test_a_node_alone() -> None:
    assert NAME.greeting("Ada") == "hello Ada"
    assert NAME.greeting("Ada", word="good day") == "good day Ada"
    with pytest.raises(ValueError, match="empty"):
        NAME.greeting("")


def test_a_stream_alone(names: Path) -> None:
    assert list(NAME.words(names)) == ["Ada", "Bob", "Cem"]


def test_both_spellings_are_one_program(names: Path) -> None:
    module = cflow.loads(PROGRAM)
    assert module.main.run(str(names)) == main.run(str(names)) == "hello Ada, hello Bob, hello Cem"
    assert module.main.digest == main.digest


def test_a_program_that_is_not_trusted_gets_what_was_granted(names: Path) -> None:
    granted = cflow.loads(PROGRAM, allow=["NAME", f"files:{names.parent}"])
    assert granted.main.run(str(names)) == "hello Ada, hello Bob, hello Cem"
    with pytest.raises(PermissionError, match="not allowed"):
        granted.main.run(__file__)
    with pytest.raises(cflow.ProgramError, match="not allowed"):
        cflow.loads(PROGRAM, allow=["NAME"])
''',
}
"""What stands in each file; NAME is the pack's."""
