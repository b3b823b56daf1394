"""A flow that could not be compiled can be right the next time: what it named may have been defined meanwhile."""

from __future__ import annotations

from typing import Any

import pytest
from python_sources import execute

import cflow
from cflow import ProgramError, flow, node


def test_what_was_missing_may_be_defined_later() -> None:
    space = execute(
        "from cflow import flow, node\n"
        "@flow\ndef outer(x: int) -> int:\n    return inner(x)\n"
        "@flow\ndef inner(x: int) -> int:\n    return later(x)\n"
    )
    outer = space["outer"]
    for _ in range(2):
        with pytest.raises(ProgramError, match="nothing called 'later'"):
            outer.run(1)
    assert [d.id for d in outer.check()] == ["unknown-name"]
    space["later"] = node(lambda x: x + 1, pure=True)
    assert outer.check() == []
    assert outer.run(1) == 2


def test_what_was_of_the_wrong_kind_may_be_right_later() -> None:
    space = execute("from cflow import flow\nlater = None\n@flow\ndef main(x: int) -> int:\n    return later(x)\n")
    main = space["main"]
    assert [d.id for d in main.check()] == ["not-callable"]
    space["later"] = node(lambda x: x + 1, pure=True)
    assert main.run(1) == 2


def test_a_name_of_the_function_around_may_be_bound_later() -> None:
    @flow
    def main(x: int) -> int:
        return later(x)

    (finding,) = main.check()
    assert "later" not in finding.help

    @node(pure=True)
    def later(x: int) -> int:
        return x + 1

    assert main.run(1) == 2


def test_what_could_be_compiled_is_kept() -> None:
    space: dict[str, Any] = execute(
        "from cflow import flow\nRATE = 2\n"
        "@flow\ndef good(x: int) -> int:\n    return x * RATE\n"
        "@flow\ndef bad(x: int) -> int:\n    return good(x) + later(x)\n"
    )
    good = space["good"]
    compiled = cflow.engine.default_engine().compiled(good)
    assert [d.id for d in space["bad"].check()] == ["unknown-name"]
    space["RATE"] = 3
    assert cflow.engine.default_engine().compiled(good) is compiled
    assert good.run(1) == 2
