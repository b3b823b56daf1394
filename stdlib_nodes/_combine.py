"""Two lists of records as one, and one list in another shape. Knows nothing of nodes."""

from __future__ import annotations

from typing import Any

from ._fields import as_dict, field
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


def key_of(row: Any, names: list[str]) -> Any:
    """Its value of the key: of one field that, of several a tuple."""
    return field(row, names[0]) if len(names) == 1 else tuple(field(row, name) for name in names)


def joined(left: list[Any], right: list[Any], on: str | list[str] | dict[str, str], how: str) -> list[dict[str, Any]]:
    """See ``data.join``."""
    if how not in HOW:
        msg = f"how is {', '.join(HOW[:-1])} or {HOW[-1]}, not {how!r}"
        raise ValueError(msg)
    if how == "cross":
        return [_together(as_dict(mine), as_dict(other)) for mine in left for other in right]
    if how == "only right":
        names = fields_of_key(on)
        return joined(right, left, dict(zip(names[1], names[0], strict=True)), "only left")
    on_left, on_right = fields_of_key(on)
    partners: dict[Any, list[dict[str, Any]]] = {}
    for row in right:
        partners.setdefault(key_of(row, on_right), []).append(as_dict(row))
    no_left: dict[str, Any] = dict.fromkeys(name for row in left for name in as_dict(row))
    no_right: dict[str, Any] = dict.fromkeys(name for row in right for name in as_dict(row))
    out: list[dict[str, Any]] = []
    met: dict[Any, None] = {}
    for row in left:
        key = key_of(row, on_left)
        met[key] = None
        mine = as_dict(row)
        if how == "only left":
            if key not in partners:
                out.append(mine)
        elif key in partners:
            out.extend(_together(mine, other) for other in partners[key])
        elif how in ("left", "full"):
            out.append(_together(mine, no_right))
    if how in ("right", "full"):
        out.extend(no_left | other for key, others in partners.items() if key not in met for other in others)
    return out


def _together(mine: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    return mine | {name: value for name, value in other.items() if name not in mine}


def pivoted(rows: list[Any], by: list[str], names: str, value: str, measure: str) -> list[dict[str, Any]]:
    """See ``data.pivot``."""
    columns: dict[str, None] = {}
    cells: dict[Any, dict[str, list[Any]]] = {}
    heads: dict[Any, dict[str, Any]] = {}
    for row in rows:
        key = tuple(field(row, name) for name in by)
        column = str(field(row, names))
        if column in by:
            msg = f"the field {names!r} has the value {column!r}, which is the name of a field that stays"
            raise ValueError(msg)
        columns[column] = None
        heads.setdefault(key, dict(zip(by, key, strict=True)))
        cells.setdefault(key, {}).setdefault(column, []).append(row)
    what = measure if measure == "count" else f"{measure} {value}"
    return [
        head | {column: measured(cells[key][column], what) if column in cells[key] else None for column in columns}
        for key, head in heads.items()
    ]
