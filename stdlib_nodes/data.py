"""Lists of records: choose, change, sort, group, sum up, combine. All nodes are pure, take the rows first and leave
them as they are, so they chain: ``orders |> data.filter("total", ">", 100) |> data.sort("-total") |>
data.limit(10)``.

A record is a dict or a typed record (what ``type Order:`` makes). Nodes that choose whole records hand them on as they
came; nodes that change fields give dicts. Errors name the record, counted from 0 as in ``rows[0]``.

Files that are too large for lists are tables (pack ``table``): ``select drop set rename cast filter sort summarize
dedupe limit concat join compare pivot`` take them too, and give tables.
"""

from __future__ import annotations

import typing
from collections.abc import Iterable, Mapping
from typing import Any, Literal

import attrs
from attrs import frozen

from .. import node
from . import _combine, _lists
from ._combine import fields_of_key, keys_of
from ._fields import as_dict, column, each, field, same
from ._measures import measured
from ._plans import Rows, Table, done, planned
from ._tables import run

Test = Literal[
    "==", "!=", "<", "<=", ">", ">=", "in", "not in", "contains", "starts with", "ends with", "is empty", "is not empty"
]

Kind = Literal["int", "float", "Decimal", "bool", "date", "datetime"]


@frozen(kw_only=True)
class Change:
    """A record that changed: as it was, as it is, and which fields differ."""

    before: Any
    after: Any
    fields: list[str]


@frozen(kw_only=True)
class Comparison:
    """What changed from one list of records to another: lists, and of tables, tables."""

    added: Any = attrs.field(factory=list)
    removed: Any = attrs.field(factory=list)
    changed: Any = attrs.field(factory=list)
    same: Any = attrs.field(factory=list)


@node(pure=True)
def select(rows: Rows, *fields: str) -> Rows:
    """Only these fields of each record, in this order.

    ``data.select(orders, "id", "total")``

    Raises ValueError for a field that a record does not have.
    """
    return done(_lists.select, rows, fields=[*fields])


@node(pure=True)
def drop(rows: Rows, *fields: str) -> Rows:
    """Each record without these fields (one that lacks them is fine).

    ``data.drop(customers, "password")``
    """
    return done(_lists.drop, rows, fields=[*fields])


@node(pure=True)
def set(rows: Rows, **values: Any) -> Rows:
    """Each record with these fields set.

    ``data.set(orders, state="open", region=REGION)``
    """
    return done(_lists.set, rows, values=values)


@node(pure=True)
def rename(rows: Rows, names: dict[str, str]) -> Rows:
    """Each record with fields under new names, in their places.

    ``data.rename(orders, {"sku": "article"})``

    Raises ValueError where a field is missing, or two would have one name.
    """
    return done(_lists.rename, rows, names=names)


@node(pure=True)
def cast(rows: Rows, kinds: dict[str, Kind]) -> Rows:
    """Each record with the text of these fields read as a kind of value; empty text becomes None, other values stay.

    ``sales = data.cast(csv.read("sales.csv"), {"qty": "int", "price": "Decimal", "day": "date"})``

    Raises ValueError that names the record, the field and the text that does not fit.
    """
    return done(_lists.cast, rows, kinds=kinds)


@node(pure=True)
def pluck(rows: list[Any], name: str) -> list[Any]:
    """The values of one field.

    ``totals = data.pluck(orders, "total")``
    """
    return column(rows, name)


@node(pure=True)
def filter(rows: Rows, name: str, test: Test, value: Any = None) -> Rows:
    """The records whose field passes a test; None passes none but ``==``, ``!=``, ``in``, ``not in`` and the empty
    ones.

    ``data.filter(orders, "total", ">=", 100)``, ``data.filter(people, "mail", "is not empty")``

    Raises ValueError for an unknown test or field, TypeError where the values cannot be compared.
    """
    return done(_lists.filter, rows, name=name, test=test, value=value)


@node(pure=True)
def split(rows: list[Any], name: str, test: Test, value: Any = None) -> tuple[list[Any], list[Any]]:
    """The records that pass the test, and the others.

    ``big, small = data.split(orders, "total", ">", 1000)``
    """
    return _lists.split(rows, name, test, value)


@node(pure=True)
def sort(rows: Rows, *by: str) -> Rows:
    """The records by these fields, the first counting most; ``-name`` downwards. Equal ones keep their order; None
    comes last.

    ``data.sort(orders, "-total", "id")``

    Raises TypeError where values of a field cannot be compared.
    """
    return done(_lists.sort, rows, by=[*by])


@node(pure=True)
def group(rows: list[Any], *by: str) -> dict[Any, list[Any]]:
    """The records by the value of a field (of several: by the tuple of their values), in order of appearance.

    ``for region, orders in data.group(orders, "region").items(): ...``
    """
    out: dict[Any, list[Any]] = {}
    keys = column(rows, by[0]) if len(by) == 1 else each(rows, lambda row: tuple(field(row, name) for name in by))
    for key, row in zip(keys, rows, strict=True):
        out.setdefault(key, []).append(row)
    return out


@node(pure=True)
def summarize(rows: Rows, by: str | list[str], **measures: str) -> Rows:
    """One record for each group: the fields it is grouped by, and the measures.

    ``data.summarize(orders, "region", orders="count", revenue="sum total", largest="max total")``

    A measure is ``count``, or one of ``sum mean median min max first last list unique`` and a field; None does not
    count. Raises ValueError for an unknown measure.
    """
    names = [by] if isinstance(by, str) else by
    if twice := [name for name in names if name in measures]:
        msg = f"a measure is called {twice[0]!r}, like a field of the groups: give it another name"
        raise ValueError(msg)
    return done(_lists.summarize, rows, by=names, measures=measures)


@node(pure=True)
def aggregate(rows: list[Any], **measures: str) -> dict[str, Any]:
    """The measures over all records, as one record; the same measures as in ``summarize``.

    ``totals = data.aggregate(orders, n="count", revenue="sum total")``
    """
    return {name: measured(rows, what) for name, what in measures.items()}


@node(pure=True)
def dedupe(rows: Rows, *by: str) -> Rows:
    """The records without repeats: the first with each value of these fields, or of all fields where none is named.
    1 and 1.0 are one value, 1 and True are two.

    ``data.dedupe(people, "mail")``
    """
    return done(_lists.dedupe, rows, by=[*by])


@node(pure=True)
def limit(rows: Rows, count: int, skip: int = 0) -> Rows:
    """At most ``count`` records, after the first ``skip``.

    ``page = data.limit(orders, 20, skip=40)``
    """
    if count < 0 or skip < 0:
        msg = f"count and skip are at least 0, not {count} and {skip}"
        raise ValueError(msg)
    return done(_lists.limit, rows, count=count, skip=skip)


@node(pure=True)
def concat(*lists: Rows) -> Rows:
    """The lists, one after another, as one.

    ``everyone = data.concat(staff, guests)``
    """
    return done(_lists.concat, *lists)


@node(pure=True)
def merge(rows: list[Any], changes: list[Any], on: str | list[str]) -> list[dict[str, Any]]:
    """The records, with the fields of the change that has the same ``on`` laid over each; changes that fit none come
    last.

    ``data.merge([{"sku": "a", "n": 1}], [{"sku": "a", "n": 2}], on="sku")`` gives ``[{"sku": "a", "n": 2}]``
    """
    names, _ = fields_of_key(on)
    out = {key: as_dict(row) for key, row in zip(keys_of(rows, names), rows, strict=True)}
    for key, change in zip(keys_of(changes, names), changes, strict=True):
        out[key] = out.get(key, {}) | as_dict(change)
    return list(out.values())


@node(pure=True)
def join(
    left: Rows,
    right: list[Any] | Table,
    on: str | list[str] | dict[str, str] = "",
    how: Literal["inner", "left", "right", "full", "cross", "only left", "only right"] = "inner",
) -> Rows:
    """Each record of ``left`` with each of ``right`` that has the same ``on``, their fields together (``left`` wins).

    ``data.join([{"id": 1, "who": 7}], [{"id": 7, "name": "Ada"}], on={"who": "id"})``
    gives ``[{"id": 1, "who": 7, "name": "Ada"}]``

    ``on``: a field, several, or a dict from the names on the left to those on the right. ``left``, ``right`` and
    ``full`` keep the records without a partner too, with None for what is missing; ``only left`` and ``only right``
    give the records of one side without one; ``cross`` gives each with each, without ``on``. None is what is not
    known, and has no partner, as in SQL.
    """
    out: Rows = done(_combine.join, left, typing.cast(Any, right), on=on, how=how)
    return out


@node(pure=True)
def compare(old: list[Any] | Table, new: list[Any] | Table, on: str | list[str]) -> Comparison:
    """What has changed from one list of records to another: which came, went, changed, and stayed the same.

    ``data.compare([{"id": 1, "n": 5}], [{"id": 1, "n": 6}, {"id": 2, "n": 7}], on="id").added``
    gives ``[{"id": 2, "n": 7}]``

    Raises ValueError where two records of one list have the same ``on``.
    """
    if isinstance(old, Table) or isinstance(new, Table):
        parts = ("added", "removed", "changed", "same")
        return Comparison(**{part: planned("compare", [old, new], on=on, part=part) for part in parts})
    names, _ = fields_of_key(on)
    before, after = (dict(zip(keys_of(rows, names), rows, strict=True)) for rows in (old, new))
    for rows, by_key, which in ((old, before, "old"), (new, after, "new")):
        if len(by_key) < len(rows):
            msg = f"two of the {which} records have the same {', '.join(names)}"
            raise ValueError(msg)
    missing = object()
    out = Comparison(added=[row for key, row in after.items() if key not in before])
    for key, row in before.items():
        if key not in after:
            out.removed.append(row)
            continue
        was, now = as_dict(row), as_dict(after[key])
        differ = [name for name in now | was if same(was.get(name, missing)) != same(now.get(name, missing))]
        if differ:
            out.changed.append(Change(before=row, after=after[key], fields=differ))
        else:
            out.same.append(after[key])
    return out


@node(pure=True)
def pivot(rows: Rows, by: str | list[str], names: str, value: str, measure: str = "sum") -> Rows:
    """One record for each value of the fields ``by``, with a field for each value of ``names``: the measure of
    ``value`` (``sum``, or another of those in ``summarize``), None where there is no record.

    ``data.pivot([{"r": "n", "m": "May", "x": 1}, {"r": "n", "m": "Jun", "x": 2}], "r", "m", "x")``
    gives ``[{"r": "n", "May": 1, "Jun": 2}]``
    """
    keys = [by] if isinstance(by, str) else by
    return done(_combine.pivot, rows, by=keys, names=names, value=value, measure=measure)


@node(pure=True)
def unpivot(rows: list[Any], keep: str | list[str], names: str = "name", value: str = "value") -> list[dict[str, Any]]:
    """One record for each field that is not in ``keep``, its name and its value in two fields: what undoes ``pivot``.

    ``data.unpivot([{"r": "n", "May": 1}], "r")`` gives ``[{"r": "n", "name": "May", "value": 1}]``
    """
    kept = [keep] if isinstance(keep, str) else keep
    heads = each(rows, lambda row: {name: field(row, name) for name in kept})
    return [
        head | {names: name, value: cell}
        for head, row in zip(heads, rows, strict=True)
        for name, cell in as_dict(row).items()
        if name not in kept
    ]


@node(pure=True)
def query(sql: str, **tables: list[Any]) -> list[dict[str, Any]]:
    """The result of a SELECT over lists of records, each a table by the name it is given: for large ones, and for what
    is said best in SQL.

    ``data.query("select r, sum(x)::int as x from t group by r", t=[{"r": "n", "x": 1}, {"r": "n", "x": 2}])``
    gives ``[{"r": "n", "x": 3}]``

    By DuckDB, in memory (extra ``data``); the query reaches the tables and nothing else. Moments are in UTC, lists and
    dicts within records are JSON. Raises ValueError for what is no single SELECT, or fails.
    """
    return run(sql, tables)


@node(pure=True)
def split_out(rows: list[Any], name: str) -> list[dict[str, Any]]:
    """One record for each item of a list field, the other fields repeated; an empty list gives none, and so does None.

    ``lines = data.split_out(orders, "items")``

    Raises TypeError where the field holds no list.
    """

    def items(row: Any) -> list[Any]:
        value = field(row, name)
        if value is None:
            return []
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Iterable):
            msg = f"the field {name!r} is {type(value).__name__}, not a list"
            raise TypeError(msg)
        return list(value)

    return [as_dict(row) | {name: item} for row, part in zip(rows, each(rows, items), strict=True) for item in part]


@node(pure=True)
def batch(items: list[Any], size: int) -> list[list[Any]]:
    """The items in lists of ``size``; the last may be shorter.

    ``for part in data.batch(orders, 100): ...``
    """
    if size < 1:
        msg = f"a batch holds at least one item, not {size}"
        raise ValueError(msg)
    return [items[i : i + size] for i in range(0, len(items), size)]


@node(pure=True)
def flatten(items: list[list[Any]]) -> list[Any]:
    """The items of the lists, as one list; one level.

    ``all = data.flatten([page["items"] for page in pages])``
    """
    return [item for part in items for item in part]
