from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from cflow.stdlib_nodes import yaml

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text() | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@dataclass
class Server:
    host: str
    tags: set[str]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("no", "no"), ("on", "on"), ("yes", "yes"), ("true", True), ("False", False), ("~", None), ("", None),
        ("012", 12), ("0o17", 15), ("0x1F", 31), ("-7", -7), ("1e3", 1000.0), (".5", 0.5), ("-.inf", float("-inf")),
        ("1_000", "1_000"), ("12:30:45", "12:30:45"), ("2026-03-01", "2026-03-01"), ("'7'", "7"), ("! 7", "7"),
        ("!!str 7", "7"), ("!!int '7'", 7), ("!!float 1", 1.0), ("!!bool 'true'", True), ("!!binary aGk=", b"hi"),
        ("!!timestamp 2026-03-01", dt.date(2026, 3, 1)), ("[a, {b: 1}]", ["a", {"b": 1}]), ("a: |\n x\n", {"a": "x\n"}),
    ],
)  # fmt: skip
def test_the_core_schema(text: str, value: Any) -> None:
    found = yaml.loads.fn(text)
    assert (found, type(found)) == (value, type(value))


def test_aliases_and_merges() -> None:
    text = """
base: &base {a: 1, b: 1}
more: &more {b: 2, c: 2}
one: {<<: *base, b: 3}
two: {<<: [*more, *base], d: 4}
three: *base
four: {'<<': 1}
"""
    found = yaml.loads.fn(text)
    assert found["one"] == {"a": 1, "b": 3}
    assert found["two"] == {"a": 1, "b": 2, "c": 2, "d": 4}
    assert found["three"] == {"a": 1, "b": 1}
    assert found["four"] == {"<<": 1}


def test_documents() -> None:
    assert yaml.documents.fn("a: 1\n---\n- 2\n---\n") == [{"a": 1}, [2], None]
    assert yaml.documents.fn("") == []
    with pytest.raises(ValueError, match=r"several documents: yaml\.documents"):
        yaml.loads.fn("a\n---\nb\n")
    with pytest.raises(ValueError, match="line 3, column 1: nothing before it is called &x"):
        yaml.documents.fn("&x a\n---\n*x\n")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [1,\nb: 2", r"the text is not YAML: .* at line 3, column 1"),
        ("a: 1\na: 2\n", "the text, line 2, column 1: the key 'a' stands there twice"),
        ("{1: a, true: b}", "the key True stands there twice"),  # to Python they are one key: said, not lost
        ("[a]: 1", "a key is text, a number or a truth value"),
        ("!!python/object/apply:os.system ['true']", "the tag .*python.* is no plain data"),
        ("!mine 1", "the tag '!mine' is no plain data"),
        ("!!int x", "'x' does not fit its tag"),
        ("!!bool 'no'", "does not fit"),
        ("&a [*a]", "nothing before it is called &a"),
        ("a: *b", "nothing before it is called &b"),
        ("{<<: 1}", "'<<' takes a mapping"),
        ("9" * 5000, "digits"),
        ("a: \x01", "the text is not YAML"),
        ("[" * 100_000, "nested more than 200 deep|is not YAML"),
        ("a:\n" + "".join(" " * i + "a:\n" for i in range(1, 300)), "nested more than 200 deep"),
    ],
)
def test_bad_texts(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        yaml.loads.fn(text)


@pytest.mark.parametrize("form", ["&{0} [{1}]", "&{0} {{a: {1}, b: {1}}}"])
def test_a_billion_laughs_are_refused(form: str) -> None:
    lines = ["x0: &x0 [lol]"]
    for i in range(1, 40):
        lines.append(f"x{i}: " + form.format(f"x{i}", f"*x{i - 1}, *x{i - 1}" if "[" in form else f"*x{i - 1}"))
    with pytest.raises(ValueError, match="aliases stand for more than 1,000,000 values"):
        yaml.loads.fn("\n".join(lines))


def test_merges_that_multiply_are_refused() -> None:
    lines = ["x0: &x0 {a: 1}"] + [f"x{i}: &x{i} {{<<: [*x{i - 1}, *x{i - 1}]}}" for i in range(1, 40)]
    with pytest.raises(ValueError, match="aliases stand for more than"):
        yaml.loads.fn("\n".join(lines))


@given(value=VALUES)
@settings(max_examples=150, deadline=None)
def test_what_is_written_is_read(value: Any) -> None:
    assert yaml.loads.fn(yaml.dumps.fn(value)) == value


@given(st.text(alphabet="ab:-[]{}&*!<>|'\"#?,%@ \n\t01.~", max_size=60))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_value_or_a_clear_error(clear: Any, text: str) -> None:
    clear(lambda: yaml.documents.fn(text), "the text")


def test_files_and_records(tmp_path: Path) -> None:
    value = {"server": Server("a", {"y", "x"}), "day": dt.date(2026, 3, 1), "wait": dt.timedelta(seconds=2)}
    path = yaml.write.fn(tmp_path / "new" / "a.yaml", value)
    assert path.read_text() == "server:\n  host: a\n  tags:\n  - x\n  - y\nday: 2026-03-01\nwait: 2.0\n"
    assert yaml.read.fn(path) == {"server": {"host": "a", "tags": ["x", "y"]}, "day": "2026-03-01", "wait": 2.0}
    path.write_bytes("ü: 1".encode("utf-16"))
    assert yaml.read.fn(path) == {"ü": 1}
    path.write_bytes(b"a: \xff\n")
    with pytest.raises(ValueError, match=r"a\.yaml is not YAML"):
        yaml.read.fn(path)
    assert yaml.dumps.fn({"b": 1, "a": [1, {"c": "x\ny"}]}, sort_keys=True) == "a:\n- 1\n- c: |-\n    x\n    y\nb: 1\n"
    with pytest.raises(TypeError, match="no form for object"):
        yaml.write.fn(path, object())
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(ValueError, match="holds itself"):
        yaml.dumps.fn(circle)
