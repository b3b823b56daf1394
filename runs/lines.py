"""Where the operations of a plan stand in the author's text, kept as comments below the plan.

A printed graph has no places in it, so that moving a line does not make another plan. A run that is looked at later,
by somebody who may have another text or none, is told by the lines that it began with.
"""

from __future__ import annotations

import json
import linecache
from collections.abc import Iterator, Mapping
from pathlib import Path

from attrs import frozen

from ..compiler import ir
from ..compiler.diagnostics import NOWHERE
from ..compiler.walk import all_ops

_HEAD = "# at "
"""Lines with "# " are comments to whoever reads a graph."""


@frozen
class Line:
    """A line of the author: its file, its number from 1, and the text on it."""

    file: str
    line: int
    text: str


Lines = Mapping[tuple[str, str], Line]
"""By the flow's key and the operation's id; of a flow itself the id is empty."""


def written_lines(*graphs: ir.Graph) -> str:
    """The lines of all operations, as comments. The same operation in a later graph counts less."""
    found: dict[tuple[str, str], Line] = {}
    for graph in graphs:
        for place, line in _lines(graph):
            found.setdefault(place, line)
    return "".join(f"{_HEAD}{json.dumps([*place, line.file, line.line, line.text])}\n" for place, line in found.items())


def _lines(graph: ir.Graph) -> Iterator[tuple[tuple[str, str], Line]]:
    files: dict[str, str] = {}
    for key, flow in graph.flows.items():
        spans = [("", flow.span), *((op.id, op.span) for op in all_ops(flow) if not isinstance(op, ir.Eval))]
        for id, span in spans:
            if span is NOWHERE or span.line < 1:
                continue
            if span.file not in files:
                linecache.checkcache(span.file)
                path = Path(span.file)
                files[span.file] = str(path.resolve()) if path.is_file() else span.file
            text = " ".join(linecache.getline(span.file, span.line).split())
            yield (key, id), Line(files[span.file], span.line, text)


def read_lines(plan: str) -> Lines:
    """The lines that :func:`written_lines` wrote; of a plan without any, none."""
    found = {}
    for line in plan.splitlines():
        if line.startswith(_HEAD):
            try:
                key, id, file, number, text = json.loads(line[len(_HEAD) :])
            except ValueError:
                continue
            found[key, id] = Line(file, number, text)
    return found
