"""The values of literals are Python's."""
# ruff: noqa: E501 - lists of pieces

from __future__ import annotations

import ast
from datetime import timedelta

import pytest
from hypothesis import given, strategies as st
from text_support import check, expression, read

from cflow.dsl import syntax
from cflow.dsl.text import literals

NUMBERS = "0 00 7 10 1_000 0x1F 0X_ff 0o17 0b1_01 1.5 1. .5 1e3 1E-3 1_0.0_1e1_0 2j 1.5J 1e3j 123456789012345678901234567890 1e999"


@pytest.mark.parametrize("text", NUMBERS.split())
def test_numbers(text: str) -> None:
    value = literals.number(text)
    assert (value, type(value)) == (ast.literal_eval(text), type(ast.literal_eval(text)))


@pytest.mark.parametrize(
    "text",
    "007 1__0 _1 1_ 0x 0b2 0o8 1.2.3 1e 1e+ 10x 1m2 1h30 h 1w 5min 1..2 0xg 1_s 99999999999999d 1.j2".split(),
)
def test_not_numbers(text: str) -> None:
    with pytest.raises(literals.LiteralError) as caught:
        literals.number(text)
    assert caught.value.help


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("250ms", 0.25),
        ("10s", 10),
        ("5m", 300),
        ("1h30m", 5400),
        ("2d", 172800),
        ("1.5h", 5400),
        ("1_000s", 1000),
        ("0s", 0),
    ],
)
def test_durations(text: str, value: float) -> None:
    assert literals.number(text) == timedelta(seconds=value)


PIECES = [
    "a",
    "é",
    "\\n",
    "\\\\",
    "\\'",
    '\\"',
    "\\x41",
    "\\u00e9",
    "\\U0001F600",
    "\\101",
    "\\0",
    "\\N{BULLET}",
    "\\\n",
    "\\t",
    " ",
    "#",
    "{",
    "}",
]


@given(
    st.lists(st.sampled_from(PIECES)),
    st.sampled_from(["", "r", "R", "u", "b", "rb", "Br"]),
    st.sampled_from(["'", '"', "'''", '"""']),
)
def test_strings(pieces: list[str], prefix: str, quote: str) -> None:
    text = prefix + quote + "".join(pieces) + quote
    if "b" in prefix.lower() and ("é" in text or "\\u" in text or "\\U" in text or "\\N" in text):
        return
    wanted = ast.literal_eval(text)
    (declared,) = read(f"const C = {text}\n").declarations
    assert isinstance(declared, syntax.ConstDecl)
    assert declared.value == syntax.Constant(wanted)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_in_a_string(text: str) -> None:
    value = expression(repr(text)) if "\r" not in text else expression(ascii(text))
    assert value == syntax.Constant(text)


@pytest.mark.parametrize(
    "text", ['"\\ud800"', '"\\xZZ"', '"\\N{NO}"', '"\\q"', 'b"é"', 'b"\\777"', '"\\U99999999"', '"a" b"a"']
)
def test_bad_strings(text: str) -> None:
    (only,) = check(f"const C = {text}\n")[1]
    assert only.id in ("syntax-escape", "syntax-string")
