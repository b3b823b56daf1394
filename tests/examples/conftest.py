from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import cflow
from cflow.dsl.loader.python_files import import_file

EXAMPLES = Path(cflow.__file__).parent / "examples"


@pytest.fixture
def examples() -> Path:
    return EXAMPLES


@pytest.fixture
def python_example() -> Callable[[str], Any]:
    """Imports a ``.py`` example as ``cflow run`` does."""
    return lambda name: import_file(EXAMPLES / f"{name}.py")


@pytest.fixture(params=["cflow", "py"])
def load(request: pytest.FixtureRequest, python_example: Callable[[str], Any]) -> Callable[[str], Any]:
    """Loads an example in one of the two spellings."""
    if request.param == "py":
        return python_example
    return lambda name: cflow.load(EXAMPLES / f"{name}.cflow")
