"""Lexing, first part: lines, indentation and brackets; the state of the lexer."""

from __future__ import annotations

import re

from attrs import define, frozen

from ...compiler.diagnostics import Span
from .limits import MAX_BLOCKS, MAX_BRACKETS, MAX_STATEMENTS
from .report import Reporter
from .tokens import DECLARING, OPENING, OPERAND_END, Bracket, Token

_INDENTATION = re.compile(r"[ \t\f]*")
_NEXT_WORD = re.compile(r"([ \t]*)((?>[^\W\d]\w*)?)(?![\"'])")
THEN_NAME = re.compile(r"[ \t]+(?!(?:in|is|if|and|or|not|else|for|with|as|from|import)\b)(?>[^\W\d]\w*)(?![\"'])")
THEN_STRING = re.compile(r"[ \t]*(?:[rRuU]|[bB][rR]?|[rR][bB]|[fF][rR]?|[rR][fF])?[\"'“]")

_STARTS_STATEMENT = frozenset(
    (
        "return while try except finally raise assert break continue pass import def class del global nonlocal elif "
        "yield"
    ).split()
)
_CONTINUES = frozenset("if else for in is and or not with undo as lambda await async from".split())


@frozen
class Lexed:
    """The tokens of a file (with ``NEWLINE``, ``INDENT`` and ``DEDENT``) and, apart, its comments."""

    tokens: list[Token]
    comments: list[Token]


@define
class _Open:
    """A bracket that waits for its end; ``quote`` and ``raw`` belong to the f-string around a hole or spec."""

    kind: Bracket
    token: Token
    indent: int
    quote: str = ""
    raw: bool = False


class StopLexing(Exception):
    """A limit was passed: the rest of the text is not read."""


class Lines:
    """The state of the lexer, and what ends and begins with a line."""

    def __init__(self, text: str, report: Reporter) -> None:
        self.text = text if text.endswith("\n") else text + "\n"
        self.report = report
        self.tokens: list[Token] = []
        self.comments: list[Token] = []
        self.brackets: list[_Open] = []
        self.indents = [0]
        self.line = 1
        self.line_start = 0
        self.indent = 0
        self.statements = 0
        self.tabs_reported = False

    def _add(self, terminal: str, value: str, start: int) -> Token:
        """Adds a token that lies on the current line."""
        column = start - self.line_start + 1
        token = Token(terminal, value, start, self.line, column, self.line, column + len(value))
        self.tokens.append(token)
        return token

    def _span(self, start: int, end: int) -> Span:
        column = start - self.line_start + 1
        return Span(self.report.file, self.line, column, self.line, column + end - start)

    def _next_line(self, pos: int) -> None:
        self.line += 1
        self.line_start = pos

    # ---- lines and indentation -----------------------------------------------------------------

    def _newline(self, pos: int) -> int:
        """Ends a logical line at the newline before ``pos`` and begins the next one."""
        if self.line_start != pos:  # not when an unclosed bracket was just cut off
            self._end_statement(pos - 1)
            self._next_line(pos)
        else:
            self._end_statement(pos)
        return self._begin_line(pos)

    def _end_statement(self, pos: int) -> None:
        if self.tokens and self.tokens[-1].type not in ("NEWLINE", "INDENT", "DEDENT"):
            self._add("NEWLINE", "", pos)
            self.statements += 1
            if self.statements > MAX_STATEMENTS:
                self.report.limit(
                    self._span(pos, pos),
                    f"the file has more than {MAX_STATEMENTS:,} statements",
                    "split it into several files",
                )
                raise StopLexing

    def _begin_line(self, pos: int) -> int:
        """Passes over blank lines and comments, then turns the indentation into tokens."""
        text = self.text
        while True:
            found = _INDENTATION.match(text, pos)
            assert found is not None
            start = found.end()
            if start >= len(text):
                return start
            if text[start] == "\n":
                self._next_line(start + 1)
                pos = start + 1
                continue
            if text[start] == "#":
                end = text.index("\n", start)
                column = start - self.line_start + 1
                self.comments.append(
                    Token("COMMENT", text[start:end], start, self.line, column, self.line, column + end - start)
                )
                self._next_line(end + 1)
                pos = end + 1
                continue
            break
        if text.startswith("|>", start) and self.tokens and self.tokens[-1].type == "NEWLINE":
            self.tokens.pop()  # a line that begins with a pipe continues the one before
            return start
        space = found[0]
        if "\t" in space:
            if not self.tabs_reported:
                self.tabs_reported = True
                self.report(
                    "syntax-tab",
                    self._span(pos, start),
                    "indentation is made of spaces, here is a tab",
                    help="replace each tab by four spaces (`cflow fmt` cannot: it does not know your tab width)",
                )
            space = space.expandtabs(4)
        self._indentation(len(space), start)
        return start

    def _indentation(self, width: int, start: int) -> None:
        indents = self.indents
        if width > indents[-1]:
            indents.append(width)
            if len(indents) > MAX_BLOCKS + 1:
                self.report.limit(
                    self._span(start, start + 1),
                    f"suites are nested more than {MAX_BLOCKS} deep",
                    "move the inner part into a flow of its own",
                )
                raise StopLexing
            self._add("INDENT", "", start)
        else:
            while width < indents[-1] and width <= indents[-2]:
                indents.pop()
                self._add("DEDENT", "", start)
            if width != indents[-1]:
                self.report(
                    "syntax-indentation",
                    self._span(start - width if width <= start else start, start),
                    "this line's indentation matches no line above it",
                    expected=f"{indents[-2]} or {indents[-1]} spaces",
                    found=f"{width} spaces",
                    help=f"indent it by {indents[-1]} spaces to stay in the block",
                )
        self.indent = width

    def _finish(self) -> None:
        """Closes what is open at the end of the text."""
        if self.brackets:
            self._report_unclosed()
        end = len(self.text)
        if self.tokens and self.tokens[-1].type not in ("NEWLINE", "DEDENT", "INDENT"):
            self._add("NEWLINE", "", end)
        for _ in self.indents[1:]:
            self._add("DEDENT", "", end)

    # ---- brackets ------------------------------------------------------------------------------

    def _open(self, kind: Bracket, token: Token, quote: str = "", raw: bool = False) -> None:
        self.brackets.append(_Open(kind, token, self.indent, quote, raw))
        if len(self.brackets) > MAX_BRACKETS:
            self.report.limit(
                self.report.span(token, token),
                f"brackets are nested more than {MAX_BRACKETS} deep",
                "give the inner part a name on a line of its own",
            )
            raise StopLexing

    def _check_unclosed(self, pos: int) -> None:
        """At a new line inside brackets: does a statement begin here? Then a bracket above was never closed."""
        found = _NEXT_WORD.match(self.text, pos)
        if found is None or not found[2]:
            return
        word, end = found[2], found.end()
        indent = len(found[1].expandtabs(4))
        statement = word in _STARTS_STATEMENT
        if not indent and not statement:
            statement = (word in DECLARING and THEN_NAME.match(self.text, end) is not None) or (
                word == "test" and THEN_STRING.match(self.text, end) is not None
            )
        if not statement and indent <= self.brackets[0].indent and self.tokens[-1].type in OPERAND_END:
            statement = word not in _CONTINUES
        if statement:
            self._report_unclosed()
            self.brackets.clear()
            self._add("BAD", "", pos)

    def _report_unclosed(self) -> None:
        opened = self.brackets[-1]
        if opened.kind in ("fstring", "spec"):
            opened = next(b for b in reversed(self.brackets) if b.kind != "spec")
        token = opened.token
        if opened.kind == "fstring":
            self.report(
                "syntax-string",
                self.report.span(token, token),
                "this f-string is never closed",
                help=f"end it with {opened.quote}",
            )
        else:
            closer = OPENING.get(token.value, "}")
            self.report(
                "syntax-bracket",
                self.report.span(token, token),
                f"this `{token.value}` is never closed",
                help=f"add the `{closer}` that belongs to it",
            )
        self._add("BAD", "", len(self.text) if self.line_start > len(self.text) else max(self.line_start, token.pos))
