"""The printed graph: it parses back to an equal graph, and every kind of constant survives."""

from __future__ import annotations

import datetime as dt
import decimal
import math
import pathlib
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from cflow.compiler.constants import Opaque
from cflow.compiler.ir import Call, Const, Eval, FlowGraph, Graph, Ref, Region
from cflow.compiler.printer import print_expr, print_graph, print_op
from cflow.compiler.reader import GraphSyntaxError, read_graph, read_region
from cflow.compiler.spec import NodeSpec, Retry
from cflow.compiler.types import ELLIPSIS, INT, Type, class_type, union
from cflow.compiler.verify import verify

EVERYTHING = (pathlib.Path(__file__).parent / "everything.graph").read_text()


def test_every_form_prints_and_reads_back() -> None:
    graph = read_graph(EVERYTHING)
    verify(graph)
    assert print_graph(graph) == EVERYTHING
    assert read_graph(print_graph(graph)) == graph


def read_value(value: Any) -> Any:
    (op,) = read_region(print_op(Eval("a", Const(value), "a"))).ops
    assert isinstance(op, Eval)
    assert isinstance(op.expr, Const)
    return op.expr.value


CONSTANTS: list[Any] = [
    None,
    True,
    False,
    0,
    -1,
    10**40,
    -(10**5000),
    0.0,
    -0.0,
    1e300,
    5e-324,
    1.5,
    math.inf,
    -math.inf,
    1 + 2j,
    "",
    "a\"b'c",
    "line\nbreak",
    "é ✓ \u2028 \ud800",
    "%x # y",
    b"",
    b"a'\x00\xff",
    dt.date(2024, 2, 29),
    dt.datetime(2024, 1, 1, 2, 3, 4, 5),
    dt.datetime(2024, 1, 1, tzinfo=dt.UTC),
    dt.time(1, 2),
    dt.timedelta(days=-1, microseconds=3),
    decimal.Decimal("1.10"),
    pathlib.Path("a b/c"),
    INT,
    union(INT, class_type("shop.Order")),
    Type("tuple", (INT, ELLIPSIS)),
    Type("literal", ("a", 1, None)),
    (),
    (1, (2.0, "x"), None),
    Opaque("<lock>"),
]


@pytest.mark.parametrize("value", CONSTANTS, ids=range(len(CONSTANTS)))
def test_constants(value: Any) -> None:
    back = read_value(value)
    assert back == value
    assert type(back) is type(value)
    assert print_expr(Const(back)) == print_expr(Const(value))


def test_nan() -> None:
    assert math.isnan(read_value(math.nan))


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary() | st.dates() | st.timedeltas(),
    lambda inner: st.lists(inner, max_size=3).map(tuple),
    max_leaves=6,
)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(values)
def test_any_constant(value: Any) -> None:
    assert repr(read_value(value)) == repr(value)


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_name(id: str, key: str) -> None:
    region = Region(ops=(Call(id, key, (Ref(id),), ((key, Const(1)),), id),))
    assert read_region(print_op(region.ops[0])) == region


def test_equal_numbers_of_different_types_print_differently() -> None:
    assert len({print_expr(Const(v)) for v in (1, 1.0, True, 0, 0.0, -0.0, False, "1", b"1")}) == 9


def test_a_value_without_a_literal_form_prints_as_opaque() -> None:
    assert print_expr(Const([1])) == '#opaque"[1]"'
    node = NodeSpec("f", "f", policy={"retry": Retry(3, on=(ValueError, KeyError)), "default": [1]})
    graph = Graph("m", {"m": FlowGraph("m", "m", (), Region())}, {"f": node})
    text = print_graph(graph)
    assert '"ValueError"' in text
    assert print_graph(read_graph(text)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "flow",
        "graph",
        "graph m n",
        "graph m\nblock x",
        "graph m\nflow m = m() -> int",
        "graph m\nflow m = m() -> int\n  arm:",
        "graph m\nflow m = m( -> int\n  body:",
        "graph m\nflow m = m() -> int\n  body:\n      give 1\n    give 2",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a, %b = 1",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a = call f(%x",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a = (1 ~ 2)",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a = (1 + 2 - 3)",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a = ( 1 )",
        "graph m\nflow m = m() -> int\n  body:\n    a: %a = 1\n      b: %b = 2",
        "graph m\nflow m = m() -> int\n  body:\n    a: = 1",
        "graph m\nflow m = m() -> int\n  body:\n    give 1 2",
    ],
)
def test_a_text_that_is_no_graph_says_where(text: str) -> None:
    with pytest.raises(GraphSyntaxError):
        read_graph(text)


def test_long_and_deep() -> None:
    ops = tuple(Eval(f"s{i}", Ref(f"v{i - 1}") if i else Const(0), f"v{i}") for i in range(10_000))
    graph = Graph("m", {"m": FlowGraph("m", "m", (), Region(ops=ops))})
    verify(graph)
    assert read_graph(print_graph(graph)) == graph
    text = "    " + "(" * 400 + "1" + " + 1)" * 400
    graph = read_graph(f"graph m\nflow m = m() -> int\n  body:\n    a: %a = {text.strip()}\n")
    assert text.strip() in print_graph(graph)
