"""The tree builder: strings and f-strings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Any, cast

from .. import syntax
from ..syntax import Expr
from . import literals
from .actions import Actions
from .tokens import Token


class Strings(Actions):
    """Builds constants and f-strings from the pieces that the lexer cut."""

    def one_string(self, c: list[Any]) -> Expr:
        part = c[0]
        if type(part) is syntax.FString:
            return part
        return syntax.Constant(self._string(part), span=self.span(part, part))

    def append_two(self, c: list[Any]) -> list[Any]:
        return c

    def joined_strings(self, c: list[Any]) -> Expr:
        parts = c[0]
        span = self.span(parts[0], parts[-1])
        values = [part if isinstance(part, syntax.FString) else self._string(part) for part in parts]
        if any(isinstance(value, bytes) for value in values):
            if not all(isinstance(value, bytes) for value in values):
                self.report(
                    "syntax-string",
                    span,
                    "bytes and text stand side by side",
                    help="give both the prefix `b`, or neither",
                )
                return syntax.Constant("", span=span)
            return syntax.Constant(b"".join(values), span=span)  # type: ignore[arg-type]
        if any(isinstance(value, syntax.FString) for value in values):
            flat: list[str | syntax.FormattedValue] = []
            for value in values:
                flat.extend(value.parts if isinstance(value, syntax.FString) else [value])  # type: ignore[list-item]
            return syntax.FString(_merged(flat), span=span)
        return syntax.Constant("".join(values), span=span)  # type: ignore[arg-type]

    def _string(self, token: Token) -> str | bytes:
        try:
            return literals.string(token.value)
        except literals.LiteralError as error:
            self.report("syntax-escape", self.span(token, token), str(error), help=error.help)
            return ""

    def fstring(self, c: list[Any]) -> Expr:
        start, end = c[0], c[-1]
        parts = self._parts(c[1], "r" in start.value.lower()) if len(c) == 3 else ()
        return syntax.FString(parts, span=self.span(start, end))

    def _parts(self, parts: list[Any], raw: bool) -> tuple[str | syntax.FormattedValue, ...]:
        flat: list[str | syntax.FormattedValue] = []
        for part in parts:
            if isinstance(part, Token):
                flat.append(self._ftext(part, raw))
            else:
                flat.extend(part)
        return _merged(flat)

    def _ftext(self, token: Token, raw: bool) -> str:
        try:
            return literals.text(token.value.replace("{{", "{").replace("}}", "}"), raw)
        except literals.LiteralError as error:
            self.report("syntax-escape", self.span(token, token), str(error), help=error.help)
            return ""

    def hole(self, c: list[Any]) -> list[str | syntax.FormattedValue]:
        opening, value, equals, mark, spec, closing = c
        conversion = ""
        if mark is not None:
            conversion = mark.value[1:]
            if conversion not in ("r", "s", "a"):
                self.report(
                    "syntax-fstring",
                    self.span(mark, mark),
                    f"`{mark.value}` is not a conversion",
                    expected="!r, !s or !a",
                    found=mark.value,
                    help="write `!r` for the repr",
                )
        if equals is not None:
            if not conversion and spec is None:
                conversion = "r"
            end = equals.end
            while self.text[end] in " \t":
                end += 1
            shown = self.text[opening.end : end]
            return [shown, syntax.FormattedValue(value, conversion, spec, span=self.span(opening, closing))]
        return [syntax.FormattedValue(value, conversion, spec, span=self.span(opening, closing))]

    def spec(self, c: list[Any]) -> syntax.FString:
        colon = c[0]
        parts = self._parts(c[1], raw=False) if len(c) == 2 else ()
        return syntax.FString(parts, span=self.span(colon, colon))


def _merged(parts: list[str | syntax.FormattedValue]) -> tuple[str | syntax.FormattedValue, ...]:
    """Neighbouring texts joined, empty ones left out."""
    merged: list[str | syntax.FormattedValue] = []
    for is_text, run in groupby(parts, lambda part: isinstance(part, str)):
        if not is_text:
            merged.extend(run)
        elif text := "".join(cast("Iterator[str]", run)):
            merged.append(text)
    return tuple(merged)
