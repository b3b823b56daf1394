"""What the words of the pack ``data`` that tables know too do with lists, by the same names and options as the steps of
a plan (:mod:`._planned`); :mod:`._combine` has the larger ones. Knows nothing of nodes.
"""

from __future__ import annotations

from operator import itemgetter
from typing import Any

from ._combine import keys_of
from ._fields import as_dict, column, each, field, same
from ._measures import measured, read_as, tested


def select(rows: list[Any], fields: list[str]) -> list[dict[str, Any]]:
    """See ``data.select``."""
    return each(rows, lambda row: {name: field(row, name) for name in fields})


def drop(rows: list[Any], fields: list[str]) -> list[dict[str, Any]]:
    """See ``data.drop``."""
    return each(rows, lambda row: {name: value for name, value in as_dict(row).items() if name not in fields})


def set(rows: list[Any], values: dict[str, Any]) -> list[dict[str, Any]]:
    """See ``data.set``."""
    return each(rows, lambda row: as_dict(row) | values)


def rename(rows: list[Any], names: dict[str, str]) -> list[dict[str, Any]]:
    """See ``data.rename``."""

    def renamed(row: Any) -> dict[str, Any]:
        for name in names:
            field(row, name)
        old = as_dict(row)
        new = {names.get(name, name): value for name, value in old.items()}
        if len(new) < len(old):
            msg = f"after the renaming {names} two fields of a record have one name"
            raise ValueError(msg)
        return new

    return each(rows, renamed)


def cast(rows: list[Any], kinds: dict[str, str]) -> list[dict[str, Any]]:
    """See ``data.cast``."""

    def read(row: Any) -> dict[str, Any]:
        record = as_dict(row)
        for name, kind in kinds.items():
            value = field(row, name)
            try:
                record[name] = read_as(value, kind)
            except ValueError as error:
                msg = f"field {name!r}: {error}"
                raise ValueError(msg) from error
        return record

    return each(rows, read)


def filter(rows: list[Any], name: str, test: str, value: Any) -> list[Any]:
    """See ``data.filter``."""
    return split(rows, name, test, value)[0]


def split(rows: list[Any], name: str, test: str, value: Any) -> tuple[list[Any], list[Any]]:
    """See ``data.split``."""
    passed: list[Any] = []
    others: list[Any] = []
    for row, passes in zip(rows, each(rows, lambda row: tested(field(row, name), test, value, name)), strict=True):
        (passed if passes else others).append(row)
    return passed, others


def sort(rows: list[Any], by: list[str]) -> list[Any]:
    """See ``data.sort``."""
    out = list(rows)
    for name in reversed(by):
        down = name.startswith("-")
        key = name.removeprefix("-")
        values = column(out, key)
        present = [(value, row) for value, row in zip(values, out, strict=True) if value is not None]
        absent = [row for value, row in zip(values, out, strict=True) if value is None]
        try:
            present.sort(key=itemgetter(0), reverse=down)
        except TypeError as error:
            msg = f"the field {key!r} cannot be sorted by: {error}"
            raise TypeError(msg) from error
        out = [row for _, row in present] + absent
    return out


def summarize(rows: list[Any], by: list[str], measures: dict[str, str]) -> list[dict[str, Any]]:
    """See ``data.summarize``."""
    groups: dict[Any, list[Any]] = {}
    for key, row in zip(keys_of(rows, by), rows, strict=True):
        groups.setdefault(key, []).append(row)
    return [
        {name: field(part[0], name) for name in by} | {name: measured(part, what) for name, what in measures.items()}
        for part in groups.values()
    ]


def dedupe(rows: list[Any], by: list[str]) -> list[Any]:
    """See ``data.dedupe``."""
    first: dict[Any, Any] = {}
    for key, row in zip(keys_of(rows, by) if by else each(rows, lambda row: same(as_dict(row))), rows, strict=True):
        first.setdefault(key, row)
    return list(first.values())


def limit(rows: list[Any], count: int, skip: int) -> list[Any]:
    """See ``data.limit``."""
    return rows[skip : skip + count]


def concat(*lists: list[Any]) -> list[Any]:
    """See ``data.concat``."""
    return [row for rows in lists for row in rows]
