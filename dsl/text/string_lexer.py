"""Lexing, second part: strings and f-strings."""

from __future__ import annotations

import re

from .lines import Lines, StopLexing
from .tokens import OPERAND_END, Token

_TRIPLE_END = {
    quote: re.compile(rf"(?:[^\\{quote[0]}]+|\\[\s\S]|{quote[0]}(?!{quote[1:]}))*") for quote in ('"""', "'''")
}
_HOLES = r"\\N\{[^}\n]*\}|\\(?![{}])[\s\S]|\\(?=[{}])|\{\{|\}\}"
_FSTRING_TEXT = {
    quote: re.compile(
        rf"(?:[^\\{{}}{quote[0]}]+|{quote[0]}(?!{quote[1:]})|{_HOLES})*"
        if len(quote) == 3
        else rf"(?:[^\\{{}}\n{quote}]+|{_HOLES})*"
    )
    for quote in ('"', "'", '"""', "'''")
}
_SPEC_TEXT = {
    quote: re.compile(rf"[^{{}}{quote[0]}]*" if len(quote) == 3 else rf"[^{{}}\n{quote}]*") for quote in _FSTRING_TEXT
}


class StringLexer(Lines):
    """Reads strings. The text of an f-string, and of a format spec, is read up to the next hole; a hole as code."""

    def _string(self, value: str, pos: int) -> int:
        start = pos - len(value)
        column = start - self.line_start + 1
        line = self.line
        if "\n" in value:  # a backslash at the end of the line
            self.line += value.count("\n")
            self.line_start = start + value.rindex("\n") + 1
        end_column = pos - self.line_start + 1
        self.tokens.append(Token("STRING", value, start, line, column, self.line, end_column))
        return pos

    def _triple(self, opening: str, start: int, pos: int) -> int:
        quote = opening[-3:]
        found = _TRIPLE_END[quote].match(self.text, pos)
        assert found is not None
        end = found.end()
        if not self.text.startswith(quote, end):
            self.report(
                "syntax-string", self._span(start, pos), "this string is never closed", help=f"end it with {quote}"
            )
            raise StopLexing
        return self._string(self.text[start : end + 3], end + 3)

    def _unclosed_string(self, start: int) -> int:
        """Reports it, drops the rest of the line, and with it the brackets that the line opened."""
        end = self.text.index("\n", start)
        hole = next((b for b in reversed(self.brackets) if b.kind == "hole"), None)
        if hole is not None and self.text.startswith(hole.quote, start):
            span = self.report.span(hole.token, hole.token)
            self.report(
                "syntax-fstring", span, "this `{` of an f-string is never closed", help="add the `}` that belongs to it"
            )
            return self._drop_line(start, end)
        quote = '"' if '"' in self.text[start : start + 3] else "'"
        self.report(
            "syntax-string",
            self._span(start, end),
            "this string is not closed on its line",
            help=f"end it with {quote}, or use {quote * 3} for a string of several lines",
        )
        return self._drop_line(start, end)

    def _drop_line(self, start: int, end: int) -> int:
        while self.brackets and self.brackets[-1].token.line == self.line:
            self.brackets.pop()
        self._add("BAD", "", start)
        return end

    def _fstring(self, opening: str, start: int, pos: int) -> int:
        quote = opening.lstrip("fFrR")
        if (
            self.brackets
            and self.brackets[-1].kind == "hole"
            and self.brackets[-1].quote == quote
            and (self.tokens[-1].type in OPERAND_END)
        ):
            return self._unclosed_string(start)
        token = self._add("FSTART", opening, start)
        self._open("fstring", token, quote, "r" in opening.lower())
        return self._fstring_text(pos)

    def _fstring_text(self, pos: int) -> int:
        """Reads the text of an f-string, or of a format spec, up to the next hole or its end."""
        text = self.text
        while True:
            top = self.brackets[-1]
            quote = top.quote
            pattern = _FSTRING_TEXT if top.kind == "fstring" else _SPEC_TEXT
            found = pattern[quote].match(text, pos)
            assert found is not None
            if found[0]:
                self._multiline("FTEXT", found[0], pos)
            pos = found.end()
            if pos >= len(text) or (text[pos] == "\n" and len(quote) == 1):
                return self._unclosed_fstring(pos)
            if text[pos] == "{":
                token = self._add("FOPEN", "{", pos)
                self._open("hole", token, quote, top.raw)
                return pos + 1
            if text[pos] == "}" and top.kind == "spec":
                self.brackets.pop()  # the spec, and with it its hole
                self.brackets.pop()
                self._add("FCLOSE", "}", pos)
                pos += 1
                continue
            if text[pos] == "}":
                self.report(
                    "syntax-fstring", self._span(pos, pos + 1), "a single `}` in an f-string", help="write `}}`"
                )
                pos += 1
                continue
            if top.kind == "spec" and not text.startswith(quote, pos):
                self._add("FTEXT", text[pos], pos)  # a lone quote in the spec of a triple-quoted f-string
                pos += 1
                continue
            if top.kind == "spec":
                return self._unclosed_fstring(pos)
            self._add("FEND", quote, pos)
            self.brackets.pop()
            return pos + len(quote)

    def _multiline(self, terminal: str, value: str, start: int) -> None:
        column = start - self.line_start + 1
        line = self.line
        if "\n" in value:
            self.line += value.count("\n")
            self.line_start = start + value.rindex("\n") + 1
        self.tokens.append(
            Token(terminal, value, start, line, column, self.line, start + len(value) - self.line_start + 1)
        )

    def _unclosed_fstring(self, pos: int) -> int:
        if pos >= len(self.text):
            self._report_unclosed()
            raise StopLexing
        frame = self.brackets[-1]
        if frame.kind == "spec":
            hole = self.brackets[-2].token
            self.report(
                "syntax-fstring",
                self.report.span(hole, hole),
                "this `{` of an f-string is never closed",
                help="add the `}` that belongs to it",
            )
        else:
            token = frame.token
            self.report(
                "syntax-string",
                self.report.span(token, token),
                "this f-string is not closed on its line",
                help=f"end it with {frame.quote}, or use {frame.quote * 3} for several lines",
            )
        end = self.text.index("\n", pos)
        while self.brackets and self.brackets[-1].kind in ("spec", "hole", "fstring"):
            self.brackets.pop()
        return self._drop_line(pos, end)
