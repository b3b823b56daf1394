"""The forms of the language in Python: equal to the tree of their twin, or to one written out; and what is refused."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from python_sources import execute, normal, parts, read_blocks, show

from cflow.compiler.diagnostics import Collector
from cflow.dsl import syntax
from cflow.dsl.text import parse

FOLDER = Path(__file__).parent
PRELUDE = """
import collections.abc as abc, datetime as dt, json, math, typing
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Callable, Dict, List, Literal, Optional, Tuple, Union
import cflow
import cflow as c
from cflow import (
    Collected, batched, buffered, collect, convert, detach, env, flow, lock, loop, node, parallel, race, secret, sleep,
    timeout, transaction, wait_signal, windowed,
)
from cflow import race as r, Retry
def f(x): ...
def g(x): ...
def h(x): ...
"""


def sections(name: str) -> Any:
    found = list(read_blocks(FOLDER / name))
    assert found
    return pytest.mark.parametrize("blocks", [pytest.param(dict(blocks), id=title) for title, blocks in found])


def read(code: str) -> syntax.Flow:
    flow: syntax.Flow = execute(PRELUDE + code)["main"].source.loaded()[0]
    return flow


@sections("twins.md")
def test_both_spellings_give_one_tree(blocks: dict[str, str]) -> None:
    collector = Collector()
    module = parse(blocks["cflow"], "twin.cflow", collector)
    assert module is not None, collector.items
    assert not collector.items
    (twin,) = module.declarations
    assert show(normal(read(blocks["python"]))) == show(normal(twin))


@sections("trees.md")
def test_what_only_python_writes(blocks: dict[str, str]) -> None:
    body = read(blocks["python"]).body
    assert "\n".join(map(show, body)) + "\n" == blocks["tree"]


@sections("refused.md")
def test_what_a_flow_cannot_hold(blocks: dict[str, str]) -> None:
    code = blocks["python"]
    first = PRELUDE.count("\n")
    expected: list[tuple[int, str]] = []
    for number, line in enumerate(code.splitlines(), 1):
        comment = re.search(r"# refused(?: at (\d+))?: (.*)$", line)
        if comment:
            expected += [(int(comment[1] or number), what) for what in comment[2].split(" | ")]
    found = [(part.span.line - first, part) for part in parts(read(code)) if isinstance(part, syntax.Unsupported)]
    assert [line for line, _ in found] == [line for line, _ in expected], [(line, p.what) for line, p in found]
    for (_, part), (_, what) in zip(found, expected, strict=True):
        assert part.what.startswith(what)
        assert part.reason
        assert part.instead


def test_a_block_whose_import_was_forgotten() -> None:
    code = "from cflow import flow\n@flow\ndef main(x):\n    with lock('a'):\n        return x\n"
    flow = execute(code)["main"].source.loaded()[0]
    (found,) = [part for part in parts(flow) if isinstance(part, syntax.Unsupported)]
    assert found.reason == "lock is not imported here"
    assert found.instead == "from cflow import lock"
