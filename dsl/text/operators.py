"""Flat lists of operands and operators to expression trees: Python's precedence, without recursion."""

from __future__ import annotations

from typing import Any

from attrs import define

from .. import syntax
from ..syntax import Expr
from .report import Reporter
from .tokens import Token

Unit = Expr | list[Any]
"""An operand, or ``[operand, innermost prefix token, ..., outermost prefix token]``."""

_NOT, _COMPARE, _UNARY, _POWER = 3, 4, 11, 12
_LEVEL = {
    "or": 1, "and": 2, "in": 4, "not in": 4, "is": 4, "is not": 4, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "|": 5, "^": 6, "&": 7, "<<": 8, ">>": 8, "+": 9, "-": 9, "*": 10, "/": 10, "//": 10, "%": 10, "@": 10, "**": 12,
}  # fmt: skip


@define
class _Pending:
    """An operator that waits for its right operand. ``terms`` of ``and``, ``or`` and comparisons: the operands
    so far.
    """

    level: int
    tokens: list[Token]
    terms: list[Expr]
    prefix: bool = False


def fold(chain: list[Any], report: Reporter) -> Expr:
    """``[unit, operator, unit, ...]`` as a tree."""
    if len(chain) == 3 and type(chain[0]) is not list and type(chain[2]) is not list:
        left, operator, right = chain
        level = _LEVEL[operator.value]
        span = report.span(left.span, right.span)
        if level > _COMPARE:
            return syntax.Binary(operator.value, left, right, span=span)
        if level == _COMPARE:
            return syntax.Compare(left, (operator.value,), (right,), span=span)
        return syntax.Logical(operator.value, (left, right), span=span)
    operands: list[Expr] = []
    pending: list[_Pending] = []
    for index in range(0, len(chain), 2):
        unit = chain[index]
        if index:
            operator = chain[index - 1]
            if operator.value == "is" and type(unit) is list and unit[-1].value == "not":
                operator = Token("OP", "is not", operator.pos, operator.line, operator.column, unit[-1].end_line,
                                 unit[-1].end_column)  # fmt: skip
                unit = [*unit[:-1]] if len(unit) > 2 else unit[0]
            _push(operator, operands, pending, report)
        if isinstance(unit, list):
            for token in reversed(unit[1:]):
                level = _NOT if token.value == "not" else _UNARY
                if level == _NOT and pending and pending[-1].level > _NOT:
                    report("syntax-operator", report.span(token, token),
                           f"`not` cannot stand after `{pending[-1].tokens[-1].value}`",
                           help="put brackets around it: `(not x)`")  # fmt: skip
                pending.append(_Pending(level, [token], [], prefix=True))
            unit = unit[0]
        operands.append(unit)
    while pending:
        _apply(operands, pending, report)
    return operands[0]


def _push(operator: Token, operands: list[Expr], pending: list[_Pending], report: Reporter) -> None:
    level = _LEVEL[operator.value]
    merges = level <= _COMPARE
    floor = level + 1 if merges or level == _POWER else level
    while pending and pending[-1].level >= floor:
        _apply(operands, pending, report)
    if merges and pending and pending[-1].level == level:
        pending[-1].terms.append(operands.pop())
        pending[-1].tokens.append(operator)
    else:
        pending.append(_Pending(level, [operator], [operands.pop()] if merges else []))


def _apply(operands: list[Expr], pending: list[_Pending], report: Reporter) -> None:
    top = pending.pop()
    right = operands.pop()
    name = top.tokens[0].value
    if top.prefix:
        operands.append(syntax.Unary(name, right, span=report.span(top.tokens[0], right.span)))
    elif top.level == _COMPARE:
        names = tuple(token.value for token in top.tokens)
        span = report.span(top.terms[0].span, right.span)
        operands.append(syntax.Compare(top.terms[0], names, (*top.terms[1:], right), span=span))
    elif top.level < _COMPARE:
        span = report.span(top.terms[0].span, right.span)
        operands.append(syntax.Logical("and" if name == "and" else "or", (*top.terms, right), span=span))
    else:
        left = operands.pop()
        operands.append(syntax.Binary(name, left, right, span=report.span(left.span, right.span)))
