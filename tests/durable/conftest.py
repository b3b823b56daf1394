"""The helpers of this folder are modules of their own; tests import them by name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from engines_kit import Make, engines_in

from cflow import Engine


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Make]:
    """Engines on the store in ``tmp_path / "store"``."""
    with engines_in(tmp_path) as make:
        yield make


@pytest.fixture
def engine(engines: Make) -> Engine:
    """One of them, as it is by itself."""
    return engines()
