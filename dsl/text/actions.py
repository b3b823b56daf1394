"""The tree builder: plumbing that all its parts share. See :mod:`.declarations` for the whole.

An action gets the values of its rule's symbols in order (``keep_all_tokens``) and runs while the parser reads: no parse
tree is ever built.
"""

from __future__ import annotations

from typing import Any

from ...compiler.diagnostics import Label, Span
from .. import syntax
from ..syntax import Expr
from .report import Reporter


class Actions:
    """``shadowed``: form names that mean something else in the declaration being read."""

    def __init__(self, text: str, report: Reporter) -> None:
        self.text = text
        self.file = report.file
        self.report = report
        self.shadowed: frozenset[str] = frozenset()
        self.refused: set[str] = set()  # the names on lines that were reported and left out

    def span(self, first: Any, last: Any) -> Span:
        """From the first to the last of two nodes or tokens."""
        a, b = first.span, last.span
        return Span(self.file, a.line, a.column, b.end_line, b.end_column)

    # ---- plumbing: lists and brackets ----------------------------------------------------------

    def empty(self, c: list[Any]) -> list[Any]:
        return []

    def nothing(self, c: list[Any]) -> None:
        return None

    def one(self, c: list[Any]) -> list[Any]:
        return c

    def two(self, c: list[Any]) -> list[Any]:
        return [c[0], c[2]]

    def more(self, c: list[Any]) -> list[Any]:
        c[0].append(c[2])
        return c[0]  # type: ignore[no-any-return]

    def append(self, c: list[Any]) -> list[Any]:
        c[0].append(c[1])
        return c[0]  # type: ignore[no-any-return]

    def extend(self, c: list[Any]) -> list[Any]:
        c[0].extend(c[1])
        return c[0]  # type: ignore[no-any-return]

    def first(self, c: list[Any]) -> Any:
        return c[0]

    def second(self, c: list[Any]) -> Any:
        return c[1]

    def third(self, c: list[Any]) -> Any:
        return c[2]

    # ---- checks that several actions make ------------------------------------------------------

    def check_options(self, options: list[syntax.Option]) -> None:
        seen: dict[str, Span] = {}
        for option in options:
            if option.name in seen:
                self.report(
                    "option-twice",
                    option.span,
                    f"the option `{option.name}` is given twice",
                    labels=(Label(seen[option.name], "first here"),),
                    help="remove one of them",
                )
            seen[option.name] = option.span

    def target(self, value: Expr) -> Expr:
        """Checks that ``value`` can be assigned to, and returns it."""
        pending = [value]
        while pending:
            one = pending.pop()
            if isinstance(one, syntax.Name):
                continue
            if isinstance(one, syntax.Starred):
                pending.append(one.value)
            elif isinstance(one, syntax.Display) and one.kind != "set":
                if sum(isinstance(item, syntax.Starred) for item in one.items) > 1:
                    self.report("syntax-target", one.span, "two starred targets in one assignment", help="keep one `*`")
                pending.extend(one.items)
            elif isinstance(one, syntax.Subscript) and isinstance(one.value, syntax.Name):
                continue
            else:
                self._bad_target(one)
                break
        return value

    def _bad_target(self, value: Expr) -> None:
        if isinstance(value, syntax.Attribute):
            self.report(
                "syntax-target",
                value.span,
                "a field cannot be assigned: values do not change",
                help="make a new record with the field you want",
            )
        elif isinstance(value, syntax.Subscript):
            self.report(
                "syntax-target",
                value.span,
                "only an item of a local collection can be assigned",
                help="give the inner collection a name, change that, and put it back",
            )
        elif isinstance(value, syntax.Call | syntax.Form):
            self.report("syntax-target", value.span, "a call cannot be assigned to", help="to compare, write `==`")
        else:
            self.report(
                "syntax-target",
                value.span,
                "this cannot be assigned to",
                expected="a name",
                help="to compare, write `==`",
            )
