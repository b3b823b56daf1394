"""The tree builder: expressions and options. Each method is the action of the rule of its name in ``grammar.lark``."""

from __future__ import annotations

from typing import Any, cast

from attrs import evolve

from ...compiler.diagnostics import Label, Span
from .. import syntax
from ..syntax import Expr
from . import literals
from .operators import fold
from .string_actions import Strings
from .tokens import Token

FORMS = frozenset({"race", "sleep", "wait_signal", "convert", "detach", "attempt", "calls"})
"""Built-in forms that look like calls, wherever a program does not bind the name itself."""


class Expressions(Strings):
    """Builds expressions, calls with their options, and the built-in forms."""

    # ---- operators -----------------------------------------------------------------------------

    def prefixed(self, c: list[Any]) -> list[Any]:
        token, unit = c
        if type(unit) is list:
            unit.append(token)
            return unit
        return [unit, token]

    def not_in(self, c: list[Any]) -> Token:
        start, end = c
        return Token("OP", "not in", start.pos, start.line, start.column, end.end_line, end.end_column)

    def chain(self, c: list[Any]) -> list[Any]:
        return c

    def chain_on(self, c: list[Any]) -> list[Any]:
        chain = c[0]
        chain.append(c[1])
        chain.append(c[2])
        return chain  # type: ignore[no-any-return]

    def operation(self, c: list[Any]) -> Expr:
        return fold(c[0], self.report)

    def prefixed_operation(self, c: list[Any]) -> Expr:
        return fold(c, self.report)

    def conditional(self, c: list[Any]) -> Expr:
        then, _, test, _, orelse = c
        return syntax.Conditional(test, then, orelse, span=self.span(then, orelse))

    def pipe(self, c: list[Any]) -> Expr:
        value, _, stage = c
        span = self.span(value, stage)
        if isinstance(stage, syntax.Call):
            return evolve(stage, args=(value, *stage.args), span=span)
        if isinstance(stage, syntax.Form):
            return evolve(stage, args=(value, *stage.args), span=span)
        if isinstance(stage, syntax.Name | syntax.Attribute | syntax.Subscript):
            return self._call(stage, (value,), (), span)
        self.report(
            "syntax-pipe",
            stage.span,
            "a stage of a pipe is a function or a call",
            help="write `|> f`, or `|> f(x)`: the value before the bar becomes the first argument",
        )
        return value  # type: ignore[no-any-return]

    def detach(self, c: list[Any]) -> Expr:
        word, call = c
        if not isinstance(call, syntax.Call):
            self.report("syntax-detach", call.span, "`detach` starts a call of a flow", help="write `detach other(x)`")
        return syntax.Form("detach", (call,), span=self.span(word, call))

    # ---- atoms ---------------------------------------------------------------------------------

    def name(self, c: list[Any]) -> Expr:
        token = c[0]
        return syntax.Name(token.value, span=self.span(token, token))

    def number(self, c: list[Any]) -> Expr:
        token = c[0]
        span = self.span(token, token)
        try:
            value = literals.number(token.value)
        except literals.LiteralError as error:
            self.report("syntax-number", span, str(error), help=error.help)
            value = 0
        return syntax.Constant(value, span=span)

    def none(self, c: list[Any]) -> Expr:
        return syntax.Constant(None, span=self.span(c[0], c[0]))

    def true(self, c: list[Any]) -> Expr:
        return syntax.Constant(True, span=self.span(c[0], c[0]))

    def false(self, c: list[Any]) -> Expr:
        return syntax.Constant(False, span=self.span(c[0], c[0]))

    def ellipsis(self, c: list[Any]) -> Expr:
        return syntax.Constant(..., span=self.span(c[0], c[0]))

    def attribute(self, c: list[Any]) -> Expr:
        value, _, name = c
        return syntax.Attribute(value, name.value, span=self.span(value, name))

    # ---- calls ---------------------------------------------------------------------------------

    def call(self, c: list[Any]) -> Expr:
        func = c[0]
        span = self.span(func, c[-1])
        if len(c) == 3:
            return self._call(func, (), (), span)
        arguments = c[2]
        keywords = tuple([a for a in arguments if type(a) is syntax.Keyword])
        if not keywords:
            return self._call(func, tuple(arguments), (), span)
        self._check_arguments(arguments)
        return self._call(func, tuple([a for a in arguments if type(a) is not syntax.Keyword]), keywords, span)

    def _call(self, func: Expr, args: tuple[Expr, ...], keywords: tuple[syntax.Keyword, ...], span: Span) -> Expr:
        if type(func) is syntax.Name and func.id in FORMS and func.id not in self.shadowed:
            return syntax.Form(func.id, args, keywords, span=span)
        return syntax.Call(func, args, keywords, span=span)

    def _check_arguments(self, arguments: list[Any]) -> None:
        seen: dict[str, Any] = {}
        named = spread = False
        for argument in arguments:
            if isinstance(argument, syntax.Keyword):
                named = True
                if argument.name is None:
                    spread = True
                elif argument.name in seen:
                    first = Label(seen[argument.name], "first here")
                    message = f"`{argument.name}` is given twice"
                    self.report("syntax-argument", argument.span, message, "remove one of them", labels=(first,))
                else:
                    seen[argument.name] = argument.span
            elif spread or (named and not isinstance(argument, syntax.Starred)):
                message = "a positional argument stands after a named one"
                self.report("syntax-argument", argument.span, message, "move it before the first `name=`")

    def keyword(self, c: list[Any]) -> syntax.Keyword:
        name, _, value = c
        return syntax.Keyword(name.value, value, span=self.span(name, value))

    def spread(self, c: list[Any]) -> syntax.Keyword:
        return syntax.Keyword(None, c[1], span=self.span(c[0], c[1]))

    def starred(self, c: list[Any]) -> Expr:
        return syntax.Starred(c[1], span=self.span(c[0], c[1]))

    def call_generator(self, c: list[Any]) -> Expr:
        func, opening, element, clauses, closing = c
        inner = syntax.Comprehension("generator", element, tuple(clauses), span=self.span(opening, closing))
        return self._call(func, (inner,), (), self.span(func, closing))

    # ---- subscripts ----------------------------------------------------------------------------

    def subscript(self, c: list[Any]) -> Expr:
        value, _, items, end = c
        if len(items) == 1 and type(items[0]) is not syntax.Starred:
            return syntax.Subscript(value, items[0], span=self.span(value, end))
        index = syntax.Display("tuple", tuple(items), span=self.span(items[0], items[-1]))
        return syntax.Subscript(value, index, span=self.span(value, end))

    def subscript_tuple(self, c: list[Any]) -> Expr:
        value, _, items, _, end = c
        index = syntax.Display("tuple", tuple(items), span=self.span(items[0], items[-1]))
        return syntax.Subscript(value, index, span=self.span(value, end))

    def slice(self, c: list[Any]) -> Expr:
        lower, colon, upper = c[:3]
        step = c[4] if len(c) == 5 else None
        last = step if step is not None else c[3] if len(c) == 5 else upper if upper is not None else colon
        span = self.span(lower if lower is not None else colon, last)
        return syntax.Slice(lower, upper, step, span=span)

    # ---- displays and comprehensions -----------------------------------------------------------

    def tuple_of_one(self, c: list[Any]) -> Expr:
        return syntax.Display("tuple", (c[0],), span=self.span(c[0], c[1]))

    def tuple_of_rest(self, c: list[Any]) -> Expr:
        items = c[2]
        return syntax.Display("tuple", (c[0], *items), span=self.span(c[0], items[-1]))

    def tuple_of(self, c: list[Any]) -> Expr:
        items = c[0]
        return syntax.Display("tuple", tuple(items), span=self.span(items[0], items[-1]))

    def empty_tuple(self, c: list[Any]) -> Expr:
        return syntax.Display("tuple", (), span=self.span(c[0], c[1]))

    def bracketed(self, c: list[Any]) -> Expr:
        return c[1]  # type: ignore[no-any-return]

    def bracketed_tuple(self, c: list[Any]) -> Expr:
        rest = c[3] if len(c) > 4 else ()
        return syntax.Display("tuple", (c[1], *rest), span=self.span(c[0], c[-1]))

    def list_display(self, c: list[Any]) -> Expr:
        return syntax.Display("list", tuple(c[1]) if len(c) > 2 else (), span=self.span(c[0], c[-1]))

    def set_display(self, c: list[Any]) -> Expr:
        return syntax.Display("set", tuple(c[1]), span=self.span(c[0], c[-1]))

    def dict_display(self, c: list[Any]) -> Expr:
        return syntax.DictDisplay(tuple(c[1]) if len(c) > 2 else (), span=self.span(c[0], c[-1]))

    def pair(self, c: list[Any]) -> tuple[Expr, Expr]:
        return c[0], c[2]

    def pair_spread(self, c: list[Any]) -> tuple[None, Expr]:
        return None, c[1]

    def generator(self, c: list[Any]) -> Expr:
        return syntax.Comprehension("generator", c[1], tuple(c[2]), span=self.span(c[0], c[-1]))

    def list_comprehension(self, c: list[Any]) -> Expr:
        return syntax.Comprehension("list", c[1], tuple(c[2]), span=self.span(c[0], c[-1]))

    def set_comprehension(self, c: list[Any]) -> Expr:
        return syntax.Comprehension("set", c[1], tuple(c[2]), span=self.span(c[0], c[-1]))

    def dict_comprehension(self, c: list[Any]) -> Expr:
        return syntax.Comprehension("dict", c[3], tuple(c[4]), c[1], span=self.span(c[0], c[-1]))

    def clause(self, c: list[Any]) -> list[Any]:
        word, target, _, source = c
        return [word, self.target(target), source]

    def clause_if(self, c: list[Any]) -> list[Any]:
        clause, _, test = c
        clause.append(test)
        return clause  # type: ignore[no-any-return]

    def clauses(self, c: list[Any]) -> list[syntax.ForClause]:
        made = []
        for word, target, source, *conditions in c[0]:
            span = self.span(word, conditions[-1] if conditions else source)
            made.append(syntax.ForClause(target, source, tuple(conditions), span=span))
        return made

    # ---- options -------------------------------------------------------------------------------

    def option(self, c: list[Any]) -> syntax.Option:
        name, _, value = c
        return syntax.Option(name.value, value, span=self.span(name, value))

    def undo(self, c: list[Any]) -> list[syntax.Option]:
        word, call = c
        if not isinstance(call, syntax.Call):
            self.report(
                "syntax-undo",
                call.span,
                "`undo` is followed by a call",
                help="write `undo release(hold)`, or `with undo=release`",
            )
            return []
        span = self.span(word, call)
        return [syntax.Option("undo", syntax.UndoCall(call, span=span), span=span)]

    def with_options(self, c: list[Any]) -> Expr:
        return self._optioned(c[0], c[1])

    def bracketed_options(self, c: list[Any]) -> Expr:
        return self._optioned(c[1], c[2])

    def _optioned(self, value: Expr, options: list[syntax.Option]) -> Expr:
        """The expression with the options at its outermost call."""
        self.check_options(options)
        around: list[Expr] = []
        inner = value
        while isinstance(inner, syntax.Attribute | syntax.Subscript):
            around.append(inner)
            inner = inner.value
        done: Expr
        if isinstance(inner, syntax.Call):
            done = evolve(inner, options=(*inner.options, *options))
        elif isinstance(inner, syntax.Form):
            keywords = list(inner.keywords)
            for option in options:
                if isinstance(option.value, syntax.UndoCall):
                    self.report(
                        "syntax-undo", option.span, f"`{inner.name}` has nothing to undo", help="remove the undo"
                    )
                else:
                    keywords.append(syntax.Keyword(option.name, option.value, span=option.span))
            done = evolve(inner, keywords=tuple(keywords))
        else:
            self.report(
                "syntax-options",
                options[0].span if options else value.span,
                "options belong to a call, and here is none",
                help="bracket the call that they are for: `(f(a) with retry=3)`",
            )
            return value
        for outer in reversed(around):
            done = evolve(cast(syntax.Attribute, outer), value=done)
        return done
