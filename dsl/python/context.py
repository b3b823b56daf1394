"""What the parts of the reader share: where they are, what names mean, and what was found that a flow cannot hold."""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from ...compiler.diagnostics import Span
from .. import syntax
from ..nodes import FORM
from ..scope import Binding, BuiltinBinding, PackBinding, Scope
from .names import ANYTHING


@define
class Context:
    """The reading of one function.

    ``pending`` holds what was found unfit inside the statement being read; it goes into the tree before that statement,
    so that the rest is still checked and every finding is reported in one go.
    """

    file: str
    lines: Sequence[str]
    scope: Scope
    locals: set[str]
    alias: Callable[[str], str] | None = None
    """Gives an annotation that only Python can write (``Sequence[int]``) a name; None: there are no real objects."""
    pending: list[syntax.Stmt] = field(factory=list)

    def span(self, node: Any) -> Span:
        """The stretch of the author's file that a node of :mod:`ast` covers."""
        end_line = node.end_lineno or node.lineno
        end = node.end_col_offset if node.end_col_offset is not None else node.col_offset
        return Span(
            self.file, node.lineno, self.column(node.lineno, node.col_offset), end_line, self.column(end_line, end)
        )

    def column(self, line: int, offset: int) -> int:
        """Python counts bytes from 0, an editor characters from 1."""
        if not 0 < line <= len(self.lines) or self.lines[line - 1].isascii():
            return offset + 1
        return len(self.lines[line - 1].encode()[:offset].decode(errors="replace")) + 1

    def binding(self, node: ast.expr) -> Binding | None:
        """What a name or dotted name stands for; None for a local, and for anything that is not one."""
        if isinstance(node, ast.Name):
            return None if node.id in self.locals else self.scope.lookup(node.id)
        if isinstance(node, ast.Attribute):
            base = self.binding(node.value)
            return base.members(node.attr) if isinstance(base, PackBinding) else None
        return None

    def form(self, node: ast.expr) -> str | None:
        """The form of the language that a name stands for, whatever it is called here."""
        found = self.binding(node)
        if isinstance(found, BuiltinBinding) and found.name.startswith(FORM):
            return found.name.removeprefix(FORM)
        return None

    def form_call(self, node: ast.AST) -> str | None:
        """The form that is called here."""
        return self.form(node.func) if isinstance(node, ast.Call) else None

    def refuse(self, node: Any, what: str, reason: str, instead: str) -> syntax.Unsupported:
        """What a flow cannot hold, as a statement."""
        return syntax.Unsupported(what, reason, instead, span=self.span(node))

    def refuse_expression(self, node: Any, what: str, reason: str, instead: str) -> syntax.Name:
        """The same inside an expression: reported beside the statement; a name that may be anything in its place."""
        self.pending.append(self.refuse(node, what, reason, instead))
        return syntax.Name(ANYTHING, span=self.span(node))


def local_names(function: ast.FunctionDef | ast.AsyncFunctionDef) -> set[str]:
    """Every name that the function binds: those never mean a global."""
    found: set[str] = set()
    for node in ast.walk(function):
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                found.add(name)
            case (
                ast.ExceptHandler(name=str(name))
                | ast.MatchAs(name=str(name))
                | ast.MatchStar(name=str(name))
                | ast.MatchMapping(rest=str(name))
            ):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                if node is not function:
                    found.add(name)
            case ast.alias():
                found.add(node.asname or node.name.partition(".")[0])
    return found
