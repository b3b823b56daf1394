"""From generated code back to what it runs. Apart from what writes the code, so that code from an earlier process
(:mod:`cflow.plancache`) can be known here without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LINES: dict[str, Sequence[Any]] = {}
"""For each generated file, the operation of each line (None: glue), from line 1 at index 1."""

NAMES: dict[str, Mapping[str, str]] = {}
"""For each generated file, the Python names of its values by their ids."""
