"""Effects and guards: fixed points over recursive flows, every rule on what guards and what enters in order."""

# ruff: noqa: E501 - a printed graph has an operation a line

from __future__ import annotations

import pytest
from attrs import evolve

from cflow.compiler.effects import (
    can_fail,
    enters_in_order,
    flow_control,
    flow_effects,
    is_guard,
    op_can_fail,
    op_effects,
    openers,
)
from cflow.compiler.ir import Eval, Expr, Graph, Loop
from cflow.compiler.reader import read_graph, read_region
from cflow.compiler.spec import BARRIER, PURE, UNDECLARED, Effects

HEAD = """graph m
node p = p(...) pure
node ra = ra(...) reads(a)
node wa = wa(...) writes(a)
node wb = wb(...) writes(b)
node x = x(...) writes(world) undeclared
node s = s(...) reads(a) stream

flow pure = pure(n: any) -> any
  body (%n):
    c: %c = call p(%n)
    give %c

flow ping = ping(n: any) -> any
  body (%n):
    c: %c = call ra(%n)
    r: %r = flow pong(%n)
    give %r

flow pong = pong(n: any) -> any
  body (%n):
    b: %b = branch ((%n > 0))
      arm [%n]:
        r: %r = flow ping(%n)
        give %r
      arm [%n]:
        w: %w = call wb(%n)
        give %w
    give %b

flow asserts = asserts(n: any) -> any
  body (%n):
    b: branch (not(%n))
      arm:
        r: raise (new(@class(AssertionError)))
        never
      arm:
    e: return (%n)
    never

flow whiles = whiles(n: any) -> any
  body (%n):
    w: loop ()
      condition [%n]:
        give %n
      body:

flow early = early(n: any) -> any
  body (%n):
    b: branch (%n)
      arm:
        r: return (1)
        never
      arm:

flow live = live(n: any) -> stream[any] stream
  body (%n):
    b: branch (not(%n))
      arm:
        r: raise (new(@class(AssertionError)))
        never
      arm:
    c: %c = call wb(1)
    e: emit (%n) into ""

flow m = m(n: any) -> any
  body (%n):
"""


def graph(text: str) -> Graph:
    return read_graph(HEAD + "".join(f"    {line}\n" for line in text.strip("\n").splitlines()))


def reads(*names: str) -> Effects:
    return Effects(reads=frozenset(names))


def writes(*names: str) -> Effects:
    return Effects(writes=frozenset(names))


def test_flow_effects_are_the_least_fixed_point() -> None:
    table = flow_effects(graph("a: %a = flow ping(1)"))
    assert table["pure"] == PURE
    assert table["ping"] == table["pong"] == table["m"] == reads("a") | writes("b")
    assert table["live"] == BARRIER | writes("b")


EFFECTS = [
    ("o: %o = (%n + 1)", PURE),
    ("o: %o = call ra(%n)", reads("a")),
    ("o: %o = call x(%n)", UNDECLARED),
    ("o: %o = flow pure(%n)", PURE),
    ("o: %o = detach pure(%n)", BARRIER),
    ("o: branch (%n)\n  arm:\n    c: %c = call ra(1)\n  arm:\n    d: %d = call wb(1)", reads("a") | writes("b")),
    ("o: loop (source=%n)\n  body (%i):\n    c: %c = call wa(1)", writes("a")),
    ("o: %o = race ()\n  arm:\n    c: %c = call wa(1) with(undo=call wb(1) as %c)\n    give 1", writes("a", "b")),
    (
        "o: each (%n, take=1)\n  body (%i):\n    c: %c = call ra(1) with(undo=flow pong(1) as %c)",
        reads("a") | writes("b"),
    ),
    ("o: each (%n)\n  body (%i):\n    c: %c = call wa(1) with(undo=call wb(1) as %c)", writes("a")),
    ("t: transaction ()\n  body:\n    c: %c = call wa(1) with(undo=call wb(1) as %c)", writes("a")),
]


@pytest.mark.parametrize(("text", "effects"), EFFECTS)
def test_op_effects(text: str, effects: Effects) -> None:
    g = graph(text)
    assert op_effects(g.main.body.ops[0], g, flow_effects(g)) == effects


def test_a_loop_over_a_stream_has_the_effects_of_what_opened_it() -> None:
    g = graph(
        "c: %c = call s(1)\nd: %d = flow live(1)\nl: loop (source=%c, stream=True)\n  body (%i):\nl2: loop (source=%d, stream=None)\n  body (%i2):"
    )
    *_, first, second = g.main.body.ops
    table, opened = flow_effects(g), openers(g.main.body)
    assert op_effects(first, g, table, opened) == reads("a")
    assert op_effects(second, g, table, opened) == table["live"]
    assert op_effects(first, g, table) == UNDECLARED
    assert op_effects(second, g, table) == PURE
    assert is_guard(second, g, flow_control(g), opened)
    assert not is_guard(first, g, flow_control(g), opened)
    assert not is_guard(g.main.body.ops[1], g, flow_control(g), opened)


GUARDS = [
    ("o: return (1)", True),
    ("o: raise (new(@class(ValueError)))", True),
    ("o: %o = call x(1)", False),
    ("o: %o = flow early(1)", False),
    ("o: %o = flow asserts(1)", True),
    ("o: %o = flow asserts(1) with(default=1)", False),
    ("o: %o = flow whiles(1)", True),
    ("o: %o = flow whiles(1) with(default=1)", True),
    ("o: %o = detach whiles(1)", False),
    ("o: loop ()\n  condition:\n    give False\n  body:", True),
    ("o: loop (source=%n)\n  body (%i):", False),
    ("o: loop (source=%n)\n  body (%i):\n    b: break ()\n    never", False),
    ("o: loop (source=%n)\n  body (%i):\n    b: return (1)\n    never", True),
    ("o: loop (source=%n)\n  body (%i):\n    f: %f = flow whiles(1)", True),
    ("o: each (%n)\n  body (%i):\n    f: %f = flow asserts(1)", True),
    ("o: %o = each (%n, collect=True, collects=True)\n  body (%i):\n    f: %f = flow asserts(1)", False),
    ("o: %o = each (%n, collect=True, collects=True, max_failed=2)\n  body (%i):\n    f: %f = flow asserts(1)", True),
    ("o: branch (%n)\n  arm:\n    b: continue ()\n    never\n  arm:", True),
    ("o: branch (%n)\n  arm:\n    f: %f = flow asserts(1)\n  arm:", True),
    ("o: parallel\n  arm:\n    f: %f = flow asserts(1)\n  arm:", True),
    ("o: try ()\n  body:\n  except any (%e):\n    r: return (1)\n    never", False),
    ("o: try ()\n  body:\n    f: %f = flow asserts(1)\n  except any (%e):", False),
    ("o: try ()\n  body:\n    f: %f = flow asserts(1)\n  except (@class(Exception)) (%e):", False),
    ("o: try ()\n  body:\n    f: %f = flow asserts(1)\n  except (@class(KeyError)) (%e):", True),
    ("o: try ()\n  body:\n    r: return (1)\n    never\n  except any (%e):", True),
    ("o: try ()\n  body:\n  finally:\n    f: %f = flow asserts(1)", True),
    ("o: try ()\n  body:\n  except any (%e):\n  else:\n    f: %f = flow asserts(1)", True),
    ("o: transaction ()\n  body:\n    f: %f = flow asserts(1)", True),
]


@pytest.mark.parametrize(("text", "guard"), GUARDS)
def test_guards(text: str, guard: bool) -> None:
    g = graph(text)
    assert is_guard(g.main.body.ops[0], g, flow_control(g)) is guard


def test_recursion_alone_is_no_guard() -> None:
    assert not flow_control(graph("a: %a = flow ping(1)"))["ping"].guards


ORDERED = [
    ('o: lock ("x")\n  body:', True),
    ("o: timeout (3)\n  body:", True),
    ("o: transaction ()\n  body:", True),
    ("o: try ()\n  body:\n  finally:", True),
    ("o: try ()\n  body:\n  except any (%e):", False),
    ("o: %o = flow pong(1) with(retry=2)", True),
    ("o: %o = flow pong(1)", False),
    ("o: %o = flow pure(1) with(retry=2)", False),
    ("o: %o = call wa(1)", False),
]


@pytest.mark.parametrize(("text", "ordered"), ORDERED)
def test_what_is_entered_in_order(text: str, ordered: bool) -> None:
    g = graph(text)
    assert enters_in_order(g.main.body.ops[0], g, flow_effects(g)) is ordered


def expr(text: str) -> Expr:
    (op,) = read_region(f"e: %e = {text}").ops
    assert isinstance(op, Eval)
    return op.expr


@pytest.mark.parametrize(
    "text",
    ["1", "%a", "$env:X", "@builtin(len)", "list(%a, 1)", "tuple(list(%a))", "(%a is None)", "if((%a is None), %a, 1)",
     'fstring("a")', "dict(1, %a)", "set(1, 2)", "and(True, %a)", "or((%a is %b), %b)", "not(list())", "slice(%a, 1)",
     "match_sequence(%a, 1, True)"],
)  # fmt: skip
def test_what_cannot_fail(text: str) -> None:
    assert not can_fail(expr(text))


@pytest.mark.parametrize(
    "text",
    ["(%a + 1)", "attr(%a, \"x\")", "(%a < 1)", "if(%a, 1, 2)", "not(%a)", "and(%a, 1)", "set(%a)", "dict(%a, 1)", "list(*%a)",
     "list[%x for %x in %a]", "py.len(%a)", "list((1 // %a))", "fstring(%a)", "new(@class(E))", "(%a is %b == %c)"],
)  # fmt: skip
def test_what_may_fail(text: str) -> None:
    assert can_fail(expr(text))


def test_which_operations_may_fail() -> None:
    region = read_region(
        "a: branch ((%n is None))\n  arm:\n  arm:\nb: parallel\n  arm:\n    c: %c = list()\nd: emit (1) into x\n"
        'e: emit (1) into ""\nf: branch (%n)\n  arm:\n  arm:\ng: branch (True)\n  arm:\n    r: return (1)\n    never\n  arm:\n'
        "h: %h = call f()\ni: loop (source=%n)\n  body (%i):\n"
    )
    assert [op_can_fail(op) for op in region.ops] == [False, False, False, True, True, True, True, True]
    assert isinstance(region.ops[-1], Loop)


def test_an_undeclared_effect_stays_undeclared_in_a_union() -> None:
    assert not (UNDECLARED | reads("a")).declared
    assert evolve(UNDECLARED, declared=True) == UNDECLARED
