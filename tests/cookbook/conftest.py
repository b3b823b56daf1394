"""What the tests of the cookbook share: both spellings of a recipe, and a web server that does what a test says."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.compiler.secrets import forget
from cflow.dsl.loader.python_files import import_file

COOKBOOK = Path(cflow.__file__).parent / "examples" / "cookbook"

for folder in (Path(__file__).parent, Path(__file__).parents[1] / "packs"):  # recipe_site.py, services.py
    sys.path.insert(0, str(folder))

from recipe_site import Site  # noqa: E402


@pytest.fixture(scope="session")
def running_site() -> Iterator[Site]:
    made = Site()
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


@pytest.fixture
def site(running_site: Site) -> Site:
    running_site.routes = {}
    running_site.seen = []
    return running_site


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """The secrets of a recipe are words of every day ("secret"): other tests in this process are free to say them."""
    yield
    forget()


@pytest.fixture
def cookbook() -> Path:
    return COOKBOOK


@pytest.fixture(scope="session")
def python_recipe() -> Callable[[str], Any]:
    """Imports a recipe as ``cflow run`` does a Python file."""
    return lambda name: import_file(COOKBOOK / f"{name}.py")


@pytest.fixture(params=["cflow", "py"])
def load(
    request: pytest.FixtureRequest, python_recipe: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Callable[[str], Any]:
    """Loads a recipe in one of the two spellings; the test stands in an empty folder."""
    monkeypatch.chdir(tmp_path)
    if request.param == "py":
        return python_recipe
    return lambda name: cflow.load(COOKBOOK / f"{name}.cflow")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[cflow.Engine]:
    """One with a store, for runs on record."""
    made = cflow.Engine(store=tmp_path / "store")
    yield made
    if made.recorder is not None:
        made.recorder.close()
