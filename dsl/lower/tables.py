"""The two tables of lowering: which function lowers which kind of expression, and of statement."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .. import syntax as s
from .branches import lower_assert, lower_if
from .calls import lower_call
from .comprehensions import lower_comprehension
from .exits import lower_break, lower_continue
from .expressions import (
    lower_attribute,
    lower_binary,
    lower_constant,
    lower_dict,
    lower_display,
    lower_formatted,
    lower_fstring,
    lower_slice,
    lower_starred,
    lower_subscript,
    lower_unary,
)
from .forms import lower_form
from .logic import lower_compare, lower_conditional, lower_logical
from .loops import lower_for, lower_while
from .matching import lower_match
from .names import lower_name
from .scopes import lower_parallel, lower_with
from .simple import lower_expression, lower_mock, lower_pass, lower_return, lower_unsupported, lower_yield
from .state import FlowLowering, Typed
from .targets import lower_assign, lower_aug_assign
from .tries import lower_raise, lower_try

EXPRESSIONS: dict[type, Callable[[FlowLowering, Any, str], Typed]] = {
    s.Name: lower_name,
    s.Constant: lower_constant,
    s.Attribute: lower_attribute,
    s.Subscript: lower_subscript,
    s.Slice: lower_slice,
    s.Call: lower_call,
    s.Form: lower_form,
    s.Binary: lower_binary,
    s.Unary: lower_unary,
    s.Logical: lower_logical,
    s.Compare: lower_compare,
    s.Conditional: lower_conditional,
    s.Display: lower_display,
    s.DictDisplay: lower_dict,
    s.Starred: lower_starred,
    s.Comprehension: lower_comprehension,
    s.FString: lower_fstring,
    s.FormattedValue: lower_formatted,
}

STATEMENTS: dict[type, Callable[[FlowLowering, Any], None]] = {
    s.Assign: lower_assign,
    s.AugAssign: lower_aug_assign,
    s.ExprStmt: lower_expression,
    s.If: lower_if,
    s.Match: lower_match,
    s.For: lower_for,
    s.While: lower_while,
    s.Parallel: lower_parallel,
    s.With: lower_with,
    s.Try: lower_try,
    s.Raise: lower_raise,
    s.Assert: lower_assert,
    s.Return: lower_return,
    s.Yield: lower_yield,
    s.Break: lower_break,
    s.Continue: lower_continue,
    s.Pass: lower_pass,
    s.Mock: lower_mock,
    s.Unsupported: lower_unsupported,
}
