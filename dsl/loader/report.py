"""Where loading puts its findings: one object that every part of a load shares."""

from __future__ import annotations

from attrs import define

from ...compiler.diagnostics import Collector, Diagnostic, Label, Span

MAX_FINDINGS = 100
"""Errors reported for one load; a person corrects the first of them anyway."""


@define
class Reporter:
    """Reports to a collector. ``errors``: how many were reported through it."""

    collector: Collector
    errors: int = 0

    def __call__(
        self,
        id: str,
        span: Span,
        message: str,
        *,
        help: str = "",
        expected: str = "",
        found: str = "",
        labels: tuple[Label, ...] = (),
    ) -> None:
        """Report one error."""
        self.add(Diagnostic(id, "error", message, span, labels, expected, found, help))

    def warn(self, id: str, span: Span, message: str, *, help: str = "") -> None:
        """Report one warning."""
        self.add(Diagnostic(id, "warning", message, span, help=help))

    def add(self, diagnostic: Diagnostic) -> None:
        """Report a finding that is made already."""
        if not self.enough:
            self.collector.add(diagnostic)
        self.errors += diagnostic.severity == "error"

    @property
    def enough(self) -> bool:
        """Was so much reported that further findings help nobody?"""
        return self.errors >= MAX_FINDINGS
