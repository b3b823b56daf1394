"""Reporting findings: severity from the catalogue, nothing said twice, findings held back while something is tried.

Knows nothing of flows.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field

from ...compiler.diagnostics import Collector, Diagnostic, Label, Severity, Span
from ...compiler.spec import ClassSpec

MAX_FINDINGS = 100
"""Findings of one severity reported for one program; a person fixes the first of them anyway."""

WARNINGS = frozenset(
    """unused-result unused-import unreachable parallel-conflict undeclared-in-race undeclared-retry undeclared-cache
    retry-repeats-writes lock-order""".split()
)
"""The ids that are warnings; all others that lowering reports are errors. The catalogue's test compares the two."""


def in_python(span: Span) -> bool:
    """Does the author write Python here?"""
    return not span.file.endswith(".cflow") and span.file != "<text>"


@define
class Reporter:
    """Where lowering reports. ``failed``: an error was reported through it."""

    collector: Collector
    classes: Mapping[str, ClassSpec] = field(factory=dict)
    """The classes of the program: people are told their names, not their keys."""
    failed: bool = False
    _seen: set[tuple[str, Span, str]] = field(factory=set)
    _counts: dict[str, int] = field(factory=dict)
    _held: list[list[Diagnostic]] = field(factory=list)
    _malformed: set[tuple[str, int, int]] = field(init=False)
    """Where the text itself is wrong."""

    def __attrs_post_init__(self) -> None:
        found = (d.span for d in self.collector.items if d.id.startswith(("syntax-", "option-twice")))
        self._malformed = {(span.file, span.line, span.column) for span in found}

    def __call__(
        self,
        id: str,
        span: Span,
        message: str,
        *,
        help: str = "",
        python: str = "",
        expected: str = "",
        found: str = "",
        labels: tuple[Label, ...] = (),
    ) -> None:
        """Report one finding. The severity is the rule's; ``python``: the fix as Python writes it, where it differs."""
        severity: Severity = "warning" if id in WARNINGS else "error"
        if python and in_python(span):
            help = python
        message, expected, found, help = map(self._named, (message, expected, found, help))
        self.add(Diagnostic(id, severity, message, span, labels, expected, found, help))

    def _named(self, text: str) -> str:
        for key, spec in self.classes.items():
            if key in text and key != spec.name:
                text = text.replace(key, spec.name)
        return text

    def add(self, diagnostic: Diagnostic) -> None:
        """Report a finding that is made already (a front end's)."""
        if self._held:
            self._held[-1].append(diagnostic)
            return
        mark = (diagnostic.id, diagnostic.span, diagnostic.message)
        if diagnostic.severity == "error":
            self.failed = True
        if (diagnostic.span.file, diagnostic.span.line, diagnostic.span.column) in self._malformed:
            return  # the parser has said what is wrong there
        count = self._counts.get(diagnostic.severity, 0)
        if mark in self._seen or count >= MAX_FINDINGS:
            return
        self._seen.add(mark)
        self._counts[diagnostic.severity] = count + 1
        self.collector.add(diagnostic)

    def malformed_below(self, span: Span) -> bool:
        """Is the text wrong there or further down? What was left out may then be a line of the same block."""
        return any(file == span.file and line >= span.line for file, line, _ in self._malformed)

    @property
    def full(self) -> bool:
        """Were so many errors reported that no more will be?"""
        return self._counts.get("error", 0) >= MAX_FINDINGS

    def hold(self) -> None:
        """Keep findings back until :meth:`release` or :meth:`forget`."""
        self._held.append([])

    def release(self) -> None:
        """Report what was held back since the last :meth:`hold`."""
        for diagnostic in self._held.pop():
            self.add(diagnostic)

    def forget(self) -> None:
        """Drop what was held back since the last :meth:`hold`."""
        self._held.pop()
