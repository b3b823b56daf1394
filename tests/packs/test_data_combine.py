"""Two lists of records as one, one in another shape, and SQL over lists."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import data

ORDERS: list[Any] = [{"id": 1, "who": 7, "lang": "x"}, {"id": 2, "who": 8}, {"id": 3, "who": 7}]
PEOPLE: list[Any] = [{"id": 7, "lang": "de", "name": "Ada"}, {"id": 9, "lang": "fr", "name": "Bo"}]


@dataclass
class Sale:
    region: str
    total: float


def test_joins_of_every_kind() -> None:
    on = {"who": "id"}
    inner = [{"id": 1, "who": 7, "lang": "x", "name": "Ada"}, {"id": 3, "who": 7, "lang": "de", "name": "Ada"}]
    assert data.join.fn(ORDERS, PEOPLE, on) == inner
    assert data.join.fn(ORDERS, PEOPLE, on, "left")[1] == {"id": 2, "who": 8, "lang": None, "name": None}
    assert data.join.fn(ORDERS, PEOPLE, on, "only left") == [ORDERS[1]]
    assert data.join.fn(ORDERS, PEOPLE, on, "only right") == [PEOPLE[1]]
    assert data.join.fn(ORDERS, PEOPLE, on, "right")[2:] == [{"id": 9, "who": None, "lang": "fr", "name": "Bo"}]
    assert len(data.join.fn(ORDERS, PEOPLE, on, "full")) == 4
    assert len(data.join.fn(ORDERS, PEOPLE, how="cross")) == 6
    assert data.join.fn([{"a": 1, "b": 2, "x": 0}], [{"a": 1, "b": 2, "y": 3}, {"a": 1, "b": 3}], ["a", "b"]) == [
        {"a": 1, "b": 2, "x": 0, "y": 3}
    ]
    how: Any = "outer"
    with pytest.raises(ValueError, match="how is inner, left, right, full, cross, only left or only right"):
        data.join.fn([], [], "a", how)
    with pytest.raises(ValueError, match="on= names at least one field"):
        data.join.fn([], [], [])
    with pytest.raises(ValueError, match="no field 'wo'; did you mean 'who'"):
        data.join.fn(ORDERS, PEOPLE, {"wo": "id"})


ROWS = st.lists(st.fixed_dictionaries({"k": st.integers(0, 3), "v": st.integers()}), max_size=6)


@given(ROWS, ROWS)
@settings(max_examples=100, deadline=None)
def test_the_kinds_of_join_add_up(left: Any, right: Any) -> None:
    count = {how: len(data.join.fn(left, right, "k", how)) for how in ("inner", "left", "right", "full")}
    alone = {how: len(data.join.fn(left, right, "k", how)) for how in ("only left", "only right")}  # type: ignore[arg-type]
    assert count["left"] == count["inner"] + alone["only left"]
    assert count["right"] == count["inner"] + alone["only right"]
    assert count["full"] == count["inner"] + alone["only left"] + alone["only right"]


def test_merge_by_several_fields() -> None:
    stock = [{"sku": "a", "at": 1, "n": 1}, {"sku": "a", "at": 2, "n": 5}]
    assert data.merge.fn(stock, [{"sku": "a", "at": 2, "n": 6}, {"sku": "b", "at": 1, "n": 0}], ["sku", "at"]) == [
        {"sku": "a", "at": 1, "n": 1}, {"sku": "a", "at": 2, "n": 6}, {"sku": "b", "at": 1, "n": 0},
    ]  # fmt: skip


def test_compare() -> None:
    old = [{"id": 1, "n": 5}, {"id": 2, "n": 6}, {"id": 3, "n": 7, "x": 1}]
    new = [{"id": 3, "n": 8}, {"id": 1, "n": 5}, {"id": 4, "n": 0}]
    found = data.compare.fn(old, new, "id")
    assert (found.added, found.removed, found.same) == ([new[2]], [old[1]], [new[1]])
    (change,) = found.changed
    assert (change.before, change.after, change.fields) == (old[2], new[0], ["n", "x"])
    assert data.compare.fn([], [], "id") == data.Comparison()
    with pytest.raises(ValueError, match="two of the new records have the same id"):
        data.compare.fn(old, [new[0], new[0]], "id")


@given(ROWS, ROWS)
@settings(max_examples=100, deadline=None)
def test_a_comparison_leads_from_one_list_to_the_other(old: Any, new: Any) -> None:
    old, new = data.dedupe.fn(old, "k"), data.dedupe.fn(new, "k")
    found = data.compare.fn(old, new, "k")
    made = [r for r in old if r not in found.removed and r not in [c.before for c in found.changed]]
    made += found.added + [c.after for c in found.changed]
    assert sorted(made, key=lambda r: r["k"]) == sorted(new, key=lambda r: r["k"])


def test_pivot_and_back() -> None:
    rows = [
        {"region": "n", "month": "May", "total": 1}, {"region": "s", "month": "Jun", "total": 2},
        {"region": "n", "month": "May", "total": 3}, {"region": "n", "month": "Jun", "total": None},
    ]  # fmt: skip
    assert data.pivot.fn(rows, "region", "month", "total") == [
        {"region": "n", "May": 4, "Jun": 0}, {"region": "s", "May": None, "Jun": 2},
    ]  # fmt: skip
    assert data.pivot.fn(rows, ["region"], "month", "total", "count") == [
        {"region": "n", "May": 2, "Jun": 1}, {"region": "s", "May": None, "Jun": 1},
    ]  # fmt: skip
    wide = [{"r": "n", "May": 1, "Jun": 2}, {"r": "s", "May": 3, "Jun": 4}]
    assert data.pivot.fn(data.unpivot.fn(wide, "r"), "r", "name", "value") == wide
    with pytest.raises(ValueError, match="the value 'region', which is the name of a field that stays"):
        data.pivot.fn([{"region": "n", "month": "region", "total": 1}], "region", "month", "total")
    with pytest.raises(ValueError, match="no measure 'total total'"):
        data.pivot.fn(rows, "region", "month", "total", "total")


# ---- SQL -----------------------------------------------------------------------------------------


def test_values_of_every_kind_go_through() -> None:
    row = {
        "whole": 7, "big": 2**80, "part": 1.5, "truth": True, "text": "ü'\"\n", "day": dt.date(2026, 3, 1),
        "moment": dt.datetime(2026, 3, 1, 5, 30, 1, 250_000), "price": Decimal("1.10"), "none": None, "a b": "x",
        "at": dt.time(5, 30),
    }  # fmt: skip
    (found,) = data.query.fn("select * from t", t=[row])
    assert found == row
    assert {k: type(v) for k, v in found.items()} == {k: type(v) for k, v in row.items()}
    zone = dt.timezone(dt.timedelta(hours=2))
    assert data.query.fn("select x from t", t=[{"x": dt.datetime(2026, 3, 1, 5, tzinfo=zone)}]) == [
        {"x": dt.datetime(2026, 3, 1, 3)}
    ]
    assert data.query.fn("select x->>'$.a[0]' as y from t", t=[{"x": {"a": ["deep"]}}]) == [{"y": "deep"}]
    assert data.query.fn("select sum(x) as x from t", t=[{"x": 1}, {"x": 1.5}, {}]) == [{"x": 2.5}]


def test_tables_together() -> None:
    sales = [Sale("n", 1.0), Sale("n", 2.0), Sale("s", 5.0)]
    found = data.query.fn(
        "select name, sum(total) as total from sales join regions using (region) group by all order by total desc",
        sales=sales,
        regions=[{"region": "n", "name": "North"}, {"region": "s", "name": "South"}],
    )
    assert found == [{"name": "South", "total": 5.0}, {"name": "North", "total": 3.0}]
    assert data.query.fn("select 1 as one") == [{"one": 1}]


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec", "the query fails: Parser Error"),
        ("select nope from t", "the query fails: Binder Error"),
        ("select 1; select 2", "the query is one SELECT"),
        ("", "the query is one SELECT"),
        ("drop table t", "the query is one SELECT"),
        ("insert into t values (1)", "the query is one SELECT"),
        ("select x, x from t", "two columns of the result have one name"),
        ("select * from read_csv('/etc/passwd')", "the query fails: .*(disabled|Cannot access)"),
        ("select * from read_text('/etc/passwd')", "the query fails"),
        ("select * from '/etc/passwd'", "the query fails"),
        ("select * from glob('/*')", "the query fails"),
        ("copy t to '/tmp/never.csv'", "the query is one SELECT"),
        ("set lock_configuration = false", "the query is one SELECT"),
        ("select * from read_parquet('http://127.0.0.1:9/x')", "the query fails"),
        ("select * from records", "the query fails: Catalog Error"),
    ],
)
def test_a_query_reaches_its_tables_and_nothing_else(sql: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.query.fn(sql, t=[{"x": 1}])
    assert not Path("/tmp/never.csv").exists()


def test_tables_that_are_none() -> None:
    with pytest.raises(ValueError, match="'x' of the table 't' holds values of several kinds: bigint, varchar"):
        data.query.fn("select 1 as one", t=[{"x": 1}, {"x": "a"}])
    with pytest.raises(ValueError, match="the table 't' has no records"):
        data.query.fn("select * from t", t=[])
    with pytest.raises(TypeError, match="a record is a dict"):
        data.query.fn("select * from t", t=[1])
