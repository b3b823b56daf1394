"""The fix of a finding is written in the spelling of the flow, and is a fix."""

from __future__ import annotations

from typing import Any

import pytest
from python_sources import execute

import cflow

HEAD = (
    "from cflow import flow, node, parallel, race, batched, lock, Retry\n"
    "@node(writes='a')\ndef wa(x: int = 0) -> int: return x\n"
    "@node(reads='s')\nasync def lines():\n    yield 'a'\n"
)


@pytest.mark.parametrize(
    ("body", "fix"),
    [
        ("return race(wa(1), wa(2))", "write wa.options(undo=f)(...), or give the node undo=f"),
        (
            "x = 0\nfor i in parallel(range(3), limit=2):\n    x = wa(i)\nreturn x",
            "collect the values: write ys = [] before the loop and ys.append(x) in it",
        ),
        ("return [wa(i) for i in parallel(range(3), limit=0)]", "write parallel(xs, limit=8)"),
        ("for b in batched(lines(), 0):\n    wa(len(b))", "write batched(stream, 1000)"),
        ("return wa.options(timeout='5x')(1)", 'write seconds, or text like "10s" or "1h30m"'),
        ("with lock(3):\n    wa(1)", 'write with lock("printer")'),
        ("return wa.fn(1)", "write wa(...)"),
        ("ys = xs\nys[1] = 5\nreturn ys", "write ys = [*ys[:i], value, *ys[i + 1:]]"),
        ("ys = xs\nys.append(5)\nreturn ys", "write ys = [*ys, item]"),
    ],
)
def test_in_python(body: str, fix: str) -> None:
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    main: Any = execute(HEAD + f"@flow\ndef main(xs: list[int]):\n{lines}")["main"]
    assert {d.help for d in main.check() if d.severity == "error"} == {fix}


def test_in_text() -> None:
    (finding,) = cflow.check("flow main() -> list[int]:\n    xs = for i in range(3) with parallel=0:\n        yield i\n    return xs\n")  # noqa: E501  # fmt: skip
    assert (finding.message, finding.help) == ("parallel= is a whole number of at least 1", "write parallel=8")


def test_what_an_operator_makes_is_the_flow_s_own() -> None:
    main: Any = execute(
        HEAD + "@flow\ndef main(xs: list[int]) -> list[list[int]]:\n    ys = [0] * 3\n    zs = [0] * 3\n    ys[1] = 5\n"
        "    vs = xs + xs\n    vs.append(9)\n    all = []\n    for i in range(2):\n        ws = [0] * 2\n"
        "        ws[i] = 1\n        all.append(ws)\n    return [ys, zs, vs, xs, *all]\n"
    )["main"]
    assert main.check() == []
    assert main.run([1]) == [[0, 5, 0], [0, 0, 0], [1, 1, 9], [1], [1, 0], [0, 1]]
