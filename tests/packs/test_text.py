from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from cflow.stdlib_nodes import text


@dataclass
class Person:
    name: str
    town: dict[str, str]


def test_regular_expressions() -> None:
    found = text.find.fn("on 2026-03-01", r"(?P<year>\d{4})-(\d\d)")
    assert found is not None
    assert (found.text, found.groups, found.names) == ("2026-03", ["2026", "03"], {"year": "2026"})
    assert (found.start, found.end) == (3, 10)
    assert text.find.fn("abc", "x") is None
    assert [m.text for m in text.find_all.fn("a1 b22", r"\d+")] == ["1", "22"]
    assert text.matches.fn("ABC1", "[a-z]+1", ignore_case=True)
    assert not text.matches.fn("ABC12", r"[A-Z]+\d")
    assert text.replace.fn("a-b-c", r"(\w)-", r"\1+", count=1) == "a+b-c"
    assert text.split.fn(" a  b\tc ") == ["a", "b", "c"]
    assert text.split.fn("a,b,c", ",", limit=1) == ["a", "b,c"]


@pytest.mark.parametrize(
    "call",
    [lambda: text.find.fn("a", "("), lambda: text.split.fn("a", "[")],
)
def test_a_pattern_that_is_none(call: Any) -> None:
    with pytest.raises(ValueError, match="is not a regular expression"):
        call()


def test_a_replacement_that_does_not_fit() -> None:
    with pytest.raises(ValueError, match=r"the replacement .* does not fit"):
        text.replace.fn("a", "a", r"\2")


def test_join_lines_escape_wrap() -> None:
    assert text.join.fn([1, "b"], ", ") == "1, b"
    assert text.lines.fn("a\r\nb\n") == ["a", "b"]
    assert text.escape.fn('<a href="x">') == "&lt;a href=&quot;x&quot;&gt;"
    assert text.wrap.fn("one two three", 9, "> ") == "> one two\n> three"


@pytest.mark.parametrize(
    ("raw", "made"),
    [("Crème brûlée, 2 pieces", "creme-brulee-2-pieces"), ("  --  ", ""), ("A_b", "a-b"), ("東京", "")],
)
def test_slug(raw: str, made: str) -> None:
    assert text.slug.fn(raw) == made


@pytest.mark.parametrize(
    ("length", "cut"), [(20, "a longer text"), (13, "a longer text"), (9, "a longer…"), (1, "…"), (0, "")]
)
def test_truncate(length: int, cut: str) -> None:
    assert text.truncate.fn("a longer text", length) == cut
    with pytest.raises(ValueError, match="at least 0"):
        text.truncate.fn("a", -1)


def test_fill() -> None:
    ada = Person("Ada", {"zip": "1"})
    assert text.fill.fn("{{name}} {{ town.zip }} {x} { {y}}", ada) == "Ada 1 {x} { {y}}"
    assert text.fill.fn("{{ a }}", {"a": r"\1 {{ b }}"}) == r"\1 {{ b }}"
    with pytest.raises(ValueError, match=r"'nme'.*did you mean 'name'"):
        text.fill.fn("{{ nme }}", ada)
    with pytest.raises(ValueError, match=r"no 'b' \(there is: a\)"):
        text.fill.fn("{{ b }}", {"a": 1})


@pytest.mark.parametrize("name", ["__class__", "name.__class__", "town.items"])
def test_fill_never_reaches_python(name: str) -> None:
    with pytest.raises((ValueError, TypeError)):
        text.fill.fn("{{ " + name + " }}", Person("Ada", {}))


def test_table() -> None:
    assert text.table.fn([{"n": "a|b", "v": 1}, {"n": "c", "v": 20.5}]) == (
        "| n    | v    |\n| ---- | ---: |\n| a\\|b |    1 |\n| c    | 20.5 |\n"
    )
    assert text.table.fn([]) == ""
    assert text.table.fn([], ["a"]) == "| a   |\n| --- |\n"
    with pytest.raises(ValueError, match="no field 'x'"):
        text.table.fn([{"a": 1}], ["x"])
