"""Which built-in forms (``sleep``, ``race``, ...) a program means something else by: those whose name it binds
itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from attrs import has

from .. import syntax
from .expressions import FORMS
from .height import children
from .tokens import Token


def shadowed_forms(module: syntax.Module, tokens: list[Token]) -> dict[int, frozenset[str]]:
    """By the position of a token: the forms that are plain names from there on. Empty where none is.

    Only for a file without errors: then the flows and tests of the module are those of the tokens, one by one.
    """
    if not _suspected(tokens):
        return {}
    everywhere = frozenset(_declared(module)) & FORMS
    found = {0: everywhere}
    heads = [i for i, token in enumerate(tokens) if token.type in ("FLOW", "TEST")]
    bodies = [d for d in module.declarations if isinstance(d, syntax.Flow | syntax.Test)]
    for position, declaration in zip(heads, bodies, strict=True):
        found[position] = everywhere | (frozenset(_bound(declaration)) & FORMS)
    return found if any(found.values()) else {}


def _suspected(tokens: list[Token]) -> bool:
    """Does the name of a form stand anywhere but before its arguments?"""
    for index, token in enumerate(tokens):
        if token.type == "NAME" and token.value in FORMS and index and index + 1 < len(tokens):
            before, after = tokens[index - 1].type, tokens[index + 1].type
            if before != "DOT" and (after != "LPAR" or before == "FLOW"):
                return True
    return False


def _declared(module: syntax.Module) -> Iterator[str]:
    for declaration in module.declarations:
        if isinstance(declaration, syntax.ImportPack | syntax.ImportFrom):
            yield from (here for _, here in declaration.names)
        elif not isinstance(declaration, syntax.Test):
            yield declaration.name


def _bound(declaration: syntax.Flow | syntax.Test) -> Iterator[str]:
    """The names that a flow or test binds; without recursion."""
    pending: list[Any] = [declaration]
    while pending:
        node = pending.pop()
        match node:
            case tuple():
                pending.extend(node)
                continue
            case syntax.Param() | syntax.CapturePattern() | syntax.StarPattern() | syntax.AsPattern() | syntax.Except():
                if node.name is not None:
                    yield node.name
            case syntax.MappingPattern(rest=str(name)):
                yield name
            case syntax.Assign() | syntax.AugAssign() | syntax.ForClause():
                yield from _targets(node.target)
            case syntax.For():
                yield from _targets(node.target)
                if node.into is not None:
                    yield from _targets(node.into)
        if has(type(node)):
            pending.extend(children(node))


def _targets(target: syntax.Expr) -> Iterator[str]:
    pending = [target]
    while pending:
        match pending.pop():
            case syntax.Name(id=name):
                yield name
            case syntax.Starred(value=value):
                pending.append(value)
            case syntax.Display(items=items):
                pending.extend(items)
