"""Annotations of a flow as types, with the classes that they name taken into the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import frozen

from ...compiler.diagnostics import Collector
from ...compiler.types import Type
from .. import syntax as s
from ..scope import Binding, Scope
from .report import in_python

if TYPE_CHECKING:
    from .program import Program


_IN_PYTHON = "import it, or define it in the module: a class inside a function is not seen by annotations in text"


@frozen
class _Looking:
    """A scope whose look-ups go through the program, which remembers the classes it has seen."""

    program: Program
    scope: Scope

    def lookup(self, name: str) -> Binding | None:
        return self.program.lookup(self.scope, name)

    def names(self) -> list[str]:
        return list(self.scope.names())


def read_type(program: Program, node: s.Expr, scope: Scope) -> Type:
    """The type that an annotation writes; ``Any``, with a finding, where it writes none."""
    # The loader stands on lowering too: it is imported when it is needed.
    from ..loader.annotations import UNDECLARED, read_annotation

    found = Collector()
    undeclared = _IN_PYTHON if in_python(node.span) else UNDECLARED
    type = read_annotation(node, _Looking(program, scope), found, undeclared=undeclared)
    for diagnostic in found.items:
        program.report.add(diagnostic)
    program.use_types((type,))
    return type
