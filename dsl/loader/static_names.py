"""Names and annotations in a Python file that is only read."""

from __future__ import annotations

import ast

from ...compiler.types import ANY, Type
from .. import syntax
from ..nodes import FORM
from ..scope import Binding, BuiltinBinding, ClassBinding, PackBinding, TypeBinding, UnknownBinding
from .annotations import AnnotationReader, Meaning, dotted_meaning, expr_of_ast, type_of_binding
from .static import StaticModule


def dotted_name(module: StaticModule, node: ast.expr) -> str:
    """The full name of what an expression names: ``functools.cache``, whatever it is called here; empty for others."""
    match node:
        case ast.Name(id=name):
            match module.statement(name):
                case ast.Import(names=names):
                    for alias in names:
                        if (alias.asname or alias.name.partition(".")[0]) == name:
                            return alias.name if alias.asname else name
                case ast.ImportFrom(module=str(source), level=0, names=names):
                    for alias in names:
                        if (alias.asname or alias.name) == name:
                            return f"{source}.{alias.name}"
                case None:
                    return f"builtins.{name}"
            return ""
        case ast.Attribute(value=value, attr=name):
            head = dotted_name(module, value)
            return f"{head}.{name}" if head else ""
    return ""


def resolve(module: StaticModule, node: ast.expr) -> Binding | None:
    """What a name or dotted name in the file means."""
    match node:
        case ast.Name(id=name):
            return module.lookup(name)
        case ast.Attribute(value=value, attr=name):
            head = resolve(module, value)
            if isinstance(head, (PackBinding, ClassBinding)):
                return head.members(name)
            if isinstance(head, UnknownBinding):
                return UnknownBinding(name)
    return None


def form_of(module: StaticModule, node: ast.expr) -> str:
    """The form of the language that an expression names (``node``, ``flow``, ``secret``...); empty for others."""
    found = resolve(module, node)
    return found.name.removeprefix(FORM) if isinstance(found, BuiltinBinding) and found.name.startswith(FORM) else ""


def read_type(module: StaticModule, node: ast.expr | None, *, given: bool = False) -> Type:
    """The type that an annotation writes; ``Any`` where there is none, or it cannot be told. ``given``: is it of what a
    function gives?"""
    expr = None if node is None else expr_of_ast(node)
    if expr is None:
        return ANY

    def meaning(path: tuple[str, ...], *_: syntax.Expr) -> Meaning:
        tree: ast.expr = ast.Name(path[0])
        for part in path[1:]:
            tree = ast.Attribute(tree, part)
        known = dotted_meaning(dotted_name(module, tree))
        if known is not None:
            return known
        binding = resolve(module, tree)
        if isinstance(binding, TypeBinding) and binding.varies:
            return ANY if given else binding.type
        return type_of_binding(binding) or ANY

    return AnnotationReader(meaning, lambda *_: None, literals=False).read(expr)
