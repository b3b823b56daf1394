"""The two tables of lowering: which function lowers which kind of expression, and of statement.

A function is imported when its kind is met for the first time: a program of calls loads nothing of ``match``, of
``try`` or of comprehensions, which is half of this package.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

from .. import syntax as s
from .state import FlowLowering, Typed

Function = TypeVar("Function", bound=Callable[..., Any])


class Table(dict[type, Function]):
    """Functions by the kind of syntax node that they lower.

    Parameters
    ----------
    places: of each function ``module.name``, in this package.
    """

    def __init__(self, places: Mapping[type, str]) -> None:
        super().__init__()
        self.places = places

    def __missing__(self, kind: type) -> Function:
        module, _, name = self.places[kind].partition(".")
        found: Function = getattr(import_module(f".{module}", __package__), name)
        self[kind] = found
        return found


EXPRESSIONS: Table[Callable[[FlowLowering, Any, str], Typed]] = Table(
    {
        s.Name: "names.lower_name",
        s.Constant: "expressions.lower_constant",
        s.Attribute: "expressions.lower_attribute",
        s.Subscript: "expressions.lower_subscript",
        s.Slice: "expressions.lower_slice",
        s.Call: "calls.lower_call",
        s.Form: "forms.lower_form",
        s.Binary: "expressions.lower_binary",
        s.Unary: "expressions.lower_unary",
        s.Logical: "logic.lower_logical",
        s.Compare: "logic.lower_compare",
        s.Conditional: "logic.lower_conditional",
        s.Display: "expressions.lower_display",
        s.DictDisplay: "expressions.lower_dict",
        s.Starred: "expressions.lower_starred",
        s.Comprehension: "comprehensions.lower_comprehension",
        s.FString: "expressions.lower_fstring",
        s.FormattedValue: "expressions.lower_formatted",
    }
)

STATEMENTS: Table[Callable[[FlowLowering, Any], None]] = Table(
    {
        s.Assign: "targets.lower_assign",
        s.AugAssign: "targets.lower_aug_assign",
        s.ExprStmt: "simple.lower_expression",
        s.If: "branches.lower_if",
        s.Match: "matching.lower_match",
        s.For: "loops.lower_for",
        s.While: "loops.lower_while",
        s.Parallel: "scopes.lower_parallel",
        s.With: "scopes.lower_with",
        s.Try: "tries.lower_try",
        s.Raise: "tries.lower_raise",
        s.Assert: "branches.lower_assert",
        s.Return: "simple.lower_return",
        s.Yield: "simple.lower_yield",
        s.Break: "exits.lower_break",
        s.Continue: "exits.lower_continue",
        s.Pass: "simple.lower_pass",
        s.Mock: "mocks.lower_mock",
        s.Unsupported: "simple.lower_unsupported",
    }
)
