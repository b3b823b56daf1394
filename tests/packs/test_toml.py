from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import toml

WORDS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | WORDS | st.dates() | st.datetimes(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=10,
)


@dataclass
class Config:
    name: str
    path: Path


def test_there_and_back(tmp_path: Path) -> None:
    value = {"a": 1, "b": {"when": dt.date(2026, 3, 1), "rows": [{"x": 1.5}, {"x": 2.0}]}}
    path = toml.write.fn(tmp_path / "new" / "a.toml", value)
    assert toml.read.fn(path) == value
    assert toml.loads.fn(toml.dumps.fn(Config("x", Path("a/b")))) == {"name": "x", "path": "a/b"}
    assert toml.loads.fn("\ufeffa = 1\r\n") == {"a": 1}


@given(st.dictionaries(WORDS, VALUES, max_size=4))
@settings(max_examples=100, deadline=None)
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    assert toml.loads.fn(toml.dumps.fn(value)) == value


@given(st.text(alphabet="ab=[]{}.\"'# \n,01-:T", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_table_or_a_clear_error(clear: Any, text: str) -> None:
    clear(lambda: toml.loads.fn(text), "the text is not TOML")


def test_errors_name_the_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"the text is not TOML: .*line 2, column 6"):
        toml.loads.fn("a = 1\na = 2\n")
    with pytest.raises(ValueError, match="nested too deeply"):
        toml.loads.fn("a = " + "[" * 100_000)
    with pytest.raises(ValueError, match=r"is not TOML: .*digits"):
        toml.loads.fn("a = " + "9" * 5000)
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = '\xff'")
    with pytest.raises(ValueError, match=r"a\.toml is not TOML: byte 5 is not UTF-8"):
        toml.read.fn(path)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({"a": {"b": [1, None]}}, r"TOML has no null: leave a\.b\[1\] out"),
        ({"a": {1: 2}}, "a key in TOML is text, not 1"),
        ({"a": object()}, "no form for object"),
        ([1], "a record is a dict or a typed record, not list"),
    ],
)
def test_values_without_a_form(value: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        toml.dumps.fn(value)
