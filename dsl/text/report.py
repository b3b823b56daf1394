"""Where the lexer, the parser and the tree builder put their findings; bounded in number, sorted at the end."""

from __future__ import annotations

from typing import Protocol

from ...compiler.diagnostics import Collector, Diagnostic, Label, Severity, Span
from .limits import MAX_ERRORS


class Placed(Protocol):
    """A token or a span: what has a place in the text."""

    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...
    @property
    def end_line(self) -> int: ...
    @property
    def end_column(self) -> int: ...


class TooManyErrors(Exception):
    """As many errors as one report may hold: the parser stops looking for more."""


class Reporter:
    """Collects the diagnostics of one text."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.found: list[Diagnostic] = []
        self.errors = 0

    def __call__(
        self,
        id: str,
        span: Span,
        message: str,
        help: str = "",
        *,
        expected: str = "",
        found: str = "",
        labels: tuple[Label, ...] = (),
        severity: Severity = "error",
    ) -> None:
        """Adds one finding; raises :class:`TooManyErrors` past the limit."""
        if any(d.span.line == span.line and d.span.column == span.column for d in self.found[-8:]):
            return  # one place is blamed once
        self.found.append(Diagnostic(id, severity, message, span, labels, expected, found, help))
        if severity == "error":
            self.errors += 1
            if self.errors >= MAX_ERRORS:
                raise TooManyErrors

    def limit(self, span: Span, message: str, help: str) -> None:
        self("syntax-limit", span, message, help=help)

    def span(self, first: Placed, last: Placed) -> Span:
        return Span(self.file, first.line, first.column, last.end_line, last.end_column)

    def hand_over(self, collector: Collector) -> None:
        """Gives everything to the collector, in the order of the text."""
        for diagnostic in sorted(self.found, key=lambda d: (d.span.line, d.span.column)):
            collector.add(diagnostic)
