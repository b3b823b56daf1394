"""Two lists of records as one, and one list in another shape. Knows nothing of nodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ._fields import as_dict, column, each, field, same
from ._measures import measured

HOW = ("inner", "left", "right", "full", "cross", "only left", "only right")


def fields_of_key(on: str | list[str] | dict[str, str]) -> tuple[list[str], list[str]]:
    """The names of the key on the left and on the right."""
    if isinstance(on, str):
        return [on], [on]
    names = list(on)
    if not names:
        msg = "on= names at least one field"
        raise ValueError(msg)
    return names, list(on.values()) if isinstance(on, dict) else names


def keys_of(rows: list[Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """What stands for the values of these fields, of each record: equal where all of them are the :func:`same`."""
    return each(rows, lambda row: tuple(same(field(row, name)) for name in names))


def join(left: list[Any], right: list[Any], on: str | list[str] | dict[str, str], how: str) -> list[dict[str, Any]]:
    """See ``data.join``."""
    if how not in HOW:
        msg = f"how is {', '.join(HOW[:-1])} or {HOW[-1]}, not {how!r}"
        raise ValueError(msg)
    if how == "cross":
        others = each(right, as_dict)
        return [_together(mine, other) for mine in each(left, as_dict) for other in others]
    if how == "only right":
        names = fields_of_key(on)
        return join(right, left, dict(zip(names[1], names[0], strict=True)), "only left")
    on_left, on_right = fields_of_key(on)
    keys, other_keys = _told("left", left, on_left), _told("right", right, on_right)
    partners: dict[Any, list[dict[str, Any]]] = {}
    for key, row in zip(other_keys, right, strict=True):
        if None not in key:  # what is not known is equal to nothing, as in SQL
            partners.setdefault(key, []).append(as_dict(row))
    no_left: dict[str, Any] = dict.fromkeys(name for row in left for name in as_dict(row))
    no_right: dict[str, Any] = dict.fromkeys(name for row in right for name in as_dict(row))
    out: list[dict[str, Any]] = []
    for key, row in zip(keys, left, strict=True):
        mine = as_dict(row)
        if how == "only left":
            if key not in partners:
                out.append(mine)
        elif key in partners:
            out.extend(_together(mine, other) for other in partners[key])
        elif how in ("left", "full"):
            out.append(_together(mine, no_right))
    if how in ("right", "full"):
        met = frozenset(keys)
        out += [
            no_left | as_dict(row) for key, row in zip(other_keys, right, strict=True) if key not in met or None in key
        ]
    return out


def _told(side: str, rows: list[Any], names: Sequence[str]) -> list[tuple[Any, ...]]:
    """The keys of one side. Raises ValueError that names it."""
    try:
        return keys_of(rows, names)
    except ValueError as error:
        msg = f"on the {side}, {error}"
        raise ValueError(msg) from error


def _together(mine: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return mine | {name: value for name, value in other.items() if name not in mine}


def pivot(rows: list[Any], by: list[str], names: str, value: str, measure: str) -> list[dict[str, Any]]:
    """See ``data.pivot``."""
    columns: dict[str, None] = {}
    cells: dict[Any, dict[str, list[Any]]] = {}
    heads: dict[Any, dict[str, Any]] = {}
    for row, key, name in zip(rows, keys_of(rows, by), column(rows, names), strict=True):
        head = str(name)
        if head in by:
            msg = f"the field {names!r} has the value {head!r}, which is the name of a field that stays"
            raise ValueError(msg)
        columns[head] = None
        heads.setdefault(key, {name: field(row, name) for name in by})
        cells.setdefault(key, {}).setdefault(head, []).append(row)
    what = measure if measure == "count" else f"{measure} {value}"
    return [
        head | {name: measured(cells[key][name], what) if name in cells[key] else None for name in columns}
        for key, head in heads.items()
    ]
