"""The patterns of ``match``."""

from __future__ import annotations

from attrs import frozen

from ...compiler.diagnostics import Span
from .expressions import Expr
from .spans import span_field


@frozen
class ValuePattern:
    """A literal, a dotted name or a negative number: compared with ``==`` (None, True and False by ``is``)."""

    value: Expr
    span: Span = span_field()


@frozen
class CapturePattern:
    """A name; None: the wildcard ``_``."""

    name: str | None
    span: Span = span_field()


@frozen
class SequencePattern:
    items: tuple[Pattern, ...]
    span: Span = span_field()


@frozen
class StarPattern:
    name: str | None
    span: Span = span_field()


@frozen
class MappingPattern:
    keys: tuple[Expr, ...]
    values: tuple[Pattern, ...]
    rest: str | None = None
    span: Span = span_field()


@frozen
class ClassPattern:
    cls: Expr
    args: tuple[Pattern, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[Pattern, ...] = ()
    span: Span = span_field()


@frozen
class OrPattern:
    options: tuple[Pattern, ...]
    span: Span = span_field()


@frozen
class AsPattern:
    pattern: Pattern
    name: str
    span: Span = span_field()


Pattern = (
    ValuePattern | CapturePattern | SequencePattern | StarPattern | MappingPattern | ClassPattern | OrPattern
    | AsPattern
)  # fmt: skip
