"""Every law is broken once at least, and its name is what the error says."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from attrs import evolve

from cflow.compiler.diagnostics import EngineBug
from cflow.compiler.ir import Const, Graph, Mark, Region
from cflow.compiler.reader import read_graph
from cflow.compiler.verify import LAWS, LawBroken, verify

TEXT = (Path(__file__).parent / "broken_laws.md").read_text()
BROKEN = re.findall(r"```([a-z-]+)\n(.*?)```", TEXT, re.DOTALL)

HEAD = """graph m
node w = w(...) writes(a)
node p = p(...) pure
flow m = m(n: int) -> int
  body (%n):
"""


def whole(text: str) -> Graph:
    if text.startswith("graph"):
        return read_graph(text)
    return read_graph(HEAD + "".join(f"    {line}\n" for line in text.splitlines()))


@pytest.mark.parametrize(("law", "text"), BROKEN, ids=[f"{i}-{law}" for i, (law, _) in enumerate(BROKEN)])
def test_a_broken_law_is_named(law: str, text: str) -> None:
    with pytest.raises(LawBroken) as caught:
        verify(whole(text))
    assert caught.value.law == law
    assert isinstance(caught.value, EngineBug)
    assert str(caught.value).startswith(f"{law}: {LAWS[law]}")


def test_every_law_is_broken_here() -> None:
    assert {law for law, _ in BROKEN} | {"keys"} == set(LAWS)


def test_keys() -> None:
    graph = whole("a: %a = 1")
    renamed = evolve(graph, flows={"m": evolve(graph.main, key="other")})
    with pytest.raises(LawBroken, match="keys"):
        verify(renamed)


def test_a_mark_out_of_range() -> None:
    graph = whole("a: %a = 1")
    marked = evolve(graph.main.body, marks=(Mark(7, "x", Const(1)),))
    with pytest.raises(LawBroken, match="marks"):
        verify(evolve(graph, flows={"m": evolve(graph.main, body=marked)}))


def test_the_operations_around_are_shown() -> None:
    text = "\n".join(f"s{i}: %v{i} = {i}" for i in range(30)) + "\nbad: %bad = (%v3 + %nowhere)\nlast: %last = 1"
    with pytest.raises(LawBroken) as caught:
        verify(whole(text))
    shown = str(caught.value).splitlines()
    assert "-> bad: %bad = (%v3 + %nowhere)" in shown
    assert "   s29: %v29 = 29" in shown
    assert len(shown) <= 12


def test_while_true_may_end_a_block_or_not() -> None:
    loop = "w: loop ()\n  condition:\n    give True\n  body [%n]:\n    r: return (%n)\n    never\n"
    verify(whole(loop + "never"))
    verify(whole(loop + "a: %a = 1"))


def test_an_empty_region_is_fine() -> None:
    assert Region().results == ()
    verify(whole("# nothing"))
