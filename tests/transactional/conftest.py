"""A ledger in a database of its own, and engines on one store."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
sys.path.append(str(Path(__file__).parent.parent / "durable"))

from engines_kit import Make, engines_in


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Make]:
    with engines_in(tmp_path) as make:
        yield make


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path) -> Iterator[Any]:
    import ledger_nodes as nodes

    nodes.begin(tmp_path / "ledger.db")
    yield nodes
    nodes.LEDGER.close()
