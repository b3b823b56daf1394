"""The one typed syntax tree: what both spellings are read into, and the only thing lowering reads.

Trees of the same program in the two spellings are equal (spans do not count). Each front end resolves
its own surface: pipes are calls, ``with`` options and ``.options(...)`` are :class:`Option`, statement
forms such as ``parallel(xs, limit=8)`` or ``with timeout(5):`` are the fields and nodes below. Names are not resolved
here.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import field, frozen

from ..compiler.diagnostics import NOWHERE, Span


def _span() -> Any:
    return field(default=NOWHERE, eq=False, kw_only=True, repr=False)


# ---- expressions ---------------------------------------------------------------------------------


@frozen
class Name:
    id: str
    span: Span = _span()


@frozen
class Constant:
    """None, bool, int, float, complex, str, bytes, timedelta (a duration literal) or Ellipsis."""

    value: Any
    span: Span = _span()


@frozen
class Attribute:
    value: Expr
    name: str
    span: Span = _span()


@frozen
class Subscript:
    value: Expr
    index: Expr
    span: Span = _span()


@frozen
class Slice:
    lower: Expr | None
    upper: Expr | None
    step: Expr | None
    span: Span = _span()


@frozen
class UndoCall:
    """``undo f(x, hold)`` or ``undo=lambda hold: f(x, hold)``. ``result``: the name under which the call names its own
    result; None: the assigned name, or ``result`` where there is none (the text spelling)."""

    call: Call
    result: str | None = None
    span: Span = _span()


@frozen
class Option:
    """``name=value`` after ``with``, in ``.options(...)`` or as a keyword of a form."""

    name: str
    value: Expr | UndoCall
    span: Span = _span()


@frozen
class Keyword:
    """``name=value`` in a call; ``name`` None: ``**value``."""

    name: str | None
    value: Expr
    span: Span = _span()


@frozen
class Call:
    func: Expr
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    options: tuple[Option, ...] = ()
    span: Span = _span()


@frozen
class Form:
    """A built-in form that looks like a call: ``race``, ``sleep``, ``wait_signal``, ``detach``, ``convert``,
    ``collect`` (``collect(max_failed=3)``, the empty collector of the Python spelling); in tests ``attempt`` and
    ``calls``. Options at it (``with timeout=3s``) and keywords are both in ``keywords``."""

    name: str
    args: tuple[Expr, ...] = ()
    keywords: tuple[Keyword, ...] = ()
    span: Span = _span()


@frozen
class Binary:
    """``op`` as Python writes it: ``+ - * / // % ** @ << >> & | ^``."""

    op: str
    left: Expr
    right: Expr
    span: Span = _span()


@frozen
class Unary:
    """``op``: ``not``, ``-``, ``+``, ``~``."""

    op: str
    value: Expr
    span: Span = _span()


@frozen
class Logical:
    op: Literal["and", "or"]
    values: tuple[Expr, ...]
    span: Span = _span()


@frozen
class Compare:
    left: Expr
    ops: tuple[str, ...]
    rights: tuple[Expr, ...]
    span: Span = _span()


@frozen
class Conditional:
    test: Expr
    then: Expr
    orelse: Expr
    span: Span = _span()


@frozen
class Display:
    kind: Literal["list", "tuple", "set"]
    items: tuple[Expr, ...]
    span: Span = _span()


@frozen
class DictDisplay:
    """Pairs; a key of None spreads the value."""

    items: tuple[tuple[Expr | None, Expr], ...]
    span: Span = _span()


@frozen
class Starred:
    value: Expr
    span: Span = _span()


@frozen
class ForClause:
    """``for target in source if ...`` of a comprehension; ``options`` only in the Python spelling (``parallel(xs,
    limit=8)``)."""

    target: Expr
    source: Expr
    conditions: tuple[Expr, ...] = ()
    options: tuple[Option, ...] = ()
    span: Span = _span()


@frozen
class Comprehension:
    """``collect(<generator>, max_failed=3)`` is a list comprehension whose first clause has the options ``collect``
    and ``max_failed``."""

    kind: Literal["list", "set", "dict", "generator"]
    element: Expr
    clauses: tuple[ForClause, ...]
    key: Expr | None = None
    span: Span = _span()


@frozen
class FormattedValue:
    value: Expr
    conversion: str = ""
    spec: FString | None = None
    span: Span = _span()


@frozen
class FString:
    parts: tuple[str | FormattedValue, ...]
    span: Span = _span()


Expr = (
    Name | Constant | Attribute | Subscript | Slice | Call | Form | Binary | Unary | Logical | Compare
    | Conditional | Display | DictDisplay | Starred | Comprehension | FString
)  # fmt: skip

# ---- patterns (match) ----------------------------------------------------------------------------


@frozen
class ValuePattern:
    """A literal, a dotted name or a negative number: compared with ``==`` (None, True and False by ``is``)."""

    value: Expr
    span: Span = _span()


@frozen
class CapturePattern:
    """A name; None: the wildcard ``_``."""

    name: str | None
    span: Span = _span()


@frozen
class SequencePattern:
    items: tuple[Pattern, ...]
    span: Span = _span()


@frozen
class StarPattern:
    name: str | None
    span: Span = _span()


@frozen
class MappingPattern:
    keys: tuple[Expr, ...]
    values: tuple[Pattern, ...]
    rest: str | None = None
    span: Span = _span()


@frozen
class ClassPattern:
    cls: Expr
    args: tuple[Pattern, ...] = ()
    names: tuple[str, ...] = ()
    values: tuple[Pattern, ...] = ()
    span: Span = _span()


@frozen
class OrPattern:
    options: tuple[Pattern, ...]
    span: Span = _span()


@frozen
class AsPattern:
    pattern: Pattern
    name: str
    span: Span = _span()


Pattern = (
    ValuePattern | CapturePattern | SequencePattern | StarPattern | MappingPattern | ClassPattern | OrPattern
    | AsPattern
)  # fmt: skip

# ---- statements ----------------------------------------------------------------------------------


@frozen
class Assign:
    """``target = value``; ``target`` is a Name, a Display of targets (with Starred) or a Subscript of a Name."""

    target: Expr
    value: Expr
    annotation: Expr | None = None
    span: Span = _span()


@frozen
class AugAssign:
    target: Expr
    op: str
    value: Expr
    span: Span = _span()


@frozen
class ExprStmt:
    value: Expr
    span: Span = _span()


@frozen
class If:
    """``tests`` and ``bodies`` pair up; ``orelse`` is empty where there is none."""

    tests: tuple[Expr, ...]
    bodies: tuple[tuple[Stmt, ...], ...]
    orelse: tuple[Stmt, ...] = ()
    span: Span = _span()


@frozen
class Case:
    pattern: Pattern
    guard: Expr | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@frozen
class Match:
    subject: Expr
    cases: tuple[Case, ...]
    span: Span = _span()


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
    span: Span = _span()


@frozen
class While:
    test: Expr
    body: tuple[Stmt, ...]
    orelse: tuple[Stmt, ...] = ()
    limit: Expr | None = None
    span: Span = _span()


@frozen
class Parallel:
    """A ``parallel:`` block: each statement is an arm."""

    body: tuple[Stmt, ...]
    span: Span = _span()


@frozen
class With:
    """``with timeout=5s:``, ``with lock="x":``, ``transaction with timeout=2m:`` (``arg``: its timeout or None)."""

    kind: Literal["timeout", "lock", "transaction"]
    arg: Expr | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@frozen
class Except:
    """``types`` None: ``except:`` (an error that the lowering reports)."""

    types: Expr | None
    name: str | None
    body: tuple[Stmt, ...]
    span: Span = _span()


@frozen
class Try:
    body: tuple[Stmt, ...]
    handlers: tuple[Except, ...] = ()
    orelse: tuple[Stmt, ...] = ()
    final: tuple[Stmt, ...] = ()
    span: Span = _span()


@frozen
class Raise:
    error: Expr | None = None
    cause: Expr | None = None
    span: Span = _span()


@frozen
class Assert:
    test: Expr
    message: Expr | None = None
    span: Span = _span()


@frozen
class Return:
    value: Expr | None = None
    span: Span = _span()


@frozen
class Yield:
    value: Expr
    span: Span = _span()


@frozen
class Break:
    span: Span = _span()


@frozen
class Continue:
    span: Span = _span()


@frozen
class Pass:
    span: Span = _span()


@frozen
class Mock:
    """``mock f = value`` / ``mock f raises error`` (only in ``test`` blocks)."""

    target: Expr
    value: Expr | None = None
    error: Expr | None = None
    span: Span = _span()


@frozen
class Unsupported:
    """What a flow cannot hold, kept so that the rest is still checked: the diagnostic's words are the front end's."""

    what: str
    reason: str
    instead: str
    span: Span = _span()


Stmt = (
    Assign | AugAssign | ExprStmt | If | Match | For | While | Parallel | With | Try | Raise | Assert | Return | Yield
    | Break | Continue | Pass | Mock | Unsupported
)  # fmt: skip

# ---- declarations --------------------------------------------------------------------------------


@frozen
class Param:
    name: str
    annotation: Expr | None = None
    default: Expr | None = None
    kind: Literal["pos_or_kw", "kw", "pos", "var_pos", "var_kw"] = "pos_or_kw"
    span: Span = _span()


@frozen
class Flow:
    """A flow's declaration. ``-> stream[T]`` and ``-> Iterator[T]`` both read as ``Subscript(Name("stream"), T)``."""

    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    returns: Expr | None = None
    options: tuple[Option, ...] = ()
    doc: str = field(default="", eq=False)
    span: Span = _span()


@frozen
class ImportPack:
    """``import http, files as f``: ``names`` are ``(name, name here)``."""

    names: tuple[tuple[str, str], ...]
    span: Span = _span()


@frozen
class ImportFrom:
    """``from "./shop.py" import a, b as c with pure=True`` or ``from math import sqrt`` (``path`` without quotes: an
    installed module or pack; ``is_path`` tells)."""

    path: str
    is_path: bool
    names: tuple[tuple[str, str], ...]
    options: tuple[Option, ...] = ()
    span: Span = _span()


@frozen
class SecretDecl:
    name: str
    span: Span = _span()


@frozen
class EnvDecl:
    name: str
    annotation: Expr | None = None
    default: Expr | None = None
    span: Span = _span()


@frozen
class ConstDecl:
    name: str
    value: Expr
    annotation: Expr | None = None
    span: Span = _span()


@frozen
class FieldDecl:
    name: str
    annotation: Expr
    default: Expr | None = None
    span: Span = _span()


@frozen
class TypeDecl:
    """``type Mode = "fast" | "safe"`` (``alias`` set) or a record (``fields`` set)."""

    name: str
    alias: Expr | None = None
    fields: tuple[FieldDecl, ...] = ()
    doc: str = field(default="", eq=False)
    span: Span = _span()


@frozen
class Test:
    title: str
    body: tuple[Stmt, ...]
    span: Span = _span()


Declaration = ImportPack | ImportFrom | SecretDecl | EnvDecl | ConstDecl | TypeDecl | Flow | Test


@frozen
class Module:
    """One ``.cflow`` file, declarations in the order of the text. ``refused``: the names on lines that were refused,
    which may have bound them."""

    file: str
    declarations: tuple[Declaration, ...]
    doc: str = field(default="", eq=False)
    span: Span = _span()
    refused: frozenset[str] = field(default=frozenset(), eq=False)
