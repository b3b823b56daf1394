"""What a plan says, done by DuckDB: each step a view of the one before, so that records flow through all of them, in
the order that lists have, in bounded memory (what is sorted, grouped and joined goes to a temporary folder).

The door is shut before the first view is made: files of the plan are reached, and nothing else. Knows nothing of nodes.
"""

from __future__ import annotations

import csv
import io
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO

from attrs import define, field

from .. import permissions
from ._combine import HOW, fields_of_key
from ._expressions import (
    digits_in_sql,
    kind_of,
    literal,
    measured_in_sql,
    name_of,
    read_in_sql,
    tested_in_sql,
    text_of,
)
from ._fields import as_dict, each
from ._jsontext import parse
from ._libraries import library
from ._measures import KINDS
from ._plans import Table
from ._streams import opened
from ._tables import SHUT, filled

_WIDEST = 1000
"""Fields that a pivot may make."""

_ROWS = 4000  # fetched at once

_PLACED = "(SELECT *, row_number() OVER () AS ¶ FROM {})"


@contextmanager
def opened_plan(plan: Table, memory: str) -> Iterator[Opened]:
    """The plan, ready to be read.

    Parameters
    ----------
    memory: what DuckDB may hold at once, as ``1GB``.

    Raises
    ------
    ValueError: the plan does not fit its files, a file is none, or its values do not fit (then while reading, too).
    """
    duckdb = library("table", "duckdb")
    with tempfile.TemporaryDirectory(prefix="cflow-table-") as folder, duckdb.connect(":memory:") as connection:
        out = Opened(connection, Path(folder))
        with _told():
            connection.execute(f"SET temp_directory = {text_of(folder)}")
            connection.execute(f"SET memory_limit = {text_of(memory)}")
            out.reach(plan)
            for setting in SHUT:
                connection.execute(f"SET {setting}")
            out.name = out.view(plan)
        yield out


@contextmanager
def _told() -> Iterator[None]:
    """Errors of the library as those of a table."""
    duckdb = library("table", "duckdb")
    try:
        yield
    except duckdb.Error as error:
        msg = f"the table cannot be made: {str(error).removeprefix('Invalid Input Error: ').splitlines()[0]}"
        raise ValueError(msg) from error


@define
class Opened:
    """A connection, and the views that the steps have become."""

    connection: Any
    folder: Path
    name: str = ""
    _views: dict[int, tuple[str, Table]] = field(factory=dict)
    _columns: dict[str, dict[str, str]] = field(factory=dict)
    _files: dict[int, Path] = field(factory=dict)

    def columns(self, view: str) -> dict[str, str]:
        """Its columns and their types."""
        if view not in self._columns:
            found = self.connection.execute(f"DESCRIBE {view}").fetchall()
            self._columns[view] = {row[0]: row[1] for row in found}
        return self._columns[view]

    def records(self) -> Iterator[list[dict[str, Any]]]:
        """All records, some at a time."""
        columns = self.columns(self.name)
        texts = [name for name, type_ in columns.items() if type_ == "JSON"]
        with _told():
            cursor = self.connection.execute(f"SELECT * FROM {self.name}")
            while chunk := cursor.fetchmany(_ROWS):
                records = [dict(zip(columns, row)) for row in chunk]  # noqa: B905  # a row has all columns
                for name in texts:
                    for record in records:
                        record[name] = record[name] and parse(record[name], f"the field {name!r}")
                yield records

    def write(self, file: BinaryIO, name: str) -> None:
        """Put all records into a file, in the form that its name asks for."""
        form, packed = _form(name)
        options = f"FORMAT {'json' if form == 'jsonl' else form}"
        options += f", HEADER, DELIMITER {text_of(_separator(name))}" if form == "csv" else ""
        options += f", COMPRESSION {packed}" if packed else ""
        whole = self.folder / f"whole.{form}"
        with _told():
            self.connection.execute(f"COPY (SELECT * FROM {self.name}) TO {text_of(str(whole))} ({options})")
        with open(whole, "rb") as source:
            shutil.copyfileobj(source, file, 1 << 20)

    # ---- what a plan reads ---------------------------------------------------------------------------

    def reach(self, plan: Table) -> None:
        """Let the connection see the files and lists of the plan, and nothing else."""
        for table in _sources(plan):
            if table.verb == "list":
                filled(self.connection, f"list {id(table)}", each(table.options["rows"], as_dict))
            else:
                path = Path(permissions().file(table.options["path"])).absolute()
                path.open("rb").close()  # an OSError of its own says why it cannot be read
                self._files[id(table)] = path
        seen = [*self._files.values(), *(self.folder / f"whole.{form}" for form in ("csv", "jsonl", "parquet"))]
        self.connection.execute(f"SET allowed_paths = [{', '.join(text_of(str(path)) for path in seen)}]")

    # ---- steps ---------------------------------------------------------------------------------------

    def view(self, table: Table) -> str:
        """The view that a step has become. One that two others begin with is made once."""
        if id(table) not in self._views:
            if table.verb not in _VERBS:  # a plan may be made by hand
                msg = f"no step {table.verb!r}: the steps are {', '.join(_VERBS)}"
                raise ValueError(msg)
            made = getattr(self, f"_{table.verb}")
            select = made(*(self.view(part) for part in table.inputs), **_options(table))
            name = f"step_{len(self._views)}"
            self.connection.execute(f"CREATE TEMP VIEW {name} AS {select}")
            self._views[id(table)] = (name, table)  # kept, so that no other gets its id
        return self._views[id(table)][0]

    def known(self, view: str, *names: str) -> dict[str, str]:
        """The columns. Raises ValueError for a field that is none of them, and offers the nearest."""
        columns = self.columns(view)
        for name in names:
            if name not in columns:
                near = get_close_matches(name, columns, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f" (it has {', '.join(columns)})"
                msg = f"the table has no field {name!r}{hint}"
                raise ValueError(msg)
        return columns

    def _scan(self, table: Table, path: str, separator: str) -> str:
        place, (form, packed) = self._files[id(table)], _form(path)
        source = text_of(str(place))
        if form == "parquet":
            return f"SELECT * FROM read_parquet({source})"
        how = f"compression = '{packed or 'none'}'"
        if form == "csv":
            separator = separator or _separator(path)
            names = _header(path, separator)
            listed = ", ".join(f"{text_of(name)}: 'VARCHAR'" for name in names)
            cells = ", ".join(f"coalesce({name_of(name)}, '') AS {name_of(name)}" for name in names)
            return (
                f"SELECT {cells} FROM read_csv({source}, auto_detect = false, header = true, delim = "
                f"{text_of(separator)}, quote = '\"', escape = '\"', columns = {{{listed}}}, {how})"
            )
        # A text that looks like a date is text; all records are looked at, once.
        read = f"read_json({source}, format = 'newline_delimited', {how}, map_inference_threshold = -1"
        guess = f"SELECT * FROM {read}, dateformat = '~', timestampformat = '~', sample_size = -1)"
        kinds = {row[0]: row[1] for row in self.connection.execute(f"DESCRIBE {guess}").fetchall()}
        kinds = {name: "JSON" if kind == '"NULL"' else kind for name, kind in kinds.items()}  # None in all records
        listed = ", ".join(f"{text_of(name)}: {text_of(kind)}" for name, kind in kinds.items())
        return f"SELECT * FROM {read}, columns = {{{listed}}})"

    def _list(self, table: Table) -> str:
        return f"SELECT * FROM {name_of(f'list {id(table)}')}"

    def _select(self, view: str, fields: list[str]) -> str:
        self.known(view, *fields)
        return f"SELECT {_all(dict.fromkeys(fields))} FROM {view}"

    def _drop(self, view: str, fields: list[str]) -> str:
        return f"SELECT {_all(name for name in self.columns(view) if name not in fields)} FROM {view}"

    def _set(self, view: str, values: dict[str, Any]) -> str:
        kept = {name: name_of(name) for name in self.columns(view)}
        made = kept | {name: literal(value) for name, value in values.items()}
        return f"SELECT {', '.join(f'{sql} AS {name_of(name)}' for name, sql in made.items())} FROM {view}"

    def _rename(self, view: str, names: dict[str, str]) -> str:
        columns = self.known(view, *names)
        new = [names.get(name, name) for name in columns]
        if len(set(new)) < len(new):
            msg = f"after the renaming {names} two fields of a record have one name"
            raise ValueError(msg)
        pairs = zip(columns, new, strict=True)
        return f"SELECT {', '.join(f'{name_of(old)} AS {name_of(name)}' for old, name in pairs)} FROM {view}"

    def _cast(self, view: str, kinds: dict[str, str]) -> str:
        columns, read = self.known(view, *kinds), {}
        for name, kind in kinds.items():
            if kind not in KINDS:
                msg = f"no kind {kind!r}: the kinds are {', '.join(KINDS)}"
                raise ValueError(msg)
            if columns[name] == "VARCHAR":  # other values stay
                digits = self._one(f"SELECT {digits_in_sql(name)} FROM {view}") if kind == "Decimal" else 0
                read[name] = read_in_sql(name, kind, digits)
        return f"SELECT {', '.join(f'{read.get(n, name_of(n))} AS {name_of(n)}' for n in columns)} FROM {view}"

    def _filter(self, view: str, name: str, test: str, value: Any) -> str:
        columns = self.known(view, name)
        return f"SELECT * FROM {view} WHERE {tested_in_sql(name, columns[name], test, value)}"

    def _sort(self, view: str, by: list[str]) -> str:
        self.known(view, *(name.removeprefix("-") for name in by))
        order = [f"{name_of(n.removeprefix('-'))} {'DESC' if n.startswith('-') else 'ASC'} NULLS LAST" for n in by]
        return f"SELECT * EXCLUDE (¶) FROM {_PLACED.format(view)} ORDER BY {', '.join([*order, '¶'])}"

    def _limit(self, view: str, count: int, skip: int) -> str:
        return f"SELECT * FROM {view} LIMIT {int(count)} OFFSET {int(skip)}"

    def _concat(self, *views: str) -> str:
        kinds: dict[str, str] = {}
        for view in views:
            for name, type_ in self.columns(view).items():
                self._alike(name, kinds.setdefault(name, type_), type_)
        return " UNION ALL BY NAME ".join(f"SELECT * FROM {view}" for view in views)

    def _dedupe(self, view: str, by: list[str]) -> str:
        keys = _all(by or self.columns(view))
        self.known(view, *by)
        return (
            f"SELECT * EXCLUDE (¶) FROM {_PLACED.format(view)} "
            f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY ¶) = 1 ORDER BY ¶"
        )

    def _summarize(self, view: str, by: list[str], measures: dict[str, str]) -> str:
        columns = self.known(view, *by, *(name for what in measures.values() if (name := what.partition(" ")[2])))
        made = [f"{measured_in_sql(what, columns)} AS {name_of(name)}" for name, what in measures.items()]
        return self._grouped(view, by, made)

    def _grouped(self, view: str, by: list[str], made: list[str]) -> str:
        keys = [name_of(name) for name in by]
        groups = f"GROUP BY {', '.join(keys)}" if keys else ""
        return (
            f"SELECT {', '.join([*keys, *made])} FROM {_PLACED.format(view)} {groups} "
            "HAVING count(*) > 0 ORDER BY min(¶)"
        )

    def _pivot(self, view: str, by: list[str], names: str, value: str, measure: str) -> str:
        columns = self.known(view, *by, names, value)
        shown = f"coalesce({name_of(names)}::VARCHAR, 'None')"
        if columns[names] == "BOOLEAN":
            shown = f"CASE {name_of(names)} WHEN TRUE THEN 'True' WHEN FALSE THEN 'False' ELSE 'None' END"
        heads = self.connection.execute(
            f"SELECT {shown} FROM {_PLACED.format(view)} GROUP BY 1 ORDER BY min(¶) LIMIT {_WIDEST + 1}"
        ).fetchall()
        if len(heads) > _WIDEST:
            msg = f"the field {names!r} has more than {_WIDEST:,} values: too many to be fields"
            raise ValueError(msg)
        made = []
        for (head,) in heads:
            if head in by:
                msg = f"the field {names!r} has the value {head!r}, which is the name of a field that stays"
                raise ValueError(msg)
            here = f"{shown} = {text_of(head)}"
            cell = measured_in_sql(measure if measure == "count" else f"{measure} {value}", columns, here)
            made.append(f"CASE WHEN count(*) FILTER (WHERE {here}) > 0 THEN {cell} END AS {name_of(head)}")
        return self._grouped(view, by, made)

    def _join(self, left: str, right: str, on: str | list[str] | dict[str, str], how: str) -> str:
        if how not in HOW:
            msg = f"how is {', '.join(HOW[:-1])} or {HOW[-1]}, not {how!r}"
            raise ValueError(msg)
        sides = f"{_PLACED.format(left)} l {{}} JOIN {_PLACED.format(right)} r"
        mine, other = self.columns(left), self.columns(right)
        equal = "" if how == "cross" else f" ON {self._equal(left, right, on)}"
        if how in ("only left", "only right"):
            kept, gone, side = (left, right, "l") if how == "only left" else (right, left, "r")
            names = ("l", "r") if side == "l" else ("r", "l")
            return (
                f"SELECT {_all(self.columns(kept))} FROM {_PLACED.format(kept)} {names[0]} ANTI JOIN "
                f"{_PLACED.format(gone)} {names[1]}{equal} ORDER BY {side}.¶"
            )
        cells = [f"l.{name_of(name)}" for name in mine]
        if how in ("right", "full"):  # without a partner on the left the right says it
            for i, name in enumerate(mine):
                if name in other:
                    self._alike(name, mine[name], other[name])
                    cells[i] = f"CASE WHEN l.¶ IS NULL THEN r.{name_of(name)} ELSE {cells[i]} END AS {name_of(name)}"
        cells += [f"r.{name_of(name)}" for name in other if name not in mine]
        word = {"inner": "INNER", "cross": "CROSS"}.get(how, f"{how.upper()} OUTER")
        return f"SELECT {', '.join(cells)} FROM {sides.format(word)}{equal} ORDER BY l.¶ NULLS LAST, r.¶"

    def _compare(self, old: str, new: str, on: str | list[str], part: str) -> str:
        names, _ = fields_of_key(on)
        for view, which in ((old, "old"), (new, "new")):
            self.known(view, *names)
            twice = f"SELECT 1 FROM {view} GROUP BY {_all(names)} HAVING count(*) > 1 LIMIT 1"
            if self._one(f"SELECT count(*) FROM ({twice})"):
                msg = f"two of the {which} records have the same {', '.join(names)}"
                raise ValueError(msg)
        was, now = self.columns(old), self.columns(new)
        alike = {name: kind_of(was[name]) == kind_of(now[name]) for name in was if name in now}
        same = [f"o.{name_of(n)} IS NOT DISTINCT FROM n.{name_of(n)}" if alike[n] else "FALSE" for n in names]
        equal = " AND ".join(same)
        o, n = _PLACED.format(old), _PLACED.format(new)
        if part in ("added", "removed"):
            kept, gone, side = (f"{n} n", f"{o} o", "n") if part == "added" else (f"{o} o", f"{n} n", "o")
            return f"SELECT * EXCLUDE (¶) FROM {kept} ANTI JOIN {gone} ON {equal} ORDER BY {side}.¶"
        differ = [
            f"CASE WHEN o.{name_of(name)} IS DISTINCT FROM n.{name_of(name)} THEN {text_of(name)} END"
            if alike.get(name)
            else text_of(name)
            for name in now | was
        ]
        fields = f"list_filter([{', '.join(differ)}], lambda x: x IS NOT NULL)"
        both = f"FROM {o} o JOIN {n} n ON {equal}"
        if part == "same":
            return f"SELECT n.* EXCLUDE (¶) {both} WHERE len({fields}) = 0 ORDER BY o.¶"
        return (
            f"SELECT {_packed('o', was)} AS before, {_packed('n', now)} AS after, {fields} AS fields {both} "
            f"WHERE len({fields}) > 0 ORDER BY o.¶"
        )

    def _equal(self, left: str, right: str, on: str | list[str] | dict[str, str]) -> str:
        on_left, on_right = fields_of_key(on)
        mine, other = self.known(left, *on_left), self.known(right, *on_right)
        return " AND ".join(
            f"l.{name_of(a)} = r.{name_of(b)}" if kind_of(mine[a]) == kind_of(other[b]) else "FALSE"
            for a, b in zip(on_left, on_right, strict=True)
        )

    def _alike(self, name: str, one: str, other: str) -> None:
        if kind_of(one) != kind_of(other):
            kinds = f"{kind_of(one)} in one table and {kind_of(other)} in the other"
            msg = f"the field {name!r} is {kinds}: cast or rename it"
            raise ValueError(msg)

    def _one(self, sql: str) -> Any:
        return self.connection.execute(sql).fetchone()[0]


_VERBS = (
    *("scan", "list", "select", "drop", "set", "rename", "cast", "filter", "sort", "limit", "concat", "dedupe"),
    *("summarize", "pivot", "join", "compare"),
)


def _options(table: Table) -> dict[str, Any]:
    """What the step is told. A source is told who it is, too."""
    if table.verb == "list":
        return {"table": table}
    return {"table": table, **table.options} if table.verb == "scan" else table.options


def _sources(plan: Table) -> Iterator[Table]:
    """The files and lists that a plan begins with, each once."""
    seen, rest = set[int](), [plan]
    while rest:
        table = rest.pop()
        if id(table) not in seen:
            seen.add(id(table))
            rest += table.inputs
            if not table.inputs:
                yield table


def _all(names: Iterable[str]) -> str:
    listed = [name_of(name) for name in names]
    if not listed:
        msg = "no field is left: name at least one"
        raise ValueError(msg)
    return ", ".join(listed)


def _separator(path: str) -> str:
    return "\t" if ".tsv" in Path(path).suffixes else ","


def _header(path: str, separator: str) -> list[str]:
    """The names of the columns. Raises ValueError where there are none, or two of one name."""
    with opened(path) as file:
        names = next(csv.reader(io.TextIOWrapper(file, "utf-8-sig", newline=""), delimiter=separator), [])
    wrong = "has no line of names" if not names else "has a column without a name" if "" in names else ""
    if len(set(names)) < len(names):
        wrong = f"has two columns of one name ({', '.join(names)})"
    if wrong:
        msg = f"{path} {wrong}"
        raise ValueError(msg)
    return names


def _packed(side: str, names: Iterable[str]) -> str:
    return f"{{{', '.join(f'{text_of(name)}: {side}.{name_of(name)}' for name in names)}}}"


def _form(path: str) -> tuple[str, str]:
    """Which form, and how it is compressed. Raises ValueError for another."""
    *rest, last = Path(path).suffixes[-2:] or [""]
    packed = {".gz": "gzip", ".zst": "zstd"}.get(last, "")
    word = (rest[-1] if rest else "") if packed else last
    form = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}.get(word)
    if form is None or (packed and form == "parquet"):
        msg = f"{path}: a table is .csv, .tsv, .jsonl, .ndjson (these also .gz and .zst) or .parquet"
        raise ValueError(msg)
    return form, packed
