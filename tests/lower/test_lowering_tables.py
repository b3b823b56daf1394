"""The tables of lowering name functions that are there, and load them only when they are met."""

from __future__ import annotations

import subprocess
import sys

import attrs
import pytest

from cflow.dsl import syntax
from cflow.dsl.lower.tables import EXPRESSIONS, STATEMENTS, Table


@pytest.mark.parametrize("table", [EXPRESSIONS, STATEMENTS], ids=["expressions", "statements"])
def test_each_kind_has_its_function(table: Table[object]) -> None:
    for kind, place in table.places.items():
        assert attrs.has(kind)
        assert getattr(table[kind], "__name__", "") == place.partition(".")[2]
    with pytest.raises(KeyError):
        table[syntax.Module]


LOADED = """
import sys
import cflow
print(cflow.loads("flow main(x: int) -> int:\\n    y = x + 1\\n    return y\\n").main.run(1))
print(*(name for name in ("matching", "tries", "comprehensions", "mocks") if f"cflow.dsl.lower.{name}" in sys.modules))
"""


def test_what_a_program_does_not_have_is_not_loaded() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "2\n\n"
