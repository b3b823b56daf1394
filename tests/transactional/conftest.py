"""A ledger in a database of its own, and engines on one store."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cflow import Engine

sys.path.insert(0, str(Path(__file__).parent))

Make = Callable[..., Engine]


@pytest.fixture
def engines(tmp_path: Path) -> Iterator[Make]:
    made: list[Engine] = []

    def make(**options: Any) -> Engine:
        made.append(Engine(store=tmp_path / "store", **options))
        return made[-1]

    yield make
    for engine in made:
        if engine.recorder is not None:
            engine.recorder.close()


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path) -> Iterator[Any]:
    import ledger_nodes as nodes

    nodes.begin(tmp_path / "ledger.db")
    yield nodes
    nodes.LEDGER.close()
