"""Diagnostics as data: where, what, expected and found, and one concrete fix.

Owns the value types only. The catalogue of rules is in :mod:`.rules`, the three printed forms are in
:mod:`.render`; nothing here knows about files on disk or about terminals.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from attrs import field, frozen

Severity = Literal["error", "warning", "info"]


@frozen
class Span:
    """A stretch of source text: lines from 1, columns from 1, the end column exclusive."""

    file: str
    line: int
    column: int = 1
    end_line: int = 0
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


NOWHERE = Span("<generated>", 0, 0)


@frozen
class Label:
    """A secondary span with a few words: "first assigned here"."""

    span: Span
    text: str


@frozen
class Diagnostic:
    """One finding of a check.

    Parameters
    ----------
    id: stable, kebab-case; a key of :data:`cflow.compiler.rules.RULES`.
    severity: ``"error"``, ``"warning"`` or ``"info"``; only errors change an exit code.
    message: one sentence, no final full stop.
    expected, found: what the rule wanted and what stands there; empty where that says nothing.
    help: one concrete fix, written as what to do or what to write instead.
    """

    id: str
    severity: Severity
    message: str
    span: Span = NOWHERE
    labels: tuple[Label, ...] = ()
    expected: str = ""
    found: str = ""
    help: str = ""

    def __str__(self) -> str:
        tail = f" ({self.help})" if self.help else ""
        where = "" if self.span == NOWHERE else f"{self.span}: "
        return f"{where}{self.severity}[{self.id}]: {self.message}{tail}"


class CflowError(Exception):
    """Base of the errors that Conductor itself raises; errors of nodes keep their own type."""


class ProgramError(CflowError):
    """The program is wrong. ``.diagnostics`` holds every finding, errors first."""

    def __init__(self, diagnostics: Iterable[Diagnostic]) -> None:
        self.diagnostics: list[Diagnostic] = sorted(diagnostics, key=lambda d: d.severity != "error")
        super().__init__("\n".join(str(d) for d in self.diagnostics))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.diagnostics,), self.__dict__


@frozen
class Problem:
    """One wrong input: the parameter's name (a path for nested fields) and what is wrong with it."""

    name: str
    message: str


class InputError(CflowError):
    """The inputs of a run do not fit the flow's parameters. ``.problems`` lists each one."""

    def __init__(self, message: str, problems: tuple[Problem, ...] = ()) -> None:
        self.problems = problems
        super().__init__(message)


class LoopLimit(CflowError):
    """A ``while`` loop passed its ``max``."""

    @classmethod
    def past(cls, limit: int) -> LoopLimit:
        return cls(f"the loop ran {limit} times and its condition still holds: it passed max={limit}")


MAX_DEPTH = 1_000
"""How deep sub-flows may be nested."""


class RecursionLimit(CflowError):
    """Sub-flows were nested deeper than the limit (1,000)."""

    @classmethod
    def at(cls, flow: str) -> RecursionLimit:
        return cls(f"sub-flows are nested more than {MAX_DEPTH} deep: does {flow!r} call itself for ever?")


class UndoFailed(CflowError):
    """One or more undos of a transaction failed; ``.errors`` holds what each of them raised."""

    def __init__(self, message: str, errors: tuple[BaseException, ...] = ()) -> None:
        self.errors = errors
        super().__init__(message)

    @classmethod
    def of(cls, failed: Iterable[tuple[str, BaseException]]) -> UndoFailed:
        """From the names of the undos that failed, each with its error."""
        failed = tuple(failed)
        words = "; ".join(f"{name}: {error!r}" for name, error in failed)
        return cls(f"these undos failed: {words}", tuple(error for _, error in failed))


class EngineBug(CflowError):
    """A law of the engine was broken: never the fault of a program. Please report it."""


@frozen
class Collector:
    """Where the stages of one check put their findings."""

    items: list[Diagnostic] = field(factory=list)

    def add(self, diagnostic: Diagnostic) -> None:
        if diagnostic not in self.items:
            self.items.append(diagnostic)

    @property
    def failed(self) -> bool:
        return any(d.severity == "error" for d in self.items)
