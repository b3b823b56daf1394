"""Reading the Markdown cases of this folder: a heading, a program, what it becomes.

A block ``graph`` holds the printed flows (the header of nodes and classes left out), a block ``findings`` one line a
diagnostic: severity, id, line and column. ``python md_cases.py`` writes what is found into the files, to be read and
then committed.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from attrs import frozen

import cflow
from cflow.compiler.diagnostics import Collector
from cflow.compiler.printer import print_graph
from cflow.compiler.rules import SHOP
from cflow.compiler.verify import verify
from cflow.dsl.loader import load_text
from cflow.dsl.lower import lower

FOLDER = Path(__file__).parent
IMPORT = 'from "./shop.py" import fetch, lines, reserve, release, book, unbook, score, legacy\n'
"""Put in front of a program that imports nothing itself, as far as it uses the names."""


@frozen
class Case:
    """One case. ``kind``: ``graph`` or ``findings``."""

    title: str
    program: str
    kind: str
    expected: str


_CASE = re.compile(r"^## (.+?)\n.*?```cflow\n(.*?)```\n+```(graph|findings)\n(.*?)```", re.S | re.M)


def cases(path: Path) -> Iterator[Case]:
    for found in _CASE.finditer(path.read_text()):
        yield Case(*found.groups())


def found(case: Case, folder: Path) -> str:
    """What a case's program becomes."""
    (folder / "shop.py").write_text(SHOP)
    names = [n for n in IMPORT.partition("import ")[2].strip().split(", ") if re.search(rf"\b{n}\b", case.program)]
    head = f'from "./shop.py" import {", ".join(names)}\n' if names and "import" not in case.program else "\n"
    text = head + case.program
    if case.kind == "findings":
        diagnostics = cflow.check(text, base=folder)
        lines = sorted((d.span.line - 1, d.span.column, f"{d.severity} {d.id}") for d in diagnostics)
        return "".join(f"{what} {line}:{column}\n" for line, column, what in lines)
    module = load_text(text, base=folder)
    assert module is not None
    collector = Collector()
    lowered = lower(module.flows["main"], collector)
    assert lowered is not None, [str(d) for d in collector.items]
    verify(lowered.graph)
    printed = print_graph(lowered.graph)
    flows = printed[printed.index("\nflow ") + 1 :]
    return re.sub(r"(text|shop)(_[0-9a-f]+)?\.", "", flows).rstrip() + "\n"


if __name__ == "__main__":
    for path in sorted(FOLDER.glob("*.md")):
        text = path.read_text()
        for case in cases(path):
            with tempfile.TemporaryDirectory() as folder:
                new = found(case, Path(folder))
            old = f"{case.program}```\n\n```{case.kind}\n{case.expected}```"
            assert text.count(old) == 1, case.title
            text = text.replace(old, f"{case.program}```\n\n```{case.kind}\n{new}```")
        path.write_text(text)
    sys.stdout.write("written\n")
