"""What stands at the top of a file, and the file."""

from __future__ import annotations

from typing import Literal

from attrs import field, frozen

from ...compiler.diagnostics import Span
from .expressions import Expr, Option
from .spans import span_field
from .statements import Stmt


@frozen
class Param:
    name: str
    annotation: Expr | None = None
    default: Expr | None = None
    kind: Literal["pos_or_kw", "kw", "pos", "var_pos", "var_kw"] = "pos_or_kw"
    span: Span = span_field()


@frozen
class Flow:
    """A flow's declaration. ``-> stream[T]`` and ``-> Iterator[T]`` both read as ``Subscript(Name("stream"), T)``."""

    name: str
    params: tuple[Param, ...]
    body: tuple[Stmt, ...]
    returns: Expr | None = None
    options: tuple[Option, ...] = ()
    doc: str = field(default="", eq=False)
    span: Span = span_field()


@frozen
class ImportPack:
    """``import http, files as f``: ``names`` are ``(name, name here)``."""

    names: tuple[tuple[str, str], ...]
    span: Span = span_field()


@frozen
class ImportFrom:
    """``from "./shop.py" import a, b as c with pure=True`` or ``from math import sqrt`` (``path`` without quotes: an
    installed module or pack; ``is_path`` tells)."""

    path: str
    is_path: bool
    names: tuple[tuple[str, str], ...]
    options: tuple[Option, ...] = ()
    span: Span = span_field()


@frozen
class SecretDecl:
    name: str
    span: Span = span_field()


@frozen
class EnvDecl:
    name: str
    annotation: Expr | None = None
    default: Expr | None = None
    span: Span = span_field()


@frozen
class ConstDecl:
    name: str
    value: Expr
    annotation: Expr | None = None
    span: Span = span_field()


@frozen
class FieldDecl:
    name: str
    annotation: Expr
    default: Expr | None = None
    span: Span = span_field()


@frozen
class TypeDecl:
    """``type Mode = "fast" | "safe"`` (``alias`` set) or a record (``fields`` set)."""

    name: str
    alias: Expr | None = None
    fields: tuple[FieldDecl, ...] = ()
    doc: str = field(default="", eq=False)
    span: Span = span_field()


@frozen
class Test:
    title: str
    body: tuple[Stmt, ...]
    span: Span = span_field()


Declaration = ImportPack | ImportFrom | SecretDecl | EnvDecl | ConstDecl | TypeDecl | Flow | Test


@frozen
class Module:
    """One ``.cflow`` file, declarations in the order of the text. ``refused``: the names on lines that were refused,
    which may have bound them."""

    file: str
    declarations: tuple[Declaration, ...]
    doc: str = field(default="", eq=False)
    span: Span = span_field()
    refused: frozenset[str] = field(default=frozenset(), eq=False)
