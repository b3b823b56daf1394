"""Constant expressions (``const``, defaults, import options) to values, at check time and within bounds.

The operators are the language's own, so a constant means what the same expression means in a flow; only what a
program's text can hold by itself takes part: no node, no record, no environment. Every value counts against a budget
*before* it is made, since the text may be a stranger's.
"""

from __future__ import annotations

import datetime as dt
import decimal
import pathlib
from collections.abc import Callable, Iterator
from typing import Any

from attrs import define, field

from ...compiler.diagnostics import NOWHERE, Span
from ...compiler.operators import BUILTINS, OPERATORS, call_method, format_value, read_attribute, unpack
from .. import syntax

BUDGET = 1_000_000
"""What the constants of one program may cost: one for each step and each character, item and machine word of each
value."""

_MAX_EXPONENT = 6_000
"""Of a decimal number: with a larger one its digits, or the integer it becomes, would not fit in memory."""

_FUNCTIONS = frozenset(
    """abs all any ascii bin bool bytes chr complex dict divmod enumerate float frozenset hex int len list max min oct
    ord range repr reversed round set sorted str sum tuple zip""".split()
)
_VALUE_CLASSES: dict[str, Any] = {
    "date": dt.date, "datetime": dt.datetime, "time": dt.time, "timedelta": dt.timedelta,
    "Decimal": decimal.Decimal, "Path": pathlib.PurePath,
}  # fmt: skip


class NotConstant(Exception):
    """An expression is not a constant; where, why, and what to do instead."""

    def __init__(self, message: str, span: Span = NOWHERE, help: str = "") -> None:
        self.message, self.span, self.help = message, span, help
        super().__init__(message)


class Missing(Exception):
    """A name that ``lookup`` does not know as a constant; its text says what it is, nothing where that was said."""


@define
class Evaluator:
    """Evaluates constant expressions under one budget.

    Parameters
    ----------
    lookup: the value of a name that is itself a constant; raises :class:`Missing` for any other.
    """

    lookup: Callable[[str], Any]
    left: int = BUDGET
    _local: list[dict[str, Any]] = field(factory=list)
    _sizes: dict[int, tuple[Any, int]] = field(factory=dict)
    """What containers count, by identity; with the container, so that its identity is not given away."""

    def constant(self, expr: syntax.Expr) -> Any:
        """The value of ``expr``.

        Raises
        ------
        NotConstant: it has none at check time, computing it fails, or it would be too large.
        """
        outer, self._local = self._local, []  # a constant that another one names does not see its comprehensions
        try:
            return self.value(expr)
        except RecursionError:
            raise NotConstant(
                "the constant is nested too deeply", expr.span, "split it into several constants"
            ) from None
        finally:
            self._local = outer

    def value(self, expr: syntax.Expr) -> Any:
        """The value of a part of a constant."""
        try:
            return self._value(expr)
        except NotConstant as error:
            if error.span == NOWHERE:
                error.span = expr.span
            raise
        except RecursionError:
            raise
        except Exception as error:  # the operators raise what Python raises
            raise NotConstant(f"computing the constant fails: {type(error).__name__}: {error}", expr.span) from None

    def spend(self, amount: int) -> None:
        self.left -= amount
        if self.left < 0:
            raise NotConstant("the constant would be too large", help="compute large values in a node")

    def _value(self, expr: syntax.Expr) -> Any:
        self.spend(1)
        match expr:
            case syntax.Constant(value=value):
                return value
            case syntax.Name(id=name):
                for names in reversed(self._local):
                    if name in names:
                        return names[name]
                try:
                    return self.lookup(name)
                except Missing as missing:
                    raise NotConstant(
                        str(missing), expr.span, "a constant is made of literals and other constants"
                    ) from None
            case syntax.Display():
                return self._made({"list": list, "tuple": tuple, "set": set}[expr.kind](self._items(expr.items)))
            case syntax.DictDisplay():
                return self._made(dict(self._pairs(expr)))
            case syntax.FString():
                return self._made(
                    "".join(part if isinstance(part, str) else self._formatted(part) for part in expr.parts)
                )
            case syntax.Unary():
                word = {"not": "not", "-": "neg", "+": "pos", "~": "invert"}[expr.op]
                return self._made(OPERATORS[word].function(self.value(expr.value)))
            case syntax.Binary():
                return self._binary(expr.op, self.value(expr.left), self.value(expr.right))
            case syntax.Logical():
                return self._logical(expr)
            case syntax.Compare():
                return self._compare(expr)
            case syntax.Conditional():
                return self.value(expr.then if self.value(expr.test) else expr.orelse)
            case syntax.Subscript(value=inner, index=syntax.Slice() as part):
                bounds = [None if b is None else self.value(b) for b in (part.lower, part.upper, part.step)]
                return self._made(self.value(inner)[slice(*bounds)])
            case syntax.Subscript():
                return self.value(expr.value)[self.value(expr.index)]
            case syntax.Attribute():
                return self._made(read_attribute(self.value(expr.value), expr.name))
            case syntax.Call():
                return self._call(expr)
            case syntax.Comprehension():
                return self._comprehension(expr)
        raise NotConstant("this is not a constant", expr.span, "a constant is made of literals and other constants")

    def _made(self, value: Any) -> Any:
        self.spend(self.size(value))
        return value

    def _items(self, items: tuple[syntax.Expr, ...]) -> Iterator[Any]:
        for item in items:
            if isinstance(item, syntax.Starred):
                yield from self._iterated(self.value(item.value))
            else:
                yield self.value(item)

    def _iterated(self, value: Any) -> Any:
        """``value``, to be gone through: paid for before."""
        self.spend(len(value))
        return value

    def _pairs(self, display: syntax.DictDisplay) -> Iterator[tuple[Any, Any]]:
        for key, value in display.items:
            if key is None:
                yield from dict(self._iterated(self.value(value))).items()
            else:
                yield self.value(key), self.value(value)

    def _formatted(self, part: syntax.FormattedValue) -> str:
        spec = "" if part.spec is None else str(self.value(part.spec))
        return format_value(self.value(part.value), part.conversion, spec)

    def _binary(self, op: str, a: Any, b: Any) -> Any:
        if op == "*":
            for seq, n in ((a, b), (b, a)):
                if isinstance(seq, (str, bytes, list, tuple)) and isinstance(n, int):
                    self.spend(len(seq) * max(n, 0))
        return self._made(OPERATORS[op].function(a, b))

    def _logical(self, expr: syntax.Logical) -> Any:
        value: Any = None
        for operand in expr.values:
            value = self.value(operand)
            if bool(value) == (expr.op == "or"):
                break
        return value

    def _compare(self, expr: syntax.Compare) -> Any:
        left, value = self.value(expr.left), True
        for op, operand in zip(expr.ops, expr.rights, strict=True):
            right = self.value(operand)
            value = OPERATORS[op].function(left, right)
            if not value:
                break
            left = right
        return value

    def _call(self, call: syntax.Call) -> Any:
        if call.options:
            raise NotConstant("options belong to calls of nodes", call.span)
        args = list(self._items(call.args))
        kwargs: dict[str, Any] = {}
        for k in call.keywords:
            given = self.value(k.value)
            kwargs.update({k.name: given} if k.name is not None else given)
        match call.func:
            case syntax.Name(id=name) if name in _FUNCTIONS:
                for arg in args:
                    if isinstance(arg, range) or (name == "bytes" and isinstance(arg, int)):
                        self.spend(arg if isinstance(arg, int) else len(arg))
                return self._made(BUILTINS[name](*args, **kwargs))
            case syntax.Name(id=name) if name in _VALUE_CLASSES:
                return self._made(_VALUE_CLASSES[name](*args, **kwargs))
            case syntax.Attribute(value=inner, name=method):
                value = self.value(inner)
                growth = sum(abs(a) if isinstance(a, int) else self.size(a) for a in (*args, *kwargs.values()))
                self.spend((self.size(value) + 1) * (growth + 1))  # such as the padding of ljust, the text of replace
                return self._made(call_method(value, method, *args, **kwargs))
        raise NotConstant(
            "a constant cannot call this",
            call.span,
            f"call it in a flow; constants may use {', '.join(sorted(_FUNCTIONS)[:12])}, ...",
        )

    def _comprehension(self, expr: syntax.Comprehension) -> Any:
        results: list[Any] = []
        self._passes(expr, expr.clauses, results)
        match expr.kind:
            case "dict":
                return self._made(dict(results))
            case "set":
                return self._made(set(results))
        return self._made(results)

    def _passes(self, expr: syntax.Comprehension, clauses: tuple[syntax.ForClause, ...], results: list[Any]) -> None:
        if not clauses:
            value = self.value(expr.element)
            results.append(value if expr.key is None else (self.value(expr.key), value))
            return
        clause, *rest = clauses
        for item in self._iterated(self.value(clause.source)):
            self._local.append({})
            self._bind(clause.target, item)
            if all(self.value(condition) for condition in clause.conditions):
                self._passes(expr, tuple(rest), results)
            self._local.pop()

    def _bind(self, target: syntax.Expr, value: Any) -> None:
        match target:
            case syntax.Name(id=name):
                self._local[-1][name] = value
            case syntax.Display(items=parts) if not any(isinstance(p, syntax.Starred) for p in parts):
                for part, item in zip(parts, unpack(value, len(parts), False, 0), strict=True):
                    self._bind(part, item)
            case _:
                raise NotConstant("a constant cannot unpack like this", target.span)

    def size(self, value: Any) -> int:
        """What a value counts: its characters, items (with all that they hold, as often as it is held) or machine
        words."""
        match value:
            case str() | bytes():
                return len(value)
            case bool() | None:
                return 1
            case int():
                return 1 + value.bit_length() // 64
            case decimal.Decimal():
                if value.is_finite() and abs(value.adjusted()) > _MAX_EXPONENT:
                    raise NotConstant(f"the exponent of the constant is beyond {_MAX_EXPONENT}")
                return 1
            case dict() | list() | tuple() | set() | frozenset():
                known = self._sizes.get(id(value))
                if known is None:
                    parts = (*value, *value.values()) if isinstance(value, dict) else value
                    known = self._sizes[id(value)] = (value, 1 + sum(map(self.size, parts)))
                return known[1]
        return 1
