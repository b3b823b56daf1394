"""SQL over lists of records, by DuckDB in memory. Knows nothing of nodes.

Records go in as JSON lines in a temporary file, which is many times faster than one by one; then the door is shut: the
query reaches no file, no network, no extension, no setting, and none of this program's own variables.
"""

from __future__ import annotations

import datetime as dt
import os
import tempfile
from decimal import Decimal
from pathlib import Path
from typing import Any

from ._fields import as_dict, each
from ._jsontext import dump
from ._libraries import library

SHUT = (
    "enable_progress_bar = false",  # it would be printed among what the program prints
    "enable_external_access = false",
    "python_enable_replacements = false",
    "lock_configuration = true",
)


def run(sql: str, tables: dict[str, list[Any]]) -> list[dict[str, Any]]:
    """The rows of the result as records.

    Raises ValueError for what is no single SELECT, for a query that fails, and for a field of several kinds.
    """
    duckdb = library("data", "duckdb")
    with duckdb.connect(":memory:") as connection:
        for name, rows in tables.items():
            filled(connection, name, each(rows, as_dict))
        for setting in SHUT:
            connection.execute(f"SET {setting}")
        try:
            statements = connection.extract_statements(sql)
            if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
                msg = "the query is one SELECT"
                raise ValueError(msg)
            found = connection.execute(statements[0])
            names = [column[0] for column in found.description]
            if len(set(names)) < len(names):
                msg = f"two columns of the result have one name: {', '.join(names)}"
                raise ValueError(msg)
            return [dict(zip(names, row, strict=True)) for row in found.fetchall()]
        except duckdb.Error as error:
            msg = f"the query fails: {error}"
            raise ValueError(msg) from error


def filled(connection: Any, name: str, records: list[dict[str, Any]]) -> None:
    kinds = {field: _kind(name, field, records) for field in dict.fromkeys(key for row in records for key in row)}
    if not kinds:
        msg = f"the table {name!r} has no records, so nothing is known of its columns"
        raise ValueError(msg)
    handle, path = tempfile.mkstemp(suffix=".jsonl")
    try:
        with open(handle, "w", encoding="utf-8") as file:
            file.writelines(f"{dump(_plain(row))}\n" for row in records)
        columns = ", ".join(f"{_text(field)}: {_text(kind)}" for field, kind in kinds.items())
        connection.execute(
            f"CREATE TABLE {_name(name)} AS SELECT * FROM read_json({_text(path)}, format = 'newline_delimited', "
            f"columns = {{{columns}}}, maximum_object_size = {1 << 28})"
        )
    finally:
        os.unlink(path)


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    """Moments with a zone in UTC, as the columns have none."""
    return {
        name: value.astimezone(dt.UTC).replace(tzinfo=None)
        if isinstance(value, dt.datetime) and value.tzinfo is not None
        else value
        for name, value in row.items()
    }


def _kind(table: str, field: str, records: list[dict[str, Any]]) -> str:
    values = [value for row in records if (value := row.get(field)) is not None]
    kinds = sorted({_kind_of(value) for value in values})
    match kinds:
        case []:
            return "VARCHAR"
        case ["DECIMAL"]:
            digits = max(-exponent if isinstance(exponent := v.as_tuple().exponent, int) else 0 for v in values)
            return f"DECIMAL(38, {min(max(digits, 0), 38)})"
        case [kind]:
            return kind
    if set(kinds) <= {"BIGINT", "HUGEINT"}:
        return "HUGEINT"
    if set(kinds) <= {"BIGINT", "HUGEINT", "DOUBLE"}:
        return "DOUBLE"
    msg = f"the field {field!r} of the table {table!r} holds values of several kinds: {', '.join(kinds).lower()}"
    raise ValueError(msg)


def _kind_of(value: Any) -> str:
    match value:
        case bool():
            return "BOOLEAN"
        case int():
            return "BIGINT" if -(2**63) <= value < 2**63 else "HUGEINT"
        case float():
            return "DOUBLE"
        case Decimal():
            return "DECIMAL"
        case str() | Path():
            return "VARCHAR"
        case dt.datetime():
            return "TIMESTAMP"
        case dt.date():
            return "DATE"
        case dt.time():
            return "TIME"
    return "JSON"


def _text(words: str) -> str:
    return "'" + words.replace("'", "''") + "'"


def _name(words: str) -> str:
    return '"' + words.replace('"', '""') + '"'
