"""What the parts of the reader share: where they are, what names mean, and what was found that a flow cannot hold."""

from __future__ import annotations

import ast
import types
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field

from ...compiler.diagnostics import Span
from .. import syntax
from ..nodes import FORM
from ..scope import Binding, BuiltinBinding, ClassBinding, PackBinding, Scope
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
    wide: frozenset[int] = field(init=False)
    """The lines that are not plain ASCII."""

    def __attrs_post_init__(self) -> None:
        self.wide = frozenset(n for n, line in enumerate(self.lines, 1) if not line.isascii())

    def span(self, node: Any) -> Span:
        """The stretch of the author's file that a node of :mod:`ast` covers."""
        line, end_line = node.lineno, node.end_lineno or node.lineno
        start, end = node.col_offset, node.end_col_offset or node.col_offset
        if self.wide:  # Python counts bytes, an editor characters
            start, end = self._characters(line, start), self._characters(end_line, end)
        return Span(self.file, line, start + 1, end_line, end + 1)

    def _characters(self, line: int, offset: int) -> int:
        return len(self.lines[line - 1].encode()[:offset].decode(errors="replace")) if line in self.wide else offset

    def binding(self, node: ast.expr) -> Binding | None:
        """What a name or dotted name stands for; None for a local, and for anything that is not one."""
        if isinstance(node, ast.Name):
            return None if node.id in self.locals else self.scope.lookup(node.id)
        if isinstance(node, ast.Attribute):
            base = self.binding(node.value)
            return base.members(node.attr) if isinstance(base, (PackBinding, ClassBinding)) else None
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
    """Every name that a parsed function binds: those never mean a global."""
    found: set[str] = set()
    todo: list[Any] = [function.args, *function.body]
    while todo:
        node = todo.pop()
        match node:
            case ast.Name(id=name, ctx=ast.Store() | ast.Del()) | ast.arg(arg=name):
                found.add(name)
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.alias():
                found.add(node.asname or node.name.partition(".")[0])
            case ast.ExceptHandler() | ast.MatchAs() | ast.MatchStar() if node.name is not None:
                found.add(node.name)
            case ast.MatchMapping() if node.rest is not None:
                found.add(node.rest)
        todo.extend(ast.iter_child_nodes(node))
    return found


def bound_names(code: types.CodeType) -> set[str]:
    """The same of a function that was compiled, comprehensions and lambdas in it included."""
    found = {*code.co_varnames, *code.co_cellvars}
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType) and constant.co_name.startswith("<"):
            found |= bound_names(constant)
    return found
