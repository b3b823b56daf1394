"""A line that cannot be read says so once: what it would have bound is not called unknown further down."""

from __future__ import annotations

import pytest

import cflow

PROGRAM = """
import json

flow f(n: int) -> int:
    x = n +* 2
    y = x + 1
    z, w = = json.parse("3")
    return y + z + {name}

flow g(n int) -> int:
    return n

const LIMIT = 3 +

flow h(n: int) -> int:
    return g(n) + LIMIT
"""


@pytest.mark.parametrize(("name", "more"), [("w", []), ("u", ["unknown-name"])])
def test_what_a_refused_line_binds_is_not_unknown(name: str, more: list[str]) -> None:
    found = [d.id for d in cflow.check(PROGRAM.replace("{name}", name))]
    assert found == ["syntax-expression", "syntax-expression", "syntax-parameter", "syntax-expression", *more]
