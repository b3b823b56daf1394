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


@pytest.mark.parametrize("line", ["return 1 +", "return 2 2", "return (1"])
def test_a_return_that_is_refused_is_not_called_missing(line: str) -> None:
    lacking = "flow g() -> int:\n    log = 1\n"
    (found,) = cflow.check(f"flow f() -> int:\n    {line}\n")
    assert found.id.startswith("syntax-")
    told = [d.id for d in cflow.check(f"flow f() -> int:\n    {line}\n\n{lacking}") if d.severity == "error"]
    assert told == [found.id, "missing-return"], "of a flow further down it is told"
