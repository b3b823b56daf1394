"""Tables that are large: files as plans, which the words of the pack ``data`` go on with, and what comes of them as a
stream, a list or another file.

``table.scan("sales.csv") |> data.filter("region", "==", "north") |> data.sort("-total") |> table.rows`` reads nothing
before the last word; then DuckDB (extra ``data``) does all of it in bounded memory, and what does not fit goes to a
temporary folder. The records are those that lists would give, in the same order.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import trio

from .. import node
from ._aside import aside
from ._atomic import writing
from ._planned import opened_plan
from ._plans import Table as Table


@node(pure=True)
def scan(path: str | Path, separator: str = "") -> Table:
    """The records of a file as a table: ``.csv`` and ``.tsv`` (a first line of names), ``.jsonl`` and ``.ndjson``, all
    of them also ``.gz`` and ``.zst``, or ``.parquet``. Nothing is read yet.

    ``sales = table.scan("sales.csv.gz") |> data.cast({"total": "Decimal"})``

    Cells of CSV are text, as in the pack ``csv``. ``separator``: of CSV, where it is not the usual one.
    """
    return Table(verb="scan", options={"path": str(path), "separator": separator})


@node(reads="files")
async def rows(table: Table, memory: str = "1GB") -> AsyncIterator[dict[str, Any]]:
    """The records as a stream. ``memory``: what DuckDB may hold at once.

    ``for row in table.rows(sales): ...``

    Raises OSError, and ValueError where the table cannot be made of its files.
    """
    async with aside(opened_plan(table, memory)) as plan:
        chunks = plan.records()
        while chunk := await trio.to_thread.run_sync(next, chunks, None):
            for record in chunk:
                yield record


@node(reads="files")
def collect(table: Table, memory: str = "1GB") -> list[dict[str, Any]]:
    """The records as a list, of a table that has become small.

    ``top = sales |> data.sort("-total") |> data.limit(10) |> table.collect``

    Raises as ``rows``.
    """
    with opened_plan(table, memory) as plan:
        return [record for chunk in plan.records() for record in chunk]


@node(reads="files", writes="files")
def write(table: Table, path: str | Path, memory: str = "1GB") -> Path:
    """Put the records into a file, whole or not at all, in the form that its name asks for (as ``scan``); returns the
    path.

    ``table.write(sales, "north.parquet")``

    Raises as ``rows``.
    """
    with writing(path) as file, opened_plan(table, memory) as plan:
        plan.write(file, str(path))
    return Path(path)
