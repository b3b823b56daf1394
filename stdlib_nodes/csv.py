"""Tables as CSV: records are dicts from column name to text. File nodes take part in the order of the ``files`` pack.

Cells are text; ``data.cast(rows, {"total": "float", "day": "date"})`` makes numbers and dates of them.
The first line holds the column names, unless ``columns`` gives them. ``skip`` lines ahead of it are passed over;
``quote`` is the sign around cells that hold separators. Paths that end in ``.gz``, ``.bz2``, ``.xz`` or ``.zst`` are
compressed on the fly. Read and written by Python's own csv.
"""

from __future__ import annotations

import csv as _csv
import io
from collections.abc import AsyncIterator, Iterable, Iterator
from itertools import islice
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

from attrs import frozen

from .. import node, permissions
from ._fields import as_dict
from ._streams import append_bytes, hops, opened, writing_packed

_LINES = 1000  # lines written at once


@node(pure=True)
def parse(
    text: str, separator: str = ",", columns: list[str] | None = None, quote: str = '"', skip: int = 0
) -> list[dict[str, str]]:
    """The records of a CSV text.

    ``csv.parse("name,qty\\nbolt,4\\n")`` gives ``[{"name": "bolt", "qty": "4"}]``

    Raises ValueError that names the line whose number of cells does not fit.
    """
    return list(_records(io.StringIO(text, newline=""), _Form(separator, quote, skip), columns, "the text"))


@node(pure=True)
def format(rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> str:
    """The CSV text of records (dicts or typed records). Columns: those given, else all, in order of appearance.

    ``csv.format([{"name": "bolt", "qty": 4}])`` gives ``"name,qty\\nbolt,4\\n"``

    Raises ValueError where a record has a field that is no column.
    """
    out = io.StringIO(newline="")
    _write(out, rows, separator, columns, header=True)
    return out.getvalue()


@node(reads="files")
def read(
    path: str | Path,
    separator: str = ",",
    columns: list[str] | None = None,
    encoding: str = "utf-8",
    quote: str = '"',
    skip: int = 0,
) -> list[dict[str, str]]:
    """The records of a CSV file, all at once; ``records`` streams them.

    ``rows = csv.read("sales.csv")``, ``rows = csv.read("bank.csv", ";", encoding="cp1252", skip=4)``

    Raises OSError, and ValueError that names path and line.
    """
    with opened(path) as file:
        return list(_records(_text(file, encoding), _Form(separator, quote, skip), columns, str(path), encoding))


@node(reads="files")
async def records(
    path: str | Path,
    separator: str = ",",
    columns: list[str] | None = None,
    encoding: str = "utf-8",
    quote: str = '"',
    skip: int = 0,
) -> AsyncIterator[dict[str, str]]:
    """The records of a CSV file as a stream, in constant memory.

    ``for row in csv.records("big.csv"): ...``
    """
    form = _Form(separator, quote, skip)
    rows = lambda file: _records(_text(file, encoding), form, columns, str(path), encoding)
    async with hops(path, rows) as more:
        while chunk := await more():
            for record in chunk:
                yield record


@node(writes="files")
def write(path: str | Path, rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> Path:
    """Put records into a CSV file, whole or not at all; returns the path.

    ``csv.write("sales.csv", rows)``
    """
    with writing_packed(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="")
        try:
            _write(text, rows, separator, columns, header=True)
        finally:
            text.detach()
    return Path(path)


@node(writes="files")
def append(path: str | Path, rows: list[Any], separator: str = ",", columns: list[str] | None = None) -> Path:
    """Add records at the end of a CSV file; a new or empty file gets the line of column names. Returns the path.

    The columns are those of the file: ``for batch in rows with batch=1000: csv.append("out.csv", batch)``
    """
    names = _names(path, separator) if permissions().file(path).exists() else None
    lines = io.StringIO(newline="")
    _write(lines, rows, separator, names or columns, header=not names)
    return append_bytes(path, lines.getvalue().encode())


@frozen
class _Form:
    separator: str
    quote: str = '"'
    skip: int = 0

    def reader(self, lines: Iterator[str]) -> Any:
        for sign, word in ((self.separator, "separator"), (self.quote, "quote")):
            if len(sign) != 1:
                msg = f"{word} is one character, not {sign!r}"
                raise ValueError(msg)
        return _csv.reader(islice(lines, self.skip, None), delimiter=self.separator, quotechar=self.quote, strict=True)


def _text(file: BinaryIO, encoding: str) -> io.TextIOWrapper:
    try:
        return io.TextIOWrapper(file, encoding="utf-8-sig" if encoding.lower() == "utf-8" else encoding, newline="")
    except LookupError as error:
        msg = f"there is no encoding {encoding!r}"
        raise ValueError(msg) from error


def _names(path: str | Path, separator: str) -> list[str] | None:
    """The column names of a file."""
    with opened(path) as file:
        return next(_csv.reader(_text(file, "utf-8"), delimiter=separator), None)


def _records(
    source: Iterable[str], form: _Form, columns: list[str] | None, origin: str, encoding: str = "utf-8"
) -> Iterator[dict[str, str]]:
    reader = form.reader(iter(source))
    try:
        names = columns if columns is not None else next(reader, None)
        if names is None:
            return
        if len(set(names)) != len(names):
            twice = next(name for name in names if names.count(name) > 1)
            msg = f"{origin}: two columns are called {twice!r}: give other names with columns="
            raise ValueError(msg)
        width = len(names) or -1  # an empty line is no record of no fields
        for cells in reader:
            if len(cells) == width:
                yield dict(zip(names, cells))  # noqa: B905  # asking for equal lengths costs a tenth, and they are
            elif cells:
                msg = (
                    f"{origin}, line {form.skip + reader.line_num}: {len(cells)} cells where {len(names)} were expected"
                )
                raise ValueError(msg)
    except _csv.Error as error:
        msg = f"{origin}, line {form.skip + reader.line_num}: {error}"
        raise ValueError(msg) from error
    except UnicodeDecodeError as error:
        msg = f"{origin} is not {encoding.upper()} text, after line {form.skip + reader.line_num}"
        raise ValueError(msg) from error


def _write(out: io.TextIOBase, rows: Iterable[Any], separator: str, columns: list[str] | None, *, header: bool) -> None:
    table = [row if isinstance(row, dict) else as_dict(row) for row in rows]
    names = columns if columns is not None else list(dict.fromkeys(name for row in table for name in row))
    known = frozenset(names)
    lines: list[str] = []
    # The writer quotes the signs that end its lines only, and a bare carriage return in a cell would be read as an end:
    # so it is told to use both signs, and one is taken off again.
    taken: Any = SimpleNamespace(write=lines.append)
    writer = _csv.writer(taken, delimiter=separator, lineterminator="\r\n")
    if header and names:
        writer.writerow(names)
    for number, row in enumerate(table, 1):
        if not known.issuperset(row):
            extra = next(name for name in row if name not in known)
            msg = f"record {number} has the field {extra!r}, which is no column ({', '.join(names)})"
            raise ValueError(msg)
        writer.writerow([row.get(name, "") for name in names])
        if len(lines) >= _LINES:
            out.writelines([f"{line[:-2]}\n" for line in lines])
            lines.clear()
    out.writelines([f"{line[:-2]}\n" for line in lines])
