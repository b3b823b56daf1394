"""What the digest sees and what it does not."""

# ruff: noqa: E501 - a printed graph has an operation a line

from __future__ import annotations

import re

import pytest
from attrs import evolve

from cflow.compiler.digest import FORM, canonical_text, digest
from cflow.compiler.ir import Eval, Graph
from cflow.compiler.reader import read_graph
from cflow.compiler.rename import Names
from cflow.compiler.verify import verify
from cflow.compiler.walk import map_flows, recompute_takes

BASE = """graph app.main
secret KEY: str
env REGION: str = "eu"
class app.Err = exception Err bases(ValueError)
class app.Order = record Order(id: int)
node app.charge = charge(...) writes(card) source("c1")
node app.refund = refund(...) writes(card) source("r1") with(retry=2)
node app.check = check(...) pure version("2") source("k1")
node cflow.sleep = sleep(...) writes(world) barrier builtin("sleep")

flow app.main = main(order: class["app.Order"], tries: int = 3) -> any
  body (%order, %tries):
    xs: %xs = list[(%x + 1) for %x in list(1, 2)]
    t: %r = try (pay=%xs, ref=unbound)
      body [%order, %tries]:
        charge: %pay = call app.charge(%order, key=$secret:KEY) with(retry=%tries, timeout=10, undo=call app.refund(%pay) as %pay)
        mark pay = %pay
        check: %ok = call app.check(%pay, region=$env:REGION)
        give %ok
      except (@class(app.Err)) (%e, %pay2, %ref2):
        sub: %s = flow app.sub(%pay2)
        give %s
    sleep: %z = call cflow.sleep(10)
    scope: transaction (120)
      body:
    give %r

flow app.sub = sub(n: any) -> any
  body (%n):
    again: %again = flow app.sub(%n)
    l: %ys = each (%n, collects=True)
      body (%i):
        e: emit (%i) into l
    give %ys
"""


def base() -> Graph:
    graph = read_graph(BASE)
    verify(graph)
    return graph


SAME = [
    ("app.charge", "other.module.charge"),  # keys of nodes
    ("app.main", "x.y"),
    ("app.sub", "z"),
    ("app.Order", "shop.models.Order"),
    ("%pay", "%payment"),  # names of locals
    ("pay=%xs", "payment=%xs"),
    ("%x", "%item"),
    ("check:", "check_2:"),  # ids of operations
    ("l:", "loop:"),
    ("(120)", '(#timedelta"0,120,0")'),  # spellings of a duration
    ("(120)", '("2m")'),
    ("timeout=10", "timeout=10.0"),
    ("sleep(10)", 'sleep("10s")'),
    ("= main(", "= renamed("),
    ('version("2") source("k1")', 'version("2") source("k2")'),
    ("writes(card) source", 'writes(card) runs("thread") source'),
]


def replaced(old: str, new: str) -> Graph:
    assert old in BASE
    text = (
        re.sub(rf"(?<![\w.]){re.escape(old)}(?!\w)", lambda _: new, BASE)
        if old[-1].isalnum()
        else BASE.replace(old, new)
    )
    if old == "pay=%xs":
        text = text.replace("mark pay", "mark payment")
    if old == "l:":
        text = text.replace("into l", "into loop")
    assert text != BASE
    graph = read_graph(text)
    verify(graph)
    return graph


@pytest.mark.parametrize(("old", "new"), SAME, ids=range(len(SAME)))
def test_blind_to(old: str, new: str) -> None:
    assert canonical_text(replaced(old, new)) == canonical_text(base())


DIFFERENT = [
    ("charge(...)", "debit(...)"),  # a node's name, code, version, effects
    ('source("c1")', 'source("c2")'),
    ('version("2")', 'version("3")'),
    ('writes(card) source("c1")', 'writes(card, mail) source("c1")'),
    ("with(retry=2)", "with(retry=3)"),  # of an undo too
    ("timeout=10", "timeout=11"),  # policies
    ("retry=%tries", "retry=3"),
    ("undo=call app.refund(%pay)", "undo=call app.refund(%order)"),
    ("= 3)", "= 4)"),  # the meaning of the program
    ("tries: int", "attempts: int"),
    ("order: class", "kw order: class"),
    ("tries: int", "tries: float"),
    ("flow app.sub(%pay2)", "flow app.sub(%e)"),
    ("(%x + 1)", "(%x + 1.0)"),
    ("(%x + 1)", "(%x + True)"),
    ("in list(1, 2)", "in tuple(1, 2)"),
    ("mark pay = %pay", "mark ref = %pay"),
    ("emit (%i)", "emit (tuple(%i))"),
    ("each (%n,", "each (%n, parallel=8,"),
    ("$secret:KEY", "$env:REGION"),
    ('REGION: str = "eu"', 'REGION: str = "us"'),
    ("bases(ValueError)", "bases(KeyError)"),
    ("record Order(id: int)", "record Order(id: int, sku: str?)"),
    ("record Order(id: int)", 'record Order(id: int? = "int:1")'),
    ("(@class(app.Err))", "(@class(ValueError))"),
    ("sleep(10)", "sleep(11)"),
    ("transaction (120)", "timeout (120)"),
    ("-> any\n  body (%order", "-> any with(retry=1)\n  body (%order"),
]


@pytest.mark.parametrize(("old", "new"), DIFFERENT, ids=range(len(DIFFERENT)))
def test_sensitive_to(old: str, new: str) -> None:
    assert old in BASE
    changed = map_flows(read_graph(BASE.replace(old, new)), lambda f: evolve(f, body=recompute_takes(f.body)))
    verify(changed)
    assert digest(changed) != digest(base())


def test_of_another_flow_and_stable_over_processes() -> None:
    assert digest(base(), "app.sub") == digest(base(), "app.sub") != digest(base())
    assert digest(base(), "app.main") == digest(base())
    tiny = read_graph("graph m\nflow m = m(n: int) -> int\n  body (%n):\n    give (%n + 1)\n")
    assert canonical_text(tiny) == f'{FORM}\nflow0:\n(pos_or_kw "n" v0: int) -> int\ngive (%v0 + 1)\n'
    assert digest(tiny) == "1591b8b98c8f4413bb0a11b87f41bca6b2ad95fd6be0e885706925dfa4ecca1a"


def test_what_is_not_reached_does_not_count() -> None:
    graph = base()
    more = evolve(graph, nodes={**graph.nodes, "extra": evolve(graph.nodes["app.check"], key="extra", name="extra")})
    assert digest(more) == digest(graph)


def test_any_renaming_is_unseen() -> None:
    names = Names(lambda v: f"{v}'", lambda o: f"op {o}", lambda t: f"{t}?")

    def renamed_again(graph: Graph) -> Graph:
        return map_flows(graph, lambda f: evolve(f, body=names.region(f.body)))

    other = renamed_again(base())
    verify(other)
    assert canonical_text(other) == canonical_text(base())


def test_long_flows() -> None:
    graph = base()
    ops = tuple(
        Eval(f"s{i}", graph.main.body.ops[0].expr, f"v{i}")
        for i in range(5_000)
        if isinstance(graph.main.body.ops[0], Eval)
    )
    long = evolve(
        graph, flows={**graph.flows, "app.main": evolve(graph.main, body=evolve(graph.main.body, ops=ops, results=()))}
    )
    assert len(digest(long)) == 64
