"""Texts read, trees printed, Markdown files of examples."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from cflow.compiler.diagnostics import Collector, Diagnostic
from cflow.dsl import syntax
from cflow.dsl.text import parse

FOLDER = Path(__file__).parent


def check(text: str, file: str = "x.cflow") -> tuple[syntax.Module | None, list[Diagnostic]]:
    """The module and the findings."""
    collector = Collector()
    return parse(text, file, collector), collector.items


def read(text: str) -> syntax.Module:
    """The module of a text without errors."""
    module, found = check(text)
    assert not found, [str(d) for d in found]
    assert module is not None
    return module


def flow(body: str) -> syntax.Flow:
    """The flow with this body."""
    lines = "".join(f"    {line}\n" for line in body.strip("\n").split("\n"))
    (only,) = read(f"flow main():\n{lines}").declarations
    assert isinstance(only, syntax.Flow)
    return only


def expression(text: str) -> syntax.Expr:
    """The tree of one expression."""
    (statement,) = flow(f"x = {text}").body
    assert isinstance(statement, syntax.Assign)
    return statement.value


def show(node: Any) -> str:
    """A tree on one line, without what is at its default; names and constants as they would be written."""
    if isinstance(node, tuple):
        return f"({', '.join(map(show, node))})"
    if isinstance(node, syntax.Name):
        return node.id
    if isinstance(node, syntax.Constant):
        return repr(node.value)
    if not attrs.has(type(node)):
        return repr(node)
    parts = []
    for field in attrs.fields(type(node)):
        value = getattr(node, field.name)
        if field.name not in ("span", "doc") and value != field.default:
            parts.append(f"{field.name}={show(value)}" if field.default is not attrs.NOTHING else show(value))
    return f"{type(node).__name__}({', '.join(parts)})"


def line(diagnostic: Diagnostic) -> str:
    """A finding in one line: place, id, words."""
    span = diagnostic.span
    end = f"-{span.end_column}" if span.end_line == span.line else f"-{span.end_line}:{span.end_column}"
    return f"{span.line}:{span.column}{end} {diagnostic.id}: {diagnostic.message}"


def sections(name: str) -> Any:
    """A test for each section of a Markdown file; it gets the code blocks by language."""
    found = list(_sections(FOLDER / name))
    assert found
    return pytest.mark.parametrize("blocks", [pytest.param(blocks, id=title) for title, blocks in found])


def _sections(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        yield title.strip(), dict(re.findall(r"^````?(\w+)\n(.*?)^````?$", body, flags=re.MULTILINE | re.DOTALL))
