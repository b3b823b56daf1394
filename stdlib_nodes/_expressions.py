"""The words of the pack ``data`` as expressions of DuckDB's SQL, with the meaning that they have for lists: values of
unlike kinds are never equal, None passes no comparison, text is read as a number only as files hold numbers.

Knows nothing of nodes.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

from ._measures import MEASURES, TESTS

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL")
_SPACE = r"e' \t\n\r\f\v'"
_KINDS = {
    "int": ("BIGINT", "[+-]?[0-9]+"),
    "float": ("DOUBLE", r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?|[+-]?(?i:nan|inf|infinity)"),
    "Decimal": ("DECIMAL(38, {digits})", r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)"),
    "bool": ("BOOLEAN", "(?i:true|yes|1|false|no|0)"),
    "date": ("DATE", "[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "datetime": ("TIMESTAMP", r"[0-9]{4}-[0-9]{2}-[0-9]{2}([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?)?"),
}


def name_of(words: str) -> str:
    """An identifier."""
    return '"' + words.replace('"', '""') + '"'


def text_of(words: str) -> str:
    """A literal text."""
    return "'" + words.replace("'", "''") + "'"


def literal(value: Any) -> str:
    """A literal of any kind. Raises TypeError for what a table holds as no single value."""
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value).upper()
        case int():
            return f"({value})" if -(2**63) <= value < 2**63 else f"'{value}'::HUGEINT"
        case float():
            return f"'{value!r}'::DOUBLE"
        case Decimal() if value.is_finite():
            return f"'{value:f}'::DECIMAL(38, {max(-int(value.as_tuple().exponent), 0)})"
        case str():
            return text_of(value)
        case dt.datetime():
            plain = value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo is not None else value
            return f"TIMESTAMP '{plain}'"
        case dt.date():
            return f"DATE '{value}'"
        case dt.time():
            return f"TIME '{value}'"
    msg = f"a table is compared with single values, not with {type(value).__name__}"
    raise TypeError(msg)


def kind_of(type_: str) -> str:
    """The kind of a column: only values of one kind are ever equal."""
    if type_.endswith("]"):
        return "list"
    if type_.startswith(NUMBERS) or type_.removeprefix("U").startswith(NUMBERS):
        return "number"
    return {"BOOLEAN": "bool", "VARCHAR": "text", "DATE": "date", "TIME": "time"}.get(
        type_, "moment" if type_.startswith("TIMESTAMP") else type_.lower()
    )


def kind_of_value(value: Any) -> str:
    """The kind of the column that would hold it."""
    match value:
        case None:
            return "none"
        case bool():
            return "bool"
        case int() | float() | Decimal():
            return "number"
        case str():
            return "text"
        case dt.datetime():
            return "moment"
        case dt.date():
            return "date"
    return type(value).__name__


def tested_in_sql(name: str, type_: str, test: str, value: Any) -> str:
    """See :func:`._measures.tested`. Raises as it does."""
    if test not in TESTS:
        msg = f"no test {test!r}: the tests are {', '.join(TESTS)}"
        raise ValueError(msg)
    column, kind = name_of(name), kind_of(type_)
    alike = kind == kind_of_value(value)
    match test:
        case "==" | "!=":
            equal = f"{column} IS NOT DISTINCT FROM {literal(value)}" if alike or value is None else "FALSE"
            return equal if test == "==" else f"NOT ({equal})"
        case "in" | "not in" if isinstance(value, (list, tuple, set, frozenset)):
            any_of = [literal(one) for one in value if one is not None and kind_of_value(one) == kind]
            within = f"coalesce({column} IN ({', '.join(any_of)}), FALSE)" if any_of else "FALSE"
            within += f" OR {column} IS NULL" if None in value else ""
            return f"({within})" if test == "in" else f"NOT ({within})"
        case "<" | "<=" | ">" | ">=" if alike:
            return f"{column} {test} {literal(value)}"
        case "contains" if kind == "list":
            return f"list_contains({column}, {literal(value)})"
        case "contains" | "starts with" | "ends with" if alike and kind == "text":
            return f"{test.replace(' ', '_')}({column}, {literal(value)})"
        case "is empty" | "is not empty":
            empty = f"({column} IS NULL" + (f" OR len({column}) = 0)" if kind in ("text", "list") else ")")
            return empty if test == "is empty" else f"NOT {empty}"
    msg = f"the field {name!r} is {kind}: {test!r} cannot compare it with {type(value).__name__}"
    raise TypeError(msg)


def measured_in_sql(what: str, columns: dict[str, str], where: str = "TRUE") -> str:
    """See :func:`._measures.measured`; over the records that are ``where``. A record's place is in ``¶``."""
    word, _, name = what.partition(" ")
    if word == "count" and not name:
        return f"count(*) FILTER (WHERE {where})"
    if word not in MEASURES or not name:
        msg = f"no measure {what!r}: say 'count', or one of {', '.join(MEASURES)} and a field, like 'sum total'"
        raise ValueError(msg)
    if word == "unique":
        msg = "'unique' is not measured in a table: use data.dedupe, and count or list what is left"
        raise ValueError(msg)
    column, kind = name_of(name), kind_of(columns[name])
    if word in ("sum", "mean", "median"):
        if kind not in ("number", "bool"):
            msg = f"{what!r}: the values of {name!r} do not fit (they are {kind})"
            raise TypeError(msg)
        column = f"{column}::INTEGER" if kind == "bool" else column
    some = f"FILTER (WHERE {name_of(name)} IS NOT NULL AND {where})"
    match word:
        case "sum":
            return f"coalesce(sum({column}) {some}, 0)"
        case "mean":
            return f"avg({column}::DOUBLE) {some}"
        case "median":
            return f"median({column}::DOUBLE) {some}"
        case "first" | "last":
            return f"first({column} ORDER BY ¶ {'DESC' if word == 'last' else ''}) {some}"
        case "list":
            return f"coalesce(list({column} ORDER BY ¶) {some}, [])"
    return f"{word}({column}) {some}"


def digits_in_sql(name: str) -> str:
    """The most digits behind the point that a text of the column has."""
    return f"coalesce(max(len(split_part(trim({name_of(name)}, {_SPACE}), '.', 2))), 0)"


def read_in_sql(name: str, kind: str, digits: int) -> str:
    """See :func:`._measures.read_as`; dates and moments as ISO 8601 has them, moments without a zone."""
    type_, pattern = _KINDS[kind]
    type_ = type_.replace("{digits}", str(digits))
    column, text = name_of(name), f"trim({name_of(name)}, {_SPACE})"
    read = f"lower({text}) IN ('true', 'yes', '1')" if kind == "bool" else f"TRY_CAST({text} AS {type_})"
    article = "an" if kind == "int" else "a"
    wrong = f"error({text_of(f'field {name!r}: ')} || '''' || {column} || ''' is not {article} {kind}')"
    fits = f"regexp_full_match({text}, {text_of(pattern)}) AND ({read}) IS NOT NULL"
    return f"CASE WHEN {column} IS NULL OR {text} = '' THEN NULL WHEN {fits} THEN {read} ELSE {wrong}::{type_} END"
