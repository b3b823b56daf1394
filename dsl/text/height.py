"""The height of expressions: bounded, so that everything that walks a tree later may do so by recursion."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from .. import syntax
from .limits import MAX_HEIGHT
from .report import Reporter
from .tokens import Token

_LEVELS = frozenset(
    "OP SIGN TILDE NOT STAR DSTAR VBAR SLASH IN IF DOT COLON PIPE DETACH LPAR LSQB LBRACE FOPEN".split()
)
"""Two levels of an expression cost at least one of these tokens."""


def check_heights(module: syntax.Module, tokens: list[Token], report: Reporter) -> syntax.Module | None:
    """The module, or None where an expression in it is too high. Only lines with many operators are looked at."""
    lines = _suspected(tokens)
    if not lines:
        return module
    fine = True
    for expression in expressions(module):
        if expression.span.line in lines and height(expression) > MAX_HEIGHT:
            fine = False
            report.limit(
                expression.span,
                f"this expression is more than {MAX_HEIGHT} levels high",
                "give a part of it a name on a line of its own; for a long sum write `sum([...])`",
            )
    return module if fine else None


def _suspected(tokens: list[Token]) -> set[int]:
    """The lines of statements with so many operators and brackets that they may be too high."""
    lines: set[int] = set()
    levels = 0
    first = 1
    for token in tokens:
        kind = token.type
        if kind in _LEVELS:
            levels += 1
        elif kind == "NEWLINE":
            if 2 * levels > MAX_HEIGHT:
                lines.update(range(first, token.line + 1))
            levels = 0
            first = token.line + 1
    return lines


def expressions(root: Any) -> Iterator[Any]:
    """The outermost expressions below a node; without recursion."""
    pending = [root]
    while pending:
        node = pending.pop()
        if isinstance(node, tuple):
            pending.extend(node)
        elif isinstance(node, syntax.Expr):
            yield node
        elif attrs.has(type(node)):
            pending.extend(children(node))


def height(expression: Any) -> int:
    """How many expressions lie inside one another; without recursion."""
    highest = 0
    pending = [(expression, 1)]
    while pending:
        node, level = pending.pop()
        highest = max(highest, level)
        for child in children(node):
            for part in _flat(child):
                if isinstance(part, syntax.Expr):
                    pending.append((part, level + 1))
                elif attrs.has(type(part)):
                    pending.append((part, level))
    return highest


def _flat(child: Any) -> Iterator[Any]:
    """The parts of a tuple, and of the tuples in it; anything else is one part."""
    if not isinstance(child, tuple):
        yield child
        return
    for item in child:
        yield from _flat(item)


def children(node: Any) -> Iterator[Any]:
    for name in node.__slots__ if hasattr(node, "__slots__") else ():
        if name not in ("span", "__weakref__"):
            yield getattr(node, name)
