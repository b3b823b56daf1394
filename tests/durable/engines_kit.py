"""Engines on one store of a test, as processes would have them: they share nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cflow import Engine

Make = Callable[..., Engine]
"""Makes an engine with the options that are given; ``folder``: the name of its store."""


@contextmanager
def engines_in(place: Path) -> Iterator[Make]:
    """Engines whose stores are in a folder; they are closed at the end."""
    made: list[Engine] = []

    def make(folder: str = "store", **options: Any) -> Engine:
        made.append(Engine(store=place / folder, **options))
        return made[-1]

    yield make
    for engine in made:
        if engine.recorder is not None:
            engine.recorder.close()
