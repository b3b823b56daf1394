"""Spreadsheets (``.xlsx``): sheets to records and back. File nodes take part in the order of the ``files`` pack.
Needs the extra ``data``.

Read by python-calamine (a reader in Rust, which takes ``.xlsb``, ``.xls`` and ``.ods`` too), written by XlsxWriter.
A cell is text, a number, a truth value, a date, a time or None; text that begins with ``=`` stays text.
"""

from __future__ import annotations

import datetime as dt
import io
import math
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import trio

from .. import node, permissions
from ._atomic import writing
from ._fields import as_dict
from ._libraries import library
from ._zips import check_size

UNPACKED = 1 << 30
"""The most bytes that the parts of a spreadsheet may hold together unless the caller asks for more: 1 GiB."""

MAX_ROWS, MAX_COLUMNS, MAX_TEXT = 1_048_576, 16_384, 32_767
"""What a sheet and a cell can hold: "Excel specifications and limits", support.microsoft.com."""

_ROWS = 1000  # rows fetched per hop to a thread


@node(reads="files")
def read(
    path: str | Path,
    sheet: str | int = 0,
    columns: list[str] | None = None,
    skip: int = 0,
    max_size: int = UNPACKED,
) -> list[dict[str, Any]]:
    """The records of a sheet (by name or number): the first row holds the column names, unless ``columns`` gives them.

    ``rows = xlsx.read("sales.xlsx", "March")``

    ``skip`` rows ahead are passed over, empty ones left out. ``max_size``: the most bytes it may unpack to. Raises
    OSError, and ValueError for what is no spreadsheet, for an unknown sheet, and for column names that repeat.
    """
    with open(permissions().file(path), "rb") as file:
        return list(_records(file, str(path), sheet, columns, skip, max_size))


@node(pure=True)
def parse(
    content: bytes, sheet: str | int = 0, columns: list[str] | None = None, skip: int = 0, max_size: int = UNPACKED
) -> list[dict[str, Any]]:
    """The records of a sheet, from the bytes of a spreadsheet; options as in ``read``.

    ``rows = xlsx.parse(content)``
    """
    return list(_records(io.BytesIO(content), "the content", sheet, columns, skip, max_size))


@node(reads="files")
async def records(
    path: str | Path,
    sheet: str | int = 0,
    columns: list[str] | None = None,
    skip: int = 0,
    max_size: int = UNPACKED,
) -> AsyncIterator[dict[str, Any]]:
    """The records of a sheet as a stream; options as in ``read``.

    ``for row in xlsx.records("sales.xlsx"): ...``

    The cells of the sheet are held by the reader, much smaller than as records; the records come piece by piece.
    """
    opened = lambda: open(permissions().file(path), "rb")  # noqa: SIM115  # closed below
    file: BinaryIO = await trio.to_thread.run_sync(opened)
    try:
        found = _records(file, str(path), sheet, columns, skip, max_size)
        while chunk := await trio.to_thread.run_sync(lambda: list(islice(found, _ROWS))):
            for record in chunk:
                yield record
    finally:
        file.close()


@node(reads="files")
def sheets(path: str | Path, max_size: int = UNPACKED) -> list[str]:
    """The names of the sheets, in order.

    ``for name in xlsx.sheets("sales.xlsx"): ...``
    """
    with open(permissions().file(path), "rb") as file:
        return list(_workbook(file, str(path), max_size).sheet_names)


@node(pure=True)
def format(rows: list[Any] | dict[str, list[Any]], columns: list[str] | None = None) -> bytes:
    """The bytes of a spreadsheet: records, or records by the name of their sheet; options as in ``write``.

    ``content = xlsx.format(rows)``
    """
    out = io.BytesIO()
    _write(out, rows, columns)
    return out.getvalue()


@node(writes="files")
def write(path: str | Path, rows: list[Any] | dict[str, list[Any]], columns: list[str] | None = None) -> Path:
    """Put records into a spreadsheet, whole or not at all; returns the path.

    ``xlsx.write("sales.xlsx", rows)``, ``xlsx.write("year.xlsx", {"March": march, "April": april})``

    Columns: those given, else all, in order of appearance. Raises ValueError for a record with a field that is no
    column, for what a sheet cannot hold (rows, columns, long text, NaN), TypeError for a value that no cell can hold.
    """
    with writing(path) as file:
        _write(file, rows, columns)
    return Path(path)


def _workbook(file: BinaryIO, origin: str, max_size: int) -> Any:
    calamine = library("xlsx", "python_calamine")
    start = file.read(4)
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    if start == b"PK\x03\x04":
        check_size(file, size, max_size, origin)
    try:
        return calamine.CalamineWorkbook.from_filelike(file)
    except (calamine.CalamineError, ValueError) as error:
        msg = f"{origin} is no spreadsheet: {error}"
        raise ValueError(msg) from error


def _records(
    file: BinaryIO, origin: str, sheet: str | int, columns: list[str] | None, skip: int, max_size: int
) -> Iterator[dict[str, Any]]:
    workbook = _workbook(file, origin, max_size)
    names = workbook.sheet_names
    if isinstance(sheet, str) and sheet not in names:
        msg = f"{origin} has no sheet {sheet!r}: it has {', '.join(map(repr, names))}"
        raise ValueError(msg)
    if isinstance(sheet, int) and not 0 <= sheet < len(names):
        msg = f"{origin} has no sheet {sheet}: it has {len(names)}, counted from 0"
        raise ValueError(msg)
    calamine = library("xlsx", "python_calamine")
    try:
        found = workbook.get_sheet_by_name(sheet if isinstance(sheet, str) else names[sheet])
        rows = (row for row in islice(found.iter_rows(), skip, None) if any(cell != "" for cell in row))
    except (calamine.CalamineError, ValueError) as error:
        msg = f"{origin}, sheet {sheet!r}: {error}"
        raise ValueError(msg) from error
    heads = columns if columns is not None else _heads(next(rows, []), origin)
    for number, row in enumerate(rows, 1):
        beyond = next((i for i, cell in enumerate(row[len(heads) :]) if cell != ""), None)
        if beyond is not None:
            msg = f"{origin}, sheet {sheet!r}, record {number}: a cell beyond the last column ({heads[-1:]})"
            raise ValueError(msg)
        cells = [_read(cell) for cell in row[: len(heads)]]
        yield dict(zip(heads, cells + [None] * (len(heads) - len(cells)), strict=True))


def _heads(row: list[Any], origin: str) -> list[str]:
    while row and row[-1] == "":
        row = row[:-1]
    names = [str(_read(cell)) if cell != "" else f"column {i}" for i, cell in enumerate(row, 1)]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        msg = f"{origin}: two columns are called {twice!r}: give other names with columns="
        raise ValueError(msg)
    return names


def _read(cell: Any) -> Any:
    """Spreadsheets know no whole numbers, and calamine says an empty cell by empty text."""
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return int(cell)
    return None if cell == "" else cell


def _write(file: BinaryIO, rows: list[Any] | dict[str, list[Any]], columns: list[str] | None) -> None:
    xlsxwriter = library("xlsx", "xlsxwriter")
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    dates = {"default_date_format": "yyyy-mm-dd hh:mm:ss", "remove_timezone": False}
    book = xlsxwriter.Workbook(file, {"constant_memory": True} | plain | dates)
    formats = {"date": book.add_format({"num_format": "yyyy-mm-dd"}), "head": book.add_format({"bold": True})}
    try:
        for name, records in (rows if isinstance(rows, dict) else {"Sheet1": rows}).items():
            _fill(book.add_worksheet(name), name, [as_dict(record) for record in records], columns, formats)
    except xlsxwriter.exceptions.XlsxWriterException as error:
        raise ValueError(str(error)) from error
    finally:
        book.close()  # it holds files of its own until then


def _fill(
    sheet: Any, name: str, records: list[dict[str, Any]], columns: list[str] | None, formats: dict[str, Any]
) -> None:
    names = columns if columns is not None else list(dict.fromkeys(key for record in records for key in record))
    if len(records) >= MAX_ROWS or len(names) > MAX_COLUMNS:
        msg = f"sheet {name!r}: {len(records):,} records of {len(names):,} columns are more than a sheet holds"
        raise ValueError(msg)
    for column, head in enumerate(names):
        sheet.write_string(0, column, str(head), formats["head"])
    for number, record in enumerate(records, 1):
        for key in record:
            if key not in names:
                msg = f"sheet {name!r}, record {number} has the field {key!r}, which is no column ({', '.join(names)})"
                raise ValueError(msg)
        for column, head in enumerate(names):
            try:
                _put(sheet, number, column, record.get(head), formats["date"])
            except (TypeError, ValueError) as error:
                msg = f"sheet {name!r}, record {number}, field {head!r}: {error}"
                raise type(error)(msg) from error


def _put(sheet: Any, row: int, column: int, value: Any, date: Any) -> None:
    match value:
        case None:
            return
        case bool():
            sheet.write_boolean(row, column, value)
        case int() | float() | Decimal():
            if not math.isfinite(value):
                msg = "a cell holds no NaN and no infinity"
                raise ValueError(msg)
            sheet.write_number(row, column, value)
        case dt.datetime():
            # A cell knows no zone: the moment is written in UTC, as a name without one would say it.
            sheet.write_datetime(row, column, value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value)
        case dt.date():
            sheet.write_datetime(row, column, value, date)
        case dt.time() | dt.timedelta():
            sheet.write_datetime(row, column, value)
        case str() | Path():
            if len(str(value)) > MAX_TEXT:
                msg = f"a cell holds at most {MAX_TEXT:,} characters, not {len(str(value)):,}"
                raise ValueError(msg)
            sheet.write_string(row, column, str(value))
        case _:
            msg = f"a cell holds no {type(value).__name__}: turn it into text first"
            raise TypeError(msg)
