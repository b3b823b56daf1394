"""The tree builder: the patterns of ``match``."""

from __future__ import annotations

from typing import Any

from .. import syntax
from ..syntax import Expr, Pattern
from .expressions import Expressions
from .tokens import Token


class Patterns(Expressions):
    """Builds patterns."""

    def check_captures(self, pattern: Pattern) -> None:
        """Reports each name that a pattern captures twice; alternatives may capture the same."""
        roots = [pattern]
        while roots:
            seen: set[str] = set()
            pending = [roots.pop()]
            while pending:
                one = pending.pop()
                name: str | None = None
                match one:
                    case syntax.CapturePattern() | syntax.StarPattern():
                        name = one.name
                    case syntax.AsPattern():
                        name = one.name
                        pending.append(one.pattern)
                    case syntax.MappingPattern():
                        name = one.rest
                        pending.extend(reversed(one.values))
                    case syntax.SequencePattern():
                        pending.extend(reversed(one.items))
                    case syntax.ClassPattern():
                        pending.extend(reversed((*one.args, *one.values)))
                    case syntax.OrPattern():
                        pending.append(one.options[0])
                        roots.extend(one.options[1:])
                if name is not None and name in seen:
                    self.report(
                        "syntax-pattern",
                        one.span,
                        f"`{name}` is captured twice in one pattern",
                        help="give each part its own name, and compare them in the guard: `case [a, b] if a == b:`",
                    )
                if name is not None:
                    seen.add(name)

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
                if rest == "_":
                    self.report(
                        "syntax-pattern",
                        self.span(value, value),
                        "`**_` captures nothing: a mapping pattern leaves the other keys out anyway",
                        help="remove it, or give the rest a name",
                    )
            elif isinstance(key, syntax.ValuePattern):
                if isinstance(key.value, syntax.Constant) and any(_same(key.value, k) for k in keys):
                    self.report(
                        "syntax-pattern",
                        key.span,
                        "this key stands twice in one mapping pattern",
                        help="keep one of them",
                    )
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


def _same(key: syntax.Constant, other: Expr) -> bool:
    return isinstance(other, syntax.Constant) and key.value == other.value
