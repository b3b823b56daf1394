"""Tables give what lists give, in the same order; they reach their files and nothing else, in bounded memory."""

from __future__ import annotations

import datetime as dt
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import Phase, given, settings, strategies as st

import cflow
from cflow.stdlib_nodes import csv, data, jsonl, table
from cflow.stdlib_nodes._planned import opened_plan

# ---- what lists give -----------------------------------------------------------------------------

NUMBERS = st.one_of(st.none(), st.integers(-3, 3), st.sampled_from([0.5, 1.0, -2.25]))
TEXTS = st.one_of(st.none(), st.sampled_from(["", "a", "ab", "b'\"c", "ä", "2026-01-01", "1"]))
RECORD = st.fixed_dictionaries(
    {"k": TEXTS, "n": NUMBERS, "b": st.one_of(st.none(), st.booleans()), "l": st.lists(st.integers(0, 2), max_size=2)}
)
RECORDS = st.lists(RECORD, min_size=1, max_size=8)
FIXED: Any = {"k": "a", "n": 1.5, "b": True, "l": [1]}  # so that all fields have their kinds

STEPS: dict[str, Callable[[Any], Any]] = {
    "select": lambda rows: data.select.fn(rows, "n", "k"),
    "drop": lambda rows: data.drop.fn(rows, "n", "zz"),
    "set": lambda rows: data.set.fn(rows, n=None, new="it's", day=dt.date(2026, 1, 1), price=Decimal("1.10")),
    "rename": lambda rows: data.rename.fn(rows, {"k": "n", "n": "k"}),
    "equal": lambda rows: data.filter.fn(rows, "n", "==", 1),
    "equal to None": lambda rows: data.filter.fn(rows, "n", "==", None),
    "unlike": lambda rows: data.filter.fn(rows, "n", "!=", 1),
    "equal to another kind": lambda rows: data.filter.fn(rows, "k", "==", 1),
    "unlike another kind": lambda rows: data.filter.fn(rows, "k", "!=", 1),
    "less": lambda rows: data.filter.fn(rows, "n", "<", 0.5),
    "at least": lambda rows: data.filter.fn(rows, "k", ">=", "ab"),
    "in": lambda rows: data.filter.fn(rows, "k", "in", ["a", None, 1]),
    "not in": lambda rows: data.filter.fn(rows, "n", "not in", [1, 2.5]),
    "contains": lambda rows: data.filter.fn(rows, "k", "contains", "b"),
    "list contains": lambda rows: data.filter.fn(rows, "l", "contains", 1),
    "starts with": lambda rows: data.filter.fn(rows, "k", "starts with", "a"),
    "ends with": lambda rows: data.filter.fn(rows, "k", "ends with", "c"),
    "is empty": lambda rows: data.filter.fn(rows, "k", "is empty"),
    "is not empty": lambda rows: data.filter.fn(rows, "l", "is not empty"),
    "sort": lambda rows: data.sort.fn(rows, "n"),
    "sort down": lambda rows: data.sort.fn(rows, "-k", "b"),
    "limit": lambda rows: data.limit.fn(rows, 2, skip=1),
    "dedupe": lambda rows: data.dedupe.fn(rows, "k"),
    "dedupe whole": lambda rows: data.dedupe.fn(rows),
    "concat": lambda rows: data.concat.fn(rows, data.filter.fn(rows, "n", ">", 0)),
    "summarize": lambda rows: data.summarize.fn(
        rows, ["k", "b"], c="count", cn="count n", s="sum n", m="mean n", md="median n", lo="min k", hi="max n",
        f="first n", la="last n", li="list n", t="sum b",
    ),
    "summarize all": lambda rows: data.summarize.fn(data.filter.fn(rows, "k", "==", "a"), [], c="count", s="sum n"),
    "pivot": lambda rows: data.pivot.fn(data.filter.fn(rows, "k", "is not empty"), "n", "k", "b", "count"),
    "pivot of truths": lambda rows: data.pivot.fn(rows, ["k"], "b", "n"),
    "several": lambda rows: data.limit.fn(data.sort.fn(data.filter.fn(rows, "n", ">", 0), "-n", "k"), 3),
}  # fmt: skip

ON: Any = [{"k": "k"}, ["k", "n"], {"n": "n"}, {"k": "n"}, {"n": "b"}]
HOWS: Any = ["inner", "left", "right", "full", "cross", "only left", "only right"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


def lists_and_tables(folder: Path, *lists: Any) -> list[tuple[Any, Any]]:
    """Each list, and the table of a file that holds it."""
    out = []
    for i, rows in enumerate(lists):
        path, listed = folder / f"{i}.jsonl", data.select.fn([*rows, FIXED], *FIXED)
        jsonl.write.fn(path, listed)
        out.append((listed, table.scan.fn(path)))
    return out


class Same:
    """Does a table hold these records, also by kind of value and order of fields? On one connection for all."""

    def __init__(self, *sources: Any) -> None:
        self.sources = data.concat.fn(*sources)

    def __enter__(self) -> Same:
        self.manager = opened_plan(self.sources, "1GB")
        self.opened = self.manager.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.manager.__exit__(*error)

    def __call__(self, found: Any, expected: list[Any], what: object) -> None:
        self.opened.name = self.opened.view(found)
        rows = [record for chunk in self.opened.records() for record in chunk]
        told = lambda records: [[(name, value, isinstance(value, bool)) for name, value in r.items()] for r in records]
        assert told(rows) == told(expected), what


@given(RECORDS)
@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # to shrink takes minutes
def test_steps_are_those_of_lists(folder: Path, rows: Any) -> None:
    ((listed, tabled),) = lists_and_tables(folder, rows)
    with Same(tabled) as same:
        for name, step in STEPS.items():
            same(step(tabled), step(listed), name)


@given(RECORDS, RECORDS, st.sampled_from(ON))
@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # to shrink takes minutes
def test_joins_and_comparisons_are_those_of_lists(folder: Path, left: Any, right: Any, on: Any) -> None:
    (one, one_table), (two, two_table) = lists_and_tables(folder, left, right)
    with Same(one_table, two_table) as same:
        two, two_table = (data.set.fn(data.rename.fn(rows, {"l": "m"}), more=7) for rows in (two, two_table))
        for how in HOWS:
            same(data.join.fn(one_table, two_table, on, how), data.join.fn(one, two, on, how), how)
        one, one_table, two, two_table = (data.dedupe.fn(rows, "k") for rows in (one, one_table, two, two_table))
        found, listed = data.compare.fn(one_table, two_table, "k"), data.compare.fn(one, two, "k")
        for part in ("added", "removed", "same"):
            same(getattr(found, part), getattr(listed, part), part)
        changes = [{"before": c.before, "after": c.after, "fields": c.fields} for c in listed.changed]
        same(found.changed, changes, "changed")


CELLS = st.lists(
    st.fixed_dictionaries(
        {"a,b": st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5), "c": st.just("x")}
    ),
    max_size=5,
)


@given(CELLS, st.sampled_from([".csv", ".csv.gz", ".tsv.zst"]))
@settings(max_examples=8, deadline=None, phases=[Phase.generate])  # to shrink takes minutes
def test_csv_is_read_and_written_as_ever(folder: Path, rows: Any, ending: str) -> None:
    path, other = folder / f"cells{ending}", folder / f"other{ending}"
    separator = "\t" if "tsv" in ending else ","
    csv.write.fn(path, [*rows, {"a,b": "", "c": ""}], separator)
    found = table.scan.fn(path)
    assert table.collect.fn(found) == csv.read.fn(path, separator)
    assert table.write.fn(found, other) == other
    assert csv.read.fn(other, separator) == csv.read.fn(path, separator)


def test_text_is_read_as_values(folder: Path) -> None:
    path = folder / "texts.csv"
    kinds: Any = {"n": "int", "f": "float", "p": "Decimal", "b": "bool", "d": "date", "m": "datetime"}
    rows: Any = [
        {"n": " 7 ", "f": "1e3", "p": "1.10", "b": "Yes", "d": "2026-03-01", "m": "2026-03-01T05:00:00.25"},
        {"n": "-08", "f": "inf", "p": "5", "b": "0", "d": "", "m": "2026-03-01 05:00"},
        {"n": "", "f": " ", "p": ".125", "b": "", "d": "2024-02-29", "m": ""},
    ]
    csv.write.fn(path, rows)
    found = data.cast.fn(table.scan.fn(path), kinds)
    assert table.collect.fn(found) == data.cast.fn(rows, kinds)
    assert [type(value).__name__ for value in table.collect.fn(found)[0].values()] == list(kinds.values())
    for kind, text in (
        ("int", "1_000"),
        ("int", "1.0"),
        ("float", "x"),
        ("Decimal", "1,5"),
        ("bool", "maybe"),
        ("date", "2026-02-30"),
    ):
        csv.write.fn(path, [{"n": text}])
        for wrong in (table.scan.fn(path), [{"n": text}]):
            with pytest.raises(ValueError, match=f"field 'n': '{text}' is not an? {kind}"):
                made: Any = data.cast.fn(wrong, {"n": kind})  # type: ignore[dict-item]
                table.collect.fn(made)


def test_forms_of_files(folder: Path) -> None:
    rows: Any = [
        {"x": 1, "when": "2026-01-01", "o": {"a": [1]}, "z": None},
        {"x": None, "when": "b", "o": None, "z": None},
    ]
    jsonl.write.fn(folder / "a.jsonl.gz", rows)
    assert table.collect.fn(table.scan.fn(folder / "a.jsonl.gz")) == rows
    mixed: Any = [{"x": 1}, {"x": "a"}, {"x": [True]}]
    jsonl.write.fn(folder / "mixed.ndjson", mixed)
    assert table.collect.fn(table.scan.fn(folder / "mixed.ndjson")) == mixed
    for name in ("a.parquet", "a.jsonl", "b.jsonl.zst"):
        table.write.fn(table.scan.fn(folder / "a.jsonl.gz"), folder / name)
        assert table.collect.fn(table.scan.fn(folder / name)) == rows
    (folder / "odd [1]*.csv").write_text("a;b\n1;2\n")
    assert table.collect.fn(table.scan.fn(folder / "odd [1]*.csv", ";")) == [{"a": "1", "b": "2"}]
    listed: Any = [{"a": "1", "c": 3}]
    assert table.collect.fn(data.join.fn(table.scan.fn(folder / "odd [1]*.csv", ";"), listed, "a")) == [
        {"a": "1", "b": "2", "c": 3}
    ]


# ---- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (lambda t: data.select.fn(t, "nane"), ValueError, "the table has no field 'nane'; did you mean 'name'"),
        (lambda t: data.sort.fn(t, "-zz"), ValueError, r"no field 'zz' \(it has n, name\)"),
        (lambda t: data.drop.fn(t, "n", "name"), ValueError, "no field is left"),
        (lambda t: data.rename.fn(t, {"n": "name"}), ValueError, "two fields of a record have one name"),
        (lambda t: data.cast.fn(t, {"n": "number"}), ValueError, "no kind 'number'"),
        (lambda t: data.filter.fn(t, "n", "=>", 1), ValueError, "no test '=>'"),
        (lambda t: data.filter.fn(t, "name", "<", 1), TypeError, "'name' is text: '<' cannot compare it with int"),
        (lambda t: data.filter.fn(t, "n", "contains", "a"), TypeError, "'n' is number: 'contains' cannot"),
        (lambda t: data.filter.fn(t, "name", "in", "abc"), TypeError, "'in' cannot compare it with str"),
        (lambda t: data.summarize.fn(t, "n", x="sum name"), TypeError, "the values of 'name' do not fit"),
        (lambda t: data.summarize.fn(t, "n", x="average name"), ValueError, "no measure 'average name'"),
        (lambda t: data.summarize.fn(t, "n", x="unique name"), ValueError, "'unique' is not measured in a table"),
        (
            lambda t: data.concat.fn(t, data.rename.fn(t, {"n": "name", "name": "n"})),
            ValueError,
            "'name' is text in one",
        ),
        (lambda t: data.join.fn(t, t, "n", "outer"), ValueError, "how is inner, left"),
        (lambda t: data.join.fn(t, t, {"n": "m"}), ValueError, "no field 'm'"),
        (lambda t: data.compare.fn(t, t, "name").same, ValueError, "two of the old records have the same name"),
        (
            lambda t: data.pivot.fn(data.set.fn(t, name="n"), "n", "name", "n"),
            ValueError,
            "the name of a field that stays",
        ),
        (lambda t: table.Table(verb="view", inputs=[t]), ValueError, "no step 'view'"),
        (lambda t: table.scan.fn("a.xlsx"), ValueError, "a.xlsx: a table is .csv"),
        (lambda t: table.scan.fn("nothing.csv"), FileNotFoundError, "nothing.csv"),
        (lambda t: table.scan.fn("empty.csv"), ValueError, "empty.csv has no line of names"),
        (lambda t: table.scan.fn("twice.csv"), ValueError, r"twice.csv has two columns of one name \(a, a\)"),
        (lambda t: table.scan.fn("ragged.csv"), ValueError, "the table cannot be made"),
        (lambda t: table.scan.fn("broken.jsonl"), ValueError, "the table cannot be made"),
        (lambda t: table.scan.fn("broken.parquet"), ValueError, "the table cannot be made"),
    ],
)
def test_errors_are_told_at_the_end(
    step: Any, error: type[Exception], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jsonl.write.fn("t.jsonl", [{"n": 1, "name": "a"}, {"n": 2, "name": "a"}])
    texts = {
        "a.xlsx": "",
        "empty.csv": "",
        "twice.csv": "a,a\n1,2\n",
        "ragged.csv": "a,b\n1\n",
        "broken.jsonl": '{"a":\n',
    }
    for name, text in {**texts, "broken.parquet": "PAR1"}.items():
        Path(name).write_text(text)
    plan = step(table.scan.fn("t.jsonl"))
    with pytest.raises(error, match=message):
        table.collect.fn(plan)


# ---- in programs ---------------------------------------------------------------------------------

FLOW = """
import data, table

flow report(source: str, regions: list[dict[str, Any]], target: str) -> list[str]:
    sales = table.scan(source) |> data.cast({"total": "int"}) |> data.filter("total", ">", 1)
    named = sales |> data.join(regions, on="region")
    table.write(named, target)
    lines = []
    for row in named |> data.summarize("name", total="sum total") |> data.sort("-total") |> table.rows:
        lines.append(f"{row['name']} {row['total']}")
    return lines
"""


def test_a_program_with_tables(tmp_path: Path) -> None:
    source, target = tmp_path / "sales.csv.gz", tmp_path / "named.parquet"
    with gzip.open(source, "wt") as file:
        file.write("region,total\n" + "n,1\nn,2\ns,3\nw,9\n" * 3000)
    regions = [{"region": "n", "name": "North"}, {"region": "s", "name": "South"}]
    program = cflow.loads(FLOW)
    assert program.report.run(str(source), regions, str(target)) == ["South 9000", "North 6000"]
    assert len(table.collect.fn(table.scan.fn(target))) == 6000
    # Plans are values: a run on record keeps them.
    engine = cflow.Engine(store=tmp_path / "store")
    assert engine.run(program.report, str(source), regions, str(target)) == ["South 9000", "North 6000"]
