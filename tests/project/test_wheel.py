"""The wheel holds the tree, under one name, and runs where nothing else of the repository is."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OUTSIDE = {"tests", "benchmarks", "examples", "docs", "changelog.d", "build", "dist"}


def shipped() -> set[str]:
    """The files of the tree that belong to the package."""
    found = {"cflow/py.typed"}
    for folder in [ROOT, *(path for path in ROOT.rglob("*") if path.is_dir())]:
        parts = folder.relative_to(ROOT).parts
        if parts and (parts[0] in OUTSIDE or any(p.startswith((".", "__")) or p.endswith(".egg-info") for p in parts)):
            continue
        found |= {
            "/".join(("cflow", *parts, path.name)) for path in folder.iterdir() if path.suffix in (".py", ".lark")
        }
    return found


def run(*command: str | Path, **options: object) -> str:
    clean = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, env=clean, **options)  # type: ignore[call-overload]
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from a copy, so that the build leaves nothing in the tree."""
    base = tmp_path_factory.mktemp("wheel")
    skip = shutil.ignore_patterns(".*", "*.egg-info", "__pycache__", "build", "dist", "tests", "benchmarks")
    shutil.copytree(ROOT, base / "tree", ignore=skip, symlinks=True)
    run(sys.executable, "-c", BUILD, base / "out", cwd=base / "tree")
    (found,) = (base / "out").glob("*.whl")
    return found


BUILD = """
import os, sys
from setuptools import build_meta
os.makedirs(sys.argv[1])
build_meta.build_wheel(sys.argv[1])
"""


@pytest.mark.slow
def test_the_wheel_holds_the_tree(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    packaged = {name for name in names if ".dist-info/" not in name}
    assert packaged == shipped()
    assert {name.split("/")[0] for name in packaged} == {"cflow"}
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)


@pytest.mark.slow
def test_the_wheel_runs_in_a_bare_environment(wheel: Path, tmp_path: Path) -> None:
    """Only the declared dependencies are there. pip is not: the one of the tests serves the environment."""
    place = tmp_path / "bare"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "-q", "--disable-pip-version-check", wheel)
    (tmp_path / "hello.cflow").write_text(HELLO, encoding="utf-8")
    said = run(place / "bin" / "cflow", "run", "hello.cflow", "name=Ada", cwd=tmp_path)
    assert said == "hello Ada\n"
    assert run(python, "-c", "import cflow; print(cflow.__file__)", cwd=tmp_path).startswith(str(place))


HELLO = """
flow hello(name: str) -> str:
    return f"hello {name}"
"""


def test_every_package_of_the_tree_is_listed() -> None:
    """The quick half of the wheel test: a forgotten package shows before anything is built."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]["packages"]
    assert {name.rpartition("/")[0].replace("/", ".") for name in shipped()} == set(listed)
