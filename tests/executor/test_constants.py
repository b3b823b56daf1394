"""Constants are a snapshot: nobody changes them through what a run handed out."""

from __future__ import annotations

from typing import Any

import pytest

import cflow
from cflow.compiler.sharing import apart, containers_in

PROGRAM = """
const NUMBERS: list[int] = [1]
const NESTED = {"a": [1], "b": (2, [3])}

flow whole() -> list[int]:
    return NUMBERS

flow inside() -> Any:
    return [NESTED["b"], 7]

flow waits() -> Any:
    sleep(1ms)
    return NESTED

flow items() -> stream[Any]:
    for i in [1, 2]:
        yield NUMBERS
"""


def spoil(value: Any) -> None:
    """Change all that can be changed in a value."""
    stack = [value]
    while stack:
        part = stack.pop()
        if isinstance(part, dict):
            stack += part.values()
            part["x"] = 9
        elif isinstance(part, (list, tuple)):
            stack += part
            if isinstance(part, list):
                part.append(9)


@pytest.mark.parametrize("name", ["whole", "inside", "waits", "items"])
def test_a_result_that_is_changed_changes_no_constant(name: str) -> None:
    flow = getattr(cflow.loads(PROGRAM), name)
    made = list if name == "items" else lambda value: value
    before = repr(made(flow.run()))
    spoil(made(flow.run()))
    assert repr(made(flow.run())) == before


def test_what_is_no_constant_stays_itself() -> None:
    held = [1]
    mine: list[Any] = [2, {"a": held}]
    ring: list[Any] = [mine]
    ring.append(ring)
    assert apart(mine, {}) is mine
    assert apart(ring, containers_in([[5]])) is ring
    copy = apart(mine, containers_in([held]))
    assert copy == mine
    assert copy[1]["a"] is not held
