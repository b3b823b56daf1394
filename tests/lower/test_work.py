"""Checking costs what the text is long: the work is counted in calls, not timed."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import cflow
from cflow.compiler.components import components

SHAPES: dict[str, Callable[[int], str]] = {
    "a ring of flows": lambda n: "".join(
        f"flow f{i}(k: int) -> Any:\n    if k == 0:\n        return 0\n    return f{(i + 1) % n}(k - 1)\n"
        for i in range(n)
    ),
    "a chain of flows": lambda n: (
        "".join(f"flow f{i}() -> Any:\n    return f{i + 1}()\n" for i in range(n))
        + f"flow f{n}() -> int:\n    return 1\n"
    ),
    "a ring of locks": lambda n: "".join(
        f'flow f{i}(k: int) -> Any:\n    if k == 0:\n        return 0\n    with lock="l{i % 9}":\n'
        f"        return f{(i + 1) % n}(k - 1)\n"
        for i in range(n)
    ),
    "more locks than are looked at": lambda n: "".join(
        f'flow f{i}(k: int) -> Any:\n    if k == 0:\n        return 0\n    with lock="l{i}":\n'
        f"        return f{(i + 1) % n}(k - 1)\n"
        for i in range(n)
    ),
    "arms": lambda n: (
        "flow f(x: int) -> int:\n    parallel:\n"
        + "".join(f"        y{i} = x + {i}\n" for i in range(n))
        + "    return y0\n"
    ),
    "tries": lambda n: (
        "flow f(x: int) -> int:\n    y = 0\n"
        + "".join(f"    try:\n        y = y + x\n    except ValueError:\n        y = {i}\n" for i in range(n))
        + "    return y\n"
    ),
    "calls of flows": lambda n: (
        "".join(f"flow f{i}(x: int) -> int:\n    return x + {i}\n" for i in range(n))
        + "flow m(x: int) -> int:\n    y = 0\n"
        + "".join(f"    y = y + f{i}(x)\n" for i in range(n))
        + "    return y\n"
    ),
}


@pytest.mark.parametrize("title", SHAPES)
def test_work_is_linear(title: str, work: Callable[[Callable[[], object]], int]) -> None:
    shape = SHAPES[title]
    cflow.check(shape(2))  # tables and the like are made once
    small, large = (work(lambda text=shape(n): cflow.check(text)) for n in (100, 400))  # type: ignore[misc]
    assert large < 4.6 * small + 5_000


def test_components() -> None:
    edges = {"a": ["b", "d"], "b": ["c"], "c": ["b", "e"], "d": ["a"], "e": ["e"], "f": ["a"]}
    found = [sorted(group) for group in components(edges)]
    assert found == [["e"], ["b", "c"], ["a", "d"], ["f"]]
    assert components({}) == []
    ring = {str(i): [str((i + 1) % 5_000)] for i in range(5_000)}
    assert [len(group) for group in components(ring)] == [5_000]
