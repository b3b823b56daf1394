"""Statements."""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from ...compiler.diagnostics import Span
from .expressions import Expr, Option
from .patterns import Pattern
from .spans import span_field


@frozen
class Assign:
    """``target = value``; ``target`` is a Name, a Display of targets (with Starred) or a Subscript of a Name."""

    target: Expr
    value: Expr
    annotation: Expr | None = None
    span: Span = span_field()


@frozen
class AugAssign:
    target: Expr
    op: str
    value: Expr
    span: Span = span_field()


@frozen
class ExprStmt:
    value: Expr
    span: Span = span_field()


@frozen
class If:
    """``tests`` and ``bodies`` pair up; ``orelse`` is empty where there is none."""

    tests: tuple[Expr, ...]
    bodies: tuple[tuple[Stmt, ...], ...]
    orelse: tuple[Stmt, ...] = ()
    span: Span = span_field()


@frozen
class Case:
    pattern: Pattern
    guard: Expr | None
    body: tuple[Stmt, ...]
    span: Span = span_field()


@frozen
class Match:
    subject: Expr
    cases: tuple[Case, ...]
    span: Span = span_field()


@frozen
class For:
    """``into`` is the target of a collecting ``for`` (``ys = for ...``; its body may :class:`Yield`); None: a plain
    one. In a plain one a ``yield`` belongs to the nearest collecting ``for`` around it, else to the flow's own stream.

    Options: ``parallel`` (an int; ``Constant(None)``: no limit), ``collect``, ``max_failed``, ``take``, ``rest``,
    ``buffer``, ``window``, ``batch``.
    """

    target: Expr
    source: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()
    options: tuple[Option, ...] = ()
    into: Expr | None = None
    annotation: Expr | None = None
    span: Span = span_field()


@frozen
class While:
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()
    limit: Expr | None = None
    span: Span = span_field()


@frozen
class Parallel:
    """A ``parallel:`` block: each statement is an arm."""

    body: tuple[Stmt, ...]
    span: Span = span_field()


@frozen
class With:
    """``with timeout=5s:``, ``with lock="x":``, ``transaction with timeout=2m:`` (``arg``: its timeout or None)."""

    kind: Literal["timeout", "lock", "transaction"]
    arg: Expr | None
    body: tuple[Stmt, ...]
    span: Span = span_field()


@frozen
class Except:
    """``types`` None: ``except:`` (an error that the lowering reports)."""

    types: Expr | None
    name: str | None
    body: tuple[Stmt, ...]
    span: Span = span_field()


@frozen
class Try:
    body: tuple[Stmt, ...]
    handlers: tuple[Except, ...] = ()
    orelse: tuple[Stmt, ...] = ()
    final: tuple[Stmt, ...] = ()
    span: Span = span_field()


@frozen
class Raise:
    error: Expr | None = None
    cause: Expr | None = None
    span: Span = span_field()


@frozen
class Assert:
    test: Expr
    message: Expr | None = None
    span: Span = span_field()


@frozen
class Return:
    value: Expr | None = None
    span: Span = span_field()


@frozen
class Yield:
    value: Expr
    span: Span = span_field()


@frozen
class Break:
    span: Span = span_field()


@frozen
class Continue:
    span: Span = span_field()


@frozen
class Pass:
    span: Span = span_field()


@frozen
class Mock:
    """``mock f = value`` / ``mock f raises error`` (only in ``test`` blocks)."""

    target: Expr
    value: Expr | None = None
    error: Expr | None = None
    span: Span = span_field()


@frozen
class Unsupported:
    """What a flow cannot hold, kept so that the rest is still checked: the diagnostic's words are the front end's."""

    what: str
    reason: str
    instead: str
    span: Span = span_field()


Stmt = (
    Assign | AugAssign | ExprStmt | If | Match | For | While | Parallel | With | Try | Raise | Assert | Return | Yield
    | Break | Continue | Pass | Mock | Unsupported
)  # fmt: skip
