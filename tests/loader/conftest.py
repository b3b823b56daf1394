"""Small programs in a folder of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from cflow.compiler.diagnostics import Collector
from cflow.dsl.loader import LoadedModule, load_module, python_files

Write = Callable[[Mapping[str, str | bytes]], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes files into a fresh folder and gives the folder."""

    def files(contents: Mapping[str, str | bytes]) -> Path:
        for name, text in contents.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path

    return files


@pytest.fixture(autouse=True)
def clean_imports() -> Iterator[None]:
    """What a test imports by path is forgotten after it."""
    modules, path = dict(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - set(modules):
        if not name.startswith("cflow"):
            del sys.modules[name]
    sys.path[:] = path
    python_files._IMPORTED.clear()
    python_files._FOLDERS.clear()


def found(path: Path, *, execute: bool, allow: list[str] | None = None) -> tuple[LoadedModule | None, list[str]]:
    """A loaded file and its findings, as ``line id``."""
    collector = Collector()
    module = load_module(path, execute=execute, allow=allow, collector=collector)
    return module, [f"{d.span.line} {d.id}" for d in collector.items]
