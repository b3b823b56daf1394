"""Traversal and rebuilding: every field is reached, nothing changes by itself, identity tells that nothing did."""

from __future__ import annotations

import sys
from pathlib import Path

from attrs import evolve

from cflow.compiler.depth import deep
from cflow.compiler.exprs import subexpressions
from cflow.compiler.ir import Apply, Const, Expr, Graph, Op, Ref, Region, Try
from cflow.compiler.printer import print_graph, print_region
from cflow.compiler.reader import read_graph, read_region
from cflow.compiler.verify import verify
from cflow.compiler.walk import (
    all_ops,
    exprs_of,
    map_exprs,
    map_flows,
    map_ops,
    map_region_exprs,
    map_regions,
    needs,
    operands,
    ops_in,
    recompute_takes,
    refs_of,
    regions_in,
    regions_of,
    substitute,
    uses,
)

EVERYTHING = (Path(__file__).parent / "everything.graph").read_text()


def graph() -> Graph:
    return read_graph(EVERYTHING)


def test_operations_come_in_the_order_of_the_text() -> None:
    printed = [line.strip().split(":")[0] for line in EVERYTHING.splitlines()]
    ids = [op.id for op in all_ops(graph())]
    positions = [printed.index(id) for id in ids]
    assert positions == sorted(positions)
    assert len(ids) == len(set(ids))
    assert [op.id for op in all_ops(graph().main)] == ids[:-1]
    assert [op.id for op in all_ops(graph().main.body)] == ids[:-1]


def test_every_expression_is_reached_once() -> None:
    seen = 0
    for flow in graph().flows.values():
        for region in regions_in(flow.body):
            for op in region.ops:
                seen += len(list(exprs_of(op)))
    marked = 0

    def mark(expr: Expr) -> Expr:
        nonlocal marked
        marked += 1
        return Const("here")

    for op in all_ops(graph()):
        map_exprs(op, mark)
    assert marked == seen > 40


def test_mapping_with_nothing_to_change_gives_the_same_objects() -> None:
    for op in all_ops(graph()):
        assert map_exprs(op, lambda e: substitute(e, lambda _: None)) is op
        assert map_regions(op, lambda r: r) is op
    body = graph().main.body
    assert map_ops(body, lambda op: op) is body
    assert map_region_exprs(body, lambda e: e) is body
    assert recompute_takes(body) is body
    g = graph()
    assert map_flows(g, lambda f: f) is g


def test_every_region_is_rebuilt() -> None:
    def empty(region: Region) -> Region:
        return Region(region.params)

    for op in all_ops(graph()):
        mapped = map_regions(op, empty)
        assert all(r == Region(r.params) for r in regions_of(mapped))
        assert len(regions_of(mapped)) == len(regions_of(op))
        if isinstance(op, Try) and isinstance(mapped, Try):
            assert [h.types for h in mapped.handlers] == [h.types for h in op.handlers]


def test_references() -> None:
    (op,) = read_region("a: %a = list[tuple(%x, %y, %z) for (%x, *%y,) in %b if (%x < %c) for %z in %x]").ops
    assert list(operands(op)) == ["b", "c"]
    (op,) = read_region("c: %c = call f(%a, *%b, k=%d) with(retry=%e, undo=call u(%r, %g) as %r)").ops
    assert list(needs(op)) == ["a", "b", "d", "e", "g"]
    (op,) = read_region("b: branch (%a)\n  arm [%c]:\n    d: %d = %c\n  arm:").ops
    assert list(needs(op)) == ["a", "c"]


def test_uses_and_takes() -> None:
    region = read_region(
        "a: %a = %n\nb: branch (%a)\n  arm:\n    c: branch (%n)\n      arm:\n        d: %d = tuple(%a, %far)\n"
        "      arm:\n"
        "  arm [%zz]:\ngive %n, %m"
    )
    exact = recompute_takes(region)
    assert list(uses(exact)) == ["n", "far", "m"]
    assert exact.takes == ("n", "far", "m")
    assert [r.takes for r in regions_in(exact)] == [("n", "far", "m"), ("n", "a", "far"), (), ("a", "far"), ()]


def test_marks_stay_before_the_same_operation() -> None:
    text = "mark x = 1\na: %a = 1\nmark x = 2\nb: %b = 2\nmark x = 3\nmark y = 4\nc: %c = 3\nmark x = 5"
    region = read_region(text)

    def change(op: Op) -> Op | list[Op]:
        return {"a": [op, evolve(op, id="a2")], "b": []}.get(op.id, op)  # type: ignore[return-value]

    changed = map_ops(region, change)
    assert print_region(changed).splitlines() == [
        "mark x = 1", "a: %a = 1", "a2: %a = 1", "mark x = 2", "mark x = 3", "mark y = 4", "c: %c = 3", "mark x = 5",
    ]  # fmt: skip


def test_substitution_reaches_results_marks_and_nested_regions() -> None:
    g = graph()
    changed = map_flows(
        g, lambda f: evolve(f, body=map_region_exprs(f.body, lambda e: substitute(e, {"a": Ref("n")}.get)))
    )
    changed = map_flows(changed, lambda f: evolve(f, body=recompute_takes(f.body)))
    verify(changed)
    assert "%a" not in print_graph(changed).replace("%a = ", "").replace('%"a value"', "").replace("%acc", "")


def test_deep_expressions() -> None:
    expr: Expr = Ref("x")
    for _ in range(20_000):
        expr = Apply("neg", (expr,))
    assert list(refs_of(expr)) == ["x"]
    assert sum(1 for _ in subexpressions(expr)) == 20_001
    limit = sys.getrecursionlimit()
    with deep(), deep():
        assert substitute(expr, lambda _: None) is expr
        assert list(refs_of(substitute(expr, lambda _: Ref("y")))) == ["y"]
    assert sys.getrecursionlimit() == limit


def test_long_regions() -> None:
    region = Region(ops=tuple(read_region("a: %a = 1").ops) * 50_000)
    assert sum(1 for _ in ops_in(region)) == 50_000
