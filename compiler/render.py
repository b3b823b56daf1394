"""The three printed forms of a diagnostic: for people, in one line, as JSON.

Owns layout and nothing else: it opens no file (a :data:`Sources` hands it the lines), knows no terminal (the caller
says whether colours are wanted) and decides nothing about what a diagnostic means.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from attrs import frozen

from .diagnostics import Diagnostic, Span

Sources = Callable[[str], Sequence[str] | None]
"""The lines of a file by the name that spans give it, without line ends; None where the text cannot be had."""

_TAB = "    "
_WIDEST = 140
"""Longer source lines are cut to a window around what is marked, so that a minified line does not flood a terminal."""

_COLOURS = {
    "error": "1;31",
    "warning": "1;33",
    "info": "1;36",
    "gutter": "34",
    "second": "36",
    "help": "1;32",
    "bold": "1",
}


def no_sources(_file: str) -> None:
    """A :data:`Sources` that has nothing: spans print as positions alone."""


def render(diagnostic: Diagnostic, sources: Sources = no_sources, *, color: bool = False) -> str:
    """The form for people, several lines without a final line end.

    Parameters
    ----------
    sources: gives the text of the files that the spans point into.
    color: put ANSI colours in.
    """
    paint = _paint if color else _plain
    severity = diagnostic.severity
    lines = [paint(f"{severity}[{diagnostic.id}]", severity) + paint(f": {_safe(diagnostic.message)}", "bold")]
    marks = [_Mark(diagnostic.span, "", True), *(_Mark(label.span, label.text, False) for label in diagnostic.labels)]
    marks = [mark for mark in marks if mark.span.line > 0]
    # One gutter for the whole report, as wide as its largest line number.
    width = max((len(str(mark.span.line)) for mark in marks), default=1)
    for file, group in groupby(sorted(marks, key=_by_place(diagnostic.span.file)), key=lambda mark: mark.span.file):
        own = list(group)
        head = next((mark.span for mark in own if mark.primary), own[0].span)
        lines.append(" " * width + paint("--> " if head == diagnostic.span else "::: ", "gutter") + str(head))
        lines += _snippet(own, sources(file), width, severity, paint)
    notes = [("expected", diagnostic.expected), ("found", diagnostic.found), ("help", diagnostic.help)]
    for title, text in notes:
        if text:
            first, *rest = text.splitlines()
            kind = "help" if title == "help" else "bold"
            lines.append(" " * width + paint(" = ", "gutter") + paint(f"{title}: ", kind) + _safe(first))
            lines += [" " * (width + 5 + len(title)) + _safe(line) for line in rest]
    return "\n".join(lines)


def render_all(diagnostics: Iterable[Diagnostic], sources: Sources = no_sources, *, color: bool = False) -> str:
    """Several diagnostics for people, an empty line between two."""
    return "\n\n".join(render(diagnostic, sources, color=color) for diagnostic in diagnostics)


def render_line(diagnostic: Diagnostic) -> str:
    """The one-line form: ``file:line:column: severity[id]: message (help)``."""
    return _safe(" ".join(str(diagnostic).split("\n")))


def as_json(diagnostic: Diagnostic) -> dict[str, Any]:
    """The form for programs: plain JSON values, every field always there."""
    return {
        "id": diagnostic.id,
        "severity": diagnostic.severity,
        "message": diagnostic.message,
        "span": _span_json(diagnostic.span),
        "labels": [{"span": _span_json(label.span), "text": label.text} for label in diagnostic.labels],
        "expected": diagnostic.expected,
        "found": diagnostic.found,
        "help": diagnostic.help,
    }


def _span_json(span: Span) -> dict[str, Any]:
    end = (span.end_line, span.end_column) if span.end_line else (span.line, span.column)
    return {"file": span.file, "line": span.line, "column": span.column, "end_line": end[0], "end_column": end[1]}


# ---- the snippet -----------------------------------------------------------------------------------


@frozen
class _Mark:
    """One stretch to underline, with its words."""

    span: Span
    text: str
    primary: bool

    def columns(self, source: str) -> tuple[int, int]:
        """First and last column (exclusive) on the first line of the span, from 0."""
        start = min(max(self.span.column - 1, 0), len(source))
        if self.span.end_line > self.span.line:
            end = len(source.rstrip())
        elif self.span.end_line == self.span.line:
            end = min(self.span.end_column - 1, len(source))
        else:
            end = start + 1
        return start, max(end, start + 1)


_Painter = Callable[[str, str], str]


def _by_place(first_file: str) -> Callable[[_Mark], tuple[bool, str, int, bool, int]]:
    """The file of the diagnostic first; within a file by line, what is primary directly under its line."""
    return lambda mark: (
        mark.span.file != first_file,
        mark.span.file,
        mark.span.line,
        not mark.primary,
        mark.span.column,
    )


def _snippet(
    marks: list[_Mark], source: Sequence[str] | None, width: int, severity: str, paint: _Painter
) -> Iterator[str]:
    bar = " " * width + paint(" |", "gutter")
    if source is None:
        yield from (f"{bar} line {mark.span.line}: {mark.text}" for mark in marks if mark.text)
        return
    yield bar
    before = 0
    for number, group in groupby(marks, key=lambda mark: mark.span.line):
        if number > len(source):
            continue
        if before and number > before + 1:
            yield " " * width + paint("...", "gutter")
        own = list(group)
        text = source[number - 1]
        cut = _window(text, own)
        yield paint(f"{number:>{width}} |", "gutter") + " " + _visible(text[cut:], _WIDEST)
        for mark in own:
            yield f"{bar} {_underline(mark, text, cut, severity, paint)}"
        before = number
    yield bar


def _window(text: str, marks: list[_Mark]) -> int:
    """Where a long line is cut off on its left, so that its first mark is in sight."""
    if _cells(text) <= _WIDEST:
        return 0
    first = min(mark.columns(text)[0] for mark in marks)
    return max(first - _WIDEST // 3, 0)


def _underline(mark: _Mark, text: str, cut: int, severity: str, paint: _Painter) -> str:
    start, end = mark.columns(text)
    indent = _cells(text[cut:start])
    length = max(min(_cells(text[start:end]), _WIDEST - indent), 1)
    words = mark.text
    if mark.span.end_line > mark.span.line:
        words = f"{words} (to line {mark.span.end_line})".strip()
    sign = ("^" if mark.primary else "-") * length
    return " " * indent + paint(f"{sign} {_safe(words)}".rstrip(), severity if mark.primary else "second")


def _visible(text: str, widest: int) -> str:
    shown = _safe(text.replace("\t", _TAB)).rstrip()
    return shown if _cells(shown) <= widest else shown[: widest - 1] + "…"


def _cells(text: str) -> int:
    """The number of terminal cells that a text takes: wide characters two, combining ones none."""
    return sum(
        len(_TAB)
        if c == "\t"
        else 0
        if unicodedata.combining(c)
        else 2
        if unicodedata.east_asian_width(c) in "WF"
        else 1
        for c in text
    )


def _safe(text: str) -> str:
    """Without control characters: what stands in a stranger's file must not drive a terminal."""
    return "".join(c if c.isprintable() or c == " " else "\N{REPLACEMENT CHARACTER}" for c in text)


def _paint(text: str, kind: str) -> str:
    return f"\x1b[{_COLOURS[kind]}m{text}\x1b[0m"


def _plain(text: str, _kind: str) -> str:
    return text
