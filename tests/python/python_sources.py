"""Python from text, as a notebook cell would have it; and syntax trees, to compare and to print."""

from __future__ import annotations

import itertools
import linecache
import re
import sys
import types
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs

from cflow.compiler.durations import parse_duration
from cflow.dsl import syntax

_COUNT = itertools.count(1)


def execute(code: str, **names: Any) -> dict[str, Any]:
    """The names that the code defines."""
    file = f"<cell {next(_COUNT)}>"
    linecache.cache[file] = (len(code), None, code.splitlines(keepends=True), file)
    module = types.ModuleType("cell")
    sys.modules["cell"] = module  # dataclasses look there
    namespace = vars(module)
    namespace.update(names)
    exec(compile(code, file, "exec", dont_inherit=True), namespace)
    return namespace


def normal(node: Any) -> Any:
    """The tree with what the spellings write differently made alike: durations as text."""
    if isinstance(node, tuple):
        return tuple(map(normal, node))
    if not attrs.has(type(node)):
        return node
    if isinstance(node, syntax.Constant):
        if isinstance(node.value, str) and re.fullmatch(r"(\d+(ms|[dhms]))+", node.value):
            return syntax.Constant(parse_duration(node.value))
        return node
    fields = [f.name for f in attrs.fields(type(node)) if f.name not in ("span", "doc")]
    return attrs.evolve(node, **{name: normal(getattr(node, name)) for name in fields})


def show(node: Any) -> str:
    """The tree on one line, without what is at its default."""
    if isinstance(node, tuple):
        return f"({', '.join(map(show, node))}{',' if len(node) == 1 else ''})"
    if not attrs.has(type(node)):
        return repr(node)
    parts = []
    for f in attrs.fields(type(node)):
        value = getattr(node, f.name)
        if f.name not in ("span", "doc") and value != f.default:
            parts.append(f"{f.name}={show(value)}" if f.default is not attrs.NOTHING else show(value))
    return f"{type(node).__name__}({', '.join(parts)})"


def parts(node: Any) -> Iterator[Any]:
    """Every node of a tree."""
    if isinstance(node, tuple):
        for item in node:
            yield from parts(item)
    elif attrs.has(type(node)) and not isinstance(node, timedelta):
        yield node
        for f in attrs.fields(type(node)):
            if f.name != "span":
                yield from parts(getattr(node, f.name))


def read_blocks(path: Path) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """The sections of a Markdown file: title, and its code blocks as ``(language, text)``."""
    for section in re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        title, _, body = section.partition("\n")
        yield title.strip(), re.findall(r"^```(\w+)\n(.*?)^```$", body, flags=re.MULTILINE | re.DOTALL)
