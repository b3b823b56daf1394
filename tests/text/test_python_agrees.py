"""What both languages write alike is read alike: generated bodies, by this parser and by Python's."""

from __future__ import annotations

import ast

from hypothesis import given, settings, strategies as st
from text_programs import Programs
from text_support import read, show

from cflow.compiler.diagnostics import Collector
from cflow.dsl.python import read_flow_ast
from cflow.dsl.scope import DictScope


def agree(seed: int) -> None:
    text = Programs(seed, plain=True).flow("main")
    (tree,) = read(text).declarations
    collector = Collector()
    (definition,) = ast.parse("def" + text.removeprefix("flow")).body
    assert isinstance(definition, ast.FunctionDef)
    twin = read_flow_ast(definition, "x.py", DictScope({}), collector)
    assert not collector.items
    assert show(tree) == show(twin)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_generated_bodies(seed: int) -> None:
    agree(seed)


def test_many_generated_bodies(long: bool) -> None:
    for seed in range(20_000 if long else 0):
        agree(seed)
