"""Tables as CSV: records are dicts from column name to text. File nodes take part in the order of the ``files`` pack.

Cells are text; ``data.cast(rows, {"total": "float", "day": "date"})`` makes numbers and dates of them.
The first line holds the column names, unless ``columns`` gives them.
"""

from __future__ import annotations

import csv as _csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import trio

from .. import node, permissions
from ._atomic import named, writing
from ._fields import as_dict

_ROWS = 1000  # rows fetched per hop to a thread


@node(pure=True)
def parse(text: str, separator: str = ",", columns: list[str] | None = None) -> list[dict[str, str]]:
    """The records of a CSV text.

    ``rows = csv.parse("name,qty\\nbolt,4\\n")`` gives ``[{"name": "bolt", "qty": "4"}]``

    Raises ValueError that names the line whose number of cells does not fit.
    """
    return list(_records(io.StringIO(text, newline=""), separator, columns, "the text"))


@node(pure=True)
def format(rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> str:
    """The CSV text of records (dicts or typed records). Columns: those given, else all, in order of appearance.

    ``text = csv.format([{"name": "bolt", "qty": 4}])``

    Raises ValueError where a record has a field that is no column.
    """
    out = io.StringIO(newline="")
    _write(out, rows, separator, columns, header=True)
    return out.getvalue()


@node(reads="files")
def read(path: str | Path, separator: str = ",", columns: list[str] | None = None) -> list[dict[str, str]]:
    """The records of a CSV file, all at once; ``records`` streams them.

    ``rows = csv.read("sales.csv")``
    """
    with _opened(path) as file:
        return list(_records(file, separator, columns, str(path)))


@node(reads="files")
async def records(
    path: str | Path, separator: str = ",", columns: list[str] | None = None
) -> AsyncIterator[dict[str, str]]:
    """The records of a CSV file as a stream, in constant memory.

    ``for row in csv.records("big.csv"): ...``
    """
    file = await trio.to_thread.run_sync(_opened, path)
    try:
        source = _records(file, separator, columns, str(path))
        while chunk := await trio.to_thread.run_sync(lambda: list(islice(source, _ROWS))):
            for record in chunk:
                yield record
    finally:
        file.close()


@node(writes="files")
def write(path: str | Path, rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> Path:
    """Put records into a CSV file, whole or not at all; returns the path.

    ``csv.write("sales.csv", rows)``
    """
    with writing(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        _write(text, rows, separator, columns, header=True)
        text.flush()
        text.detach()
    return Path(path)


@node(writes="files")
def append(path: str | Path, rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> Path:
    """Add records at the end of a CSV file; a new or empty file gets the line of column names. Returns the path.

    The columns are those of the file: ``for batch in rows with batch=1000: csv.append("out.csv", batch)``
    """
    target = permissions().file(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(target, "a+", encoding="utf-8", newline="") as file:
            file.seek(0)
            names = next(_csv.reader(file, delimiter=separator), None)
            file.seek(0, io.SEEK_END)
            _write(file, rows, separator, names or columns, header=not names)
    except OSError as error:
        raise named(error, path) from error
    return Path(path)


def _opened(path: str | Path) -> TextIO:
    return open(permissions().file(path), encoding="utf-8-sig", newline="")


def _records(source: Iterable[str], separator: str, columns: list[str] | None, origin: str) -> Iterator[dict[str, str]]:
    reader = _csv.reader(source, delimiter=separator, strict=True)
    try:
        names = columns if columns is not None else next(reader, None)
        if names is None:
            return
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"{origin}: two columns are called {twice!r}: give other names with columns="
            raise ValueError(msg)
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                msg = f"{origin}, line {reader.line_num}: {len(cells)} cells where {len(names)} were expected"
                raise ValueError(msg)
            yield dict(zip(names, cells, strict=True))
    except _csv.Error as error:
        msg = f"{origin}, line {reader.line_num}: {error}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{origin} is not UTF-8 text, after line {reader.line_num}"
        raise ValueError(msg) from error


def _write(out: io.TextIOBase, rows: Iterable[Any], separator: str, columns: list[str] | None, *, header: bool) -> None:
    table = [as_dict(row) for row in rows]
    names = columns if columns is not None else list(dict.fromkeys(name for row in table for name in row))
    writer = _csv.DictWriter(out, names, delimiter=separator, restval="", lineterminator="\n")
    if header and names:
        writer.writeheader()
    for number, row in enumerate(table, 1):
        extra = [name for name in row if name not in names]
        if extra:
            msg = f"record {number} has the field {extra[0]!r}, which is no column ({', '.join(names)})"
            raise ValueError(msg)
        writer.writerow(row)
