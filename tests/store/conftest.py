"""The helpers of this folder are modules of their own; tests import them by name."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from cflow.store.place import open_store
from cflow.store.sqlite import SqliteStore


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    """An empty store. What is on disk is not what its tests are about, so nothing waits for the disk."""
    opened = open_store(tmp_path / "store", synchronous="OFF")
    yield opened
    opened.close()
