"""A table as a plan: a file, and what is to be done with its records. Knows nothing of nodes, nor of SQL."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import attrs
from attrs import frozen


@frozen(kw_only=True)
class Table:
    """The records of a file, and the steps to be done with them, none of which is done before the records are asked for
    (``table.rows``, ``table.collect``, ``table.write``).

    ``verb``: what is done, by the word of the node that says so; ``inputs``: with which tables; ``options``: its other
    arguments.
    """

    verb: str
    inputs: list[Table] = attrs.field(factory=list)
    options: dict[str, Any] = attrs.field(factory=dict)


Rows = TypeVar("Rows", list[Any], Table)
"""What a node takes that does the same with records in a list, now, and with those of a table, later."""


def done(function: Callable[..., Any], *inputs: Rows, **options: Any) -> Rows:
    """What the function makes of lists; where one of them is a table, the step of its name in a plan."""
    if any(isinstance(rows, Table) for rows in inputs):
        return planned(function.__name__, inputs, **options)  # type: ignore[return-value]
    return function(*inputs, **options)  # type: ignore[no-any-return]


def planned(verb: str, inputs: Sequence[list[Any] | Table], **options: Any) -> Table:
    """A step; lists among its inputs become tables."""
    tables = [rows if isinstance(rows, Table) else Table(verb="list", options={"rows": rows}) for rows in inputs]
    return Table(verb=verb, inputs=tables, options=options)
