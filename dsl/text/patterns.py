"""The tree builder: the patterns of ``match``."""

from __future__ import annotations

from typing import Any

from .. import syntax
from ..syntax import Expr, Pattern
from .expressions import Expressions
from .tokens import Token


class Patterns(Expressions):
    """Builds patterns."""

    def open_sequence(self, c: list[Any]) -> Pattern:
        rest = c[2] if len(c) > 2 else ()
        return syntax.SequencePattern((c[0], *rest), span=self.span(c[0], rest[-1] if rest else c[0]))

    def star_pattern(self, c: list[Any]) -> Pattern:
        star, name = c
        return syntax.StarPattern(None if name.value == "_" else name.value, span=self.span(star, name))

    def or_pattern(self, c: list[Any]) -> Pattern:
        options = c[0]
        if len(options) == 1:
            return options[0]  # type: ignore[no-any-return]
        return syntax.OrPattern(tuple(options), span=self.span(options[0], options[-1]))

    def as_pattern(self, c: list[Any]) -> Pattern:
        options, _, name = c
        pattern = self.or_pattern([options])
        span = self.span(pattern, name)
        if name.value == "_":
            self.report(
                "syntax-pattern", self.span(name, name), "`_` is the wildcard, not a name", help="leave out `as _`"
            )
        return syntax.AsPattern(pattern, name.value, span=span)

    def number_pattern(self, c: list[Any]) -> Pattern:
        value = self.number([c[-1]])
        if len(c) == 2:
            value = syntax.Unary(c[0].value, value, span=self.span(c[0], c[1]))
        return syntax.ValuePattern(value, span=value.span)

    def value_pattern(self, c: list[Any]) -> Pattern:
        if isinstance(c[0], syntax.FString):
            self.report(
                "syntax-pattern",
                c[0].span,
                "an f-string cannot be a pattern",
                help='capture the value with a name, and compare it in the guard: `case x if x == f"...":`',
            )
        return syntax.ValuePattern(c[0], span=c[0].span)

    def none_pattern(self, c: list[Any]) -> Pattern:
        value = self.none(c)
        return syntax.ValuePattern(value, span=value.span)

    def true_pattern(self, c: list[Any]) -> Pattern:
        value = self.true(c)
        return syntax.ValuePattern(value, span=value.span)

    def false_pattern(self, c: list[Any]) -> Pattern:
        value = self.false(c)
        return syntax.ValuePattern(value, span=value.span)

    def name_pattern(self, c: list[Any]) -> Pattern:
        names = c[0]
        if len(names) > 1:
            value = self.dotted_name(names)
            return syntax.ValuePattern(value, span=value.span)
        word = names[0].value
        return syntax.CapturePattern(None if word == "_" else word, span=self.span(names[0], names[0]))

    def dotted_name(self, names: list[Token]) -> Expr:
        value: Expr = self.name(names[:1])
        for name in names[1:]:
            value = syntax.Attribute(value, name.value, span=self.span(value, name))
        return value

    def class_pattern(self, c: list[Any]) -> Pattern:
        arguments = c[2] if len(c) > 3 else []
        args: list[Pattern] = []
        named: dict[str, Pattern] = {}
        for name, pattern in arguments:
            if name is None:
                if named:
                    self.report(
                        "syntax-argument",
                        pattern.span,
                        "a positional pattern stands after a named one",
                        help="move it before the first `name=`",
                    )
                args.append(pattern)
            else:
                if name.value in named:
                    self.report(
                        "syntax-argument",
                        self.span(name, name),
                        f"`{name.value}` is given twice",
                        help="remove one of them",
                    )
                named[name.value] = pattern
        cls = self.dotted_name(c[0])
        return syntax.ClassPattern(cls, tuple(args), tuple(named), tuple(named.values()), span=self.span(cls, c[-1]))

    def positional_pattern(self, c: list[Any]) -> tuple[None, Pattern]:
        return None, c[0]

    def keyword_pattern(self, c: list[Any]) -> tuple[Token, Pattern]:
        return c[0], c[2]

    def sequence_pattern(self, c: list[Any]) -> Pattern:
        return syntax.SequencePattern(tuple(c[1]) if len(c) > 2 else (), span=self.span(c[0], c[-1]))

    def tuple_pattern(self, c: list[Any]) -> Pattern:
        rest = c[3] if len(c) > 4 else ()
        return syntax.SequencePattern((c[1], *rest), span=self.span(c[0], c[-1]))

    def mapping_pattern(self, c: list[Any]) -> Pattern:
        keys: list[Expr] = []
        values: list[Pattern] = []
        rest = None
        for key, value in c[1] if len(c) > 2 else ():
            if key is None:
                rest = value.value
            elif isinstance(key, syntax.ValuePattern):
                keys.append(key.value)
                values.append(value)
            else:
                self.report(
                    "syntax-pattern",
                    key.span,
                    "a key of a mapping pattern is a literal or a dotted name",
                    help='write the key as a literal: `{"kind": kind}`',
                )
        return syntax.MappingPattern(tuple(keys), tuple(values), rest, span=self.span(c[0], c[-1]))

    def entry(self, c: list[Any]) -> tuple[Pattern, Pattern]:
        return c[0], c[2]

    def rest_entry(self, c: list[Any]) -> tuple[None, Token]:
        return None, c[1]
