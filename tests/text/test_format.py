"""The house style (``format.md``); over generated programs: no comment lost, nothing changed, done once is done."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st
from text_programs import Programs
from text_support import FOLDER, read, sections

from cflow.dsl.text import format_text
from cflow.dsl.text.lexer import tokenize
from cflow.dsl.text.parser import normal
from cflow.dsl.text.report import Reporter


@sections("format.md")
def test_style(blocks: dict[str, str]) -> None:
    assert format_text(blocks["before"]) == blocks["after"]
    assert format_text(blocks["after"]) == blocks["after"]


def comments(text: str) -> list[str]:
    return [comment.value.rstrip() for comment in tokenize(normal(text), Reporter("x")).comments]


def holds(text: str) -> None:
    done = format_text(text)
    assert read(done) == read(text)
    assert sorted(comments(done)) == sorted(comments(text))
    assert format_text(done) == done
    assert all(line == line.rstrip() for line in done.split("\n"))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 10**9))
def test_generated_programs(seed: int) -> None:
    holds(Programs(seed).module())


def test_many_generated_programs(long: bool) -> None:
    for seed in range(20_000 if long else 0):
        holds(Programs(seed).module())


ROOT = FOLDER.parent.parent
FILES = sorted(p for p in ROOT.rglob("*.cflow") if not any(part.startswith(".") for part in p.relative_to(ROOT).parts))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_program_of_the_repository(path: Path) -> None:
    text = path.read_text("utf-8")
    try:
        read(text)
    except AssertionError:
        pytest.skip("meant to be wrong")
    holds(text)


@pytest.mark.parametrize("text", ["", "\n\n", "# c", "  # c  \n\n\n# d", "\ufeff# c\r\n"])
def test_files_without_a_program(text: str) -> None:
    holds(text)


def test_the_order_of_comments_stays() -> None:
    text = (FOLDER / "orders.cflow").read_text("utf-8")
    assert comments(format_text(text)) == comments(text)
