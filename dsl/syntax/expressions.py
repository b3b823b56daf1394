"""Expressions."""

from __future__ import annotations

from typing import Any, Literal

from attrs import frozen

from ...compiler.diagnostics import Span
from .spans import span_field


@frozen
class Name:
    id: str
    span: Span = span_field()


@frozen
class Constant:
    """None, bool, int, float, complex, str, bytes, timedelta (a duration literal) or Ellipsis."""

    value: Any
    span: Span = span_field()


@frozen
class Attribute:
    value: Expr
    name: str
    span: Span = span_field()


@frozen
class Subscript:
    value: Expr
    index: Expr
    span: Span = span_field()


@frozen
class Slice:
    lower: Expr | None
    upper: Expr | None
    step: Expr | None
    span: Span = span_field()


@frozen
class UndoCall:
    """``undo f(x, hold)`` or ``undo=lambda hold: f(x, hold)``. ``result``: the name under which the call names its own
    result; None: the assigned name, or ``result`` where there is none (the text spelling)."""

    call: Call
    result: str | None = None
    span: Span = span_field()


@frozen
class Option:
    """``name=value`` after ``with``, in ``.options(...)`` or as a keyword of a form."""

    name: str
    value: Expr | UndoCall
    span: Span = span_field()


@frozen
class Keyword:
    """``name=value`` in a call; ``name`` None: ``**value``."""

    name: str | None
    value: Expr
    span: Span = span_field()


@frozen
class Call:
    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    options: tuple[Option, ...] = ()
    span: Span = span_field()


@frozen
class Form:
    """A built-in form that looks like a call: ``race``, ``sleep``, ``wait_signal``, ``detach``, ``convert``,
    ``collect`` (``collect(max_failed=3)``, the empty collector of the Python spelling); in tests ``attempt`` and
    ``calls``. Options at it (``with timeout=3s``) and keywords are both in ``keywords``."""

    name: str
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    span: Span = span_field()


@frozen
class Binary:
    """``op`` as Python writes it: ``+ - * / // % ** @ << >> & | ^``."""

    op: str
    left: Expr
    right: Expr
    span: Span = span_field()


@frozen
class Unary:
    """``op``: ``not``, ``-``, ``+``, ``~``."""

    op: str
    value: Expr
    span: Span = span_field()


@frozen
class Logical:
    op: Literal["and", "or"]
    values: tuple[Expr, ...]
    span: Span = span_field()


@frozen
class Compare:
    left: Expr
    ops: tuple[str, ...]
    rights: tuple[Expr, ...]
    span: Span = span_field()


@frozen
class Conditional:
    test: Expr
    then: Expr
    orelse: Expr
    span: Span = span_field()


@frozen
class Display:
    kind: Literal["list", "tuple", "set"]
    items: tuple[Expr, ...]
    span: Span = span_field()


@frozen
class DictDisplay:
    """Pairs; a key of None spreads the value."""

    items: tuple[tuple[Expr | None, Expr], ...]
    span: Span = span_field()


@frozen
class Starred:
    value: Expr
    span: Span = span_field()


@frozen
class ForClause:
    """``for target in source if ...`` of a comprehension; ``options`` only in the Python spelling (``parallel(xs,
    limit=8)``)."""

    target: Expr
    source: Expr
    conditions: tuple[Expr, ...] = ()
    options: tuple[Option, ...] = ()
    span: Span = span_field()


@frozen
class Comprehension:
    """``collect(<generator>, max_failed=3)`` is a list comprehension whose first clause has the options ``collect``
    and ``max_failed``."""

    kind: Literal["list", "set", "dict", "generator"]
    element: Expr
    clauses: tuple[ForClause, ...]
    key: Expr | None = None
    span: Span = span_field()


@frozen
class FormattedValue:
    value: Expr
    conversion: str = ""
    spec: FString | None = None
    span: Span = span_field()


@frozen
class FString:
    parts: tuple[str | FormattedValue, ...]
    span: Span = span_field()


Expr = (
    Name | Constant | Attribute | Subscript | Slice | Call | Form | Binary | Unary | Logical | Compare
    | Conditional | Display | DictDisplay | Starred | Comprehension | FString
)  # fmt: skip
